//! The kernel log in `status`: how far back it reaches, and what is remembered from it.

use super::page::Page;
use super::words::{self, count, span};
use scrubjay_model::{ForcedPatch, KernelLog, LogMark, Section};

pub(super) fn kernel_log(page: &mut Page, section: &Option<Section<KernelLog>>) {
    let text = match words::findings(section) {
        Ok(log) => reach(log),
        Err(missing) => missing,
    };
    page.field(2, "kernel log", &text);
}

fn reach(log: &KernelLog) -> String {
    let KernelLog { oldest, newest: _, records, lost, cut, forced: _ } = log;
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
