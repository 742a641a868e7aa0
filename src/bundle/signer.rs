//! Who signs a bundle: a file with a private key, or ssh-agent.

use super::agent::{Held, SshAgent};
use super::files::small;
use super::keys::{PublicKey, Refused};
use super::private::{PrivateKey, is_private};
use super::sshsig::{self, SshSignature};
use super::{NAMESPACE, SHOWN};
use anyhow::{Context as _, bail};
use std::path::Path;

/// Whoever signs.
pub(crate) struct Signer(By);

enum By {
    File(Box<PrivateKey>),
    Agent { agent: SshAgent, key: PublicKey },
}

impl Signer {
    /// By the word after `--sign`: `agent:` with a fingerprint, a comment or nothing, or a file.
    pub(crate) fn named(word: &str) -> anyhow::Result<Self> {
        if let Some(which) = word.strip_prefix("agent:") {
            let mut agent = SshAgent::of_the_environment()?;
            let key = chosen(&agent.keys()?, which)?;
            return Ok(Self(By::Agent { agent, key }));
        }
        let text = small(Path::new(word)).with_context(|| format!("--sign {word}"))?;
        if is_private(&text) {
            let key = PrivateKey::parse(&text);
            let key = key.with_context(|| format!("cannot sign with {word}"))?;
            return Ok(Self(By::File(Box::new(key))));
        }
        let key = PublicKey::parse(&text).with_context(|| {
            format!(
                "--sign {word}: it is neither a private key of OpenSSH nor a public one whose \
                 private half ssh-agent holds"
            )
        })?;
        let mut agent = SshAgent::of_the_environment()?;
        let held = agent.keys()?;
        if !held.iter().any(|held| held.key == key) {
            bail!(
                "ssh-agent does not hold the private half of {word} ({key}); it has {}: add it with \
                 ssh-add",
                listed(&held)
            );
        }
        Ok(Self(By::Agent { agent, key }))
    }

    pub(crate) fn key(&self) -> &PublicKey {
        match &self.0 {
            By::File(key) => key.public(),
            By::Agent { agent: _, key } => key,
        }
    }

    /// The text of a signature of a list of checksums, which was looked at again.
    pub(crate) fn sign(&mut self, manifest: &[u8]) -> anyhow::Result<String> {
        let key = self.key().clone();
        let text = match &mut self.0 {
            By::File(private) => {
                sshsig::sign(&key, NAMESPACE, manifest, |data| private.sign(data))?
            }
            By::Agent { agent, key } => {
                let signing = key.clone();
                sshsig::sign(&signing, NAMESPACE, manifest, |data| agent.sign(&signing, data))?
            }
        };
        // An agent may have signed by an algorithm that is worth nothing.
        let made = SshSignature::parse(&text);
        let made = made.map_err(|what| anyhow::anyhow!("the signature made lacks {what}"))?;
        match made.verify(manifest) {
            Ok(()) => Ok(text),
            // It is for whoever can check it: OpenSSH knows more kinds of keys.
            Err(Refused::NotKnown(_)) => Ok(text),
            Err(refused) => bail!("the signature by {key} does not hold: {refused:?}"),
        }
    }
}

fn chosen(held: &[Held], which: &str) -> anyhow::Result<PublicKey> {
    let fits =
        |held: &&Held| which.is_empty() || held.comment == which || held.key.fingerprint() == which;
    let mut fitting = held.iter().filter(fits);
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Ok(one.key.clone()),
        (None, _) => {
            bail!("ssh-agent holds no key \"{which}\"; it has {}", listed(held))
        }
        (Some(_), Some(_)) => bail!(
            "ssh-agent holds more than one such key; name one as agent:SHA256:…: it has {}",
            listed(held)
        ),
    }
}

fn listed(held: &[Held]) -> String {
    let named = |held: &Held| format!("{} ({})", held.key.fingerprint(), held.comment);
    let more = held.len().saturating_sub(SHOWN);
    let mut names: Vec<String> = held.iter().take(SHOWN).map(named).collect();
    match (names.is_empty(), more) {
        (true, _) => return "none".to_owned(),
        (false, 0) => {}
        (false, more) => names.push(format!("{more} more")),
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::wire::put;
    use super::*;

    fn held(byte: u8, comment: &str) -> Held {
        let mut blob = Vec::new();
        put(&mut blob, b"ssh-ed25519");
        put(&mut blob, &[byte; 32]);
        Held { key: PublicKey::from_blob(&blob).unwrap(), comment: comment.to_owned() }
    }

    #[test]
    fn a_key_of_the_agent_is_chosen_by_its_fingerprint_or_comment_and_never_by_chance() {
        let both = [held(1, "ann"), held(2, "bob")];
        assert_eq!(chosen(&both, "bob").unwrap(), both[1].key);
        assert_eq!(chosen(&both, &both[0].key.fingerprint()).unwrap(), both[0].key);
        assert!(chosen(&both, "").unwrap_err().to_string().contains("more than one"));
        assert_eq!(chosen(&both[..1], "").unwrap(), both[0].key);
        let error = chosen(&both, "eve").unwrap_err().to_string();
        assert!(error.contains("(ann), SHA256:"), "{error}");
        assert!(chosen(&[], "").unwrap_err().to_string().ends_with("it has none"));
    }
}
