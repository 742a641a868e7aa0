//! Checksums as package managers write them.
//!
//! MD5 and SHA-1 keep nobody from making another file of the same sum; they are what databases hold.
//! That a file has its sum tells that nothing happened to it by accident or by a careless hand.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};

/// Which function a checksum is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// The checksum of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sum {
    kind: Kind,
    bytes: Vec<u8>,
}

impl Kind {
    fn of(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Md5 => Md5::digest(bytes).to_vec(),
            Self::Sha1 => Sha1::digest(bytes).to_vec(),
            Self::Sha224 => Sha224::digest(bytes).to_vec(),
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha384 => Sha384::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }

    /// How long its checksums are, bytes.
    fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

impl Sum {
    /// A checksum in hexadecimal digits.
    pub(crate) fn of_hex(kind: Kind, digits: &[u8]) -> Option<Self> {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let pair = |pair: &[u8]| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        };
        let bytes = digits.chunks(2).map(pair).collect::<Option<Vec<u8>>>()?;
        Self::of_length(kind, bytes)
    }

    /// A checksum in base64 (RFC 4648, section 4), with or without its padding.
    pub(crate) fn of_base64(kind: Kind, text: &str) -> Option<Self> {
        let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0_u32);
        for byte in text.trim_end_matches('=').bytes() {
            let value = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            // At most 5 bits are left over, so nothing is lost.
            held = held << 6 | u32::from(value);
            bits += 6;
            if bits >= 8 {
                bits -= 8;
                bytes.push(u8::try_from(held >> bits).ok()?);
                held &= (1 << bits) - 1;
            }
        }
        Self::of_length(kind, bytes)
    }

    fn of_length(kind: Kind, bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() == kind.length()).then_some(Self { kind, bytes })
    }

    /// Whether a file of these bytes has it.
    pub(crate) fn is_of(&self, file: &[u8]) -> bool {
        self.kind.of(file) == self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Of the three letters, as the standards give them.
    const ABC: [(Kind, &str); 6] = [
        (Kind::Md5, "900150983cd24fb0d6963f7d28e17f72"),
        (Kind::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (Kind::Sha224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
        (Kind::Sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            Kind::Sha384,
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        ),
        (
            Kind::Sha512,
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
    ];

    #[test]
    fn a_file_has_the_sum_that_the_standards_give() {
        for (kind, digits) in ABC {
            let sum = Sum::of_hex(kind, digits.as_bytes()).unwrap();
            assert!(sum.is_of(b"abc") && !sum.is_of(b"abd"), "{kind:?}");
            assert_eq!(Sum::of_hex(kind, digits.to_uppercase().as_bytes()), Some(sum));
            let length = digits.len();
            for spoilt in [&digits[1..], &digits[..length - 2], &format!("{digits}00")] {
                assert_eq!(Sum::of_hex(kind, spoilt.as_bytes()), None, "{kind:?} {spoilt}");
            }
        }
        assert_eq!(Sum::of_hex(Kind::Md5, &[b'g'; 32]), None);
    }

    #[test]
    fn base64_says_the_same_as_digits() {
        let sum = Sum::of_base64(Kind::Sha1, "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=").unwrap();
        assert!(sum.is_of(b"abc"));
        assert_eq!(Sum::of_base64(Kind::Sha1, "qZk+NkcGgWq6PiVxeFDCbJzQ2J0"), Some(sum));
        for spoilt in ["", "qZk+NkcGgWq6PiVxeFDCbJzQ2J", "qZk-NkcGgWq6PiVxeFDCbJzQ2J0="] {
            assert_eq!(Sum::of_base64(Kind::Sha1, spoilt), None, "{spoilt}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Sum::of_base64(Kind::Sha256, &text);
            let _ = Sum::of_hex(Kind::Sha256, &bytes);
        }
    }
}
