//! Switches that make the kernel panic on an uncorrected error which it could have survived: the
//! host goes down, and with it the counters that would have told which module it was.

use crate::finding::{FindingExt, finding};
use scrubjay_model::{Action, Finding, Snapshot, Verdict};

const ON_COUNT: &str = "sys/module/edac_core/parameters/edac_mc_panic_on_ue";
const ON_PAGE: &str = "proc/sys/vm/memory_failure_recovery";

pub(crate) fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    let on_count = Snapshot::found(&snapshot.platform)
        .is_some_and(|platform| platform.panic_on_uncorrected.value() == Some(&true));
    let on_page = Snapshot::found(&snapshot.memory_failure)
        .is_some_and(|pages| pages.recovery.value() == Some(&false));
    let on_count = on_count.then(|| {
        panics(
            "edac_mc_panic_on_ue",
            "the switch edac_mc_panic_on_ue is on: the kernel panics on any uncorrected error that \
             an EDAC driver reports, also of memory that nobody uses, and nobody reads the counter \
             first",
            format!(
                "write 0 to /{ON_COUNT}, unless a stop is wanted rather than one bad page; then make \
                 sure that the panic is kept (crash kernel, pstore)"
            ),
        )
        .seen_in(ON_COUNT)
    });
    let on_page = on_page.then(|| {
        panics(
            "memory_failure_recovery",
            "the switch vm.memory_failure_recovery is off: the kernel panics on any page hit by an \
             uncorrected error, where it could have ended one process",
            format!(
                "write the default of 1 to /{ON_PAGE}, and remove it from sysctl.d, unless a stop is \
                 wanted rather than the end of one process"
            ),
        )
        .seen_in(ON_PAGE)
    });
    on_count.into_iter().chain(on_page).collect()
}

fn panics(switch: &str, because: &str, remedy: String) -> Finding {
    finding("uncorrected-errors-panic", Verdict::Watch, Action::Observe, because, remedy).on(switch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{absent, but, codes, of, only};
    use scrubjay_model::Reading;

    #[test]
    fn a_switch_that_panics_is_worth_watching() {
        let counted =
            only(&but(|s| of(&mut s.platform).panic_on_uncorrected = Reading::Value(true)));
        assert_eq!((counted.code, counted.verdict), ("uncorrected-errors-panic", Verdict::Watch));
        assert_eq!(counted.subject, "edac_mc_panic_on_ue");
        let page = only(&but(|s| of(&mut s.memory_failure).recovery = Reading::Value(false)));
        assert_eq!(page.subject, "memory_failure_recovery");
        assert!(page.remedy.contains("/proc/sys/vm/memory_failure_recovery"), "{}", page.remedy);
    }

    #[test]
    fn the_defaults_and_kernels_without_the_switches_raise_nothing() {
        assert!(codes(&but(|s| of(&mut s.memory_failure).recovery = absent(ON_PAGE))).is_empty());
        assert!(
            codes(&but(|s| of(&mut s.platform).panic_on_uncorrected = absent(ON_COUNT))).is_empty()
        );
    }
}
