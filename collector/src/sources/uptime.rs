//! Boot identity and the kernel's clocks: `/proc/sys/kernel/random/boot_id`, `/proc/uptime`,
//! `btime` of `/proc/stat`.
//!
//! Kernel documentation: Documentation/filesystems/proc.rst. Always there; if not, the root is
//! no host.

use crate::proc_text;
use crate::reader::{Reader, malformed};
use scrubjay_model::{BootId, Origin, Reading, SourceDoc, SourceId, Stamp, Uptime};
use std::time::Duration;

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::Uptime,
    reads: &["proc/sys/kernel/random/boot_id", "proc/uptime", "proc/stat"],
    needs: "nothing",
    absence: "the root has no /proc: mount the host's, or give its parent directory with --root",
    kernel_doc: "Documentation/filesystems/proc.rst",
};

const UPTIME: &str = "proc/uptime";
const STAT: &str = "proc/stat";

/// Also used by the collector, whose every pass is stamped with it.
pub(crate) fn boot_id(reader: &Reader<'_>) -> Reading<BootId> {
    reader.parse("proc/sys/kernel/random/boot_id", "a boot id", BootId::parse)
}

pub(crate) fn read(reader: &Reader<'_>, at: &Stamp) -> Reading<Uptime> {
    let boot_id = boot_id(reader);
    let since_boot = since_boot(reader);
    let boot_time_s = boot_time(reader);
    if boot_id.is_absent() && since_boot.is_absent() && boot_time_s.is_absent() {
        return Reading::Absent(Origin::new(UPTIME));
    }
    let slept = at.slept().map_or_else(
        || Reading::Absent(Origin::new("clock_gettime(CLOCK_BOOTTIME, CLOCK_MONOTONIC)")),
        Reading::Value,
    );
    Reading::Value(Uptime { boot_id, since_boot, boot_time_s, slept })
}

fn since_boot(reader: &Reader<'_>) -> Reading<Duration> {
    let parsed = reader.statistics(UPTIME).into_result().and_then(|bytes| {
        proc_text::uptime(&bytes).ok_or_else(|| malformed(UPTIME, "two numbers of seconds", &bytes))
    });
    reader.noted(parsed)
}

fn boot_time(reader: &Reader<'_>) -> Reading<i64> {
    let parsed = reader.statistics(STAT).into_result().and_then(|bytes| {
        let line = proc_text::line(&bytes, "btime ");
        line.and_then(proc_text::epoch_seconds)
            .ok_or_else(|| malformed(STAT, "a btime line", line.unwrap_or_default()))
    });
    reader.noted(parsed)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::sources::check::{self, found, is_absent, partly_found};
    use scrubjay_model::{Outcome, ReadFault};

    pub(crate) const HEALTHY: &str = "\
//- .scrubjay/facts
realtime_ms 1795430000000
boottime_ns 372000000000
monotonic_ns 362000000000
//- proc/sys/kernel/random/boot_id
5a6b7c8d-1234-4678-9abc-def012345678
//- proc/uptime
371.95 700.08
//- proc/stat
cpu  1 2 3 4 5 6 7 8 9 0
intr 100 0 0 1
ctxt 5
btime 1795429628
processes 9
";

    #[test]
    fn the_boot_and_its_clocks_are_read() {
        let found = found(HEALTHY, read);
        let boot = found.boot_id.into_result().unwrap();
        assert_eq!(boot.as_str(), "5a6b7c8d-1234-4678-9abc-def012345678");
        assert_eq!(found.since_boot, Reading::Value(Duration::from_millis(371_950)));
        assert_eq!(found.boot_time_s, Reading::Value(1_795_429_628));
        assert_eq!(found.slept, Reading::Value(Duration::from_secs(10)));
    }

    #[test]
    fn a_root_without_proc_is_absent() {
        assert!(is_absent("", read));
        assert!(is_absent("//- dir proc\n", read));
    }

    #[test]
    fn a_tree_without_clocks_does_not_borrow_those_of_the_reader() {
        let text = HEALTHY.replace("monotonic_ns", "ignored_ns");
        assert!(found(&text, read).slept.is_absent());
    }

    #[test]
    fn another_boot_has_another_id() {
        let id = |text: &str| found(text, read).boot_id.into_result().unwrap();
        assert_ne!(id(HEALTHY), id(&HEALTHY.replace("5a6b7c8d", "00000000")));
    }

    #[test]
    fn one_of_them_may_fail_without_the_others() {
        for (from, to) in [
            ("//- proc/uptime\n371.95 700.08\n", "//- errno=EACCES proc/uptime\n"),
            ("//- proc/uptime\n371.95 700.08\n", "//- dir proc/uptime\n"),
            ("371.95 700.08", "three days"),
            ("5a6b7c8d-", "5A6B7C8D-"),
            ("btime 1795429628\n", ""),
            ("btime 1795429628\n", "btime soon\n"),
            ("btime 1795429628\n", "btime -1\n"),
            ("btime 1795429628\n", "btime 9223372036854775808\n"),
        ] {
            let (found, faults) = partly_found(&HEALTHY.replace(from, to), read);
            let outcomes = [
                found.boot_id.outcome(),
                found.since_boot.outcome(),
                found.boot_time_s.outcome(),
                found.slept.outcome(),
            ];
            let well = outcomes.iter().filter(|outcome| **outcome == Outcome::Ok).count();
            assert_eq!((well, faults.len()), (3, 1), "{to}: {faults:?}");
        }
    }

    #[test]
    fn a_missing_btime_is_no_boot_at_the_epoch() {
        let (found, _) = partly_found(&HEALTHY.replace("btime 1795429628\n", ""), read);
        assert_eq!(found.boot_time_s, malformed(STAT, "a btime line", b"").into());
        let (found, _) = partly_found(&HEALTHY.replace("//- proc/stat", "//- proc/other"), read);
        assert!(found.boot_time_s.is_absent());
    }

    #[test]
    fn other_lines_of_stat_may_be_anything() {
        let text = HEALTHY.replace("intr 100 0 0 1", "intr btime 5 \u{fffd}\n\nx");
        assert_eq!(found(&text, read).boot_time_s, Reading::Value(1_795_429_628));
        let long = HEALTHY.replace("intr 100", &format!("intr{}", " 0".repeat(100_000)));
        assert_eq!(found(&long, read).boot_time_s, Reading::Value(1_795_429_628));
    }

    #[test]
    fn what_may_not_be_read_is_denied() {
        let text = HEALTHY.replace(
            "//- proc/sys/kernel/random/boot_id\n5a6b7c8d-1234-4678-9abc-def012345678",
            "//- errno=EACCES proc/sys/kernel/random/boot_id",
        );
        let origin = Origin::new("proc/sys/kernel/random/boot_id");
        let denied = Reading::Unreadable(origin, ReadFault::Denied);
        assert_eq!(partly_found(&text, read).0.boot_id, denied);
    }

    #[test]
    fn the_laws_hold() {
        check::keeps_the_laws(HEALTHY, read, |_, _| false);
    }
}
