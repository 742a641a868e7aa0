//! The catalogue of the rules on patches: what makes each of them hold, in words, how bad that is
//! by default, what to do, and whether a reboot can help.
//!
//! The rows are data, a part of the policy; the modules beside this one find out which of them hold
//! and take verdict, action and the help of a reboot from the row. A code has one row: where a case
//! is judged differently it has a code of its own.

use crate::finding::{FindingExt, finding};
use scrubjay_model::{Action, Finding, RebootHelps, Verdict};

/// One rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Code of its findings.
    pub code: &'static str,
    /// What must hold, in words.
    pub condition: &'static str,
    /// How bad that is.
    pub verdict: Verdict,
    /// What to do.
    pub action: Action,
    /// Whether a reboot can help.
    pub reboot: Reboot,
    /// The key of the configuration that moves its limit.
    pub policy_key: Option<&'static str>,
}

/// Whether a reboot can help against what a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reboot {
    /// It does.
    Helps,
    /// It does not.
    Not,
    /// It does under a condition, which is looked at where it can be.
    If(&'static str),
}

impl Reboot {
    /// The answer in words: `yes`, `no`, or the condition.
    pub fn words(self) -> String {
        match self {
            Self::Helps => RebootHelps::Yes.as_str().to_owned(),
            Self::Not => RebootHelps::No.as_str().to_owned(),
            Self::If(condition) => format!("if {condition}"),
        }
    }
}

impl Rule {
    /// A finding on the host as a whole. Where a reboot helps under a condition, it is not known
    /// to hold.
    pub(crate) fn finding(&self, because: impl Into<String>, remedy: impl Into<String>) -> Finding {
        self.finding_if(RebootHelps::Unknown, because, remedy)
    }

