//! Keys that `ssh-keygen` of OpenSSH 9.2 made for these tests, and used for nothing else.

use super::keys::{PublicKey, Refused};
use super::private::PrivateKey;
use super::sshsig::{self, SshSignature};
use super::wire::put;
use proptest::prelude::*;
use ring::digest::{SHA256, digest};
use ring::signature::{Ed25519KeyPair, KeyPair as _};

fn private(kind: &str) -> &'static str {
    match kind {
        "ed25519" => include_str!("testdata/ed25519"),
        "p256" => include_str!("testdata/p256"),
        "p384" => include_str!("testdata/p384"),
        "rsa" => include_str!("testdata/rsa"),
        "locked" => include_str!("testdata/locked"),
        other => panic!("{other}"),
    }
}

fn signed(kind: &str, message: &[u8]) -> SshSignature {
    let key = PrivateKey::parse(private(kind)).unwrap();
    let text = sshsig::sign(key.public(), "a@b", message, |data| key.sign(data)).unwrap();
    SshSignature::parse(&text).unwrap()
}

#[test]
fn what_a_key_signs_holds_for_this_text_and_no_other() {
    for kind in ["ed25519", "p256", "p384"] {
        // ECDSA draws a number each time, which may begin with zeros.
        for n in 0..40_u8 {
            let signature = signed(kind, &[n]);
            assert_eq!(signature.verify(&[n]), Ok(()), "{kind}");
            assert_eq!(signature.verify(b"other"), Err(Refused::Wrong), "{kind}");
            let mut elsewhere = signature;
            elsewhere.namespace = "c@d".to_owned();
            assert_eq!(elsewhere.verify(&[n]), Err(Refused::Wrong), "{kind}");
        }
    }
}

#[test]
fn signatures_that_ssh_keygen_made_hold() {
    for text in [
        include_str!("testdata/ed25519.sig"),
        include_str!("testdata/p256.sig"),
        include_str!("testdata/p384.sig"),
        include_str!("testdata/rsa.sig"),
        include_str!("testdata/rsa-sha256.sig"),
    ] {
        let signature = SshSignature::parse(text).unwrap();
        assert_eq!(signature.namespace, "scrubjay-report@v1");
        assert_eq!(signature.verify(b"the sums\n"), Ok(()), "{:?}", signature.key);
        assert_eq!(signature.verify(b"the sum\n"), Err(Refused::Wrong), "{:?}", signature.key);
    }
    let p521 = SshSignature::parse(include_str!("testdata/p521.sig")).unwrap();
    let not_known = Refused::NotKnown("ecdsa-sha2-nistp521".to_owned());
    assert_eq!(p521.verify(b"the sums\n"), Err(not_known));
}

#[test]
fn a_key_that_cannot_sign_from_its_file_says_what_to_do() {
    for (text, says) in [
        (private("locked"), "protected by a passphrase"),
        (private("rsa"), "files with ssh-rsa keys are not signed with directly"),
        ("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", "another form"),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
            "openssh-key-v1 is expected",
        ),
    ] {
        let error = PrivateKey::parse(text).err().unwrap().to_string();
        assert!(error.contains(says), "{error}");
        assert!(error.contains("ssh-add KEY") || error.contains("damaged"), "{error}");
    }
}

#[test]
fn a_key_in_a_token_signs_its_counter_along() {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let mut blob = Vec::new();
    for part in [b"sk-ssh-ed25519@openssh.com", pair.public_key().as_ref(), b"ssh:"] {
        put(&mut blob, part);
    }
    let key = PublicKey::from_blob(&blob).unwrap();
    let made = sshsig::sign(&key, "a@b", b"text", |data| {
        let mut signed = digest(&SHA256, b"ssh:").as_ref().to_vec();
        signed.extend([1, 0, 0, 0, 9]);
        signed.extend(digest(&SHA256, data).as_ref());
        let mut signature = Vec::new();
        put(&mut signature, b"sk-ssh-ed25519@openssh.com");
        put(&mut signature, pair.sign(&signed).as_ref());
        signature.extend([1, 0, 0, 0, 9]);
        Ok(signature)
    });
    let signature = SshSignature::parse(&made.unwrap()).unwrap();
    assert_eq!(signature.verify(b"text"), Ok(()));
    assert_eq!(signature.verify(b"other"), Err(Refused::Wrong));
}

#[test]
fn a_public_key_is_told_by_the_fingerprint_that_ssh_keygen_prints() {
    let key = PublicKey::parse(include_str!("testdata/ed25519.pub")).unwrap();
    assert_eq!(key.fingerprint(), include_str!("testdata/ed25519.fingerprint").trim());
    assert_eq!(&key, PrivateKey::parse(private("ed25519")).unwrap().public());
    assert!(PublicKey::parse("ssh-rsa AAAAC3NzaC1lZDI1NTE5").is_none());
}

proptest! {
    #[test]
    fn no_changed_byte_of_a_signature_is_passed_over(at: prop::sample::Index, bit in 0_u8..8) {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD;
        let text = include_str!("testdata/ed25519.sig");
        let lines: Vec<&str> = text.lines().collect();
        let mut bytes = STANDARD.decode(lines[1..lines.len() - 1].concat()).unwrap();
        let good = SshSignature::parse(text).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let body = STANDARD.encode(bytes);
        let armoured = format!("{}\n{body}\n{}\n", lines[0], lines[lines.len() - 1]);
        // A field that is reserved is signed as empty, whatever it holds.
        if let Ok(bad) = SshSignature::parse(&armoured) && bad != good {
            prop_assert!(bad.verify(b"the sums\n").is_err());
        }
    }

    #[test]
    fn no_bytes_are_too_odd_to_look_at(bytes: Vec<u8>, text: String) {
        let _ = PublicKey::from_blob(&bytes);
        let _ = SshSignature::parse(&text);
        let _ = PrivateKey::parse(&text);
    }
}
