//! What is said of a fleet by its bundles: the same document that reports on one host are made of.

use super::document::{Block, Document, day, lasted, number, table, text};
use crate::PageError;
use crate::csv::{moment, write};
use crate::text::words::count;
use scrubjay_model::{
    BundleFault, BundleFaultKind, EvidenceReport, EvidenceRow, ReportedFigure, Standing,
};

/// Faults of one bundle that are printed; JSON has all.
const MOST_FAULTS: usize = 3;

/// What a fleet's bundles say.
pub fn evidence_document(report: &EvidenceReport) -> Document {
    let mut blocks = vec![
        Block::Lead(lead(report)),
        Block::Figures(figures(report)),
        Block::Heading("What is not known".to_owned()),
        Block::List(unknown(report)),
    ];
    invalid(report, &mut blocks);
    without(report, &mut blocks);
    worst(report, &mut blocks);
    outside(report, &mut blocks);
    live_patches(report, &mut blocks);
    reboots_and_memory(report, &mut blocks);
    policies(report, &mut blocks);
    let subtitle = match report.period {
        Some((from, to)) if report.same_period => {
            format!("{} to {}, both included (UTC)", day(from), day(to.saturating_sub(1)))
        }
        Some((from, to)) => format!(
            "Reports of different times between {} and {}, both included (UTC)",
            day(from),
            day(to.saturating_sub(1))
        ),
        None => "No report that holds".to_owned(),
    };
    Document {
        title: "Patch and memory report on a fleet".to_owned(),
        subtitle,
        blocks,
        footer: format!(
            "Made from {}, of which {}. Signatures, checksums, the \
             ledger's chain and the figures of each were looked at; the forms for people were not made again, \
             which \"scrubjay verify\" does.",
            count(report.bundles, "bundle", "bundles"),
            count(
                report.counted,
                "holds and is the latest of its host",
                "hold and are the latest of their hosts"
            )
        ),
        at_wall_ms: None,
        sha256: None,
    }
}

fn hosts(n: u64) -> String {
    count(n, "host", "hosts")
}

fn of(report: &EvidenceReport, standing: Standing) -> u64 {
    let found = report.standing.iter().find(|sum| sum.standing == standing);
    found.map_or(0, |sum| sum.hosts)
}

fn lead(report: &EvidenceReport) -> String {
    if report.hosts == 0 {
        return "No host is known: no bundle holds.".to_owned();
    }
    let (within, outside) = (of(report, Standing::Within), of(report, Standing::Outside));
    let mut lead =
        format!("Of {}, {within} kept the policy and {outside} did not", hosts(report.hosts));
    let no_data = of(report, Standing::NoData);
    lead.push_str(&match no_data {
        0 => ".".to_owned(),
        1 => "; of 1 it is not known.".to_owned(),
        n => format!("; of {n} it is not known."),
    });
    match report.invalid.len() {
        0 => {}
        1 => lead.push_str(" 1 bundle does not hold, and says nothing."),
        n => lead.push_str(&format!(" {n} bundles do not hold, and say nothing.")),
    }
    lead
}

fn figures(report: &EvidenceReport) -> Vec<ReportedFigure> {
    let figure = |label: &str, value: String, note: String| ReportedFigure {
        label: label.to_owned(),
        value,
        note,
    };
    let within = report.standing.iter().find(|sum| sum.standing == Standing::Within);
    let percent = within.and_then(|sum| sum.percent);
    let reboots = report.reboots;
    let only = report.rows.iter().filter(|row| row.live_patch_only > 0);
    let first = only.clone().filter_map(|row| row.live_patch_until.as_deref()).min();
    vec![
        figure(
            "Hosts within policy",
            percent.map_or_else(|| "not known".to_owned(), |percent| format!("{percent:.1} %")),
            format!(
                "{} within, {} outside, {} not known",
                of(report, Standing::Within),
                of(report, Standing::Outside),
                of(report, Standing::NoData)
            ),
        ),
        figure(
            "Protected by live patches alone",
            hosts(u64::try_from(only.count()).unwrap_or(u64::MAX)),
            first.map_or_else(
                || "until when, no report tells".to_owned(),
                |first| format!("the first until {first}, of those that tell"),
            ),
        ),
        figure(
            "Reboots",
            format!("{} done", reboots.done),
            format!(
                "{} cut off, {} avoided at most, pending at {}, not known of {}",
                reboots.unclean,
                reboots.avoided,
                hosts(reboots.pending),
                hosts(reboots.not_known)
            ),
        ),
        figure(
            "Memory modules swapped",
            report.swapped.to_string(),
            "seen in their slots".to_owned(),
        ),
    ]
}

