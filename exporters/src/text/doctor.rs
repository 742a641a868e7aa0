//! `doctor`: what can be observed on this host, what not, and what to do about it.

use super::Style;
use super::confinement::privileges;
use super::page::{Cell, FAINT, Page, WARN, paint_of};
use super::status::cannot_see;
use super::words::{count, missing, span};
use anstyle::Style as Paint;
use scrubjay_model::{
    HostView, Privileges, Snapshot, SourceDoc, SourceId, SourceState, SourceStatus, Verdict,
};

/// Faults of one source listed before they are only counted.
const FAULTS: usize = 10;

/// The page: each source with its state, and for those that did not answer in full the reason, what
/// it means and the remedy; and, on the host itself, what this process may do there. With [`Style::all`], the standing description of every source.
pub fn doctor(
    view: &HostView,
    docs: &[SourceDoc],
    rights: Option<&Privileges>,
    style: &Style,
) -> String {
    let mut page = Page::new(*style);
    let sources = view.snapshot.sources();
    let asked = sources.iter().filter(|s| s.state != SourceState::Off).count();
    let full = sources.iter().filter(|s| s.state == SourceState::Ok).count();
    let sum = format!("{full} of {} answered in full", count(asked, "source", "sources"));
    page.line(&[("scrubjay doctor: ", Paint::new()), (&sum, Paint::new())]);
    page.blank();

    page.heading("sources:");
    let rows: Vec<Vec<Cell>> = sources.iter().map(row).collect();
    page.table(2, &rows);

    for status in &sources {
        let doc = docs.iter().find(|doc| doc.id == status.source);
        if status.state != SourceState::Ok || style.all {
            page.blank();
            explain(&mut page, status, doc);
            if status.source == SourceId::Processes {
                closed_processes(&mut page, view, rights);
            }
        }
    }
    if let Some(rights) = rights {
        page.blank();
        privileges(&mut page, rights);
    }
    page.blank();
    cannot_see(&mut page, &view.assessment, &view.alerts);
    page.into_text()
}

/// With the privilege that its description names there may still be processes that nobody looks into.
fn closed_processes(page: &mut Page, view: &HostView, rights: Option<&Privileges>) {
    let unread = Snapshot::found(&view.snapshot.processes).map_or(0, |found| found.unread);
    let capabilities = rights.map(|rights| rights.capabilities.as_slice()).unwrap_or_default();
    let is_held = capabilities.iter().any(|one| one.capability == "CAP_SYS_PTRACE" && one.held);
    if unread > 0 && is_held {
        let closed = count(unread, "process", "processes");
        let told = format!(
            "CAP_SYS_PTRACE is there. The kernel protects {closed} from it all the same (another user \
             namespace, a security module): what they run stays unknown."
        );
        page.field(2, "it means", &told);
    }
}

fn row(status: &SourceStatus) -> Vec<Cell> {
    let SourceStatus { source, state, reason: _, report } = status;
    let (sign, paint) = sign(*state);
    let report = match report {
        None => vec![Cell::left("switched off by configuration").painted(FAINT)],
        Some(report) => vec![
            Cell::right(span(report.took)),
            Cell::right(count(report.attributes, "attribute", "attributes")),
            Cell::right(if report.faults.is_empty() {
                String::new()
            } else {
                count(report.faults.len(), "fault", "faults")
            }),
        ],
    };
    let mut row = vec![
        Cell::left(sign).painted(paint),
        Cell::left(source.as_str()),
        Cell::left(state.as_str()).painted(paint),
    ];
    row.extend(report);
    row
}

fn sign(state: SourceState) -> (&'static str, Paint) {
    match state {
        SourceState::Ok => ("+", paint_of(Verdict::Ok)),
        SourceState::Partial | SourceState::Unreadable | SourceState::Malformed => ("!", WARN),
        SourceState::Absent => ("-", Paint::new()),
        SourceState::Off => (".", FAINT),
    }
}

