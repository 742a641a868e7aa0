//! How what was judged is carried from process to process: see [`super`].

use super::{choices, records};
use crate::{
    Ack, AckUntil, Action, Alert, AlertBook, AlertClock, AlertKey, AlertState, Assessment,
    Coverage, CoverageState, Finding, Firing, Moment, RebootHelps, Sight, Told, Verdict,
};

records! {
    Assessment { verdict, coverage, findings, dimms, patches }
    Coverage { state, correctable, uncorrectable, findings }
    Finding { code, verdict, subject, because, action, remedy, reboot_helps, origin, hides, count }
    Ack { request, key, by, uid, reason, given, until, verdict, count, baseline }
    Alert { state, seen, seen_boot, held }
    AlertBook { clock, alerts, acks }
    AlertClock { book_ms, at }
    AlertKey { code, subject }
    Firing { since, level, lower_from_ms, gone_from_ms, told }
    Moment { book_ms, wall_ms }
    Sight { verdict, because, action, remedy, reboot_helps, origin, count }
    Told { at, level, worst, reminders }
}

choices! {
    Action {
        0 Observe, 1 FixVisibility, 2 RestartServices, 3 Reboot, 4 RebootIntoNewerKernel,
        5 ReinstallPackage, 6 InvestigateChannelOrCpu, 7 OfflinePage, 8 RebootForRepair, 9 SwapDimm,
        10 Investigate,
    }
    CoverageState { 0 Full, 1 Partial, 2 None, 3 Unknown }
    RebootHelps { 0 Yes, 1 No, 2 Unknown }
    Verdict { 0 Ok, 1 Unknown, 2 Watch, 3 Plan, 4 Act }
    AckUntil { 0 Date(a), 1 Span(a) }
    AlertState {
        0 Inactive, 1 Pending { since, from_ms }, 2 Firing(a), 3 Resolved { fired, since },
    }
}
