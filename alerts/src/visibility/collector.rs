//! The kernel's corrected-errors collector (RAS_CEC), which takes corrected errors for itself.
//!
//! It is a part of x86 kernels and shows itself in debugfs only. Where that is not mounted, or not
//! ours to read, the kernel's log or its configuration tells whether there can be one.

use super::guest::guest;
use super::{CORRECTABLE, Gap, Hides, all_ghes};
use scrubjay_model::{Edac, KernelLog, NonValue, Platform, Reading};

const CEC: &str = "sys/kernel/debug/ras/cec";

/// What is known of it.
enum Known {
    Active,
    Inactive,
    /// The kernel has one, and nothing says that it was switched off.
    BuiltIn,
    /// Nothing tells.
    Untold(NonValue),
}

fn known(platform: &Platform, log: Option<&KernelLog>) -> Known {
    if platform.booted_with("ras=cec_disable") == Some(true) {
        return Known::Inactive;
    }
    let untold = match (platform.cec.non_value(), platform.debugfs.non_value()) {
        (None, _) => return Known::Active,
        (Some(NonValue::Absent(_)), None) => return Known::Inactive,
        (Some(NonValue::Absent(_)), Some(why)) | (Some(why), _) => why,
    };
    if log.is_some_and(|log| log.cec_initialized) {
        return Known::Active;
    }
    match &platform.cec_configured {
        Some(Reading::Value(true)) => Known::BuiltIn,
        Some(Reading::Value(false)) => Known::Inactive,
        Some(_) | None => Known::Untold(untold),
    }
}

/// Whether the question is answered, so that a debugfs that cannot be read leaves nothing open.
pub(super) fn is_told(platform: &Platform, log: Option<&KernelLog>) -> bool {
    match known(platform, log) {
        Known::Active | Known::Inactive | Known::BuiltIn => true,
        Known::Untold(_) => false,
    }
}

/// What it hides where a driver counts. What firmware reports is counted before it sees that, and
/// whoever listens to machine-check events hears of an error before it does.
pub(super) fn gap(
    edac: &Edac,
    platform: &Platform,
    log: Option<&KernelLog>,
    heard: bool,
) -> Option<Gap> {
    if all_ghes(edac) || heard {
        return None;
    }
    let gap = match known(platform, log) {
        Known::Inactive => return None,
        Known::Active => super::gap(
            Hides::Some,
            "corrected-errors-collector",
            "the kernel's corrected-errors collector (RAS_CEC) takes corrected errors whose \
             address it can use (on Intel all of them, on AMD depending on the kernel): they are \
             not counted here, and a page is quietly taken out of use at its 2nd error on Intel, \
             at its 1023rd elsewhere",
            "boot with ras=cec_disable to see corrected errors (then nothing offlines pages, \
             unless another tool does), or let the agent listen to trace events: machine-check \
             events tell of them before it does",
        )
        .seen_in(CEC),
        // A guest's kernel has no machine checks of memory to collect.
        Known::BuiltIn | Known::Untold(_) if guest(platform).is_some() => return None,
        Known::BuiltIn => super::gap(
            Hides::Unclear,
            "corrected-errors-collector",
            "the kernel was built with the corrected-errors collector (RAS_CEC), and debugfs, \
             which would show whether it is active, cannot be read: it probably takes corrected \
             errors for itself",
            "mount debugfs on /sys/kernel/debug and let the agent read it, to know; boot with \
             ras=cec_disable to see corrected errors",
        )
        .seen_in(CEC),
        // Other outcomes are faults of the source, which are told as such.
        Known::Untold(NonValue::Unreadable(..) | NonValue::Malformed(..)) => return None,
        // Other architectures have no collector.
        Known::Untold(_) if platform.hypervisor_flag.is_absent() => return None,
        Known::Untold(why) => super::gap(
            Hides::Unclear,
            "visibility-unclear",
            "whether the kernel's corrected-errors collector hides errors cannot be told: debugfs \
             is not mounted, and the kernel's configuration is not there",
            "mount debugfs on /sys/kernel/debug, or keep the kernel's configuration in /boot",
        )
        .on("debugfs")
        .seen_in(why.origin().as_str()),
    };
    Some(gap.only(CORRECTABLE))
}

#[cfg(test)]
mod tests {
    use crate::testing::{absent, assessed, but, codes, denied, lose, of, only};
    use scrubjay_model::{CoverageState, Platform, Reading, Snapshot};

    /// A server on which debugfs is not mounted.
    fn unmounted(configured: Option<Reading<bool>>, change: fn(&mut Platform)) -> Snapshot {
        but(|s| {
            let platform = of(&mut s.platform);
            platform.debugfs = absent("sys/kernel/debug");
            platform.cec_configured = configured;
            change(platform);
        })
    }

    #[test]
    fn a_debugfs_that_is_not_mounted_does_not_show_that_there_is_no_collector() {
        let found = only(&unmounted(None, |_| ()));
        assert_eq!((found.code, found.subject.as_str()), ("visibility-unclear", "debugfs"));
        let unread = unmounted(Some(absent("boot/config-6.1.0")), |_| ());
        assert_eq!(only(&unread).code, "visibility-unclear");
        let coverage = assessed(&unread).coverage;
        assert_eq!(coverage.correctable, CoverageState::Unknown);
        assert_eq!(coverage.uncorrectable, CoverageState::Full);
    }

    #[test]
    fn the_kernels_configuration_tells_what_debugfs_does_not() {
        let built_in = unmounted(Some(Reading::Value(true)), |_| ());
        assert_eq!(only(&built_in).code, "corrected-errors-collector");
        assert_eq!(assessed(&built_in).coverage.correctable, CoverageState::Unknown);
        assert!(codes(&unmounted(Some(Reading::Value(false)), |_| ())).is_empty());
        let disabled = unmounted(Some(Reading::Value(true)), |platform| {
            platform.command_line = Reading::Value(vec!["ras=cec_disable".to_owned()]);
        });
        assert!(codes(&disabled).is_empty());
    }

    #[test]
    fn a_debugfs_that_may_not_be_read_matters_only_where_there_can_be_a_collector() {
        let denied = |configured| {
            let mut snapshot = but(|s| of(&mut s.platform).cec_configured = configured);
            let why = denied("sys/kernel/debug/ras/cec");
            lose(&mut snapshot.platform, |p| &mut p.cec, why);
            codes(&snapshot)
        };
        assert_eq!(denied(None), ["visibility-unclear"]);
        assert_eq!(denied(Some(Reading::Value(true))), ["corrected-errors-collector"]);
        assert!(denied(Some(Reading::Value(false))).is_empty());
    }

    #[test]
    fn other_architectures_have_no_collector() {
        let arm = unmounted(None, |p| p.hypervisor_flag = absent("proc/cpuinfo flags"));
        assert!(codes(&arm).is_empty());
    }
}