fn explain(page: &mut Page, status: &SourceStatus, doc: Option<&SourceDoc>) {
    let SourceStatus { source, state, reason, report } = status;
    page.heading(&format!("{}: {}", source.as_str(), state.as_str()));
    let faults = report.as_ref().map(|report| report.faults.as_slice()).unwrap_or_default();
    if let Some(reason) = reason
        && !faults.contains(reason)
    {
        page.field(2, "why", &missing(reason));
    }
    let shown = if page.style.all { faults.len() } else { FAULTS };
    for fault in faults.iter().take(shown) {
        page.field(2, "fault", &missing(fault));
    }
    if let Some(more) = faults.len().checked_sub(shown).filter(|more| *more > 0) {
        page.more(2, &format!("{more} more (--all lists them)"));
    }
    let Some(SourceDoc { id: _, reads, needs, absence, kernel_doc }) = doc else { return };
    match state {
        SourceState::Absent => page.field(2, "it means", absence),
        SourceState::Off => page.field(2, "remedy", "switch it on in the configuration"),
        SourceState::Partial
        | SourceState::Unreadable
        | SourceState::Malformed
        | SourceState::Ok => {}
    }
    page.field(2, "needs", needs);
    page.field(2, "reads", &reads.join(", "));
    page.field(2, "see", kernel_doc);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use scrubjay_model::{Landlock, NonValue, Origin, Privilege, ReadFault, Reading};

    const PLAIN: Style = Style { colour: false, all: false };

    fn docs() -> Vec<SourceDoc> {
        let describe = |id| SourceDoc {
            id,
            reads: &["sys/some/where*", "proc/some/thing"],
            needs: "nothing",
            absence: "The kernel was built without it; build it with it, or accept that what it \
                      would tell is not known.",
            kernel_doc: "Documentation/some/where.rst",
        };
        SourceId::ALL.into_iter().map(describe).collect()
    }

    #[test]
    fn a_guest_is_told_what_it_does_not_offer() {
        insta::assert_snapshot!(doctor(&testing::guest(), &docs(), None, &PLAIN), @r"
        scrubjay doctor: 8 of 24 sources answered in full

        sources:
          -  edac                 absent  1 ms  3 attributes
          +  memory_failure       ok      1 ms  3 attributes
          +  uptime               ok      1 ms  3 attributes
          +  kernel               ok      1 ms  3 attributes
          +  kernel_health        ok      1 ms  3 attributes
          -  cpu_vulnerabilities  absent  1 ms  3 attributes
          +  kexec                ok      1 ms  3 attributes
          -  lockdown             absent  1 ms  3 attributes
          -  livepatch            absent  1 ms  3 attributes
          +  reboot_markers       ok      1 ms  3 attributes
          -  machine_check        absent  1 ms  3 attributes
          +  platform             ok      1 ms  3 attributes
          -  kernel_log           absent  1 ms  3 attributes
          -  scrub                absent  1 ms  3 attributes
          -  previous_boot        absent  1 ms  3 attributes
          -  smbios               absent  1 ms  3 attributes
          -  dimm_labels          absent  1 ms  3 attributes
          -  packages             absent  1 ms  3 attributes
          -  boot_images          absent  1 ms  3 attributes
          -  cve_lists            absent  1 ms  3 attributes
          -  microcode            absent  1 ms  3 attributes
          -  livepatch_modules    absent  1 ms  3 attributes
          -  livepatch_systems    absent  1 ms  3 attributes
          +  processes            ok      1 ms  3 attributes

        edac: absent
          why          not offered (sys/devices/system/edac/mc)
          it means     The kernel was built without it; build it with it, or accept that
                       what it would tell is not known.
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        cpu_vulnerabilities: absent
          why          not offered (sys/devices/system/cpu/vulnerabilities)
          it means     The kernel was built without it; build it with it, or accept that
                       what it would tell is not known.
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        lockdown: absent
          why          not offered (sys/kernel/security/lockdown)
          it means     The kernel was built without it; build it with it, or accept that
                       what it would tell is not known.
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        livepatch: absent
          why          not offered (sys/kernel/livepatch)
          it means     The kernel was built without it; build it with it, or accept that
                       what it would tell is not known.
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        machine_check: absent
          why          not offered (sys/devices/system/machinecheck)
          it means     The kernel was built without it; build it with it, or accept that
                       what it would tell is not known.
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        kernel_log: absent
          why          not offered (dev/kmsg)
          it means     The kernel was built without it; build it with it, or accept that
                       what it would tell is not known.
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        scrub: absent
          why          not offered (sys/bus/edac/devices)
          it means     The kernel was built without it; build it with it, or accept that
                       what it would tell is not known.
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        previous_boot: absent
          why          not offered (sys/firmware/acpi/tables/BERT)
          it means     The kernel was built without it; build it with it, or accept that
                       what it would tell is not known.
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        smbios: absent
          why          not offered (sys/firmware/dmi/tables/DMI)
          it means     The kernel was built without it; build it with it, or accept that
                       what it would tell is not known.
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        dimm_labels: absent
          why          not offered (etc/ras/dimm_labels.d)
          it means     The kernel was built without it; build it with it, or accept that
                       what it would tell is not known.
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        packages: absent
          why          not offered (var/lib/dpkg/status)
          it means     The kernel was built without it; build it with it, or accept that
                       what it would tell is not known.
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        boot_images: absent
          why          not offered (boot/vmlinuz-*)
          it means     The kernel was built without it; build it with it, or accept that
                       what it would tell is not known.
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        cve_lists: absent
          why          not offered (etc/scrubjay/lists)
          it means     The kernel was built without it; build it with it, or accept that
                       what it would tell is not known.
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        microcode: absent
          why          not offered (proc/cpuinfo flags hypervisor)
          it means     The kernel was built without it; build it with it, or accept that
                       what it would tell is not known.
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        livepatch_modules: absent
          why          not offered (sys/kernel/livepatch)
          it means     The kernel was built without it; build it with it, or accept that
                       what it would tell is not known.
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        livepatch_systems: absent
          why          not offered (var/lib/kpatch)
          it means     The kernel was built without it; build it with it, or accept that
                       what it would tell is not known.
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        cannot see:
          corrected errors cannot be seen; only some uncorrected errors are seen
          ?  UNKNOWN  host  (no-edac-in-guest)
             because      this is a virtual machine, and its kernel has no EDAC core;
                          the memory is the hypervisor's, and so are its errors
             evidence     sys/devices/system/edac
             do           fix visibility: run scrubjay on the hypervisor
             a reboot     does not help
        ");
    }

    #[test]
    fn a_privilege_that_is_there_is_not_blamed_for_processes_that_stay_closed() {
        let mut view = testing::server();
        let section = view.snapshot.processes.as_mut().unwrap();
        let Reading::Value(processes) = &mut section.reading else { panic!() };
        processes.unread = 3;
        section.report.faults =
            vec![NonValue::Unreadable(Origin::new("proc/*/maps"), ReadFault::Denied)];
        let told = |held| {
            let capability = Privilege {
                capability: "CAP_SYS_PTRACE",
                held,
                kept: true,
                for_whom: vec!["processes"],
                opens: "what others have mapped",
                without: "that is not known",
            };
            let rights =
                Privileges { uid: 0, capabilities: vec![capability], landlock: Landlock::Off };
            let page = doctor(&view, &docs(), Some(&rights), &PLAIN);
            let (_, from) = page.split_once("\nprocesses: partial\n").unwrap();
            from.split("\n\n").next().unwrap().to_owned()
        };
        assert!(!told(false).contains("it means"), "{}", told(false));
        insta::assert_snapshot!(told(true));
    }

    #[test]
    fn faults_and_switched_off_sources_are_explained() {
        let mut view = testing::blind();
        view.snapshot.kexec = None;
        let lockdown = view.snapshot.lockdown.as_mut().unwrap();
        let fault = lockdown.report.faults[0].clone();
        lockdown.report.faults = vec![fault; 12];
        let page = doctor(&view, &docs(), None, &PLAIN);
        let from = page.find("\nkexec: off").unwrap();
        insta::assert_snapshot!(&page[from..], @r"
        kexec: off
          remedy       switch it on in the configuration
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        lockdown: unreadable
          fault        unreadable: permission denied (lockdown)
          fault        unreadable: permission denied (lockdown)
          fault        unreadable: permission denied (lockdown)
          fault        unreadable: permission denied (lockdown)
          fault        unreadable: permission denied (lockdown)
          fault        unreadable: permission denied (lockdown)
          fault        unreadable: permission denied (lockdown)
          fault        unreadable: permission denied (lockdown)
          fault        unreadable: permission denied (lockdown)
          fault        unreadable: permission denied (lockdown)
                       2 more (--all lists them)
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        platform: absent
          why          not offered (platform)
          it means     The kernel was built without it; build it with it, or accept that
                       what it would tell is not known.
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        kernel_log: unreadable
          fault        unreadable: permission denied (dev/kmsg)
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        scrub: absent
          why          not offered (scrub)
          it means     The kernel was built without it; build it with it, or accept that
                       what it would tell is not known.
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        smbios: unreadable
          fault        unreadable: permission denied (smbios)
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        dimm_labels: unreadable
          fault        unreadable: permission denied (dimm_labels)
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        packages: unreadable
          fault        unreadable: permission denied (packages)
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        boot_images: unreadable
          fault        unreadable: permission denied (boot_images)
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        cve_lists: unreadable
          fault        unreadable: permission denied (etc/scrubjay/lists)
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        livepatch_modules: unreadable
          fault        unreadable: permission denied (livepatch_modules)
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        livepatch_systems: unreadable
          fault        unreadable: permission denied (livepatch_systems)
          needs        nothing
          reads        sys/some/where*, proc/some/thing
          see          Documentation/some/where.rst

        cannot see:
          nothing is known to hide memory errors of this host
        ");
    }

    #[test]
    fn all_describes_sources_that_answered_too() {
        let all = Style { colour: false, all: true };
        let page = doctor(&testing::server(), &docs(), None, &all);
        assert_eq!(page.matches("Documentation/some/where.rst").count(), SourceId::ALL.len());
        let page = doctor(&testing::server(), &docs(), None, &PLAIN);
        assert_eq!(page.matches("Documentation/some/where.rst").count(), 0);
    }

    #[test]
    fn a_source_nobody_described_still_has_its_reason() {
        let page = doctor(&testing::guest(), &[], None, &PLAIN);
        assert!(page.contains("not offered (sys/kernel/livepatch)"));
    }
}
