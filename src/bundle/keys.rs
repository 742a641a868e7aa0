//! Public keys as OpenSSH writes them, and whether a signature is by one of them.
//!
//! The arithmetic is ring's, which TLS brings along. It does not know P-521 and DSA, nor RSA below
//! 2,048 bits: signatures by such keys are said not to be checked, which is not to say that they
//! are good.

use super::wire::{NotThere, Wire, put};
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
    /// The name of the kind of key that signs: without what says that it comes in a certificate.
    signs_as: String,
    /// As it is sent and compared.
    blob: Vec<u8>,
    /// The key alone, as it is hashed.
    plain: Vec<u8>,
    certificate: Option<Box<Certificate>>,
}

/// What an authority says of a key (OpenSSH's `PROTOCOL.certkeys`). Its signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Certificate {
    pub(super) authority: PublicKey,
    pub(super) is_of_user: bool,
    pub(super) identities: Vec<String>,
    /// Seconds since the Unix epoch, and the first one at which it is not valid any more.
    pub(super) valid_after_s: u64,
    pub(super) valid_before_s: u64,
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
        let signs_as = match name.strip_suffix("-cert-v01@openssh.com") {
            Some(token) if token.starts_with("sk-") => format!("{token}@openssh.com"),
            Some(plain) => plain.to_owned(),
            None => name.to_owned(),
        };
        let is_certified = signs_as != name;
        if is_certified {
            wire.string("a nonce")?;
        }
        let before = wire;
        let Some(kind) = Kind::read(&signs_as, &mut wire)? else {
            let (kind, plain) = (Kind::Other(name.to_owned()), blob.to_vec());
            return Ok(Self { kind, signs_as, blob: blob.to_vec(), plain, certificate: None });
        };
        let mut plain = Vec::new();
        put(&mut plain, signs_as.as_bytes());
        plain.extend_from_slice(before.until(wire));
        let certificate =
            if is_certified { Some(Box::new(Certificate::read(blob, &mut wire)?)) } else { None };
        wire.end("nothing more of the key")?;
        Ok(Self { kind, signs_as, blob: blob.to_vec(), plain, certificate })
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
        format!("SHA256:{}", STANDARD_NO_PAD.encode(digest(&SHA256, &self.plain)))
    }

    pub(super) fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_deref()
    }

    /// Whether a signature, as SSH sends it, is by this key and of this message.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Refused> {
        let mut wire = Wire::new(signature);
        let algorithm = wire.text("the name of an algorithm")?;
        let bytes = wire.string("a signature")?;
        match &self.kind {
            Kind::Token { inner, application } => {
                if algorithm != self.signs_as {
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
            Kind::Ed25519 { .. } | Kind::Ecdsa { .. } | Kind::Rsa { .. } | Kind::Other(_) => {
                wire.end("nothing more of the signature")?;
                // An RSA key signs by several algorithms, every other by the one of its name.
                let by_several = matches!(self.kind, Kind::Rsa { .. });
                if !by_several && algorithm != self.signs_as {
                    return Err(Refused::Damaged("a signature of the kind of its key"));
                }
                self.kind.verify(message, bytes, algorithm)
            }
        }
    }
}

fn ecdsa(wire: &mut Wire<'_>) -> Result<Kind, NotThere> {
    let curve = Curve::of(wire.text("a curve")?).ok_or(NotThere("a curve of its kind of key"))?;
    Ok(Kind::Ecdsa { curve, point: wire.string("a point")?.to_vec() })
}

impl Certificate {
    /// What stands behind the key in the bytes of a certificate.
    fn read(blob: &[u8], wire: &mut Wire<'_>) -> Result<Self, NotThere> {
        let _serial = wire.bytes(8, "a number")?;
        let is_of_user = wire.number("what the certificate is for")? == 1;
        let _id = wire.string("a name")?;
        let mut listed = Wire::new(wire.string("identities")?);
        let mut identities = Vec::new();
        while listed.end("the end").is_err() {
            identities.push(listed.text("an identity")?.to_owned());
        }
        let valid_after_s = wire.long("a time")?;
        let valid_before_s = wire.long("a time")?;
        for what in ["options", "extensions", "an empty field"] {
            wire.string(what)?;
        }
        let authority = Self::authority(wire.string("the key of an authority")?)?;
        let signed = Wire::new(blob).until(*wire);
        let signature = wire.string("the signature of an authority")?;
        let not_signed = |_| NotThere("the signature of the authority that is named");
        authority.verify(signed, signature).map_err(not_signed)?;
        Ok(Self { authority, is_of_user, identities, valid_after_s, valid_before_s })
    }

    /// Not another certificate: who looks at one would have to look at the next.
    fn authority(blob: &[u8]) -> Result<PublicKey, NotThere> {
        let name = Wire::new(blob).text("the kind of an authority's key")?;
        if name.contains("-cert-") {
            return Err(NotThere("an authority without a certificate"));
        }
        PublicKey::from_blob(blob)
    }
}

impl Kind {
    /// The key of a kind; `None` if that is not known here.
    fn read(name: &str, wire: &mut Wire<'_>) -> Result<Option<Self>, NotThere> {
        Ok(Some(match name {
            "ssh-ed25519" => Self::Ed25519 { point: wire.string("a point")?.to_vec() },
            "sk-ssh-ed25519@openssh.com" => {
                let point = wire.string("a point")?.to_vec();
                let application = wire.string("an application")?.to_vec();
                Self::Token { inner: Box::new(Self::Ed25519 { point }), application }
            }
            "ecdsa-sha2-nistp256" | "ecdsa-sha2-nistp384" => ecdsa(wire)?,
            "sk-ecdsa-sha2-nistp256@openssh.com" => {
                let inner = Box::new(ecdsa(wire)?);
                Self::Token { inner, application: wire.string("an application")?.to_vec() }
            }
            "ssh-rsa" => {
                let unsigned = |number: &[u8]| number.strip_prefix(&[0]).unwrap_or(number).to_vec();
                let exponent = unsigned(wire.string("an exponent")?);
                Self::Rsa { exponent, modulus: unsigned(wire.string("a modulus")?) }
            }
            _ => return Ok(None),
        }))
    }

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
