//! What was found when a bundle was looked at: a report with its parts, checksums and signature.

use crate::{Digest, ReportPeriod, Simulated};
use serde::Serialize;

/// What can be wrong with a bundle, the worst for whoever relies on it first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BundleFaultKind {
    /// The list of checksums is not there, or none.
    BadManifest,
    /// There is no signature.
    NoSignature,
    /// The signature is damaged, or not of this list.
    BadSignature,
    /// It was made for another purpose.
    WrongNamespace,
    /// It is by a key that may not sign.
    WrongKey,
    /// It is by a key that may not sign at this time.
    KeyNotValid,
    /// A part is not what was signed.
    Changed,
    /// A part is not there.
    Missing,
    /// Something is there that is no part.
    Extra,
    /// Rows of the ledger do not make one chain, or not the one that the report names.
    BrokenLedger,
    /// Figures do not agree with each other.
    Figures,
    /// A time stamp is damaged, or of something else.
    BadTimeStamp,
    /// A part could not be read.
    Unreadable,
    /// Nobody said whose key to trust.
    SignerNotChecked,
    /// Another version made it, and what people read of it could not be held against its rows.
    OtherVersion,
}

impl BundleFaultKind {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::BadManifest,
        Self::NoSignature,
        Self::BadSignature,
        Self::WrongNamespace,
        Self::WrongKey,
        Self::KeyNotValid,
        Self::Changed,
        Self::Missing,
        Self::Extra,
        Self::BrokenLedger,
        Self::Figures,
        Self::BadTimeStamp,
        Self::Unreadable,
        Self::SignerNotChecked,
        Self::OtherVersion,
    ];

    /// A stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadManifest => "bad_manifest",
            Self::NoSignature => "no_signature",
            Self::BadSignature => "bad_signature",
            Self::WrongNamespace => "wrong_namespace",
            Self::WrongKey => "wrong_key",
            Self::KeyNotValid => "key_not_valid",
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::BrokenLedger => "broken_ledger",
            Self::Figures => "figures",
            Self::BadTimeStamp => "bad_time_stamp",
            Self::Unreadable => "unreadable",
            Self::SignerNotChecked => "signer_not_checked",
            Self::OtherVersion => "other_version",
        }
    }

    /// The same for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::BadManifest => "the list of checksums is damaged",
            Self::NoSignature => "there is no signature",
            Self::BadSignature => "the signature does not hold",
            Self::WrongNamespace => "the signature is for another purpose",
            Self::WrongKey => "the signature is by a key that may not sign",
            Self::KeyNotValid => "the signature is by a key that is not valid at this time",
            Self::Changed => "a part was changed",
            Self::Missing => "a part is missing",
            Self::Extra => "something is there that is no part",
            Self::BrokenLedger => "the ledger's chain is broken",
            Self::Figures => "figures do not agree",
            Self::BadTimeStamp => "the time stamp does not fit",
            Self::Unreadable => "a part cannot be read",
            Self::SignerNotChecked => "who signed was not checked",
            Self::OtherVersion => "another version made it",
        }
    }
}

/// Something that is wrong with a bundle.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct BundleFault {
    /// What.
    pub kind: BundleFaultKind,
    /// Which file of it.
    pub part: String,
    /// What was found.
    pub detail: String,
}

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BundleSigner {
    /// The fingerprint of the key.
    pub key: String,
    /// The kind of key.
    pub algorithm: String,
    /// Whose key it is by the file of allowed signers; `None` where that was not found out.
    pub identity: Option<String>,
}

/// A time stamp by an authority, whose signature was not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BundleTimeStamp {
    /// When the authority saw the list of checksums, by its own word; RFC 3339.
    pub at: String,
    /// By which policy of it.
    pub policy: String,
    /// Its number.
    pub serial: String,
}

/// A bundle that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BundleCheck {
    /// Where it lies.
    pub bundle: String,
    /// Which host it says it is of.
    pub host: Option<String>,
    /// What made that host, if it is no real machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simulated: Option<Simulated>,
    /// Of which time.
    pub period: Option<ReportPeriod>,
    /// SHA-256 of its JSON.
    pub report_sha256: Option<Digest>,
    /// Who signed it.
    pub signer: Option<BundleSigner>,
    /// Until when it was made, by an authority.
    pub time_stamp: Option<BundleTimeStamp>,
    /// What is wrong, the worst first.
    pub faults: Vec<BundleFault>,
    /// What was looked at and is as it should be.
    pub holds: Vec<String>,
    /// What was not looked at, and why.
    pub not_checked: Vec<String>,
}

impl BundleCheck {
    /// One of which nothing is known yet.
    pub fn new(bundle: String) -> Self {
        Self {
            bundle,
            host: None,
            simulated: None,
            period: None,
            report_sha256: None,
            signer: None,
            time_stamp: None,
            faults: Vec::new(),
            holds: Vec::new(),
            not_checked: Vec::new(),
        }
    }

    /// Whether nothing is wrong with it.
    pub fn is_good(&self) -> bool {
        self.faults.is_empty()
    }

    /// The worst that is wrong.
    pub fn worst(&self) -> Option<BundleFaultKind> {
        self.faults.iter().map(|fault| fault.kind).min()
    }
}
