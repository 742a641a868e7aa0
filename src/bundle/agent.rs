//! A client of ssh-agent: which keys it holds, and signatures by them (the agent protocol of the
//! IETF's draft-ietf-sshm-ssh-agent, as OpenSSH, gpg-agent and others speak it).

use super::keys::PublicKey;
use super::wire::{NotThere, Wire, put};
use anyhow::{Context as _, anyhow, bail};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
/// RSA keys are to sign by SHA-512: the flag `SSH_AGENT_RSA_SHA2_512`.
const RSA_SHA2_512: u32 = 4;

/// OpenSSH's own limit of a message.
const MOST_BYTES: usize = 256 * 1024;

/// Somebody may have to touch a token or answer a question.
const PATIENCE: Duration = Duration::from_secs(60);

/// A key that the agent holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) key: PublicKey,
    pub(super) comment: String,
}

/// An agent that listens.
#[derive(Debug)]
pub(super) struct SshAgent<S = UnixStream>(S);

impl SshAgent {
    /// The one that the environment names.
    pub(super) fn of_the_environment() -> anyhow::Result<Self> {
        let path = std::env::var_os("SSH_AUTH_SOCK").filter(|path| !path.is_empty()).context(
            "no ssh-agent is known: SSH_AUTH_SOCK is not set; start one, add the key with ssh-add, \
             or name a file with a private key that has no passphrase",
        )?;
        let reach = || {
            let stream = UnixStream::connect(&path)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok::<_, std::io::Error>(stream)
        };
        let stream = reach().with_context(|| {
            format!("cannot reach ssh-agent at {} (SSH_AUTH_SOCK)", path.display())
        })?;
        Ok(Self(stream))
    }
}

impl<S: Read + Write> SshAgent<S> {
    pub(super) fn keys(&mut self) -> anyhow::Result<Vec<Held>> {
        let answer = self.ask(&[REQUEST_IDENTITIES], IDENTITIES_ANSWER)?;
        let read = || -> Result<_, NotThere> {
            let mut wire = Wire::new(&answer);
            let count = wire.number("a count of keys")?;
            let mut held = Vec::new();
            for _ in 0..count {
                let blob = wire.string("a key")?;
                let comment = String::from_utf8_lossy(wire.string("a comment")?).into_owned();
                // A kind of key that cannot be read here cannot be asked for either.
                if let Ok(key) = PublicKey::from_blob(blob) {
                    held.push(Held { key, comment });
                }
            }
            Ok(held)
        };
        read().map_err(|NotThere(what)| anyhow!("ssh-agent's answer lacks {what}"))
    }

    /// A signature as SSH sends it.
    pub(super) fn sign(&mut self, key: &PublicKey, data: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut request = vec![SIGN_REQUEST];
        put(&mut request, key.blob());
        put(&mut request, data);
        let flags = if key.name().starts_with("ssh-rsa") { RSA_SHA2_512 } else { 0 };
        request.extend_from_slice(&flags.to_be_bytes());
        let answer = self
            .ask(&request, SIGN_RESPONSE)
            .with_context(|| format!("ssh-agent does not sign with {key}"))?;
        let signature = Wire::new(&answer).string("a signature");
        let signature =
            signature.map_err(|NotThere(what)| anyhow!("ssh-agent's answer lacks {what}"))?;
        Ok(signature.to_vec())
    }

    fn ask(&mut self, request: &[u8], wanted: u8) -> anyhow::Result<Vec<u8>> {
        let mut message = Vec::new();
        put(&mut message, request);
        self.0.write_all(&message).context("cannot write to ssh-agent")?;
        let mut length = [0; 4];
        self.0.read_exact(&mut length).context("ssh-agent does not answer")?;
        let length = usize::try_from(u32::from_be_bytes(length))?;
        if !(1..=MOST_BYTES).contains(&length) {
            bail!("ssh-agent's answer claims to have {length} bytes");
        }
        let mut answer = vec![0; length];
        self.0.read_exact(&mut answer).context("ssh-agent's answer ends early")?;
        match answer.split_first() {
            Some((kind, rest)) if *kind == wanted => Ok(rest.to_vec()),
            _ => bail!("it refuses: it may be locked, or somebody has said no"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    /// An agent that has one answer, and keeps what it is asked.
    struct Script {
        asked: Vec<u8>,
        answer: io::Cursor<Vec<u8>>,
    }

    impl Read for Script {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.answer.read(into)
        }
    }

    impl Write for Script {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.asked.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn agent(answer: &[u8]) -> SshAgent<Script> {
        let mut message = Vec::new();
        put(&mut message, answer);
        SshAgent(Script { asked: Vec::new(), answer: io::Cursor::new(message) })
    }

    fn key() -> PublicKey {
        let mut blob = Vec::new();
        put(&mut blob, b"ssh-rsa");
        put(&mut blob, &[1, 0, 1]);
        put(&mut blob, &[0x77; 256]);
        PublicKey::from_blob(&blob).unwrap()
    }

    #[test]
    fn its_keys_are_listed_and_rsa_keys_are_asked_for_sha_512() {
        let mut answer = vec![IDENTITIES_ANSWER, 0, 0, 0, 1];
        put(&mut answer, key().blob());
        put(&mut answer, b"ops@example");
        let mut listing = agent(&answer);
        let held = listing.keys().unwrap();
        assert_eq!(held, [Held { key: key(), comment: "ops@example".to_owned() }]);
        assert_eq!(listing.0.asked, [0, 0, 0, 1, REQUEST_IDENTITIES]);
        let mut answer = vec![SIGN_RESPONSE];
        put(&mut answer, b"signed");
        let mut signing = agent(&answer);
        assert_eq!(signing.sign(&key(), b"data").unwrap(), b"signed");
        assert!(signing.0.asked.ends_with(&[0, 0, 0, 4]));
    }

    #[test]
    fn an_agent_that_refuses_or_raves_is_an_error() {
        for answer in [&[5_u8][..], &[], &[IDENTITIES_ANSWER, 0, 0, 0, 9]] {
            assert!(agent(answer).keys().is_err(), "{answer:?}");
        }
        let refused = agent(&[5]).sign(&key(), b"data").unwrap_err();
        assert!(format!("{refused:#}").contains("does not sign with ssh-rsa SHA256:"), "{refused}");
        let mut huge = SshAgent(Script {
            asked: Vec::new(),
            answer: io::Cursor::new(vec![0xff, 0xff, 0xff, 0xff, 12]),
        });
        assert!(huge.keys().unwrap_err().to_string().contains("claims to have"));
        let mut silent =
            SshAgent(Script { asked: Vec::new(), answer: io::Cursor::new(Vec::new()) });
        assert!(silent.keys().is_err());
    }
}
