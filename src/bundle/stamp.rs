//! Time stamps by an authority (RFC 3161): what to ask, and whether an answer is to that.
//!
//! Whose answer it is, is not looked at: whom to believe is for whoever verifies, with the
//! certificates he trusts, and `openssl ts -verify` does it.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use scrubjay_model::Digest;

const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");

/// A request up to the checksum: version 1, SHA-256 without parameters, 32 bytes.
const BEFORE: &[u8] = &[
    0x30, 0x39, 0x02, 0x01, 0x01, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
    0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
];
/// And after it: the answer is to contain the certificate of the authority.
const AFTER: &[u8] = &[0x01, 0x01, 0xff];

/// The request for a time stamp of something with this checksum, in DER. It has no nonce, so that the
/// same bundle has the same request; what a nonce is against, an old answer to another request, the
/// checksum is against as well.
pub(super) fn query(sum: Digest) -> Vec<u8> {
    [BEFORE, &sum.0, AFTER].concat()
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamped {
    /// When the authority saw it.
    pub(crate) at: Timestamp,
    /// By which policy of it, as an object identifier.
    pub(crate) policy: String,
    /// Its number.
    pub(crate) serial: String,
}

/// Why it is of no use.
type Expected = String;

/// Reads an answer to the request for this checksum.
pub(super) fn answer(bytes: &[u8], sum: Digest) -> Result<Stamped, Expected> {
    let mut parts = children(whole(bytes, "an answer")?)?;
    if parts.len() > 2 {
        return Err("there is more in it than a status and a time stamp".to_owned());
    }
    let token = (parts.len() == 2).then(|| parts.pop()).flatten();
    let status = parts.pop().ok_or("there is no status")?;
    granted(status)?;
    let token = token.ok_or("there is no time stamp in it")?;
    let info = info(token)?;
    stamped(info, sum)
}

/// Whether the authority did what it was asked to.
fn granted(status: AnyRef<'_>) -> Result<(), Expected> {
    let parts = children(value(status, Tag::Sequence, "a status")?)?;
    let number = parts.first().copied().ok_or("there is no status")?;
    let number = value(number, Tag::Integer, "a status")?;
    // Granted, or granted otherwise than asked for, which what follows tells.
    if matches!(number, [0 | 1]) {
        return Ok(());
    }
    let words = parts.get(1).and_then(|words| children(words.value()).ok()).unwrap_or_default();
    let words: Vec<String> = words
        .iter()
        .filter(|word| word.tag() == Tag::Utf8String)
        .map(|word| String::from_utf8_lossy(word.value()).into_owned())
        .collect();
    let why = if words.is_empty() { String::new() } else { format!(": {}", words.join("; ")) };
    Err(format!("the authority refused (status {}){why}", hex(number)))
}

/// What is signed in a message (RFC 5652, 5.1 and 5.2).
fn info(token: AnyRef<'_>) -> Result<&[u8], Expected> {
    let [kind, content] = first(children(value(token, Tag::Sequence, "a token")?)?, "a token")?;
    if oid(kind)? != SIGNED_DATA {
        return Err("the time stamp is no signed message".to_owned());
    }
    let content = tagged(content, 0).ok_or("the time stamp is no signed message")?;
    let data = children(whole(content, "a signed message")?)?;
    let [_version, _digests, inner] = first(data, "a signed message")?;
    let inner = children(value(inner, Tag::Sequence, "what is signed")?)?;
    let [kind, content] = first(inner, "what is signed")?;
    if oid(kind)? != TST_INFO {
        return Err("what is signed is no time stamp".to_owned());
    }
    let content = tagged(content, 0).ok_or("what is signed is no time stamp")?;
    let (octets, rest) = element(content, "what is signed")?;
    if !rest.is_empty() {
        return Err("more is signed than a time stamp".to_owned());
    }
    value(octets, Tag::OctetString, "what is signed")
}

/// `TSTInfo` (RFC 3161, 2.4.2).
fn stamped(info: &[u8], sum: Digest) -> Result<Stamped, Expected> {
    let parts = children(whole(info, "a time stamp")?)?;
    let [_version, policy, imprint, serial, at] = first(parts, "a time stamp")?;
    let imprint = children(value(imprint, Tag::Sequence, "a checksum")?)?;
    let [algorithm, hashed] = first(imprint, "a checksum")?;
    let algorithm = children(value(algorithm, Tag::Sequence, "an algorithm")?)?;
    let [algorithm] = first(algorithm, "an algorithm")?;
    let hashed = value(hashed, Tag::OctetString, "a checksum")?;
    if oid(algorithm)? != SHA256 || hashed != sum.0 {
        return Err(format!("it is for something with the checksum {}", hex(hashed)));
    }
    let text = value(at, Tag::GeneralizedTime, "a time")?;
    let at = std::str::from_utf8(text).ok().and_then(time);
    let at = at.ok_or_else(|| format!("its time is none: {}", String::from_utf8_lossy(text)))?;
    let serial = hex(value(serial, Tag::Integer, "a number")?);
    Ok(Stamped { at, policy: oid(policy)?.to_string(), serial })
}

/// `20261130120000Z`, with a fraction or none.
fn time(text: &str) -> Option<Timestamp> {
    let digits = text.strip_suffix('Z')?;
    let civil = DateTime::strptime("%Y%m%d%H%M%S%.f", digits).ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// What one element holds that is all there is.
fn whole<'a>(bytes: &'a [u8], what: &str) -> Result<&'a [u8], Expected> {
    let (found, rest) = element(bytes, what)?;
    if !rest.is_empty() {
        return Err(format!("there is more behind {what}"));
    }
    value(found, Tag::Sequence, what)
}

