//! Links of the chain. Pure.

use super::fact::Fact;
use super::value::{Object, Value};
use scrubjay_model::{Digest, LedgerHead};
use sha2::{Digest as _, Sha256};

/// A row, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) head: LedgerHead,
    pub(super) wall_ms: i64,
    pub(super) kind: &'static str,
    pub(super) line: String,
}

/// The hash of a line.
pub(crate) fn digest(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// The row of a fact after the one that is the last so far.
pub(super) fn link(last: Option<LedgerHead>, fact: &Fact) -> serde_json::Result<Link> {
    let seq = last.map_or(0, |last| last.seq).saturating_add(1);
    let prev = last.map_or(Digest::NONE, |last| last.hash);
    let Fact { at, kind, body } = fact;
    // Milliseconds: nanoseconds leave what a double holds after 104 days.
    let since_boot_ms =
        at.since_boot.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    let line = Value::Object(Object::from([
        ("body", Value::Object(body.clone())),
        ("boot", at.boot.as_str().into()),
        ("kind", kind.as_str().into()),
        ("prev", prev.to_string().into()),
        ("seq", seq.into()),
        ("since_boot_ms", since_boot_ms.into()),
        ("wall_ms", at.wall_ms.into()),
    ]))
    .canonical()?;
    let head = LedgerHead { seq, hash: digest(line.as_bytes()) };
    Ok(Link { head, wall_ms: at.wall_ms, kind: kind.as_str(), line })
}
