//! Fixed lives of a host, one per way in which counters and clocks mislead.
//!
//! Each is played by the model of the kernel, and its moments are committed as
//! `fixtures/timelines/<name>/t0.tree`, `t1.tree` …, so that a person can read them and any
//! program can be run on them. A test holds the files equal to what is played here;
//! `UPDATE_FIXTURES=1 cargo test -p scrubjay-tests` writes them anew.

mod sticks;

use crate::edac_model::{ControllerSpec, Error, ErrorKind, Kernel, UNKNOWN, View};
use std::time::Duration;

/// A life as far as it is told.
#[derive(Debug, Clone)]
pub struct Timeline {
    /// The host at successive moments, each of them sampled.
    pub moments: Vec<String>,
    /// The host after the last one, with the accounts of an agent that sampled all of them.
    pub kernel: Kernel,
}

/// A timeline's name, and what plays it.
pub type Named = (&'static str, fn() -> Timeline);

/// All timelines, by name.
pub const ALL: [Named; 16] = [
    ("clock-step-back", clock_step_back),
    ("clock-step-forward", clock_step_forward),
    ("controller-renumbering", controller_renumbering),
    ("dimm-label-rewritten", dimm_label_rewritten),
    ("dimm-moved", sticks::moved),
    ("dimm-of-renumbered-controller", sticks::renumbered),
    ("dimm-swapped", sticks::swapped),
    ("dimm-tables-unreadable", sticks::unreadable),
    ("dimm-with-shared-serial", sticks::shared_serial),
    ("dimm-without-serial", sticks::without_serial),
    ("driver-reload", driver_reload),
    ("livepatch-forced", livepatch_forced),
    ("reboot", reboot),
    ("reset-and-overtake", reset_and_overtake),
    ("suspend", suspend),
    ("u32-wrap", u32_wrap),
];

/// The two slots of a controller in here.
const DIMM_A: usize = 0;
const DIMM_B: usize = 1;

/// The agent's interval.
const INTERVAL: Duration = Duration::from_secs(30);
const HOUR: Duration = Duration::from_secs(3_600);

/// Four corrected errors on one DIMM, then three after the last sample of the boot, which are
/// lost. The next boot runs another kernel and has one error on each DIMM.
fn reboot() -> Timeline {
    let mut t = Timeline::of(vec![small()]);
    t.kernel.corrected(0, DIMM_A, 4);
    t.sample_after(HOUR);
    t.kernel.corrected(0, DIMM_A, 3);
    t.kernel.wait(INTERVAL / 2);
    t.kernel
        .install_kernel("6.1.0-41-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.158-1 (2025-11-09)");
    t.kernel.reboot(Duration::from_secs(140));
    t.kernel.corrected(0, DIMM_A, 1);
    t.sample_after(INTERVAL);
    t.kernel.corrected(0, DIMM_B, 1);
    t.sample_after(INTERVAL);
    t
}

/// The driver is unloaded and loaded again, and the agent looks in between. Seven errors counted,
/// two lost with the driver, five since.
fn driver_reload() -> Timeline {
    let mut t = Timeline::of(vec![small()]);
    t.kernel.corrected(0, DIMM_A, 6);
    t.kernel.report(0, Error { kind: ErrorKind::Corrected, at: UNKNOWN, count: 1 });
    t.sample_after(HOUR);
    t.kernel.corrected(0, DIMM_A, 2);
    t.kernel.wait(INTERVAL / 3);
    t.kernel.unload_driver();
    t.sample_after(INTERVAL);
    t.kernel.load_driver();
    t.kernel.corrected(0, DIMM_A, 5);
    t.sample_after(INTERVAL);
    t
}

/// Somebody resets the counters, and before the next sample they have overtaken their old values:
/// 5, then 9 in the new life. Only the age tells. Fourteen errors, none lost.
fn reset_and_overtake() -> Timeline {
    let mut t = Timeline::of(vec![small()]);
    t.kernel.corrected(0, DIMM_A, 5);
    t.sample_after(HOUR);
    t.kernel.wait(INTERVAL / 3);
    t.kernel.reset_counters(0);
    t.kernel.corrected(0, DIMM_A, 9);
    t.sample_after(INTERVAL / 3);
    t.kernel.corrected(0, DIMM_B, 1);
    t.sample_after(INTERVAL);
    t
}

/// A stuck bit floods the log: the counter stands six below 2³², then wraps to four.
fn u32_wrap() -> Timeline {
    let mut t = Timeline::of(vec![small()]);
    let at = t.kernel.location(0, DIMM_A);
    let error = |count| Error { kind: ErrorKind::Corrected, at, count };
    t.kernel.report_times(0, error(u16::MAX), 65_536);
    t.kernel.report(0, error(65_530));
    t.sample_after(HOUR);
    t.kernel.report(0, error(10));
    t.sample_after(INTERVAL);
    t.kernel.report(0, error(1));
    t.sample_after(INTERVAL);
    t
}

/// NTP finds the clock four hours slow. Uptime and counters go on as if nothing had happened.
fn clock_step_forward() -> Timeline {
    clock_step(4 * 3_600_000)
}

/// Somebody sets the date to the day before. One minute passes, and the wall clock is behind.
fn clock_step_back() -> Timeline {
    clock_step(-24 * 3_600_000)
}

fn clock_step(by_ms: i64) -> Timeline {
    let mut t = Timeline::of(vec![small()]);
    t.kernel.corrected(0, DIMM_A, 2);
    t.sample_after(HOUR);
    t.kernel.corrected(0, DIMM_A, 1);
    t.kernel.step_wall_clock(by_ms);
    t.sample_after(2 * INTERVAL);
    t.sample_after(INTERVAL);
    t
}

/// Two controllers change their numbers with a reboot; each keeps its name. The errors are those
/// of the second throughout.
fn controller_renumbering() -> Timeline {
    let second = ControllerSpec::skx(0, 1, 2, 1);
    let mut t = Timeline::of(vec![small(), second]);
    t.kernel.corrected(1, DIMM_B, 8);
    t.sample_after(HOUR);
    t.kernel.reboot_in_order(Duration::from_secs(95), &[1, 0]);
    t.kernel.corrected(1, DIMM_B, 2);
    t.sample_after(INTERVAL);
    t.kernel.corrected(1, DIMM_B, 1);
    t.sample_after(INTERVAL);
    t
}

/// The host sleeps for nine hours. Its boot ages, its counters do not: in awake time, the moment
/// they were zeroed stays where it was.
fn suspend() -> Timeline {
    let mut t = Timeline::of(vec![small()]);
    t.kernel.corrected(0, DIMM_A, 3);
    t.sample_after(HOUR);
    t.kernel.suspend(9 * HOUR);
    t.kernel.corrected(0, DIMM_A, 1);
    t.sample_after(INTERVAL);
    t
}

/// Somebody gives the DIMMs the names printed on the board, at first the wrong way round. The
/// errors stay with the place.
fn dimm_label_rewritten() -> Timeline {
    let mut t = Timeline::of(vec![small()]);
    t.kernel.corrected(0, DIMM_A, 2);
    t.sample_after(HOUR);
    t.kernel.write_label(0, DIMM_A, "P1-DIMMB1");
    t.kernel.write_label(0, DIMM_B, "P1-DIMMA1");
    t.kernel.corrected(0, DIMM_A, 1);
    t.sample_after(INTERVAL);
    t.kernel.write_label(0, DIMM_A, "P1-DIMMA1");
    t.kernel.write_label(0, DIMM_B, "P1-DIMMB1");
    t.kernel.corrected(0, DIMM_A, 1);
    t.sample_after(INTERVAL);
    t
}

/// A live patch is forced, the log that tells of it rolls over, and at last the host reboots.
fn livepatch_forced() -> Timeline {
    let mut t = Timeline::of(vec![small()]);
    t.kernel.log("livepatch: enabling patch 'livepatch_2026_10'");
    t.kernel.log("livepatch: 'livepatch_2026_10': starting patching transition");
    t.kernel.wait(15 * Duration::from_secs(60));
    t.kernel.log("livepatch: signaling remaining tasks");
    t.kernel.log("livepatch: forcing remaining tasks to the patched state");
    t.kernel.log("livepatch: 'livepatch_2026_10': patching complete");
    t.sample_after(INTERVAL);
    t.kernel.roll_log_over();
    t.kernel.log("usb 1-1: USB disconnect, device number 2");
    t.sample_after(24 * HOUR);
    t.kernel.reboot(Duration::from_secs(140));
    t.kernel.log("usb 1-1: new high-speed USB device number 2 using xhci_hcd");
    t.sample_after(INTERVAL);
    t
}

/// One controller, two channels with one slot each.
fn small() -> ControllerSpec {
    ControllerSpec::skx(0, 0, 2, 1)
}

impl Timeline {
    fn of(machine: Vec<ControllerSpec>) -> Self {
        Self { moments: Vec::new(), kernel: Kernel::boot(machine, View::Dimms) }
    }

    fn sample_after(&mut self, time: Duration) {
        self.kernel.wait(time);
        self.moments.push(self.kernel.tree());
        self.kernel.sampled();
    }
}
