//! The names in a certificate: its subjectAltName (RFC 5280, 4.2.1.6).
//!
//! Read from certificates whose signature was verified, and yet with the care that foreign bytes
//! ask for: a length that does not fit ends the reading, and nothing recurses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// 2.5.29.17.
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

const SEQUENCE: u8 = 0x30;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
/// `extensions` of a `TBSCertificate`.
const EXTENSIONS: u8 = 0xa3;
/// Kinds of names.
const MAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const URI: u8 = 0x86;
const IP: u8 = 0x87;

/// DNS names, addresses, mail addresses and URIs of a certificate, as text; `None` if it cannot be
/// read.
pub(super) fn names(certificate: &[u8]) -> Option<Vec<String>> {
    let (tag, certificate, _) = element(certificate)?;
    let (tbs_tag, mut tbs, _) = element(certificate)?;
    if tag != SEQUENCE || tbs_tag != SEQUENCE {
        return None;
    }
    while !tbs.is_empty() {
        let (tag, content, rest) = element(tbs)?;
        if tag == EXTENSIONS {
            return names_in_extensions(content);
        }
        tbs = rest;
    }
    Some(Vec::new())
}

fn names_in_extensions(extensions: &[u8]) -> Option<Vec<String>> {
    let (_, mut extensions, _) = element(extensions)?;
    while !extensions.is_empty() {
        let (_, extension, rest) = element(extensions)?;
        let (tag, id, mut values) = element(extension)?;
        if tag == OBJECT_IDENTIFIER && id == SUBJECT_ALT_NAME {
            // Whether it is critical may stand in between.
            loop {
                let (tag, content, after) = element(values)?;
                if tag == OCTET_STRING {
                    return listed(content);
                }
                values = after;
            }
        }
        extensions = rest;
    }
    Some(Vec::new())
}

fn listed(names: &[u8]) -> Option<Vec<String>> {
    let (_, mut names, _) = element(names)?;
    let mut found = Vec::new();
    while !names.is_empty() {
        let (tag, content, rest) = element(names)?;
        let name = match tag {
            MAIL | DNS | URI => std::str::from_utf8(content).ok().map(str::to_owned),
            IP => address(content).map(|address| address.to_string()),
            _ => None,
        };
        found.extend(name);
        names = rest;
    }
    Some(found)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(bytes).into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|bytes| Ipv6Addr::from(bytes).into())
}

/// Tag and content of the first element, and what follows it. Lengths in the definite form of DER.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if digits.is_empty() || digits.len() > 4 {
            return None;
        }
        let length = digits.iter().fold(0_u64, |length, digit| length << 8 | u64::from(*digit));
        (usize::try_from(length).ok()?, rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::string::Ia5String;
    use rcgen::{CertificateParams, KeyPair, SanType};

    #[test]
    fn names_of_every_kind_are_read() {
        let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        params.subject_alt_names.extend([
            SanType::IpAddress("192.0.2.1".parse().unwrap()),
            SanType::IpAddress("2001:db8::1".parse().unwrap()),
            SanType::Rfc822Name(Ia5String::try_from("a@example").unwrap()),
            SanType::URI(Ia5String::try_from("spiffe://a/b").unwrap()),
        ]);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let expected = ["a.example", "192.0.2.1", "2001:db8::1", "a@example", "spiffe://a/b"];
        assert_eq!(names(certificate.der()).unwrap(), expected);

        let none = CertificateParams::new(Vec::new()).unwrap();
        let none = none.self_signed(&KeyPair::generate().unwrap()).unwrap();
        assert_eq!(names(none.der()), Some(Vec::new()));
        // Cut short anywhere it is not taken for one without names.
        let whole = certificate.der();
        assert!((0..whole.len()).all(|end| names(&whole[..end]).is_none()));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = names(&bytes);
        }
    }
}
