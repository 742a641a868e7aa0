//! Lists of vulnerabilities that the administrator laid beside the host: CSV and JSON in the forms
//! in which they are published.
//!
//! CSV: CISA's catalogue of known exploited vulnerabilities, EPSS' scores, and a table of our own
//! with a column `cve` and any of `exploited`, `severity`, `epss` and `live_patch`. JSON: CISA's
//! catalogue, CVE records (the kernel's CNA), OSV and CSAF.

mod json;
mod table;

use scrubjay_model::{CveId, CveListForm, CveRank};
use std::collections::{BTreeMap, BTreeSet};

/// What one file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CveList {
    pub(crate) form: CveListForm,
    pub(crate) ranks: BTreeMap<CveId, CveRank>,
    /// Vulnerabilities by the live patch that fixes them.
    pub(crate) live_patches: BTreeMap<String, BTreeSet<CveId>>,
}

/// Most vulnerabilities kept of a file. All of EPSS would be 300,000; the kernel's are some 20,000.
const ENTRIES_LIMIT: usize = 50_000;

/// Reads a file by the ending of its name. `Err` says what was expected.
pub(crate) fn parse(name: &str, bytes: &[u8]) -> Result<CveList, &'static str> {
    let list = if name.ends_with(".json") { json::parse(bytes) } else { table::parse(bytes) }?;
    if list.ranks.len() > ENTRIES_LIMIT {
        return Err("a list of at most 50,000 vulnerabilities: cut it to those of the kernel");
    }
    Ok(list)
}

impl CveList {
    fn new(form: CveListForm) -> Self {
        Self { form, ranks: BTreeMap::new(), live_patches: BTreeMap::new() }
    }

    fn take(&mut self, cve: CveId, rank: CveRank) {
        self.ranks.entry(cve).or_default().take(rank);
    }
}

#[cfg(test)]
mod tests;
