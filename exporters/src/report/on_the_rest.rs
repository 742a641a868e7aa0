//! What a report says of boots, memory, alerts, and of how it knows.

use super::document::{Block, day, number, table, text};
use crate::text::words::moment;
use scrubjay_model::{BootEnd, ExceptionScope, Report, span};
use std::time::Duration;

pub(super) fn boots(report: &Report, blocks: &mut Vec<Block>) {
    blocks.push(Block::Heading("Boots and availability".to_owned()));
    let up = &report.availability;
    let ms = |ms| span(Duration::from_millis(ms));
    blocks.push(Block::Text(format!(
        "Known to have been up for {}, known to have been down for {}; of {} it is not known.",
        ms(up.up_ms),
        ms(up.down_ms),
        ms(up.unknown_ms)
    )));
    let rows = report.boots.iter().map(|boot| {
        let end = match boot.end {
            BootEnd::Running => "running",
            BootEnd::Clean => "in order",
            BootEnd::Unclean => "cut off",
            BootEnd::Unknown => "not known",
        };
        vec![
            boot.booted_wall_ms.map_or_else(|| "not known".to_owned(), moment),
            boot.ended_wall_ms.map_or_else(|| "not known".to_owned(), moment),
            boot.ran.map_or_else(|| "not known".to_owned(), span),
            boot.kernel_release.clone().unwrap_or_else(|| "not known".to_owned()),
            end.to_owned(),
            boot.evidence.clone(),
        ]
    });
    blocks.push(table(
        "Boots that meet the period",
        vec![
            text("began"),
            text("last seen"),
            number("ran"),
            text("kernel"),
            text("ended"),
            text("by"),
        ],
        rows.collect(),
    ));
}

pub(super) fn alerts(report: &Report, blocks: &mut Vec<Block>) {
    blocks.push(Block::Heading("Alerts".to_owned()));
    if report.open_alerts.is_empty() {
        blocks.push(Block::Text("No alert was open at the moment of the report.".to_owned()));
    } else {
        let rows = report.open_alerts.iter().map(|alert| {
            let held = if alert.held { " (cannot be looked at)" } else { "" };
            vec![
                alert.alert.clone(),
                format!("{}{held}", alert.verdict.as_str()),
                moment(alert.since_wall_ms),
                alert.detail.clone(),
            ]
        });
        blocks.push(table(
            "Alerts that were open at the moment of the report",
            vec![text("alert"), text("how bad"), text("since"), text("detail")],
            rows.collect(),
        ));
    }
    if report.alerts.is_empty() {
        blocks.push(Block::Text("No alert changed in the period.".to_owned()));
    } else {
        let rows = report.alerts.iter().map(|turn| {
            vec![
                moment(turn.at_wall_ms),
                turn.key.to_string(),
                turn.what.as_str().to_owned(),
                turn.verdict.as_str().to_owned(),
                turn.detail.clone(),
            ]
        });
        blocks.push(table(
            "What became of alerts",
            vec![text("when"), text("alert"), text("what"), text("how bad"), text("detail")],
            rows.collect(),
        ));
    }
    if !report.acknowledgements.is_empty() {
        let rows = report.acknowledgements.iter().map(|ack| {
            vec![
                ack.alert.clone(),
                ack.by.clone(),
                ack.reason.clone(),
                moment(ack.given_wall_ms),
                moment(ack.until_wall_ms),
                ack.ended.as_ref().map_or_else(
                    || "holds".to_owned(),
                    |(how, at)| format!("{how}, {}", moment(*at)),
                ),
            ]
        });
        blocks.push(table(
            "What was acknowledged",
            vec![
                text("alert"),
                text("by"),
                text("because"),
                text("from"),
                text("until"),
                text("ended"),
            ],
            rows.collect(),
        ));
    }
}

pub(super) fn months(report: &Report, blocks: &mut Vec<Block>) {
    blocks.push(Block::Heading("Month by month".to_owned()));
    let cell = |n: Option<u64>| n.map_or_else(|| "–".to_owned(), |n| n.to_string());
    let rows = report.months.iter().map(|month| {
        let ms = |ms| span(Duration::from_millis(ms));
        vec![
            day(month.from_wall_ms).chars().take(7).collect(),
            ms(month.watched_ms),
            ms(month.not_watched_ms),
            cell(month.owed),
            cell(month.corrected),
            cell(month.uncorrected),
            cell(month.boots),
            cell(month.unclean),
        ]
    });
    blocks.push(Block::Table {
        caption: "A dash is for what nobody looked at".to_owned(),
        columns: vec![
            text("month"),
            number("watched"),
            number("not watched"),
            number("fixes waiting at its end"),
            number("corrected"),
            number("uncorrected"),
            number("boots"),
            number("cut off"),
        ],
        rows: rows.collect(),
        more: 0,
    });
}

