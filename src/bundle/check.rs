//! Looking at a bundle that comes from elsewhere. Nothing in it is believed before it was looked at, and
//! what was not looked at is said.

use super::allowed::{AllowedSigners, NotAllowed};
use super::files::{names, small_bytes, sum, sum_of};
use super::keys::Refused;
use super::manifest::Manifest;
use super::sshsig::SshSignature;
use super::{ANSWER, NAMESPACE, QUERY, SIGNATURE, SUMS, stamp};
use anyhow::Context as _;
use scrubjay_model::{
    BundleCheck, BundleFault, BundleFaultKind as Kind, BundleSigner, BundleTimeStamp, Digest,
    Report,
};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// Whom to believe.
#[derive(Debug)]
pub(crate) struct Trust {
    pub(crate) signers: Option<AllowedSigners>,
    pub(crate) identity: Option<String>,
    /// The moment keys are to be valid at, seconds since the Unix epoch.
    pub(crate) at_s: i64,
}

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// All of it.
    Everything,
    /// All but whether the forms for people are those of the report: nobody reads them here.
    Figures,
}

/// A bundle that was looked at, with its report if that could be read.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) check: BundleCheck,
    pub(crate) report: Option<Report>,
}

/// Looks at a bundle.
///
/// # Errors
/// If the directory cannot be read; all else is told of the bundle.
pub(crate) fn check(dir: &Path, trust: &Trust, depth: Depth) -> anyhow::Result<Opened> {
    let names = names(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let mut looked = Look { dir, check: BundleCheck::new(dir.display().to_string()) };
    let report = looked.at_all(&names, trust, depth);
    looked.check.faults.sort();
    Ok(Opened { check: looked.check, report })
}

pub(super) struct Look<'a> {
    pub(super) dir: &'a Path,
    pub(super) check: BundleCheck,
}

