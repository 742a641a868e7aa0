//! The signature appended to a module: a PKCS#7 message in DER, twelve bytes that describe it, and a
//! line that says it is there.
//!
//! What is read of the message is who signed and how (RFC 5652, 5.1 and 5.3). It is not verified.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};
use scrubjay_model::{ModuleSignature, ModuleSigner, ParseFault};

const MAGIC: &[u8] = b"~Module signature appended~\n";

/// `PKEY_ID_PKCS7`; before 4.3 modules were signed with keys named by hash (`PKEY_ID_X509`, 1).
const PKCS7: u8 = 2;

/// What a message has too much, or too little, of.
type Expected = &'static str;

/// The signature of a module.
pub(crate) fn parse(module: &[u8]) -> ModuleSignature {
    let Some(signed) = module.strip_suffix(MAGIC) else { return ModuleSignature::Missing };
    let fault = |expected, found: &[u8]| ParseFault::new(expected, hex(found).as_bytes()).into();
    let Some((signed, description)) = signed.split_last_chunk::<12>() else {
        return fault("a description of 12 bytes before the line", signed);
    };
    let [_algorithm, _hash, kind, _signer, _key, _, _, _, length @ ..] = *description;
    if kind != PKCS7 {
        return fault("a signature of the kind PKCS#7 (2)", description);
    }
    let size_bytes = u32::from_be_bytes(length);
    let start = usize::try_from(size_bytes).ok().and_then(|size| signed.len().checked_sub(size));
    let Some(message) = start.and_then(|start| signed.get(start..)) else {
        return fault("a signature as long as its description says", description);
    };
    match signer(message) {
        Ok((issuer, serial, digest, algorithm)) => {
            ModuleSignature::Present(ModuleSigner { issuer, serial, digest, algorithm, size_bytes })
        }
        Err(expected) => fault(expected, message.get(..32).unwrap_or(message)),
    }
}

/// The issuer, the serial number, the digest and the algorithm of the first signer.
fn signer(message: &[u8]) -> Result<(Option<String>, String, String, String), Expected> {
    // ContentInfo: a type, and content under [0].
    let [kind, content] = first(children(within(message, Tag::Sequence, "a message")?)?)?;
    if oid(kind)? != "1.2.840.113549.1.7.2" {
        return Err("signed data");
    }
    let content = tagged(content, 0).ok_or("signed data")?;
    let data = children(within(content, Tag::Sequence, "signed data")?)?;
    // SignedData: a version, digest algorithms, what is signed, certificates under [0] and revoked
    // ones under [1], and the signers.
    let signers = data.into_iter().skip(2).rfind(|part| part.tag() == Tag::Set);
    let [signer] = first(children(signers.ok_or("a set of signers")?.value())?)?;
    // SignerInfo: a version, which certificate or key, the digest's algorithm, attributes under [0],
    // the signature's algorithm, the signature.
    let parts = children(sequence(signer)?)?;
    let [_version, who, digest] = first(parts.clone())?;
    let algorithm = parts.into_iter().skip(3).find(|part| part.tag() == Tag::Sequence);
    let algorithm = algorithm.ok_or("the algorithm of a signature")?;
    let (issuer, serial) = match tagged(who, 0) {
        Some(key) => (None, hex(key)),
        None => {
            let [issuer, serial] = first(children(sequence(who)?)?)?;
            (common_name(sequence(issuer)?)?, hex(positive(integer(serial)?)))
        }
    };
    Ok((issuer, serial, algorithm_of(digest)?, algorithm_of(algorithm)?))
}

/// The common name in a distinguished name, or its last part if it has none.
fn common_name(name: &[u8]) -> Result<Option<String>, Expected> {
    let mut found = None;
    for part in children(name)? {
        for attribute in children(part.value())? {
            let [kind, value] = first(children(sequence(attribute)?)?)?;
            let text = text(value);
            if oid(kind)? == "2.5.4.3" {
                return Ok(Some(text));
            }
            found = Some(text);
        }
    }
    Ok(found)
}

/// All types of text but one are, or contain, ASCII.
fn text(value: AnyRef<'_>) -> String {
    if value.tag() == Tag::BmpString {
        let units = value.value().chunks_exact(2).map(|pair| {
            let pair: [u8; 2] = pair.try_into().unwrap_or_default();
            u16::from_be_bytes(pair)
        });
        return char::decode_utf16(units)
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect();
    }
    String::from_utf8_lossy(value.value()).into_owned()
}