pub(super) fn coverage(report: &Report, blocks: &mut Vec<Block>) {
    let coverage = &report.coverage;
    blocks.push(Block::Heading("When nobody was looking".to_owned()));
    if coverage.not_watched_ms == 0 {
        blocks.push(Block::Text("The whole period was watched.".to_owned()));
        return;
    }
    if coverage.gaps.is_empty() {
        blocks.push(Block::Text(format!(
            "For {} of the period nobody was; which times those were is no longer kept one by one.",
            span(Duration::from_millis(coverage.not_watched_ms))
        )));
        return;
    }
    let rows = coverage.gaps.iter().map(|gap| {
        let ms = u64::try_from(gap.to_wall_ms - gap.from_wall_ms).unwrap_or(0);
        vec![moment(gap.from_wall_ms), moment(gap.to_wall_ms), span(Duration::from_millis(ms))]
    });
    blocks.push(table(
        "The longest gaps",
        vec![text("from"), text("to"), number("length")],
        rows.collect(),
    ));
    if coverage.more_gaps > 0 {
        blocks.push(Block::Text(format!("{} shorter gaps are not listed.", coverage.more_gaps)));
    }
}

pub(super) fn sources(report: &Report, blocks: &mut Vec<Block>) {
    blocks.push(Block::Heading("What was read".to_owned()));
    let bad = report.sources.iter().filter(|source| source.state != "ok");
    let rows: Vec<Vec<String>> = bad
        .map(|source| {
            vec![
                source.source.clone(),
                source.state.clone(),
                moment(source.since_wall_ms),
                source.reason.clone().unwrap_or_default(),
            ]
        })
        .collect();
    blocks.push(Block::Text(format!(
        "{} of {} sources of this host had been read without fault when they were last told of before the moment \
         of the report. A source that is absent is one that the kernel does not offer.",
        report.sources.len() - rows.len(),
        report.sources.len(),
    )));
    if !rows.is_empty() {
        blocks.push(table(
            "The others",
            vec![text("source"), text("state"), text("since"), text("why")],
            rows,
        ));
    }
}

pub(super) fn policy(report: &Report, blocks: &mut Vec<Block>) {
    let policy = &report.policy;
    blocks.push(Block::Heading(format!("The policy \"{}\"", policy.name)));
    blocks.push(Block::Text(format!(
        "{} Ranking: {} Days count from the {} of a fix; a live patch in force {}. SHA-256 of its file: {}.",
        policy.source,
        policy.ranking,
        policy.counts_from.as_str(),
        if policy.live_patch_counts { "meets a deadline" } else { "does not meet a deadline, only a boot does" },
        report.policy_sha256
    )));
    if !report.lists.is_empty() {
        let mut lists = vec!["The lists that rank, as they are today:".to_owned()];
        lists.extend(report.lists.iter().cloned());
        blocks.push(Block::List(lists));
    }
    let limits = policy.days.iter();
    let rows = limits.map(|(class, days)| vec![class.as_str().to_owned(), format!("{days} d")]);
    blocks.push(table("Limits", vec![text("class"), number("within")], rows.collect()));
    if !policy.caveats.is_empty() {
        blocks.push(Block::List(policy.caveats.clone()));
    }
    if policy.exceptions.is_empty() {
        blocks.push(Block::Text("It has no exceptions.".to_owned()));
        return;
    }
    let rows = policy.exceptions.iter().map(|exception| {
        let scope = match &exception.scope {
            ExceptionScope::All => "all".to_owned(),
            ExceptionScope::Cves(cves) => {
                cves.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            }
            ExceptionScope::Classes(classes) => {
                classes.iter().map(|class| class.as_str()).collect::<Vec<_>>().join(", ")
            }
        };
        vec![
            exception.id.clone(),
            scope,
            exception.reason.clone(),
            exception.compensating_control.clone(),
            exception.approver.clone(),
            day(exception.granted_wall_ms),
            day(exception.expires_wall_ms),
        ]
    });
    blocks.push(table(
        "Exceptions",
        vec![
            text("id"),
            text("for"),
            text("because"),
            text("done instead"),
            text("allowed by"),
            text("from"),
            text("until"),
        ],
        rows.collect(),
    ));
}

pub(super) fn ledger(report: &Report, blocks: &mut Vec<Block>) {
    blocks.push(Block::Heading("The ledger".to_owned()));
    let range = &report.ledger;
    blocks.push(Block::Text(match (range.first, range.last) {
        (Some(first), Some(last)) => format!(
            "The rows {} to {} of the ledger of the host were written from the beginning of the period until the \
             moment of the report. Each names the hash of the one before. Whoever holds a copy of one of these \
             hashes can check all rows up to it by \"scrubjay ledger verify --expect SEQ:HASH\".",
            first.seq, last.seq
        ),
        _ => "No row of the ledger was written in this time.".to_owned(),
    }));
    blocks.push(Block::Text(match (&range.fault, range.last) {
        (Some(fault), _) => format!("It is not what was written: {fault}."),
        (None, Some(_)) => {
            "Up to there every row is what its hash was made of, and follows from the one \
                            before."
                .to_owned()
        }
        (None, None) => "So nothing of it speaks for this report.".to_owned(),
    }));
    let rows = [("first row", range.first), ("last row", range.last)];
    let rows =
        rows.iter().filter_map(|(what, head)| Some(vec![(*what).to_owned(), (*head)?.to_string()]));
    blocks.push(table("Its ends", vec![text("which"), text("SEQ:HASH")], rows.collect()));
}