fn element<'a>(bytes: &'a [u8], what: &str) -> Result<(AnyRef<'a>, &'a [u8]), Expected> {
    let fault = |_| format!("{what} is expected and not there");
    let mut reader = SliceReader::new(bytes).map_err(fault)?;
    let found = AnyRef::decode(&mut reader).map_err(fault)?;
    let rest = reader.remaining_len();
    let rest = usize::try_from(u32::from(rest)).unwrap_or(usize::MAX);
    let at = bytes.len().saturating_sub(rest);
    Ok((found, bytes.get(at..).unwrap_or_default()))
}

fn children(bytes: &[u8]) -> Result<Vec<AnyRef<'_>>, Expected> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (one, behind) = element(rest, "an element")?;
        found.push(one);
        rest = behind;
    }
    Ok(found)
}

fn first<'a, const N: usize>(
    parts: Vec<AnyRef<'a>>,
    what: &str,
) -> Result<[AnyRef<'a>; N], Expected> {
    let lacks = || format!("{what} has too few parts");
    parts.get(..N).and_then(|parts| parts.try_into().ok()).ok_or_else(lacks)
}

fn value<'a>(found: AnyRef<'a>, tag: Tag, what: &str) -> Result<&'a [u8], Expected> {
    if found.tag() == tag {
        Ok(found.value())
    } else {
        Err(format!("{what} is expected and not there"))
    }
}

fn oid(found: AnyRef<'_>) -> Result<ObjectIdentifier, Expected> {
    let bytes = value(found, Tag::ObjectIdentifier, "an identifier")?;
    ObjectIdentifier::from_bytes(bytes).map_err(|_| "an identifier is damaged".to_owned())
}

fn tagged(found: AnyRef<'_>, number: u32) -> Option<&[u8]> {
    let tag = Tag::ContextSpecific { constructed: true, number: TagNumber(number) };
    (found.tag() == tag).then(|| found.value())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An element.
    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag];
        match content.len() {
            n @ 0..128 => bytes.push(u8::try_from(n).unwrap()),
            n @ 128..256 => bytes.extend([0x81, u8::try_from(n).unwrap()]),
            n => {
                let [high, low] = u16::try_from(n).unwrap().to_be_bytes();
                bytes.extend([0x82, high, low]);
            }
        }
        bytes.extend_from_slice(content);
        bytes
    }

    fn reply(status: u8, sum: Digest, time: &str) -> Vec<u8> {
        let algorithm = tlv(0x30, &tlv(0x06, SHA256.as_bytes()));
        let imprint = tlv(0x30, &[algorithm, tlv(0x04, &sum.0)].concat());
        let info = [
            tlv(0x02, &[1]),
            tlv(0x06, &[0x2a, 0x03, 0x04]),
            imprint,
            tlv(0x02, &[0x07]),
            tlv(0x18, time.as_bytes()),
        ];
        let octets = tlv(0xa0, &tlv(0x04, &tlv(0x30, &info.concat())));
        let inner = tlv(0x30, &[tlv(0x06, TST_INFO.as_bytes()), octets].concat());
        let data = tlv(0x30, &[tlv(0x02, &[3]), tlv(0x31, &[]), inner, tlv(0x31, &[])].concat());
        let token = tlv(0x30, &[tlv(0x06, SIGNED_DATA.as_bytes()), tlv(0xa0, &data)].concat());
        tlv(0x30, &[tlv(0x30, &tlv(0x02, &[status])), token].concat())
    }

    #[test]
    fn an_answer_is_taken_if_it_is_granted_and_for_this_checksum() {
        let sum = Digest([9; 32]);
        let good = reply(0, sum, "20261130120000.25Z");
        let told = answer(&good, sum).unwrap();
        assert_eq!(told.at.to_string(), "2026-11-30T12:00:00.25Z");
        assert_eq!((told.policy.as_str(), told.serial.as_str()), ("1.2.3.4", "07"));
        assert_eq!(
            answer(&reply(2, sum, "20261130120000Z"), sum).unwrap_err(),
            "the authority refused (status 02)"
        );
        let error = answer(&good, Digest([8; 32])).unwrap_err();
        assert_eq!(error, format!("it is for something with the checksum {sum}"));
        assert!(answer(&reply(0, sum, "2026"), sum).unwrap_err().contains("its time is none"));
        let longer = [good, vec![0]].concat();
        assert_eq!(answer(&longer, sum).unwrap_err(), "there is more behind an answer");
    }

    #[test]
    fn a_request_is_the_same_each_time() {
        let query = query(Digest([0xab; 32]));
        assert_eq!(query.len(), 59);
        let parts = children(whole(&query, "a request").unwrap()).unwrap();
        assert_eq!(parts.len(), 3);
        assert_eq!(children(parts[1].value()).unwrap()[1].value(), [0xab; 32]);
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd_to_look_at(bytes: Vec<u8>, at in 0_usize..400, byte: u8) {
            let _ = answer(&bytes, Digest::NONE);
            let mut odd = reply(0, Digest::NONE, "20261130120000Z");
            let at = at % odd.len();
            odd[at] = byte;
            let _ = answer(&odd, Digest::NONE);
        }
    }
}
