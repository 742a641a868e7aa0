//! What a bundle says, held against itself: figures against rows, forms against the report, the ledger's
//! rows against each other and against those that the report names.

use super::chain::{self, Broken};
use super::check::{Depth, Look};
use super::files::{all, open, sum_of};
use super::forms::forms;
use super::manifest::Manifest;
use super::{LEDGER, POLICY, REPORT, SUMS};
use crate::deadlines;
use scrubjay_model::{BundleFaultKind as Kind, Digest, LedgerHead, Report, count, disagreements};
use std::collections::BTreeMap;
use std::io::{self, BufReader};
use std::path::Path;

/// Most bytes of a report as JSON. One of ten years has some.
const MOST_REPORT: u64 = 32 << 20;

/// Version of the layout of reports that is known here.
const SCHEMA_VERSION: u64 = 1;

/// Our version: others may have other words for the same figures.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Clocks of hosts may be that far ahead.
const SLACK_S: i64 = 86_400;

impl Look<'_> {
    /// The report and its JSON, if it is the one that is listed.
    pub(super) fn report(
        &mut self,
        manifest: &Manifest,
        sums: &BTreeMap<String, Digest>,
    ) -> Option<(Report, String)> {
        if !manifest.0.contains_key(REPORT) {
            self.fault(
                Kind::Missing,
                REPORT,
                format!("{SUMS} does not name it: this is no report"),
            );
            return None;
        }
        if !Self::is_as_listed(manifest, sums, REPORT) {
            self.not_checked(format!("the figures: {REPORT} is not the one that is listed"));
            return None;
        }
        let text = all(&self.dir.join(REPORT), MOST_REPORT).and_then(|bytes| {
            // Somebody may have put another one there meanwhile.
            if manifest.0.get(REPORT) != Some(&sum_of(&bytes)) {
                return Err(io::Error::other("it changes while it is looked at"));
            }
            String::from_utf8(bytes).map_err(|_| io::Error::other("it is no text"))
        });
        let text = match text {
            Ok(text) => text,
            Err(error) => {
                self.fault(Kind::Unreadable, REPORT, error.to_string());
                return None;
            }
        };
        self.check.report_sha256 = sums.get(REPORT).copied();
        match serde_json::from_str::<Report>(&text) {
            Ok(report) if u64::from(report.schema_version) == SCHEMA_VERSION => {
                Some((report, text))
            }
            Ok(_) | Err(_) if !has_our_version(&text) => {
                self.fault(
                    Kind::Unreadable,
                    REPORT,
                    format!("it is no report of version {SCHEMA_VERSION}, which is known here"),
                );
                self.not_checked("the figures: the report cannot be read by this version");
                None
            }
            Ok(_) => None,
            Err(error) => {
                self.fault(Kind::Figures, REPORT, format!("it is no report: {error}"));
                None
            }
        }
    }

    /// `at_s` is the moment at which it is looked at, seconds since the Unix epoch.
    pub(super) fn figures(&mut self, report: &Report, at_s: i64) {
        let found = disagreements(report);
        let is_ours = report.tool_version == VERSION;
        self.not_checked(
            "numbers that come from the history, which is not in the bundle: errors of modules and months, time up, \
             down and watched, boots of which only the wall clock tells",
        );
        if report.period.at_wall_ms.div_euclid(1_000) > at_s.saturating_add(SLACK_S) {
            let detail = "it is of a moment that has not come".to_owned();
            self.fault(Kind::Figures, REPORT, detail);
        }
        if found.is_empty() {
            self.holds(
                "the figures: deadlines, classes, lengths and the first page follow from the report's own rows",
            );
        } else if is_ours {
            for one in found {
                self.fault(Kind::Figures, REPORT, format!("{}: {}", one.figure, one.detail));
            }
        } else {
            // Another version may have other words; the numbers are the same in all.
            for one in found {
                if one.figure.starts_with("summary.") {
                    let detail = format!(
                        "{}: scrubjay {} says to have made it, and {VERSION} has other words for it",
                        one.figure, report.tool_version
                    );
                    self.fault(Kind::OtherVersion, REPORT, detail);
                } else {
                    self.fault(Kind::Figures, REPORT, format!("{}: {}", one.figure, one.detail));
                }
            }
        }
    }

    pub(super) fn policy(
        &mut self,
        report: &Report,
        manifest: &Manifest,
        sums: &BTreeMap<String, Digest>,
    ) {
        if !manifest.0.contains_key(POLICY) {
            return self.not_checked(format!("the policy: there is no {POLICY}"));
        }
        let Some(found) = sums.get(POLICY).filter(|_| Self::is_as_listed(manifest, sums, POLICY))
        else {
            return;
        };
        if *found != report.policy_sha256 {
            let detail = format!("{REPORT} judges by the policy {}", report.policy_sha256);
            return self.fault(Kind::Figures, POLICY, detail);
        }
        let Some(bytes) = self.small(POLICY) else { return };
        match deadlines::from_text(Path::new(POLICY), &String::from_utf8_lossy(&bytes)) {
            Ok(policy) if policy == report.policy => {
                self.holds(format!("the policy: {REPORT} judges by {POLICY}"));
            }
            Ok(_) => {
                self.fault(
                    Kind::Figures,
                    POLICY,
                    format!("{REPORT} has other limits or exceptions"),
                );
            }
            Err(error) => self.fault(Kind::Figures, POLICY, format!("{error:#}")),
        }
    }

    /// The forms for people and spreadsheets, made again.
    pub(super) fn forms(
        &mut self,
        report: &Report,
        json: &str,
        manifest: &Manifest,
        sums: &BTreeMap<String, Digest>,
        depth: Depth,
    ) {
        let others = |name: &&String| ![REPORT, POLICY, LEDGER].contains(&name.as_str());
        let mut left: Vec<&String> = manifest.0.keys().filter(others).collect();
        if depth == Depth::Figures {
            if !left.is_empty() {
                self.not_checked(format!("whether the other forms show what {REPORT} says"));
            }
            return;
        }
        if self.check.faults.iter().any(|fault| fault.kind == Kind::Figures) {
            return self
                .not_checked("the other forms: the figures they would be made of do not agree");
        }
        let is_ours = report.tool_version == VERSION;
        let again = scrubjay_exporters::report::json(report);
        let is_same = again.as_deref().is_ok_and(|again| again == json);
        // Numbers that no host has may be more than a chart can take.
        let made = std::panic::catch_unwind(|| forms(report, json));
        let Ok(Ok(made)) = made else {
            return self.fault(Kind::Figures, REPORT, "no other form can be made of it");
        };
        let mut good = Vec::new();
        if is_same {
            good.push(REPORT.to_owned());
        } else if is_ours {
            self.fault(
                Kind::Figures,
                REPORT,
                "it is not written as scrubjay writes the same report",
            );
        }
        for (name, content) in made {
            left.retain(|other| *other != name);
            let Some(found) = sums.get(name) else {
                if !manifest.0.contains_key(name) {
                    self.not_checked(format!("{name}: it is not part of the bundle"));
                }
                continue;
            };
            // One that was changed is told of already.
            if !Self::is_as_listed(manifest, sums, name) {
                continue;
            }
            if *found == sum_of(&content) {
                good.push(name.to_owned());
            } else if is_ours {
                self.fault(Kind::Figures, name, format!("it shows something else than {REPORT}"));
            } else {
                let detail = format!(
                    "whether it shows what {REPORT} says is not known: scrubjay {} says to have made it, and this \
                     is {VERSION}",
                    report.tool_version
                );
                self.fault(Kind::OtherVersion, name, detail);
            }
        }
        if !good.is_empty() {
            self.holds(format!("made again, and the same to the byte: {}", good.join(", ")));
        }
        for name in left {
            self.not_checked(format!("what {name} says: only its checksum was"));
        }
    }

    pub(super) fn ledger(
        &mut self,
        report: Option<&Report>,
        manifest: &Manifest,
        sums: &BTreeMap<String, Digest>,
    ) {
        if let Some(fault) = report.and_then(|report| report.ledger.fault.as_ref()) {
            let detail = format!("{REPORT} says that the host's was not intact: {fault}");
            self.fault(Kind::BrokenLedger, LEDGER, detail);
        }
        if !manifest.0.contains_key(LEDGER) {
            return self.not_checked(format!("the ledger: there is no {LEDGER} in the bundle"));
        }
        if !sums.contains_key(LEDGER) {
            return;
        }
        let rows = open(&self.dir.join(LEDGER)).map_err(Broken::Read);
        let chain = rows.and_then(|rows| chain::look(BufReader::with_capacity(1 << 16, rows)));
        let chain = match chain {
            Ok(chain) => chain,
            Err(Broken::Read(error)) => {
                return self.fault(Kind::Unreadable, LEDGER, error.to_string());
            }
            Err(Broken::At(what)) => return self.fault(Kind::BrokenLedger, LEDGER, what),
        };
        let Some(report) = report else {
            return self.not_checked("whether the ledger's rows are those that the report names");
        };
        let told = &report.ledger;
        let name = |head: Option<LedgerHead>| {
            head.map_or_else(|| "none".to_owned(), |head| format!("row {head}"))
        };
        for (which, wanted, found) in
            [("first", told.first, chain.first), ("last", told.last, chain.last)]
        {
            if wanted != found {
                let (wanted, found) = (name(wanted), name(found));
                let detail = format!("the {which} row is {found}, and {REPORT} names {wanted}");
                return self.fault(Kind::BrokenLedger, LEDGER, detail);
            }
        }
        match (chain.first, chain.last) {
            (Some(first), Some(last)) => {
                self.holds(format!(
                    "the ledger: {} in one chain, from row {} to row {}, with the hashes that {REPORT} has",
                    count(chain.rows, "row", "rows"),
                    first.seq,
                    last.seq
                ));
                self.not_checked(format!(
                    "the ledger before row {} and after row {}, and whether others hold the same hash of row {}: the \
                     journal and the metrics of the time have copies",
                    first.seq, last.seq, last.seq
                ));
            }
            (None, _) | (_, None) => {
                self.not_checked("the ledger: the report names no row of it");
            }
        }
    }
}

/// Whether a text is JSON that says it is of the version that is known here, or says nothing of one.
fn has_our_version(text: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Version {
        schema_version: u64,
    }
    serde_json::from_str::<Version>(text).map_or(true, |told| told.schema_version == SCHEMA_VERSION)
}