impl Look<'_> {
    pub(super) fn fault(&mut self, kind: Kind, part: &str, detail: impl Into<String>) {
        self.check.faults.push(BundleFault { kind, part: part.to_owned(), detail: detail.into() });
    }

    pub(super) fn holds(&mut self, what: impl Into<String>) {
        self.check.holds.push(what.into());
    }

    pub(super) fn not_checked(&mut self, what: impl Into<String>) {
        self.check.not_checked.push(what.into());
    }

    /// A small file; what cannot be read is told.
    pub(super) fn small(&mut self, name: &str) -> Option<Vec<u8>> {
        match small_bytes(&self.dir.join(name)) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.fault(Kind::Unreadable, name, error.to_string());
                None
            }
        }
    }

    fn at_all(
        &mut self,
        names: &[std::ffi::OsString],
        trust: &Trust,
        depth: Depth,
    ) -> Option<Report> {
        let Some(bytes) = self.small(SUMS) else {
            self.fault(
                Kind::BadManifest,
                SUMS,
                "it is not there, or cannot be read; without it nothing is known of what the bundle \
                 had",
            );
            self.not_checked("everything else: what belongs to the bundle is not known");
            return None;
        };
        self.signature(&bytes, trust);
        self.time_stamp(&bytes);
        let manifest = match Manifest::parse(&bytes) {
            Ok(manifest) => manifest,
            Err(what) => {
                self.fault(Kind::BadManifest, SUMS, what);
                self.not_checked("the parts: the list of them cannot be read");
                return None;
            }
        };
        let sums = self.parts(&manifest);
        self.extra(&manifest, names);
        let report = self.report(&manifest, &sums);
        if let Some((report, json)) = &report {
            self.check.host.clone_from(&report.host.name);
            self.check.simulated.clone_from(&report.host.simulated);
            self.check.period = Some(report.period);
            self.figures(report, trust.at_s);
            self.policy(report, &manifest, &sums);
            self.forms(report, json, &manifest, &sums, depth);
        }
        self.ledger(report.as_ref().map(|(report, _)| report), &manifest, &sums);
        self.not_checked(
            "whether what the host wrote down was true when it was written: a bundle shows that it was not \
             changed since",
        );
        report.map(|(report, _)| report)
    }

    fn signature(&mut self, manifest: &[u8], trust: &Trust) {
        let signature = match self.small(SIGNATURE).map(String::from_utf8) {
            None => {
                let said = self.check.faults.iter().any(|fault| fault.part == SIGNATURE);
                if !said {
                    self.fault(
                        Kind::NoSignature,
                        SIGNATURE,
                        "it is not there: anybody may have made or changed this bundle",
                    );
                }
                return;
            }
            Some(Err(_)) => {
                return self.fault(Kind::BadSignature, SIGNATURE, "it is no text");
            }
            Some(Ok(text)) => match SshSignature::parse(&text) {
                Ok(signature) => signature,
                Err(what) => {
                    let detail = format!("it is damaged: {what} is expected and not there");
                    return self.fault(Kind::BadSignature, SIGNATURE, detail);
                }
            },
        };
        let key = signature.key.clone();
        match signature.verify(manifest) {
            Ok(()) => {}
            Err(Refused::Wrong) => {
                return self.fault(
                    Kind::BadSignature,
                    SIGNATURE,
                    format!("it is not of this {SUMS}: one of the two was changed, or is of another bundle"),
                );
            }
            Err(Refused::Damaged(what)) => {
                let detail = format!("it is damaged: {what} is expected and not there");
                return self.fault(Kind::BadSignature, SIGNATURE, detail);
            }
            Err(Refused::NotKnown(what)) => {
                return self.fault(
                    Kind::BadSignature,
                    SIGNATURE,
                    format!("signatures by {what} are not known here; \"ssh-keygen -Y verify\" may know them"),
                );
            }
        }
        let mut signer = BundleSigner {
            key: key.fingerprint(),
            algorithm: key.name().to_owned(),
            identity: None,
        };
        if signature.namespace != NAMESPACE {
            let detail = format!(
                "it was made for \"{}\", and a report is signed for \"{NAMESPACE}\"",
                signature.namespace
            );
            self.fault(Kind::WrongNamespace, SIGNATURE, detail);
        } else if let Some(allowed) = &trust.signers {
            match allowed.judge(&key, NAMESPACE, trust.identity.as_deref(), trust.at_s) {
                Ok(found) => {
                    let (whose, line) = (&found.identity, found.line);
                    self.holds(format!("the signature: by a key of {whose} (line {line})"));
                    signer.identity = Some(found.identity);
                }
                Err(NotAllowed::Key(what)) => self.fault(Kind::WrongKey, SIGNATURE, what),
                Err(NotAllowed::Namespace(what)) => {
                    self.fault(Kind::WrongNamespace, SIGNATURE, what);
                }
                Err(NotAllowed::Time(what)) => self.fault(Kind::KeyNotValid, SIGNATURE, what),
            }
        } else {
            let detail = format!(
                "it holds, and is by {key}; whose key that is, nobody said: give --allowed-signers"
            );
            self.fault(Kind::SignerNotChecked, SIGNATURE, detail);
        }
        self.check.signer = Some(signer);
    }

    fn time_stamp(&mut self, manifest: &[u8]) {
        let of = sum_of(manifest);
        if let Some(query) = self.small(QUERY)
            && query != stamp::query(of)
        {
            let detail = format!("it asks about something else than this {SUMS}");
            self.fault(Kind::BadTimeStamp, QUERY, detail);
        }
        let Some(bytes) = self.small(ANSWER) else {
            self.not_checked("when it was made: there is no time stamp by an authority");
            return;
        };
        match stamp::answer(&bytes, of) {
            Ok(stamped) => {
                let at = stamped.at.to_string();
                self.not_checked(format!(
                    "the time stamp: it is of this {SUMS}, and whether it is signed, and by whom, was not looked \
                     at: openssl ts -verify -data {SUMS} -in {ANSWER} -CAfile CERTIFICATES"
                ));
                let (policy, serial) = (stamped.policy, stamped.serial);
                self.check.time_stamp = Some(BundleTimeStamp { at, policy, serial });
            }
            Err(what) => self.fault(Kind::BadTimeStamp, ANSWER, what),
        }
    }

    /// The sums of all parts that could be read.
    fn parts(&mut self, manifest: &Manifest) -> BTreeMap<String, Digest> {
        let mut sums = BTreeMap::new();
        let mut good = 0_usize;
        for (name, wanted) in &manifest.0 {
            match sum(&self.dir.join(name)) {
                Ok(found) => {
                    if found == *wanted {
                        good = good.saturating_add(1);
                    } else {
                        let detail = format!("its SHA-256 is {found}, and {SUMS} has {wanted}");
                        self.fault(Kind::Changed, name, detail);
                    }
                    sums.insert(name.clone(), found);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.fault(
                        Kind::Missing,
                        name,
                        format!("{SUMS} names it, and it is not there"),
                    );
                }
                Err(error) => self.fault(Kind::Unreadable, name, error.to_string()),
            }
        }
        if good == manifest.0.len() {
            self.holds(format!("the checksums of all {good} parts"));
        }
        sums
    }

    fn extra(&mut self, manifest: &Manifest, names: &[std::ffi::OsString]) {
        for name in names {
            let is_known = name
                .to_str()
                .is_some_and(|name| super::is_of_the_bundle(name) || manifest.0.contains_key(name));
            if !is_known {
                let detail = format!("{SUMS} does not name it: nobody signed it");
                self.fault(Kind::Extra, &name.to_string_lossy(), detail);
            }
        }
    }

    pub(super) fn is_as_listed(
        manifest: &Manifest,
        sums: &BTreeMap<String, Digest>,
        name: &str,
    ) -> bool {
        manifest.0.get(name).is_some_and(|wanted| sums.get(name) == Some(wanted))
    }
}