fn unknown(report: &EvidenceReport) -> Vec<String> {
    let mut unknown = Vec::new();
    if !report.signers_checked {
        unknown.push(
            "Whose keys the bundles are signed by was not checked: anybody may have made them \
             (--allowed-signers)."
                .to_owned(),
        );
    }
    match report.invalid.len() {
        0 => {}
        1 => unknown.push("What 1 bundle says that does not hold: it is listed below.".to_owned()),
        n => unknown.push(format!("What {n} bundles say that do not hold: they are listed below.")),
    }
    if !report.without_bundle.is_empty() {
        let n = u64::try_from(report.without_bundle.len()).unwrap_or(u64::MAX);
        unknown.push(format!("Anything of {} that should be there: listed below.", hosts(n)));
    }
    if !report.not_expected.is_empty() {
        unknown.push(format!(
            "Why there are bundles of hosts that the list does not have: {}.",
            report.not_expected.join(", ")
        ));
    }
    if !report.not_looked_at.is_empty() {
        unknown.push(format!(
            "What is in files that lie beside bundles: {}.",
            report.not_looked_at.join(", ")
        ));
    }
    let not_counted = |row: &&EvidenceRow| row.uncorrected.is_none() || row.corrected.is_none();
    match report.rows.iter().filter(not_counted).count() {
        0 => {}
        n => unknown.push(format!(
            "Memory errors of {}: they could not be counted.",
            hosts(u64::try_from(n).unwrap_or(u64::MAX))
        )),
    }
    if !report.same_period {
        unknown.push(
            "How hosts compare at one moment: their reports are of different times.".to_owned(),
        );
    }
    unknown.push(
        "Fixes that were released and never installed: a host's report does not have them."
            .to_owned(),
    );
    unknown
}

fn invalid(report: &EvidenceReport, blocks: &mut Vec<Block>) {
    if report.invalid.is_empty() {
        return;
    }
    blocks.push(Block::Heading("Bundles that do not hold".to_owned()));
    let rows = report.invalid.iter().map(|bundle| {
        let told = bundle.faults.iter().take(MOST_FAULTS);
        let mut faults: Vec<String> = told.map(fault).collect();
        match bundle.faults.len().saturating_sub(MOST_FAULTS) {
            0 => {}
            more => faults.push(format!("{more} more")),
        }
        let claims = bundle.claims_host.clone().unwrap_or_else(|| "not known".to_owned());
        vec![bundle.bundle.clone(), claims, faults.join("; ")]
    });
    // None of them is left out: whoever hides a host would break its bundle.
    blocks.push(Block::Table {
        caption: "They say nothing of the hosts they name".to_owned(),
        columns: vec![text("bundle"), text("names the host"), text("what is wrong")],
        rows: rows.collect(),
        more: 0,
    });
}

