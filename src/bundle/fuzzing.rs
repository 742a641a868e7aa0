//! Parts of a bundle that somebody else has made.

use super::allowed::AllowedSigners;
use super::chain;
use super::files::sum_of;
use super::forms::forms;
use super::keys::PublicKey;
use super::manifest::Manifest;
use super::private::PrivateKey;
use super::sshsig::SshSignature;
use super::{NAMESPACE, stamp};
use jiff::tz::TimeZone;
use scrubjay_model::{Report, disagreements};

/// `SHA256SUMS`. What is written of one is read as the same.
pub fn manifest(bytes: &[u8]) {
    if let Ok(manifest) = Manifest::parse(bytes) {
        assert!(manifest.0.keys().all(|name| !name.contains('/')), "a file elsewhere");
        assert_eq!(Manifest::parse(manifest.text().as_bytes()), Ok(manifest));
    }
}

/// A signature over it, which no arbitrary bytes are.
pub fn signature(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(signature) = SshSignature::parse(&text) {
        let _ = signature.verify(b"a list of checksums");
        let _ = (signature.key.fingerprint(), signature.key.to_string());
    }
    let _ = PublicKey::parse(&text);
}

/// A file of those who may sign.
pub fn allowed_signers(bytes: &[u8]) {
    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2i0XBl3bQwZ0Jxg8v4nR4pJ0Cw3dWf0yQm4cX7tS1q";
    let text = String::from_utf8_lossy(bytes);
    let Ok(signers) = AllowedSigners::parse(&text, &TimeZone::UTC) else { return };
    let Some(key) = PublicKey::parse(KEY) else { return };
    let found = signers.judge(&key, NAMESPACE, None, 0);
    assert!(found.is_err() || text.contains("AAAA"), "a key that nobody named may sign");
    let _ = signers.judge(&key, NAMESPACE, Some("somebody@example.org"), i64::MAX);
}

/// A private key.
pub fn private_key(bytes: &[u8]) {
    let _ = PrivateKey::parse(&String::from_utf8_lossy(bytes));
}

/// The answer of an authority for time stamps.
pub fn time_stamp(bytes: &[u8]) {
    let _ = stamp::answer(bytes, sum_of(b""));
}

/// Rows of a ledger as they are exported.
pub fn ledger_export(bytes: &[u8]) {
    let Ok(chain) = chain::look(bytes) else { return };
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(usize::try_from(chain.rows), Ok(lines), "rows of a chain");
    if let (Some(first), Some(last)) = (chain.first, chain.last) {
        assert_eq!(last.seq.wrapping_sub(first.seq) + 1, chain.rows, "a chain without a gap");
    }
}

/// A report. What is written of one is read as the same, and every form of it can be made.
pub fn report(bytes: &[u8]) {
    let Ok(report) = serde_json::from_slice::<Report>(bytes) else { return };
    let Ok(json) = serde_json::to_string(&report) else { return };
    assert_eq!(serde_json::from_str::<Report>(&json).ok().as_ref(), Some(&report));
    let _ = disagreements(&report);
    let _ = forms(&report, &json);
}
