//! `explain DIMM`: the verdict on one stick of memory with everything it rests on.

use super::Style;
use super::page::{Cell, Page, paint_of, sign_of};
use super::words::{self, count, moment_ago};
use anstyle::Style as Paint;
use scrubjay_model::{
    DimmFault, DimmPolicy, DimmReason, DimmRisk, DimmRule, DimmVerdict, HostView, Probability,
    Verdict, shell_word,
};

/// The page.
pub fn explain_dimm(view: &HostView, dimm: &DimmVerdict, style: &Style) -> String {
    let mut page = Page::new(*style);
    let now_ms = view.snapshot.at.wall_ms;
    let word = dimm.verdict.as_str().to_uppercase();
    // The sentence below has the rest of it.
    let advice = dimm.advice.split([',', ';']).next().unwrap_or_default();
    page.line(&[
        (&format!("{}: ", dimm.name), Paint::new()),
        (&word, paint_of(dimm.verdict)),
        (&format!(" — {advice}"), Paint::new()),
    ]);
    page.sentence(2, &dimm.sentence);
    page.blank();
    page.heading("why:");
    for reason in &dimm.reasons {
        why(&mut page, reason, now_ms);
    }
    page.blank();
    policy(&mut page, &dimm.policy, now_ms);
    page.blank();
    page.heading("open faults, by where reports say the errors were:");
    faults(&mut page, &dimm.faults, now_ms);
    if dimm.cut {
        page.warning(2, "there are more reports than were looked at: the last ones were");
    }
    page.blank();
    page.heading("how likely an uncorrected error is:");
    risk(&mut page, &dimm.risk);
    for reason in dimm.reasons.iter().filter(|reason| reason.verdict >= Verdict::Watch) {
        match reason.code {
            "dimm-uncorrected" => page.warning(
                2,
                "these figures rest on corrected errors: after an uncorrected one it is likelier",
            ),
            "dimm-channel" => page.warning(
                2,
                "these figures are for a fault of the stick, which this does not look like",
            ),
            _ => {}
        }
    }
    page.blank();
    page.heading("what this does not say:");
    page.sentence(
        2,
        "when this server fails, or that a stick is healthy. Temperature, load and age are not \
         looked at. In field studies 17 to 30 % of uncorrected errors came without any corrected one before (Sridharan 2012, Schroeder 2009)",
    );
    if !dimm.counted_at.is_empty() {
        page.field(2, "counted at", &dimm.counted_at.join(", "));
    }
    page.sentence(
        2,
        &format!(
            "\"scrubjay show {}\" has its identity, its life and its last reports",
            shell_word(&dimm.name)
        ),
    );
    page.into_text()
}

fn why(page: &mut Page, reason: &DimmReason, now_ms: i64) {
    let DimmReason { code, verdict, since_wall_ms, text, reboot_helps } = reason;
    let head = format!("{:<2} {:<8}{code}", sign_of(*verdict), verdict.as_str().to_uppercase());
    page.line(&[("  ", Paint::new()), (&head, paint_of(*verdict))]);
    page.sentence(5, text);
    if let Some(since) = since_wall_ms {
        page.field(5, "since", &moment_ago(*since, now_ms));
    }
    if *verdict >= Verdict::Watch {
        page.field(5, "a reboot", words::reboot_helps(*reboot_helps));
    }
}

/// By what it is judged, and how that stands.
fn policy(page: &mut Page, policy: &DimmPolicy, now_ms: i64) {
    let DimmPolicy { name, rules } = policy;
    page.heading(&format!("by policy {name}:"));
    if rules.is_empty() {
        page.sentence(2, "it has no rules, and says nothing of any stick");
    }
    for rule in rules {
        let DimmRule { code, then, holds, limit, reached, last_reached_wall_ms } = rule;
        let held = match (holds, limit) {
            (Some(holds), Some(limit)) => Some(format!("holds {holds} of {limit}")),
            (Some(_) | None, _) => None,
        };
        let reached = match (reached, last_reached_wall_ms) {
            (None, _) => "weighs costs: see dimm-risk".to_owned(),
            (Some(0), _) | (Some(_), None) => "not reached".to_owned(),
            (Some(times), Some(last)) => {
                let times = count(*times, "time", "times");
                format!("reached {times}, the last one {}", moment_ago(*last, now_ms))
            }
        };
        let then = (*then == "offline").then(|| "about pages, no alarm".to_owned());
        let said: Vec<String> = [held, Some(reached), then].into_iter().flatten().collect();
        page.field(2, code, &said.join("; "));
    }
}

