//! The kernel log in `status`: how far back it reaches, and what is remembered from it.

use super::page::Page;
use super::words::{self, count, span};
use scrubjay_model::{ForcedPatch, KernelLog, LogCounts, LogMark, Section};

pub(super) fn kernel_log(page: &mut Page, section: &Option<Section<KernelLog>>) {
    match words::findings(section) {
        Ok(log) => {
            page.field(2, "kernel log", &reach(log));
            let told = told(log);
            if !told.is_empty() {
                page.more(2, &told.join(", "));
            }
            for line in &log.ecc_disabled {
                page.more(2, line);
            }
        }
        Err(missing) => page.field(2, "kernel log", &missing),
    }
}

/// What is in it, as far as it is anything.
fn told(log: &KernelLog) -> Vec<String> {
    let LogCounts {
        edac_corrected,
        edac_uncorrected,
        firmware,
        memory_failures,
        soft_offlines,
        machine_checks,
        not_understood,
    } = log.told;
    let counts = [
        (edac_corrected, "corrected error by EDAC", "corrected errors by EDAC"),
        (edac_uncorrected, "uncorrected error by EDAC", "uncorrected errors by EDAC"),
        (firmware, "firmware record", "firmware records"),
        (memory_failures, "page failure", "page failures"),
        (soft_offlines, "soft offline", "soft offlines"),
        (machine_checks, "machine check", "machine checks"),
        (log.cmci_storms, "storm of machine checks", "storms of machine checks"),
        (not_understood, "line not understood", "lines not understood"),
    ];
    counts.into_iter().filter(|(n, ..)| *n > 0).map(|(n, one, many)| count(n, one, many)).collect()
}

fn reach(log: &KernelLog) -> String {
    let KernelLog {
        oldest,
        newest: _,
        records,
        lost,
        cut,
        // Told beside the live patches.
        forced: _,
        transition: _,
        transition_ended: _,
        ecc_disabled: _,
        // Told by the rules on what can be seen.
        cec_initialized: _,
        cmci_storms: _,
        told: _,
    } = log;
    let mut parts = vec![count(*records, "record", "records")];
    match oldest {
        None => return "empty".to_owned(),
        Some(LogMark { sequence: Some(0), .. }) => parts.push("from boot on".to_owned()),
        Some(LogMark { awake: Some(awake), .. }) => {
            parts.push(format!("the oldest from {} after boot", span(*awake)));
        }
        Some(LogMark { awake: None, .. }) => parts.push("since when is not known".to_owned()),
    }
    if *lost > 0 {
        parts.push(format!("{lost} lost"));
    }
    if *cut {
        parts.push("not read to its end".to_owned());
    }
    parts.join(", ")
}

/// Live patches forced in this boot, each on a line under the live patches.
pub(super) fn forced_patches(page: &mut Page, forced: &[ForcedPatch]) {
    for ForcedPatch { awake, patch } in forced {
        let patch = patch.as_deref().unwrap_or("a patch that the log no longer names");
        page.more(2, &format!("{patch}: forced {} after boot", span(*awake)));
    }
}