    /// A finding on the host as a whole, with what was seen of the condition under which a reboot
    /// helps.
    pub(crate) fn finding_if(
        &self,
        seen: RebootHelps,
        because: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Finding {
        let helps = match self.reboot {
            Reboot::Helps => RebootHelps::Yes,
            Reboot::Not => RebootHelps::No,
            Reboot::If(_) => seen,
        };
        finding(self.code, self.verdict, self.action, because, remedy).reboot(helps)
    }
}

macro_rules! rules {
    ($($name:ident: $code:literal $verdict:ident $action:ident $reboot:expr, [$($key:literal)?]
       $condition:literal;)+) => {
        /// The rules by name, so that none can be asked for that is not there.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Rules {
            $(#[doc = concat!("`", $code, "`: ", $condition, ".")] pub $name: Rule,)+
        }

        impl Rules {
            /// The rules as they are delivered.
            pub const DEFAULT: Self = Self {
                $($name: Rule {
                    code: $code,
                    condition: $condition,
                    verdict: Verdict::$verdict,
                    action: Action::$action,
                    reboot: $reboot,
                    policy_key: rules!(@key $($key)?),
                },)+
            };

            /// All of them, in the order of their codes.
            pub fn all(&self) -> Vec<&Rule> {
                vec![$(&self.$name),+]
            }

            #[cfg(test)]
            pub(crate) fn all_mut(&mut self) -> Vec<&mut Rule> {
                vec![$(&mut self.$name),+]
            }
        }
    };
    (@key) => { None };
    (@key $key:literal) => { Some($key) };
}

use Reboot::{Helps, If, Not};

/// What is booted decides whether it brings what is installed.
const NEWER_IS_NEXT: Reboot = If("the boot loader is set to start a newer kernel");
const LONGER_SUPPORT: Reboot = If("the kernel booted is supported longer");

rules! {
    bad_page: "bad-page" Plan InvestigateChannelOrCpu
        If("what caused it was a defect of software, not of hardware"), []
        "the kernel found the description of a page in an impossible state (taint B)";
    kernel_behind: "kernel-behind" Plan RebootIntoNewerKernel NEWER_IS_NEXT, []
        "a newer kernel of the running one's family is installed, and live patches do not cover all it fixes, or it is not known what it fixes";
    kernel_covered: "kernel-covered" Watch Observe NEWER_IS_NEXT, []
        "a newer kernel is installed, and live patches cover all that it is known to fix";
    kernel_died: "kernel-died" Plan Reboot Helps, []
        "the kernel has oopsed since boot (its counter, or taint D)";
    kernel_exploited: "kernel-exploited" Act RebootIntoNewerKernel NEWER_IS_NEXT, []
        "a vulnerability that a list names as exploited is fixed on disk and not in force";
    kernel_orphaned: "kernel-orphaned" Act RebootIntoNewerKernel
        If("the boot loader is set to start a kernel that is installed"), []
        "the package of the running kernel is not installed any more, and other kernels are";
    kernel_overdue: "kernel-overdue" Act RebootIntoNewerKernel NEWER_IS_NEXT, ["patches.critical_days"]
        "the fix of a vulnerability that a list calls critical was released longer ago than the policy allows, is on disk and not in force";
    kernel_rebuilt: "kernel-rebuilt" Plan RebootIntoNewerKernel NEWER_IS_NEXT, []
        "a newer build of the running release is installed, and live patches do not cover all it fixes, or it is not known what it fixes";
    kernel_unknown: "kernel-unknown" Unknown FixVisibility
        If("a newer kernel is installed, which is not known"), []
        "it cannot be told whether the running kernel is the newest one installed";
    live_patch_only: "live-patch-only" Watch Observe Not, []
        "live patches fix what no installed kernel fixes";
    livepatch_applied_with_bug: "livepatch-applied-with-bug" Plan Reboot Helps, []
        "the vendor's client says that the patch it applied has a defect";
    livepatch_claim_contradicted: "livepatch-claim-contradicted" Unknown FixVisibility Not, []
        "a vendor's client says of live patches what the kernel does not show";
    livepatch_disabled: "livepatch-disabled" Watch Observe Not, []
        "a live patch is loaded and not enabled";
    livepatch_failed: "livepatch-failed" Watch Observe Not, []
        "a vendor's client could not apply a live patch";
    livepatch_file_differs: "livepatch-file-differs" Watch Observe
        If("what is on disk is the right code, and is loaded at boot"), []
        "the code of a live patch that runs is not that of the file of its name";
    livepatch_forced: "livepatch-forced" Plan Reboot Helps, []
        "a transition was forced in this boot";
    livepatch_no_file: "livepatch-no-file" Watch Observe Not, []
        "no file holds the code of a live patch that runs";
    livepatch_not_installed: "livepatch-not-installed" Watch Observe Not, []
        "a live patch is loaded and not among those that are loaded at boot";
    livepatch_not_loaded: "livepatch-not-loaded" Watch Observe
        If("the patch is loaded at boot, and that succeeds this time"), []
        "a live patch is installed for the running kernel and not loaded";
    livepatch_seed_only: "livepatch-seed-only" Watch Observe Not, []
        "the only live patch is the vendor's first one, which is empty";
    livepatch_stacked: "livepatch-stacked" Watch Observe Helps, ["patches.layers"]
        "more live patches than the policy allows lie upon each other without replacing each other";
    livepatch_stalled: "livepatch-stalled" Watch Observe Not, ["patches.stalled_after"]
        "a transition has lasted longer than the policy allows, and is not yet stuck";
    livepatch_stuck: "livepatch-stuck" Plan Reboot Helps, ["patches.stuck_after"]
        "a transition has lasted so long that the policy plans a reboot";
    livepatch_support_ended: "livepatch-support-ended" Act RebootIntoNewerKernel LONGER_SUPPORT, []
        "live patches are in use, and by a file or the vendor's client there will be no more for the running kernel";
    livepatch_support_ending: "livepatch-support-ending" Plan RebootIntoNewerKernel LONGER_SUPPORT, ["patches.support_days"]
        "live patches are in use, and their support for the running kernel ends within the days of the policy, or has ended by a day that is only reckoned";
    livepatch_transition: "livepatch-transition" Watch Observe Not, []
        "a live patch is being applied or removed, for no longer than the policy allows or for a time that is not known";
    livepatch_unpatchable: "livepatch-unpatchable" Act RebootIntoNewerKernel Helps, []
        "the vendor's client says that the running kernel can no longer be patched";
    livepatch_unsigned: "livepatch-unsigned" Watch Observe Not, []
        "nobody that the kernel knows signed a live patch";
    machine_check: "machine-check" Plan InvestigateChannelOrCpu
        If("firmware repairs at boot what failed"), []
        "a CPU has raised a machine check since boot that the kernel survived (taint M)";
    microcode_behind: "microcode-behind" Plan Reboot
        If("an image that the boot uses has the update"), []
        "the CPUs run older microcode than is installed for them or than the kernel knows of";
    microcode_mixed: "microcode-mixed" Watch Observe
        If("an image that the boot uses has an update newer than what any of the CPUs runs"), []
        "the CPUs do not all run the same microcode";
    module_forced: "module-forced" Plan Reboot Helps, []
        "a module was loaded (taint F) or unloaded (taint R) by force";
    modules_removed: "modules-removed" Plan RebootIntoNewerKernel Helps, []
        "the modules of the running kernel are not on the disk, and its package is not known to be gone";
    next_boot_not_newest: "next-boot-not-newest" Watch Observe Not, ["patches.accepted_pin"]
        "a newer kernel is installed, and the boot loader is set to start another one";
    processes_stale: "processes-stale" Watch RestartServices Helps, []
        "processes that can be restarted run code of files that were deleted or replaced";
    reboot_marker: "reboot-marker" Plan Reboot Helps, []
        "the distribution asks for a reboot";
    soft_lockup: "soft-lockup" Watch Observe If("the CPU is still stuck"), []
        "a CPU was stuck in the kernel for longer than the watchdog allows (taint L)";
    uptime_long: "uptime-long" Watch Reboot Helps, ["patches.uptime_days"]
        "the kernel has run for longer than the policy allows";
    user_space_reboot: "user-space-reboot" Plan Reboot Helps, []
        "what cannot be restarted on a running system, process 1 or the message bus, runs code of files that were deleted or replaced";
}

#[cfg(test)]
mod tests;
