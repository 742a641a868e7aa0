//! What a pass could not look at. That a finding is gone means something only where that which it
//! rests on was read: a value that could not be read resolves no alert.

use crate::rules;
use scrubjay_model::{
    Accumulated, Alert, AlertKey, DimmVerdict, ErrorClass, NonValue, SeriesPlace, Snapshot,
    SourceId, SourceState, SourceStatus, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};

/// What a pass could look at.
#[derive(Debug)]
pub struct Looked<'s> {
    snapshot: &'s Snapshot,
    sources: Vec<SourceStatus>,
    /// Places whose counters of a class were read.
    counted: BTreeSet<(ErrorClass, String)>,
    /// Controllers that were read, by the names that findings give them.
    controllers: BTreeSet<String>,
    /// Sticks of which nothing is known, by the names that findings give them: why, and since when
    /// they are in their slots.
    blind: BTreeMap<String, (String, i64)>,
    asked: Asked,
}

/// Why the history could not be asked in a pass; `None` where it could.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// For what is known of sticks of memory.
    pub sticks: Option<String>,
    /// For how earlier boots ended.
    pub ends: Option<String>,
}

/// All of them: what a code rests on that is not listed.
static ALL: [SourceId; SourceId::ALL.len()] = SourceId::ALL;

/// The sources that the findings of a code rest on. Those about the state of a source or of the
/// history rest on none, as that state is known in any case.
pub fn looked_at_sources(code: &str) -> &'static [SourceId] {
    use SourceId as S;
    match code {
        "edac-switched-off"
        | "edac-unreadable"
        | "source-unreadable"
        | "counters-unreadable"
        | "no-edac-controller"
        | "no-edac-core"
        | "proc-incomplete"
        | "visibility-unclear"
        | "reports-not-heard"
        | "history-not-written"
        | "ledger-altered"
        | "history-replaced"
        | "history-unreadable"
        | "suspected-uncorrected-error" => &[],
        "corrected-errors"
        | "uncorrected-errors"
        | "counters-contradict"
        | "not-attributed"
        | "controller-gone"
        | "ecc-off"
        | "scrubbing-off"
        | "scrubbing-slow" => &[S::Edac],
        // Verdicts on sticks rest on the history, which goes on by what the counters tell.
        "dimm-channel" | "dimm-fault" | "dimm-pages" | "dimm-policy" | "dimm-rising"
        | "dimm-risk" | "dimm-several-signs" | "dimm-storm" | "dimm-uncorrected"
        | "dimm-wide-storm" => &[S::Edac],
        "scrubbing-masked" => &[S::Edac, S::Scrub],
        "memory-failure" | "pages-offlined" | "pages-growing" | "soft-offline-off" => {
            &[S::MemoryFailure]
        }
        "uncorrected-errors-panic" => &[S::MemoryFailure, S::MachineCheck],
        "corrected-errors-collector" => &[S::Platform],
        "corrected-errors-ignored"
        | "corrected-errors-not-logged"
        | "corrected-errors-not-polled"
        | "corrected-errors-polled" => &[S::MachineCheck],
        "machine-check-off" => &[S::MachineCheck, S::Platform],
        "firmware-first" | "firmware-default" | "guest" => &[S::Edac, S::Platform],
        "boot-error-record" | "boot-memory-error" | "crash-by-hardware" | "crash-record"
        | "watchdog-reset" => &[S::PreviousBoot],
        "bad-page" | "kernel-died" | "machine-check" | "module-forced" | "soft-lockup" => {
            &[S::KernelHealth]
        }
        "kernel-behind" | "kernel-covered" | "kernel-exploited" | "kernel-orphaned"
        | "kernel-overdue" | "kernel-rebuilt" | "kernel-unknown" | "live-patch-only" => {
            &[S::Kernel, S::Packages, S::CveLists, S::Livepatch, S::LivepatchSystems]
        }
        "next-boot-not-newest" => &[S::BootImages, S::Packages, S::Kernel],
        "modules-removed" => &[S::Kernel],
        "livepatch-disabled" | "livepatch-transition" | "livepatch-stalled" | "livepatch-stuck" => {
            &[S::Livepatch, S::KernelLog]
        }
        "livepatch-forced" => &[S::KernelLog],
        "livepatch-file-altered"
        | "livepatch-file-differs"
        | "livepatch-no-file"
        | "livepatch-unsigned" => &[S::Livepatch, S::LivepatchModules],
        "livepatch-applied-with-bug"
        | "livepatch-claim-contradicted"
        | "livepatch-failed"
        | "livepatch-not-installed"
        | "livepatch-not-loaded"
        | "livepatch-seed-only"
        | "livepatch-stacked"
        | "livepatch-support-ended"
        | "livepatch-support-ending"
        | "livepatch-unpatchable" => &[S::Livepatch, S::LivepatchSystems, S::Kernel],
        "microcode-behind" | "microcode-mixed" => &[S::Microcode],
        "processes-stale" | "user-space-reboot" => &[S::Processes],
        "reboot-marker" => &[S::RebootMarkers],
        "uptime-long" => &[S::Uptime],
        _ => &ALL,
    }
}