/// What a part was and is are hashes, which say nothing to people.
fn fault(fault: &BundleFault) -> String {
    let BundleFault { kind, part, detail } = fault;
    match kind {
        BundleFaultKind::Changed | BundleFaultKind::Missing | BundleFaultKind::Extra => {
            format!("{part}: {}", kind.words())
        }
        BundleFaultKind::BadManifest
        | BundleFaultKind::NoSignature
        | BundleFaultKind::BadSignature
        | BundleFaultKind::WrongNamespace
        | BundleFaultKind::WrongKey
        | BundleFaultKind::KeyNotValid
        | BundleFaultKind::BrokenLedger
        | BundleFaultKind::Figures
        | BundleFaultKind::BadTimeStamp
        | BundleFaultKind::Unreadable
        | BundleFaultKind::OtherVersion
        | BundleFaultKind::SignerNotChecked => format!("{part}: {}: {detail}", kind.words()),
    }
}

fn without(report: &EvidenceReport, blocks: &mut Vec<Block>) {
    let told = report.rows.iter().filter(|row| row.standing == Standing::NoData);
    let known = told.map(|row| vec![row.host.clone(), row.because.join("; ")]);
    let missing = report
        .without_bundle
        .iter()
        .map(|host| vec![host.clone(), "there is no bundle that holds".to_owned()]);
    let rows: Vec<Vec<String>> = missing.chain(known).collect();
    if rows.is_empty() {
        return;
    }
    blocks.push(Block::Heading("Hosts without data".to_owned()));
    blocks.push(Block::Table {
        caption: "Whether they kept their policy is not known".to_owned(),
        columns: vec![text("host"), text("why")],
        rows,
        more: 0,
    });
}

fn worst(report: &EvidenceReport, blocks: &mut Vec<Block>) {
    blocks.push(Block::Heading("Worst exposures".to_owned()));
    let rows = report.worst.iter().map(|one| {
        vec![
            one.host.clone(),
            one.cve.clone(),
            one.class.to_owned(),
            lasted(Some(one.released_for_ms)),
            if one.is_open { "not in force" } else { "in force" }.to_owned(),
            one.deadline.to_owned(),
        ]
    });
    let columns = vec![
        text("host"),
        text("vulnerability"),
        text("ranked"),
        number("released for"),
        text("now"),
        text("deadline"),
    ];
    blocks.push(table(
        "Fixes that were longest not in force, the open ones first",
        columns,
        rows.collect(),
    ));
}

fn outside(report: &EvidenceReport, blocks: &mut Vec<Block>) {
    blocks.push(Block::Heading("Hosts outside their policy".to_owned()));
    let told = report.rows.iter().filter(|row| row.standing == Standing::Outside);
    let rows = told.map(|row| {
        vec![row.host.clone(), row.because.join("; "), lasted(row.longest_ms), row.policy.clone()]
    });
    let columns = vec![text("host"), text("why"), number("longest wait"), text("policy")];
    blocks.push(table(
        "Hosts with fixes overdue or too late, the most overdue first",
        columns,
        rows.collect(),
    ));
}

fn live_patches(report: &EvidenceReport, blocks: &mut Vec<Block>) {
    blocks.push(Block::Heading("Hosts that live patches alone protect".to_owned()));
    let mut told: Vec<&EvidenceRow> =
        report.rows.iter().filter(|row| row.live_patch_only > 0).collect();
    // An end that is not known may be the first.
    told.sort_by(|a, b| (&a.live_patch_until, &a.host).cmp(&(&b.live_patch_until, &b.host)));
    let rows = told.into_iter().map(|row| {
        let until = row.live_patch_until.clone().unwrap_or_else(|| "not known".to_owned());
        vec![row.host.clone(), row.live_patch_only.to_string(), until]
    });
    let columns = vec![text("host"), number("vulnerabilities"), text("supported until")];
    blocks.push(table(
        "Hosts with vulnerabilities that a boot without these patches opens again",
        columns,
        rows.collect(),
    ));
}

