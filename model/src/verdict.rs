//! How bad it is, what to do, and why.

use crate::{DimmVerdict, ErrorClass, Origin, PatchTruth};
use serde::{Deserialize, Serialize};

/// The answer for one finding or a whole host. Later variants outrank earlier ones; not knowing
/// outranks being well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything asked was seen, and nothing calls for action.
    Ok,
    /// Something that matters could not be seen.
    Unknown,
    /// Worth following; no action.
    Watch,
    /// Act at the next maintenance window.
    Plan,
    /// Act now.
    Act,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Nothing but keep looking.
    Observe,
    /// Make the errors visible first.
    FixVisibility,
    /// Restart the services that run what is no longer on disk.
    RestartServices,
    /// Reboot, so that what is loaded now, or no longer trusted, is gone.
    Reboot,
    /// Reboot into a kernel that is installed.
    RebootIntoNewerKernel,
    /// Have the package manager install a package again.
    ReinstallPackage,
    /// Find out which component is at fault.
    InvestigateChannelOrCpu,
    /// Take the page of a failing cell out of use.
    OfflinePage,
    /// Reboot, so that the firmware repairs memory (post-package repair, training).
    RebootForRepair,
    /// Swap a DIMM, or be ready to.
    SwapDimm,
    /// Find out what happened, before what is left of it is gone.
    Investigate,
}

/// Whether rebooting mends what a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RebootHelps {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It cannot be told from what was seen.
    Unknown,
}

/// One reason for a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable code, also the name of its page in the documentation.
    pub code: &'static str,
    /// How bad.
    pub verdict: Verdict,
    /// What it is about: `host`, a controller, a DIMM, a live patch.
    pub subject: String,
    /// What was seen: numbers, limit, exposure, time.
    pub because: String,
    /// What to do, in one word.
    pub action: Action,
    /// What to do, as a sentence.
    pub remedy: String,
    /// What a reboot would mend.
    pub reboot_helps: RebootHelps,
    /// Where the evidence is.
    pub origin: Option<Origin>,
    /// The classes of memory errors that it hides, or may hide; empty unless it is about coverage.
    pub hides: &'static [ErrorClass],
    /// How many errors it is about, over all time as far as is known: what an acknowledgement is
    /// held against. `None` where it is not about a number of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

/// How much of what matters can be seen on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// The worse of the two below.
    pub state: CoverageState,
    /// How much of the corrected errors.
    pub correctable: CoverageState,
    /// How much of the uncorrected ones.
    pub uncorrectable: CoverageState,
    /// What cannot be seen, and how to mend that.
    pub findings: Vec<Finding>,
}

/// Whether memory errors of this host reach us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CoverageState {
    /// All known ways are open.
    Full,
    /// Some errors may be hidden.
    Partial,
    /// No error can reach us.
    None,
    /// It could not be told.
    Unknown,
}

/// The verdict on a host with everything it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Assessment {
    /// The worst of all findings.
    pub verdict: Verdict,
    /// How much could be seen.
    pub coverage: Coverage,
    /// The findings other than those on coverage, worst first.
    pub findings: Vec<Finding>,
    /// The verdicts on sticks of memory, by their keys; empty where no history knows them.
    pub dimms: Vec<DimmVerdict>,
    /// What the findings on the kernel's patches rest on; `None` where nobody looked.
    #[serde(skip)]
    pub patches: Option<PatchTruth>,
}

impl Verdict {
    /// All verdicts, best first.
    pub const ALL: [Self; 5] = [Self::Ok, Self::Unknown, Self::Watch, Self::Plan, Self::Act];

    /// A stable word for labels and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Watch => "watch",
            Self::Plan => "plan",
            Self::Act => "act",
        }
    }
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 11] = [
        Self::Observe,
        Self::FixVisibility,
        Self::RestartServices,
        Self::Reboot,
        Self::RebootIntoNewerKernel,
        Self::ReinstallPackage,
        Self::InvestigateChannelOrCpu,
        Self::OfflinePage,
        Self::RebootForRepair,
        Self::SwapDimm,
        Self::Investigate,
    ];

    /// The action of that name; `None` for one that is not known here, as of a newer agent.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == text)
    }

    /// The action as a short imperative.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::FixVisibility => "fix visibility",
            Self::RestartServices => "restart services",
            Self::Reboot => "reboot",
            Self::RebootIntoNewerKernel => "reboot into newer kernel",
            Self::ReinstallPackage => "reinstall package",
            Self::InvestigateChannelOrCpu => "investigate channel or CPU",
            Self::OfflinePage => "take the page out of use",
            Self::RebootForRepair => "reboot for repair",
            Self::SwapDimm => "swap DIMM",
            Self::Investigate => "investigate",
        }
    }
}

impl RebootHelps {
    /// The answer as a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

impl CoverageState {
    /// All states, in the order they are exported.
    pub const ALL: [Self; 4] = [Self::Full, Self::Partial, Self::None, Self::Unknown];

