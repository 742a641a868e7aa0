//! Private keys in files as `ssh-keygen` writes them (OpenSSH's `PROTOCOL.key`), without a
//! passphrase, and signing with them.

use super::keys::{Curve, PublicKey};
use super::wire::{NotThere, Wire, put, put_number};
use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
};

const MAGIC: &[u8] = b"openssh-key-v1\0";
const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &str = "-----END OPENSSH PRIVATE KEY-----";

/// What to do about a key that cannot be used from its file.
const BY_AGENT: &str = "let ssh-agent sign with it: ssh-add KEY, then --sign KEY.pub";

/// A key that signs.
pub(super) struct PrivateKey {
    public: PublicKey,
    pair: Pair,
}

enum Pair {
    Ed25519(Box<Ed25519KeyPair>),
    Ecdsa { pair: Box<EcdsaKeyPair>, curve: Curve },
}

/// Whether a file looks like a private key, of this form or another.
pub(super) fn is_private(text: &str) -> bool {
    text.trim_start().starts_with("-----BEGIN ")
}

impl PrivateKey {
    /// Reads the text of a file.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let body = text.trim().strip_prefix(BEGIN).and_then(|text| text.strip_suffix(END));
        let body = body.with_context(|| {
            format!(
                "it is a private key in another form than OpenSSH's; \"ssh-keygen -p -f KEY\" \
                 writes it anew in that, or {BY_AGENT}"
            )
        })?;
        let body: String = body.split_ascii_whitespace().collect();
        let bytes = STANDARD.decode(body).map_err(|_| damaged("base64"))?;
        let bytes = bytes.strip_prefix(MAGIC).ok_or_else(|| damaged("openssh-key-v1"))?;
        let there = |NotThere(what)| damaged(what);
        let mut wire = Wire::new(bytes);
        let cipher = wire.text("the name of a cipher").map_err(there)?;
        if cipher != "none" {
            bail!("it is protected by a passphrase, which is asked for nowhere here; {BY_AGENT}");
        }
        let mut head = || -> Result<_, NotThere> {
            let (_kdf, _options) = (wire.string("a kdf")?, wire.string("options")?);
            let keys = wire.number("a count of keys")?;
            let public = PublicKey::from_blob(wire.string("a public key")?)?;
            Ok((keys, public, wire.string("private keys")?))
        };
        let (keys, public, private) = head().map_err(there)?;
        if keys != 1 {
            bail!("it holds {keys} keys, and one is needed");
        }
        let pair = pair(private, &public)?;
        Ok(Self { public, pair })
    }

    pub(super) fn public(&self) -> &PublicKey {
        &self.public
    }

    /// A signature of a message, as SSH sends it.
    pub(super) fn sign(&self, message: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut signature = Vec::new();
        put(&mut signature, self.public.name().as_bytes());
        match &self.pair {
            Pair::Ed25519(pair) => put(&mut signature, pair.sign(message).as_ref()),
            Pair::Ecdsa { pair, curve } => {
                let both = pair.sign(&SystemRandom::new(), message);
                let both = both.map_err(|_| anyhow!("the kernel gives no random numbers"))?;
                let (r, s) = both.as_ref().split_at_checked(curve.size()).unwrap_or_default();
                let mut numbers = Vec::new();
                put_number(&mut numbers, r);
                put_number(&mut numbers, s);
                put(&mut signature, &numbers);
            }
        }
        Ok(signature)
    }
}

fn damaged(what: &str) -> anyhow::Error {
    anyhow!("it is damaged: {what} is expected and not there")
}

/// The secret part. ring holds it against the public one.
fn pair(private: &[u8], public: &PublicKey) -> anyhow::Result<Pair> {
    let there = |NotThere(what)| damaged(what);
    let mut wire = Wire::new(private);
    let mut numbers = || Ok((wire.number("a check")?, wire.number("a check")?));
    let (one, other) = numbers().map_err(there)?;
    if one != other {
        return Err(damaged("the same number twice"));
    }
    let name = wire.text("the name of a kind of key").map_err(there)?;
    if name != public.name() {
        return Err(damaged("the private key of the public one"));
    }
    let contradicts = |_| anyhow!("its private key and its public one do not belong together");
    match name {
        "ssh-ed25519" => {
            let mut parts = || Ok((wire.string("a point")?, wire.string("a seed")?));
            let (point, secret) = parts().map_err(there)?;
            let seed = secret.get(..32).ok_or_else(|| damaged("a seed"))?;
            let pair = Ed25519KeyPair::from_seed_and_public_key(seed, point);
            Ok(Pair::Ed25519(Box::new(pair.map_err(contradicts)?)))
        }
        "ecdsa-sha2-nistp256" | "ecdsa-sha2-nistp384" => {
            let curve = wire.text("a curve").map_err(there)?;
            let curve = Curve::of(curve).ok_or_else(|| damaged("a curve"))?;
            let point = wire.string("a point").map_err(there)?;
            let secret = wire.fixed(curve.size(), "a private number").map_err(there)?;
            let by = match curve {
                Curve::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
                Curve::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
            };
            let pair = EcdsaKeyPair::from_private_key_and_public_key(
                by,
                &secret,
                point,
                &SystemRandom::new(),
            );
            Ok(Pair::Ecdsa { pair: Box::new(pair.map_err(contradicts)?), curve })
        }
        other => bail!("files with {other} keys are not signed with directly; {BY_AGENT}"),
    }
}