/// Whether what a source tells does not depend on the kernel that runs: its absence in a later boot
/// says nothing of the memory.
fn is_of_the_machine(source: SourceId) -> bool {
    matches!(source, SourceId::Edac | SourceId::MemoryFailure | SourceId::Scrub)
}

impl<'s> Looked<'s> {
    /// What was looked at in a pass.
    pub fn of(snapshot: &'s Snapshot, accumulated: &Accumulated) -> Self {
        let (mut counted, mut controllers) = (BTreeSet::new(), BTreeSet::new());
        let edac = Snapshot::found(&snapshot.edac);
        for controller in edac.into_iter().flat_map(|edac| &edac.controllers) {
            let name = rules::memory::name(controller, accumulated);
            for class in ErrorClass::ALL {
                let own = [&controller.errors, &controller.unattributed];
                if own.into_iter().all(|errors| errors.get(class).value().is_some()) {
                    counted.insert((class, name.clone()));
                }
                for dimm in controller.dimms.iter() {
                    if dimm.errors.get(class).value().is_some() {
                        let place = SeriesPlace::Dimm(dimm.place);
                        counted.insert((class, format!("{name}/{place}")));
                    }
                }
            }
            controllers.insert(name);
        }
        let (sources, blind) = (snapshot.sources(), BTreeMap::new());
        Self { snapshot, sources, counted, controllers, blind, asked: Asked::default() }
    }

    /// The same with what the history was asked for. A verdict that cannot be given any more is not
    /// one that all is well.
    pub fn in_history(
        self,
        dimms: &[DimmVerdict],
        accumulated: &Accumulated,
        asked: Asked,
    ) -> Self {
        let unknown = dimms.iter().filter(|dimm| dimm.verdict == Verdict::Unknown);
        let blind = unknown.map(|dimm| {
            let why = dimm.reasons.first().map_or("nothing is known of it", |why| &why.text);
            let since = accumulated.modules.get(&dimm.key).map_or(i64::MIN, |m| m.since_wall_ms);
            (dimm.name.clone(), (why.to_owned(), since))
        });
        Self { blind: blind.collect(), asked, ..self }
    }

    /// Why an alert that is not seen could not be looked at; `None` if it could, so that it is gone.
    pub fn why_not(&self, key: &AlertKey, alert: &Alert) -> Option<String> {
        let wanted = looked_at_sources(&key.code);
        let statuses = self.sources.iter().filter(|status| wanted.contains(&status.source));
        let by_source = statuses.filter_map(|status| self.why_not_source(status, alert)).next();
        by_source
            .or_else(|| self.why_not_place(key, alert))
            .or_else(|| self.why_not_history(key, alert))
    }

    /// What rests on the history, which could not be asked or knows nothing now.
    fn why_not_history(&self, key: &AlertKey, alert: &Alert) -> Option<String> {
        if key.code == "suspected-uncorrected-error" {
            return self.asked.ends.clone();
        }
        if !key.code.starts_with("dimm-") {
            return None;
        }
        if self.asked.sticks.is_some() {
            return self.asked.sticks.clone();
        }
        let (why, since) = self.blind.get(&key.subject)?;
        // A stick that came after the alert is another one, and what was known of the old is over.
        let is_same = alert.state.firing().is_none_or(|firing| *since <= firing.since.wall_ms);
        is_same.then(|| why.clone())
    }

    fn is_same_boot(&self, alert: &Alert) -> bool {
        alert.seen_boot == self.snapshot.at.boot
    }

    fn why_not_source(&self, status: &SourceStatus, alert: &Alert) -> Option<String> {
        let SourceStatus { source, state, reason, report } = status;
        let name = source.as_str();
        let because = |why: Option<&NonValue>| {
            let why = why.map_or_else(String::new, |why| format!(": {why}"));
            format!("the source {name} is {}{why}", state.as_str())
        };
        match state {
            // Nobody wants to know: what is switched off is no alert either.
            SourceState::Ok | SourceState::Off => None,
            SourceState::Unreadable | SourceState::Malformed => Some(because(reason.as_ref())),
            // What a kernel offers does not go away while it runs; another may not offer it.
            SourceState::Absent if self.is_same_boot(alert) || is_of_the_machine(*source) => {
                Some(because(reason.as_ref()))
            }
            SourceState::Absent => None,
            SourceState::Partial => {
                let faults = report.iter().flat_map(|report| &report.faults);
                let origin = alert.seen.origin.as_deref();
                faults
                    .filter(|fault| is_near(origin, fault.origin().as_str()))
                    .map(|fault| because(Some(fault)))
                    .next()
            }
        }
    }