    /// A stable word for labels and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }
}

impl CoverageState {
    /// The worse of two. Knowing that nothing can be seen outranks not knowing what can, which
    /// outranks a known gap.
    pub fn worse(self, other: Self) -> Self {
        let rank = |state| match state {
            Self::Full => 0,
            Self::Partial => 1,
            Self::Unknown => 2,
            Self::None => 3,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

impl Coverage {
    /// The coverage of both classes, with what cannot be seen.
    pub fn new(
        correctable: CoverageState,
        uncorrectable: CoverageState,
        findings: Vec<Finding>,
    ) -> Self {
        Self { state: correctable.worse(uncorrectable), correctable, uncorrectable, findings }
    }

    /// How much of a class can be seen.
    pub fn of(&self, class: ErrorClass) -> CoverageState {
        match class {
            ErrorClass::Correctable => self.correctable,
            ErrorClass::Uncorrectable => self.uncorrectable,
        }
    }
}

impl Assessment {
    /// Puts findings in order and takes the worst of all as the verdict. Findings of one code keep
    /// the order the rule gave them, which is by weight rather than by name.
    pub fn new(coverage: Coverage, mut findings: Vec<Finding>) -> Self {
        findings.sort_by(|a, b| b.verdict.cmp(&a.verdict).then_with(|| a.code.cmp(b.code)));
        let verdict = findings
            .iter()
            .chain(&coverage.findings)
            .map(|finding| finding.verdict)
            .max()
            .unwrap_or(Verdict::Ok);
        Self { verdict, coverage, findings, dimms: Vec::new(), patches: None }
    }

    /// The findings that ask for a reboot: those that are to be planned at least, and that a reboot
    /// mends or may mend.
    pub fn reboot_reasons(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| {
            let reboots = match finding.action {
                Action::Reboot | Action::RebootIntoNewerKernel | Action::RebootForRepair => true,
                Action::Observe
                | Action::FixVisibility
                | Action::RestartServices
                | Action::ReinstallPackage
                | Action::InvestigateChannelOrCpu
                | Action::Investigate
                | Action::OfflinePage
                | Action::SwapDimm => false,
            };
            let helps = match finding.reboot_helps {
                RebootHelps::Yes => true,
                RebootHelps::Unknown => reboots,
                RebootHelps::No => false,
            };
            finding.verdict >= Verdict::Plan && helps
        })
    }

    /// Whether the host is to be rebooted at the next window; `None` where that cannot be told: a
    /// reason is there and whether a reboot helps is not known, or whether there is one is not.
    pub fn reboot_required(&self) -> Option<bool> {
        let mut reasons = self.reboot_reasons().peekable();
        if reasons.peek().is_some() {
            return reasons.any(|reason| reason.reboot_helps == RebootHelps::Yes).then_some(true);
        }
        let relation = self.patches.as_ref()?.kernel.relation;
        (relation != crate::KernelRelation::Unknown).then_some(false)
    }

    /// With further findings, such as those that rest on the past.
    #[must_use]
    pub fn and(self, more: Vec<Finding>) -> Self {
        let Self { verdict: _, coverage, mut findings, dimms, patches } = self;
        findings.extend(more);
        Self { dimms, patches, ..Self::new(coverage, findings) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_knowing_outranks_being_well_and_yields_to_evidence() {
        assert!(Verdict::Unknown > Verdict::Ok);
        assert!(Verdict::Watch > Verdict::Unknown);
        assert_eq!(Verdict::ALL.iter().max(), Some(&Verdict::Act));
    }

    #[test]
    fn coverage_as_a_whole_is_that_of_the_class_that_is_seen_less() {
        use CoverageState::{Full, None, Partial, Unknown};
        let worst_last = [Full, Partial, Unknown, None];
        for (rank, worse) in worst_last.into_iter().enumerate() {
            for better in worst_last.into_iter().take(rank) {
                assert_eq!(Coverage::new(worse, better, Vec::new()).state, worse);
                assert_eq!(Coverage::new(better, worse, Vec::new()).state, worse);
            }
        }
    }

    #[test]
    fn the_worst_comes_first_and_a_rule_ranks_its_own_findings() {
        let finding = |code, verdict, subject: &str| Finding {
            code,
            verdict,
            subject: subject.to_owned(),
            because: String::new(),
            action: Action::Observe,
            remedy: String::new(),
            reboot_helps: RebootHelps::No,
            origin: None,
            hides: &[],
            count: None,
        };
        let coverage = Coverage::new(CoverageState::Full, CoverageState::Full, Vec::new());
        let findings = vec![
            finding("b", Verdict::Watch, "second"),
            finding("c", Verdict::Plan, "first"),
            finding("a", Verdict::Watch, "loudest"),
            finding("a", Verdict::Watch, "faintest"),
        ];
        let assessment = Assessment::new(coverage, findings);
        let order: Vec<&str> = assessment.findings.iter().map(|f| f.subject.as_str()).collect();
        assert_eq!(order, ["first", "loudest", "faintest", "second"]);
        assert_eq!(assessment.verdict, Verdict::Plan);
    }
}
