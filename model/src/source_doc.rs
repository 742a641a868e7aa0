//! What there is to know about a source without asking it: what `doctor` and the documentation
//! print beside its state.

use crate::SourceId;
use serde::Serialize;

/// The standing description of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SourceDoc {
    /// Which source.
    pub id: SourceId,
    /// Paths it reads, relative to the host root; `*` stands for any number or name, `{a,b}` for
    /// either.
    pub reads: &'static [&'static str],
    /// The privilege it needs, as a noun phrase; `nothing` if any user may read it.
    pub needs: &'static str,
    /// What its absence means, and how to get it, as a sentence.
    pub absence: &'static str,
    /// Where the kernel documents it.
    pub kernel_doc: &'static str,
}