fn faults(page: &mut Page, faults: &[DimmFault], now_ms: i64) {
    if faults.is_empty() {
        page.sentence(2, "none that reports would show");
        return;
    }
    for fault in faults {
        let DimmFault {
            shape,
            proven,
            permanent,
            errors,
            places,
            rows,
            columns,
            banks,
            first_wall_ms,
            last_wall_ms,
        } = fault;
        let proven = if *proven { "" } else { ", not proven yet" };
        let lasting = if *permanent { "permanent" } else { "transient so far" };
        page.table(2, &[vec![Cell::left(format!("{shape}{proven}")), Cell::left(lasting)]]);
        let (places, rows) = (count(*places, "place", "places"), count(*rows, "row", "rows"));
        let (columns, banks) =
            (count(*columns, "column", "columns"), count(*banks, "bank", "banks"));
        let errors = count(*errors, "error", "errors");
        page.field(5, "reported", &format!("{errors} at {places}: {rows}, {columns}, {banks}"));
        page.field(5, "first", &moment_ago(*first_wall_ms, now_ms));
        page.field(5, "last", &moment_ago(*last_wall_ms, now_ms));
    }
}

fn risk(page: &mut Page, risk: &DimmRisk) {
    let DimmRisk {
        within_7_days,
        within_horizon,
        low,
        high,
        horizon_days,
        swap_pays_from,
        validity,
    } = risk;
    let week = within_7_days.map_or("nothing is open".to_owned(), percent);
    page.field(2, "within 7 d", &week);
    page.field(
        2,
        &format!("within {horizon_days} d"),
        &format!("{}, from {} to {}", percent(*within_horizon), percent(*low), percent(*high)),
    );
    let pays = match swap_pays_from {
        Some(from) => format!("from {} on", percent(*from)),
        None => "never, by these costs".to_owned(),
    };
    page.field(2, "a swap pays", &pays);
    page.field(2, "weights", validity);
}

/// A probability with two digits that tell: `12 %`, `0.56 %`, `0.0031 %`.
pub(crate) fn percent(chance: Probability) -> String {
    let percent = chance.value() * 100.0;
    if percent <= 0.0 {
        return "0 %".to_owned();
    }
    let digits = (1.0 - percent.log10().floor()).clamp(0.0, 8.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to small numbers from zero on"
    )]
    let digits = digits as usize;
    format!("{percent:.digits$} %")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_share_has_two_digits_that_tell() {
        let of = |value| percent(Probability::new(value).unwrap());
        assert_eq!(of(0.0), "0 %");
        assert_eq!(of(0.000_031), "0.0031 %");
        assert_eq!(of(0.0056), "0.56 %");
        assert_eq!(of(0.123), "12 %");
        assert_eq!(of(1.0), "100 %");
    }

    #[test]
    fn a_failing_bank_is_explained_to_somebody_on_call() {
        let (view, dimm) = (testing::server(), testing::failing_bank());
        let plain = Style { colour: false, all: true };
        insta::assert_snapshot!(explain_dimm(&view, &dimm, &plain), @r#"
        DIMM_A1: PLAN — swap it at the window
          A swap pays.

        why:
          !  PLAN    dimm-risk
             P is above its limit
             since        2026-11-21T06:02:00Z (3 d ago)
             a reboot     does not help
          +  OK      dimm-errors
             512 corrected errors
             since        2026-11-21T06:02:00Z (3 d ago)

        by policy default:
          worth        weighs costs: see dimm-risk
          uncorrected  not reached

        open faults, by where reports say the errors were:
          bank  permanent
             reported     512 errors at 41 places: 9 rows, 29 columns, 1 bank
             first        2026-11-21T06:02:00Z (3 d ago)
             last         2026-11-24T04:02:00Z (2 h ago)
          ! there are more reports than were looked at: the last ones were

        how likely an uncorrected error is:
          within 7 d   0.50 %
          within 270 d 8.3 %, from 2.8 % to 23 %
          a swap pays  from 2.4 % on
          weights      transferred from another platform, not validated on this one

        what this does not say:
          when this server fails, or that a stick is healthy. Temperature, load and age
          are not looked at. In field studies 17 to 30 % of uncorrected errors came
          without any corrected one before (Sridharan 2012, Schroeder 2009)
          counted at   skylake-socket-0-imc-0/dimm0
          "scrubjay show DIMM_A1" has its identity, its life and its last reports
        "#);
    }
}
