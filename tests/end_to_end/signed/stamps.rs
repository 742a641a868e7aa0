//! Time stamps by an authority that `openssl ts` makes on the spot.

use super::{Desk, NAMESPACE, faults, is_there, replace, ssh_keygen_is_there};
use crate::harness::{output, scrubjay, stdout};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An authority that answers requests with `openssl ts`.
fn authority(dir: &Path) {
    fs::write(
        dir.join("tsa.cnf"),
        "[req]\ndistinguished_name = dn\nprompt = no\n[dn]\nCN = test authority\n[ext]\nextendedKeyUsage = critical,timeStamping\n\
         [tsa]\ndefault_tsa = one\n[one]\nserial = serial\nsigner_cert = tsa.crt\nsigner_key = tsa.key\nsigner_digest = sha256\n\
         default_policy = 1.2.3.4.1\ndigests = sha256\n",
    )
    .unwrap();
    fs::write(dir.join("serial"), "01\n").unwrap();
    let mut make = Command::new("openssl");
    make.args([
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-config",
        "tsa.cnf",
        "-extensions",
        "ext",
    ]);
    make.args(["-keyout", "tsa.key", "-out", "tsa.crt"]).current_dir(dir);
    let made = make.output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

fn reply(dir: &Path, query: &Path, to: &str) -> PathBuf {
    let mut openssl = Command::new("openssl");
    openssl
        .args(["ts", "-reply", "-config", "tsa.cnf", "-section", "one", "-queryfile"])
        .arg(query);
    let done = openssl.arg("-out").arg(to).current_dir(dir).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    dir.join(to)
}

#[test]
fn a_time_stamp_of_an_authority_is_asked_for_and_taken_in() {
    if !ssh_keygen_is_there() || !is_there("openssl", "version") {
        return;
    }
    let desk = Desk::new();
    desk.bundle("good", &["--sign", &desk.text("key")]);
    let good = desk.path("good");
    let timestamp = |dir: &Path, words: &[&str]| {
        let mut command = scrubjay(desk.home.path());
        output(command.arg("timestamp").arg(dir).args(words))
    };
    let (code, page, _) = timestamp(&good, &[]);
    assert_eq!(code, 0);
    assert!(page.contains("Nothing was sent") && page.contains("curl -sS"), "{page}");
    let query = good.join("SHA256SUMS.tsq");
    let first = fs::read(&query).unwrap();
    assert_eq!(timestamp(&good, &[]).0, 0);
    assert_eq!(fs::read(&query).unwrap(), first);
    // OpenSSL reads it as we meant it.
    let mut openssl = Command::new("openssl");
    let shown = stdout(openssl.args(["ts", "-query", "-text", "-in"]).arg(&query));
    assert!(
        shown.contains("Hash Algorithm: sha256") && shown.contains("Certificate required: yes"),
        "{shown}"
    );
    assert!(shown.contains("Nonce: unspecified"), "{shown}");

    let tsa = desk.path("tsa");
    fs::create_dir(&tsa).unwrap();
    authority(&tsa);
    let answer = reply(&tsa, &query, "good.tsr");
    let (code, page, stderr) = timestamp(&good, &["--answer", answer.to_str().unwrap()]);
    assert_eq!(code, 0, "{stderr}");
    assert!(page.contains("policy 1.2.3.4.1") && page.contains("was not checked"), "{page}");
    let mut check = Command::new("openssl");
    check.args(["ts", "-verify", "-data", "SHA256SUMS", "-in", "SHA256SUMS.tsr", "-CAfile"]);
    let (code, _, told) = output(check.arg(tsa.join("tsa.crt")).current_dir(&good));
    assert_eq!(code, 0, "{told}");
    let (code, page) = desk.verify_by("good", "allowed");
    assert_eq!(code, 0, "{page}");
    assert_eq!(page["time_stamp"]["policy"], "1.2.3.4.1");
    assert!(
        page["not_checked"]
            .to_string()
            .contains("whether it is signed, and by whom, was not looked at"),
        "{page}"
    );

    // Of another list, refused, damaged, and no answer at all.
    let other = desk.copy("good", "other");
    replace(&other.join("report.md"), "Memory", "MEMORY");
    desk.sign_anew(&other, "key", NAMESPACE);
    let (code, page) = desk.verify_by("other", "allowed");
    assert!(
        code == 20 && faults(&page).contains(&"bad_time_stamp SHA256SUMS.tsr".to_owned()),
        "{page}"
    );
    let (code, _, stderr) = timestamp(&other, &["--answer", answer.to_str().unwrap()]);
    assert!(code == 1 && stderr.contains("it is for something with the checksum"), "{stderr}");
    let damaged = desk.copy("good", "damaged");
    let bytes = fs::read(damaged.join("SHA256SUMS.tsr")).unwrap();
    fs::write(damaged.join("SHA256SUMS.tsr"), &bytes[..bytes.len() / 2]).unwrap();
    let (code, page) = desk.verify_by("damaged", "allowed");
    assert_eq!((code, faults(&page)), (21, vec!["bad_time_stamp SHA256SUMS.tsr".to_owned()]));
    fs::write(desk.path("odd.tsq"), b"nothing").unwrap();
    let refusal = reply(&tsa, &desk.path("odd.tsq"), "refused.tsr");
    let (code, _, stderr) = timestamp(&good, &["--answer", refusal.to_str().unwrap()]);
    assert!(code == 1 && stderr.contains("the authority refused (status 02)"), "{stderr}");
}
