//! Signatures over files as `ssh-keygen -Y sign` makes them (OpenSSH's `PROTOCOL.sshsig`).

use super::keys::{PublicKey, Refused};
use super::wire::{NotThere, Wire, put};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, SHA512, digest};

const MAGIC: &[u8] = b"SSHSIG";
const VERSION: u32 = 1;
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";
/// Characters of a line, as ssh-keygen breaks them.
const LINE: usize = 70;

/// A signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SshSignature {
    /// By whom.
    pub(crate) key: PublicKey,
    /// For what: a signature for one purpose is none for another.
    pub(crate) namespace: String,
    hash: String,
    signature: Vec<u8>,
}

/// What is signed of a message: not the message, so that no other protocol takes it for its own.
pub(super) fn signed_data(namespace: &str, hash: &str, message: &[u8]) -> Option<Vec<u8>> {
    let hashed = match hash {
        "sha512" => digest(&SHA512, message),
        "sha256" => digest(&SHA256, message),
        _ => return None,
    };
    let mut data = MAGIC.to_vec();
    for part in [namespace.as_bytes(), b"", hash.as_bytes(), hashed.as_ref()] {
        put(&mut data, part);
    }
    Some(data)
}

/// Signs a message with whatever signs; as text.
pub(super) fn sign(
    key: &PublicKey,
    namespace: &str,
    message: &[u8],
    sign: impl FnOnce(&[u8]) -> anyhow::Result<Vec<u8>>,
) -> anyhow::Result<String> {
    const HASH: &str = "sha512";
    let data = signed_data(namespace, HASH, message).unwrap_or_default();
    let signature = sign(&data)?;
    let mut blob = MAGIC.to_vec();
    blob.extend_from_slice(&VERSION.to_be_bytes());
    for part in [key.blob(), namespace.as_bytes(), b"", HASH.as_bytes(), &signature] {
        put(&mut blob, part);
    }
    let text = STANDARD.encode(blob);
    let mut armoured = format!("{BEGIN}\n");
    for (at, c) in text.chars().enumerate() {
        if at > 0 && at % LINE == 0 {
            armoured.push('\n');
        }
        armoured.push(c);
    }
    armoured.push_str(&format!("\n{END}\n"));
    Ok(armoured)
}

impl SshSignature {
    /// Reads the text of a file.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let body = text.trim().strip_prefix(BEGIN).ok_or("the line \"BEGIN SSH SIGNATURE\"")?;
        let body = body.strip_suffix(END).ok_or("the line \"END SSH SIGNATURE\"")?;
        let body: String = body.split_ascii_whitespace().collect();
        let bytes = STANDARD.decode(body).map_err(|_| "base64")?;
        Self::from_bytes(&bytes).map_err(|NotThere(what)| what)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, NotThere> {
        let bytes = bytes.strip_prefix(MAGIC).ok_or(NotThere("SSHSIG"))?;
        let mut wire = Wire::new(bytes);
        if wire.number("a version")? != VERSION {
            return Err(NotThere("version 1"));
        }
        let key = PublicKey::from_blob(wire.string("a public key")?)?;
        let namespace = wire.text("a namespace")?.to_owned();
        let _reserved = wire.string("an empty field")?;
        let hash = wire.text("the name of a hash")?.to_owned();
        let signature = wire.string("a signature")?.to_vec();
        wire.end("nothing more")?;
        Ok(Self { key, namespace, hash, signature })
    }

    /// Whether it is of this message; for which purpose is for the caller to look at.
    pub(super) fn verify(&self, message: &[u8]) -> Result<(), Refused> {
        let data = signed_data(&self.namespace, &self.hash, message)
            .ok_or_else(|| Refused::NotKnown(format!("the hash {}", self.hash)))?;
        self.key.verify(&data, &self.signature)
    }
}