fn algorithm_of(identifier: AnyRef<'_>) -> Result<String, Expected> {
    let [kind] = first(children(sequence(identifier)?)?)?;
    let oid = oid(kind)?;
    let known = ALGORITHMS.iter().find(|(known, _)| *known == oid);
    Ok(known.map_or(oid, |(_, name)| (*name).to_owned()))
}

/// The names that `modinfo` and `openssl` use.
const ALGORITHMS: [(&str, &str); 22] = [
    ("1.3.14.3.2.26", "sha1"),
    ("2.16.840.1.101.3.4.2.1", "sha256"),
    ("2.16.840.1.101.3.4.2.2", "sha384"),
    ("2.16.840.1.101.3.4.2.3", "sha512"),
    ("2.16.840.1.101.3.4.2.4", "sha224"),
    ("2.16.840.1.101.3.4.2.8", "sha3-256"),
    ("2.16.840.1.101.3.4.2.9", "sha3-384"),
    ("2.16.840.1.101.3.4.2.10", "sha3-512"),
    ("1.2.156.10197.1.401", "sm3"),
    ("1.2.840.113549.2.5", "md5"),
    ("1.2.840.113549.1.1.1", "rsaEncryption"),
    ("1.2.840.113549.1.1.5", "sha1WithRSAEncryption"),
    ("1.2.840.113549.1.1.11", "sha256WithRSAEncryption"),
    ("1.2.840.113549.1.1.12", "sha384WithRSAEncryption"),
    ("1.2.840.113549.1.1.13", "sha512WithRSAEncryption"),
    ("1.2.840.10045.4.3.2", "ecdsa-with-SHA256"),
    ("1.2.840.10045.4.3.3", "ecdsa-with-SHA384"),
    ("1.2.840.10045.4.3.4", "ecdsa-with-SHA512"),
    ("2.16.840.1.101.3.4.3.17", "ML-DSA-44"),
    ("2.16.840.1.101.3.4.3.18", "ML-DSA-65"),
    ("2.16.840.1.101.3.4.3.19", "ML-DSA-87"),
    ("1.2.156.10197.1.501", "SM2-with-SM3"),
];

/// What one element of a tag holds; what follows the element is passed over, as the kernel does.
fn within(bytes: &[u8], tag: Tag, expected: Expected) -> Result<&[u8], Expected> {
    let mut reader = SliceReader::new(bytes).map_err(|_| expected)?;
    let element = AnyRef::decode(&mut reader).map_err(|_| expected)?;
    if element.tag() == tag { Ok(element.value()) } else { Err(expected) }
}

fn sequence(element: AnyRef<'_>) -> Result<&[u8], Expected> {
    if element.tag() == Tag::Sequence { Ok(element.value()) } else { Err("a sequence") }
}

fn integer(element: AnyRef<'_>) -> Result<&[u8], Expected> {
    if element.tag() == Tag::Integer { Ok(element.value()) } else { Err("a number") }
}

/// A number that is not negative, without the zero that only says so.
fn positive(number: &[u8]) -> &[u8] {
    number.strip_prefix(&[0]).filter(|rest| !rest.is_empty()).unwrap_or(number)
}

fn tagged(element: AnyRef<'_>, number: u32) -> Option<&[u8]> {
    let Tag::ContextSpecific { number: found, .. } = element.tag() else { return None };
    (found == TagNumber(number)).then_some(element.value())
}

fn oid(element: AnyRef<'_>) -> Result<String, Expected> {
    let oid = element.decode_as::<ObjectIdentifier>();
    oid.map(|oid| oid.to_string()).map_err(|_| "an object identifier")
}

/// The elements one after the other.
fn children(bytes: &[u8]) -> Result<Vec<AnyRef<'_>>, Expected> {
    let mut reader = SliceReader::new(bytes).map_err(|_| "elements in DER")?;
    let mut found = Vec::new();
    while !reader.is_finished() {
        found.push(AnyRef::decode(&mut reader).map_err(|_| "elements in DER")?);
    }
    Ok(found)
}

/// The first so many.
fn first<const N: usize>(elements: Vec<AnyRef<'_>>) -> Result<[AnyRef<'_>; N], Expected> {
    elements.first_chunk::<N>().copied().ok_or("more elements")
}

/// Hexadecimal digits, two a byte.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('?');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
