//! Public keys as OpenSSH writes them, and whether a signature is by one of them.
//!
//! The arithmetic is ring's, which TLS brings along. It does not know P-521 and DSA, nor RSA below
//! 2,048 bits: signatures by such keys are said not to be checked, which is not to say that they
//! are good.

use super::wire::{NotThere, Wire};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ring::digest::{SHA256, digest};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents, UnparsedPublicKey,
};
use std::fmt;

/// A public key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PublicKey {
    kind: Kind,
    /// As it is hashed, compared and sent.
    blob: Vec<u8>,
}

/// What the key is of.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Ed25519 {
        point: Vec<u8>,
    },
    Ecdsa {
        curve: Curve,
        point: Vec<u8>,
    },
    Rsa {
        exponent: Vec<u8>,
        modulus: Vec<u8>,
    },
    /// In a hardware token, which signs its own counter along.
    Token {
        inner: Box<Kind>,
        application: Vec<u8>,
    },
    /// Anything else, by its name.
    Other(String),
}

/// Curves that are known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
}

impl Curve {
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "nistp256" => Some(Self::P256),
            "nistp384" => Some(Self::P384),
            _ => None,
        }
    }

    /// Bytes of a coordinate.
    pub(super) fn size(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }
}

/// Why a signature is not taken for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is not by this key, or not of this text.
    Wrong,
    /// Such keys cannot be checked here.
    NotKnown(String),
    /// It is no signature.
    Damaged(&'static str),
}

impl From<NotThere> for Refused {
    fn from(NotThere(what): NotThere) -> Self {
        Self::Damaged(what)
    }
}

impl PublicKey {
    /// A key as it is sent.
    pub(super) fn from_blob(blob: &[u8]) -> Result<Self, NotThere> {
        let mut wire = Wire::new(blob);
        let name = wire.text("the name of a kind of key")?;
        let kind = match name {
            "ssh-ed25519" => Kind::Ed25519 { point: wire.string("a point")?.to_vec() },
            "sk-ssh-ed25519@openssh.com" => {
                let point = wire.string("a point")?.to_vec();
                let application = wire.string("an application")?.to_vec();
                Kind::Token { inner: Box::new(Kind::Ed25519 { point }), application }
            }
            "ecdsa-sha2-nistp256" | "ecdsa-sha2-nistp384" => ecdsa(&mut wire)?,
            "sk-ecdsa-sha2-nistp256@openssh.com" => {
                let inner = Box::new(ecdsa(&mut wire)?);
                Kind::Token { inner, application: wire.string("an application")?.to_vec() }
            }
            "ssh-rsa" => {
                let unsigned = |number: &[u8]| number.strip_prefix(&[0]).unwrap_or(number).to_vec();
                let exponent = unsigned(wire.string("an exponent")?);
                Kind::Rsa { exponent, modulus: unsigned(wire.string("a modulus")?) }
            }
            other => return Ok(Self { kind: Kind::Other(other.to_owned()), blob: blob.to_vec() }),
        };
        wire.end("nothing more of the key")?;
        Ok(Self { kind, blob: blob.to_vec() })
    }

    /// A key as a `.pub` file has it: its kind, the key in base64, a comment.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let (name, key) = (words.next()?, words.next()?);
        let found = Self::from_blob(&STANDARD.decode(key).ok()?).ok()?;
        (found.name() == name).then_some(found)
    }

    pub(crate) fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// The name of its kind.
    pub(crate) fn name(&self) -> &str {
        Wire::new(&self.blob).text("its name").unwrap_or("a key")
    }

    /// As `ssh-keygen -l` prints it.
    pub(crate) fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(digest(&SHA256, &self.blob)))
    }

    /// Whether a signature, as SSH sends it, is by this key and of this message.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Refused> {
        let mut wire = Wire::new(signature);
        let algorithm = wire.text("the name of an algorithm")?;
        let bytes = wire.string("a signature")?;
        match &self.kind {
            Kind::Token { inner, application } => {
                if algorithm != self.name() {
                    return Err(Refused::Damaged("a signature of the kind of its key"));
                }
                let (flags, counter) =
                    (wire.byte("flags")?, wire.bytes(4, "the counter of a token")?);
                wire.end("nothing more of the signature")?;
                let mut signed = digest(&SHA256, application).as_ref().to_vec();
                signed.push(flags);
                signed.extend_from_slice(counter);
                signed.extend_from_slice(digest(&SHA256, message).as_ref());
                inner.verify(&signed, bytes, algorithm)
            }
            kind => {
                wire.end("nothing more of the signature")?;
                // An RSA key signs by several algorithms, every other by the one of its name.
                let is_its = match kind {
                    Kind::Rsa { .. } => true,
                    Kind::Ed25519 { .. }
                    | Kind::Ecdsa { .. }
                    | Kind::Token { .. }
                    | Kind::Other(_) => algorithm == self.name(),
                };
                if !is_its {
                    return Err(Refused::Damaged("a signature of the kind of its key"));
                }
                kind.verify(message, bytes, algorithm)
            }
        }
    }
}

fn ecdsa(wire: &mut Wire<'_>) -> Result<Kind, NotThere> {
    let curve = Curve::of(wire.text("a curve")?).ok_or(NotThere("a curve of its kind of key"))?;
    Ok(Kind::Ecdsa { curve, point: wire.string("a point")?.to_vec() })
}

impl Kind {
    fn verify(&self, message: &[u8], bytes: &[u8], algorithm: &str) -> Result<(), Refused> {
        let good = match self {
            Self::Ed25519 { point } => {
                UnparsedPublicKey::new(&ED25519, point).verify(message, bytes)
            }
            Self::Ecdsa { curve, point } => {
                let mut wire = Wire::new(bytes);
                let mut both = wire.fixed(curve.size(), "a number of the signature")?;
                both.extend(wire.fixed(curve.size(), "a number of the signature")?);
                wire.end("nothing more of the signature")?;
                let by = match curve {
                    Curve::P256 => &ECDSA_P256_SHA256_FIXED,
                    Curve::P384 => &ECDSA_P384_SHA384_FIXED,
                };
                UnparsedPublicKey::new(by, point).verify(message, &both)
            }
            Self::Rsa { exponent, modulus } => {
                let by = match algorithm {
                    "rsa-sha2-512" => &RSA_PKCS1_2048_8192_SHA512,
                    "rsa-sha2-256" => &RSA_PKCS1_2048_8192_SHA256,
                    // OpenSSH refuses SHA-1 too.
                    other => return Err(Refused::NotKnown(other.to_owned())),
                };
                if modulus.len() < 256 {
                    return Err(Refused::NotKnown("RSA with less than 2048 bits".to_owned()));
                }
                RsaPublicKeyComponents { n: modulus, e: exponent }.verify(by, message, bytes)
            }
            Self::Token { .. } => return Err(Refused::Damaged("a token within a token")),
            Self::Other(name) => return Err(Refused::NotKnown(name.clone())),
        };
        good.map_err(|_| Refused::Wrong)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name(), self.fingerprint())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