    /// Errors of a place whose counter is not there, or was not read.
    fn why_not_place(&self, key: &AlertKey, alert: &Alert) -> Option<String> {
        let class = match key.code.as_str() {
            "corrected-errors" => ErrorClass::Correctable,
            "uncorrected-errors" => ErrorClass::Uncorrectable,
            _ => return None,
        };
        let subject = key.subject.as_str();
        let was_counted = self.counted.contains(&(class, subject.to_owned()));
        // A sum over places, or a machine that was opened since.
        if was_counted || subject == "host" || !self.is_same_boot(alert) {
            return None;
        }
        let controller = subject.split_once('/').map_or(subject, |(controller, _)| controller);
        Some(if self.controllers.contains(controller) {
            format!("the counter of {subject} gave no value")
        } else {
            format!("the controller {controller} is not there")
        })
    }
}

/// Whether a fault may be why a finding is not seen: it lies in the folder of the finding's
/// evidence, or above or below it. Without evidence any may.
fn is_near(origin: Option<&str>, fault: &str) -> bool {
    let Some(origin) = origin else { return true };
    let folder =
        |path: &str| path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
    let lies_in = |path: &str, folder: &str| {
        path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    };
    folder(origin) == folder(fault) || lies_in(origin, fault) || lies_in(fault, origin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CODES, testing};
    use scrubjay_model::{Action, AlertState, RebootHelps, Sight};

    #[test]
    fn every_code_says_what_it_rests_on() {
        for code in CODES {
            let is_listed = looked_at_sources(code).len() < SourceId::ALL.len();
            assert!(is_listed, "{code}: name the sources it rests on in looked_at_sources");
        }
        assert_eq!(looked_at_sources("of-a-later-version"), SourceId::ALL);
    }

    #[test]
    fn a_fault_beside_the_evidence_may_be_why_it_is_not_seen() {
        let near = |origin, fault| is_near(Some(origin), fault);
        let dimm = "sys/devices/system/edac/mc/mc0/dimm3/dimm_ce_count";
        assert!(near(dimm, "sys/devices/system/edac/mc/mc0/dimm3/dimm_label"));
        assert!(near(dimm, "sys/devices/system/edac/mc/mc0"));
        assert!(!near(dimm, "sys/devices/system/edac/mc/mc0/dimm30/dimm_ce_count"));
        assert!(!near(dimm, "sys/devices/system/edac/mc/mc1/dimm3/dimm_ce_count"));
        assert!(near("sys/kernel/livepatch", "sys/kernel/livepatch/lp_1/enabled"));
        assert!(is_near(None, "anything"));
    }

    #[test]
    fn what_the_history_cannot_tell_is_not_over() {
        let snapshot = testing::but(|_| ());
        let accumulated = Accumulated::default();
        let seen = Sight {
            verdict: Verdict::Watch,
            because: String::new(),
            action: Action::Observe,
            remedy: String::new(),
            reboot_helps: RebootHelps::No,
            origin: None,
            count: None,
        };
        let alert = Alert {
            state: AlertState::Inactive,
            seen,
            seen_boot: snapshot.at.boot.clone(),
            held: None,
        };
        let why_not = |code: &str, asked: Asked| {
            let looked = Looked::of(&snapshot, &accumulated);
            let looked = looked.in_history(&[], &accumulated, asked);
            looked.why_not(&AlertKey { code: code.to_owned(), subject: "A1".to_owned() }, &alert)
        };
        let broken = || Some("failed to read the history".to_owned());
        let sticks = || Asked { sticks: broken(), ends: None };
        assert_eq!(why_not("dimm-fault", sticks()), broken());
        assert_eq!(why_not("suspected-uncorrected-error", sticks()), None);
        let ends = Asked { sticks: None, ends: broken() };
        assert_eq!(why_not("suspected-uncorrected-error", ends), broken());
        assert_eq!(why_not("dimm-fault", Asked::default()), None, "asked, and the stick is gone");

        // Of a stick that nobody watches any more nothing is known; one that is well is well.
        let of = |reason| {
            let dimms = [rules::dimms::tests::dimm("A1", vec![reason])];
            let looked = Looked::of(&snapshot, &accumulated);
            let looked = looked.in_history(&dimms, &accumulated, Asked::default());
            let key = AlertKey { code: "dimm-rising".to_owned(), subject: "A1".to_owned() };
            looked.why_not(&key, &alert)
        };
        let reason = rules::dimms::tests::reason;
        let blind = of(reason("dimm-not-watched", Verdict::Unknown));
        assert_eq!(blind.as_deref(), Some("what dimm-not-watched saw"));
        assert_eq!(of(reason("dimm-errors", Verdict::Ok)), None);
    }
}