fn reboots_and_memory(report: &EvidenceReport, blocks: &mut Vec<Block>) {
    blocks.push(Block::Heading("Reboots and memory".to_owned()));
    let told = report.rows.iter().filter(|row| row.reboot_pending == Some(true));
    let rows = told.map(|row| vec![row.host.clone(), row.boots.to_string(), day(row.at_wall_ms)]);
    let columns = vec![text("host"), number("boots in the period"), text("as of")];
    blocks.push(table("Hosts that are to be rebooted", columns, rows.collect()));
    let told = report.rows.iter().filter(|row| row.swapped > 0 || row.uncorrected > Some(0));
    let count = |n: Option<u64>| n.map_or_else(|| "not counted".to_owned(), |n| n.to_string());
    let rows = told.map(|row| {
        vec![
            row.host.clone(),
            row.swapped.to_string(),
            count(row.uncorrected),
            count(row.corrected),
        ]
    });
    let columns = vec![text("host"), number("swapped"), number("uncorrected"), number("corrected")];
    blocks.push(table(
        "Hosts with modules swapped, or with errors that lost data",
        columns,
        rows.collect(),
    ));
}

fn policies(report: &EvidenceReport, blocks: &mut Vec<Block>) {
    blocks.push(Block::Heading("Policies".to_owned()));
    let rows = report.policies.iter().map(|policy| {
        vec![policy.name.clone(), policy.hosts.to_string(), policy.sha256.to_string()]
    });
    let columns = vec![text("policy"), number("hosts"), text("SHA-256 of its file")];
    blocks.push(table("What hosts were judged by", columns, rows.collect()));
    if !report.older.is_empty() {
        blocks.push(Block::Text(format!(
            "Not counted, as there is a later one of the same host: {}.",
            report.older.join(", ")
        )));
    }
}

/// A line each host, and each bundle that does not hold.
///
/// # Errors
/// If it cannot be written.
pub fn evidence_csv(report: &EvidenceReport) -> Result<String, PageError> {
    let of_host = |row: &EvidenceRow| {
        let count = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
        [
            row.host.clone(),
            row.standing.as_str().to_owned(),
            row.because.join("; "),
            row.bundle.clone(),
            row.signed_by.clone().unwrap_or_default(),
            moment(row.from_wall_ms),
            moment(row.to_wall_ms),
            moment(row.at_wall_ms),
            row.policy.clone(),
            row.overdue.to_string(),
            row.late.to_string(),
            count(row.longest_ms.map(|ms| ms / 1_000)),
            row.live_patch_only.to_string(),
            row.live_patch_until.clone().unwrap_or_default(),
            row.boots.to_string(),
            row.unclean.to_string(),
            row.reboots_avoided.to_string(),
            row.reboot_pending.map(|pending| pending.to_string()).unwrap_or_default(),
            row.swapped.to_string(),
            count(row.corrected),
            count(row.uncorrected),
            count(row.watched_permille),
        ]
    };
    let nothing = |host: String, why: String, bundle: String| {
        let mut cells: [String; 22] = std::array::from_fn(|_| String::new());
        let told = [host, Standing::NoData.as_str().to_owned(), why, bundle];
        for (cell, text) in cells.iter_mut().zip(told) {
            *cell = text;
        }
        cells
    };
    let missing = report.without_bundle.iter().map(|host| {
        nothing(host.clone(), "there is no bundle that holds".to_owned(), String::new())
    });
    let invalid = report.invalid.iter().map(|bundle| {
        let faults = bundle.faults.iter();
        let why: Vec<String> =
            faults.map(|fault| format!("{} {}", fault.part, fault.kind.as_str())).collect();
        // Nobody vouches for the host it names.
        nothing(String::new(), why.join("; "), bundle.bundle.clone())
    });
    write(
        [
            "host",
            "standing",
            "because",
            "bundle",
            "signed_by",
            "from",
            "to",
            "as_of",
            "policy",
            "overdue",
            "late",
            "longest_wait_seconds",
            "live_patch_only",
            "live_patches_until",
            "boots",
            "cut_off",
            "reboots_avoided",
            "reboot_pending",
            "modules_swapped",
            "corrected",
            "uncorrected",
            "watched_permille",
        ],
        report.rows.iter().map(of_host).chain(missing).chain(invalid),
    )
}
