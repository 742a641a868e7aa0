//! `verify`: what came of looking at a bundle.

use super::Style;
use super::page::Page;
use super::words::{count, moment};
use scrubjay_model::BundleCheck;

/// What is wrong first, then what was not looked at, then what holds.
pub fn bundle(check: &BundleCheck, style: &Style) -> String {
    let BundleCheck {
        bundle,
        host,
        simulated,
        period,
        report_sha256,
        signer,
        time_stamp,
        faults,
        holds,
        not_checked,
    } = check;
    let mut page = Page::new(*style);
    if let Some(made) = simulated {
        page.sentence(0, &made.line());
        page.blank();
    }
    if faults.is_empty() {
        page.sentence(0, &format!("{bundle}: verified: what was checked holds."));
    } else {
        let n = u64::try_from(faults.len()).unwrap_or(u64::MAX);
        page.warning(0, &format!("{bundle}: NOT VERIFIED, {}.", count(n, "fault", "faults")));
        page.blank();
        for fault in faults {
            let what = format!("{}: {}: {}", fault.part, fault.kind.words(), fault.detail);
            page.item(2, &what);
        }
    }
    page.blank();
    page.field(0, "host", host.as_deref().unwrap_or("not known"));
    if let Some(period) = period {
        let (from, to) = (moment(period.from_wall_ms), moment(period.to_wall_ms));
        let seen = moment(period.at_wall_ms);
        page.field(0, "period", &format!("{from} to {to}, as seen at {seen} (UTC)"));
    }
    match signer {
        Some(signer) => {
            let who = signer.identity.as_deref().unwrap_or("not found out whose key it is");
            page.field(0, "signed by", &format!("{who}: {} {}", signer.algorithm, signer.key));
        }
        None => page.field(0, "signed by", "nobody who is known"),
    }
    if let Some(stamp) = time_stamp {
        let says =
            format!("says {}, number {}; its signature was not looked at", stamp.at, stamp.serial);
        page.field(0, "time stamp", &says);
    }
    if let Some(sum) = report_sha256 {
        page.verbatim(0, &format!("report.json  {sum}"));
    }
    for (heading, lines) in [("Not checked", not_checked), ("Checked, and holds", holds)] {
        if lines.is_empty() {
            continue;
        }
        page.blank();
        page.heading(heading);
        for line in lines {
            page.item(2, line);
        }
    }
    page.into_text()
}
