//! Processes that run code which an update has replaced: those that a restart renews, and those that
//! only a reboot does.

use super::catalogue::Rules;
use crate::finding::{FindingExt, listed, many};
use scrubjay_model::{Finding, Holder, Processes, Snapshot, StaleProcess};

/// Most units named in a sentence.
const NAMED: usize = 5;
/// Most files named for one unit.
const FILES: usize = 2;

pub(crate) fn findings(snapshot: &Snapshot, rules: &Rules) -> Vec<Finding> {
    let Some(processes) = Snapshot::found(&snapshot.processes) else { return Vec::new() };
    reboot(processes, rules).into_iter().chain(restart(processes, rules)).collect()
}

/// Units or programs with their processes and files: `nginx.service (2 processes: libssl.so.3)`.
fn named(processes: &[&StaleProcess]) -> Vec<String> {
    let mut names: Vec<&str> = processes.iter().map(|process| process.known_as()).collect();
    names.sort_unstable();
    names.dedup();
    let told = |name: &str| {
        let own: Vec<&&StaleProcess> =
            processes.iter().filter(|process| process.known_as() == name).collect();
        let mut files: Vec<String> =
            own.iter().flat_map(|p| &p.files).map(|file| last(&file.path).to_owned()).collect();
        files.sort_unstable();
        files.dedup();
        let count = match own.as_slice() {
            [only] => format!("pid {}", only.pid),
            several => many(several.len(), "process").replace("processs", "processes"),
        };
        format!("{name} ({count}: {})", listed(&files, FILES))
    };
    names.into_iter().map(told).collect()
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn evidence(processes: &[&StaleProcess]) -> String {
    let pid = processes.first().map(|process| process.pid.to_string());
    format!("proc/{}/maps", pid.as_deref().unwrap_or("*"))
}

fn reboot(processes: &Processes, rules: &Rules) -> Option<Finding> {
    let stale: Vec<&StaleProcess> =
        processes.stale.iter().filter(|process| process.needs_reboot()).collect();
    if stale.is_empty() {
        return None;
    }
    Some(
        rules.user_space_reboot.finding(
            format!(
                "what cannot be restarted on a running system has code mapped of files that were \
                 deleted or replaced: {}",
                listed(&named(&stale), NAMED)
            ),
            "reboot at the next window: an init that cannot run itself anew, and the message bus \
             that everything is connected to, end with the system",
        )
        .seen_in(evidence(&stale)),
    )
}

fn restart(processes: &Processes, rules: &Rules) -> Option<Finding> {
    // Containers get their files with their image, and are told of in status only.
    let of = |holders: &[Holder]| -> Vec<&StaleProcess> {
        let restartable = processes.stale.iter().filter(|process| !process.needs_reboot());
        restartable.filter(|process| holders.contains(&process.holder)).collect()
    };
    let init = of(&[Holder::Init]);
    let services = of(&[Holder::Service, Holder::Other]);
    let sessions = of(&[Holder::Session]);
    let all = [&init[..], &services, &sessions].concat();
    if all.is_empty() {
        return None;
    }
    let mut parts = Vec::new();
    if !init.is_empty() {
        parts.push("systemd itself".to_owned());
    }
    if !services.is_empty() {
        parts.push(listed(&named(&services), NAMED));
    }
    if !sessions.is_empty() {
        parts.push(format!("of sessions of users: {}", listed(&named(&sessions), NAMED)));
    }
    let count = u64::try_from(all.len()).unwrap_or(u64::MAX);
    let (verb, processes) = if count == 1 { ("runs", "process") } else { ("run", "processes") };
    Some(
        rules.processes_stale.finding(
            format!(
                "{count} {processes} {verb} code of files that were deleted or replaced since: {}",
                parts.join("; ")
            ),
            "restart the services named (systemctl restart UNIT), have systemd run itself anew if it \
             is named (systemctl daemon-reexec), and end sessions that are named; until then what \
             the update fixed is not fixed in them",
        )
        .seen_in(evidence(&all)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{absent, but, codes, of, only, stale, text};
    use scrubjay_model::{Action, RebootHelps, Verdict};

    fn with(found: Vec<StaleProcess>) -> Snapshot {
        but(|s| of(&mut s.processes).stale = found)
    }

    #[test]
    fn services_to_be_restarted_are_named_with_what_they_run() {
        let service = |pid, unit: &str| stale(pid, Holder::Service, unit);
        let found = only(&with(vec![service(100, "nginx.service"), service(101, "nginx.service")]));
        assert_eq!((found.code, found.verdict), ("processes-stale", Verdict::Watch));
        assert_eq!((found.action, found.reboot_helps), (Action::RestartServices, RebootHelps::Yes));
        assert_eq!(
            found.because,
            "2 processes run code of files that were deleted or replaced since: nginx.service (2 \
             processes: libssl.so.3)"
        );
        assert_eq!(found.origin.unwrap().as_str(), "proc/100/maps");
        let one = only(&with(vec![service(100, "nginx.service")]));
        assert!(one.because.starts_with("1 process runs code"), "{}", one.because);
        assert!(one.because.ends_with("nginx.service (pid 100: libssl.so.3)"), "{}", one.because);
    }

    #[test]
    fn many_units_are_cut_and_counted() {
        let units = (0..9).map(|n| stale(100 + n, Holder::Service, &format!("s{n}.service")));
        let found = only(&with(units.collect()));
        assert!(found.because.ends_with(" and 4 more"), "{}", found.because);
    }

    #[test]
    fn the_bus_and_an_init_without_re_execution_call_for_a_reboot() {
        let bus = only(&with(vec![stale(300, Holder::Bus, "dbus.service")]));
        assert_eq!((bus.code, bus.verdict), ("user-space-reboot", Verdict::Plan));
        assert_eq!((bus.action, bus.reboot_helps), (Action::Reboot, RebootHelps::Yes));
        let mut init = stale(1, Holder::Init, "init.scope");
        init.comm = text("init");
        assert_eq!(codes(&with(vec![init.clone()])), ["user-space-reboot"]);
        init.comm = absent("proc/1/comm");
        assert_eq!(codes(&with(vec![init.clone()])), ["user-space-reboot"]);
        init.comm = text("systemd");
        let found = only(&with(vec![init]));
        assert_eq!(found.code, "processes-stale");
        assert!(found.because.ends_with("since: systemd itself"), "{}", found.because);
    }

    #[test]
    fn sessions_are_told_apart_and_containers_are_nobodys_services() {
        let found = only(&with(vec![stale(400, Holder::Session, "session-3.scope")]));
        assert!(found.because.contains("of sessions of users: session-3.scope"), "{found:?}");
        assert!(codes(&with(vec![stale(400, Holder::Container, "docker-1.scope")])).is_empty());
    }

    #[test]
    fn names_pass_through_unchanged() {
        let found = only(&with(vec![stale(400, Holder::Service, "a\"\n\u{1b}.service")]));
        assert!(found.because.contains("a\"\n\u{1b}.service"), "{}", found.because);
    }
}
