//! `status`: one screen about the host.

use super::page::{Cell, Page, paint_of, sign_of};
use super::words::{count, moment, reboot_helps};
use super::{Style, alerts, edac, facts, log, patches, previous_boot, scrub};
use anstyle::Style as Paint;
use scrubjay_model::{
    Action, AlertBook, Assessment, Coverage, CoverageState, Finding, HostView, Snapshot, Verdict,
};

/// The page for a view: the verdict on the first line, then what cannot be seen, then the findings,
/// then the facts.
pub fn status(view: &HostView, style: &Style) -> String {
    let HostView { header, snapshot, accumulated, history, assessment, alerts: book, agent } = view;
    let mut page = Page::new(*style);
    verdict_line(&mut page, view);
    page.blank();
    cannot_see(&mut page, assessment, book);
    page.blank();
    findings(&mut page, assessment, book);
    page.blank();
    alerts::alerts(&mut page, view);

    let Snapshot {
        at,
        edac,
        memory_failure,
        uptime,
        kernel,
        kernel_health,
        cpu_vulnerabilities,
        kexec,
        lockdown,
        // Told together, with the systems.
        livepatch: _,
        reboot_markers,
        machine_check,
        platform,
        kernel_log,
        scrub: devices,
        previous_boot: left,
        // Sticks have a command of their own.
        smbios: _,
        dimm_labels: _,
        packages,
        boot_images,
        // Ranks what is owed; doctor lists the files.
        cve_lists: _,
        microcode,
        livepatch_modules,
        livepatch_systems: _,
        processes,
    } = snapshot;
    let now_ms = at.wall_ms;
    page.heading("memory errors:");
    edac::errors(&mut page, edac, accumulated, at);
    scrub::devices(&mut page, devices);
    facts::pages(&mut page, memory_failure);
    facts::machine_check(&mut page, machine_check);
    page.blank();
    page.heading("kernel:");
    facts::kernel(&mut page, kernel);
    patches::packages(&mut page, packages);
    patches::next_boot(&mut page, boot_images);
    patches::truth(&mut page, assessment.patches.as_ref(), now_ms);
    facts::kernel_health(&mut page, kernel_health);
    facts::livepatch_modules(&mut page, livepatch_modules);
    facts::livepatch(&mut page, snapshot, &accumulated.transitions);
    log::forced_patches(&mut page, &accumulated.forced_in_this_boot(snapshot));
    facts::live_patches(&mut page, snapshot, &accumulated.transitions);
    facts::reboot_markers(&mut page, reboot_markers);
    facts::vulnerabilities(&mut page, cpu_vulnerabilities);
    facts::microcode(&mut page, microcode);
    facts::kexec(&mut page, kexec);
    facts::lockdown(&mut page, lockdown);
    log::kernel_log(&mut page, kernel_log);
    page.blank();
    page.heading("user space:");
    facts::processes(&mut page, processes);
    page.blank();
    page.heading(&format!("host, read {}:", moment(now_ms)));
    facts::host(&mut page, header);
    facts::platform(&mut page, platform);
    facts::uptime(&mut page, uptime, now_ms);
    previous_boot::previous_boot(&mut page, left, now_ms);
    facts::history(&mut page, history, now_ms);
    facts::agent(&mut page, agent, now_ms);
    page.into_text()
}

fn verdict_line(page: &mut Page, view: &HostView) {
    let assessment = &view.assessment;
    let verdict = assessment.verdict;
    let word = verdict.as_str().to_uppercase();
    // The verdict is what was found; that it is known is said beside it and mends nothing.
    let known = match alerts::known_of(view) {
        0 => String::new(),
        known => format!(" ({known} acknowledged)"),
    };
    page.line(&[
        ("scrubjay: ", Paint::new()),
        (&word, paint_of(verdict)),
        (&known, Paint::new()),
        (" — ", Paint::new()),
        (&headline(assessment), Paint::new()),
    ]);
}

/// The verdict in a few words.
pub(crate) fn headline(assessment: &Assessment) -> String {
    let Assessment { verdict, coverage, findings, dimms: _, patches: _ } = assessment;
    let worst =
        || findings.iter().chain(&coverage.findings).find(|finding| finding.verdict == *verdict);
    let told = |finding: &Finding| match finding.subject.as_str() {
        "host" | "" => finding.because.clone(),
        subject => format!("{subject}: {}", finding.because),
    };
    match (verdict, coverage.state) {
        (Verdict::Ok, _) => "all that was asked was seen, and nothing calls for action".to_owned(),
        (Verdict::Unknown, CoverageState::None) => {
            "no memory error of this host can be seen".to_owned()
        }
        (Verdict::Unknown, CoverageState::Partial) => {
            "some memory errors of this host may not be seen".to_owned()
        }
        (Verdict::Unknown, CoverageState::Unknown) => {
            "it cannot be told whether memory errors of this host are seen".to_owned()
        }
        (Verdict::Unknown, CoverageState::Full) => {
            worst().map_or_else(|| "something that matters could not be seen".to_owned(), told)
        }
        (Verdict::Watch | Verdict::Plan | Verdict::Act, _) => {
            worst().map_or_else(|| "no reason is given".to_owned(), told)
        }
    }
}

/// What hides memory errors, and how to mend that.
pub(super) fn cannot_see(page: &mut Page, assessment: &Assessment, book: &AlertBook) {
    let gaps = &assessment.coverage.findings;
    page.heading("cannot see:");
    if gaps.is_empty() {
        let state = match assessment.coverage.state {
            CoverageState::Full => "nothing is known to hide memory errors of this host",
            CoverageState::Partial => "some memory errors may be hidden; no reason is known",
            CoverageState::None => "any memory error of this host; no reason is known",
            CoverageState::Unknown => "it could not be told whether memory errors are hidden",
        };
        page.sentence(2, state);
    } else {
        page.sentence(2, &classes_seen(&assessment.coverage));
    }
    grouped(page, gaps, book);
}

/// How much of each class of errors can be seen. That none can be is not to be read as that there are
/// none.
fn classes_seen(coverage: &Coverage) -> String {
    let Coverage { state: _, correctable, uncorrectable, findings: _ } = coverage;
    if correctable == uncorrectable {
        return seen(*correctable, "corrected and uncorrected");
    }
    format!("{}; {}", seen(*correctable, "corrected"), seen(*uncorrectable, "uncorrected"))
}

/// The same with the codes of what hides the rest, for pages on something else.
pub(super) fn coverage_in_words(coverage: &Coverage) -> String {
    let mut codes: Vec<&str> = coverage.findings.iter().map(|finding| finding.code).collect();
    codes.dedup();
    let seen = classes_seen(coverage);
    if codes.is_empty() {
        seen
    } else {
        format!("{seen}: {} (\"scrubjay doctor\" tells more)", codes.join(", "))
    }
}

/// How much of a class of errors can be seen.
fn seen(state: CoverageState, class: &str) -> String {
    match state {
        CoverageState::Full => format!("all {class} errors are seen"),
        CoverageState::Partial => format!("only some {class} errors are seen"),
        CoverageState::None => format!("{class} errors cannot be seen"),
        CoverageState::Unknown => format!("whether all {class} errors are seen is not known"),
    }
}

fn findings(page: &mut Page, assessment: &Assessment, book: &AlertBook) {
    page.heading("findings:");
    if assessment.findings.is_empty() {
        page.sentence(2, "none in what was seen");
    }
    grouped(page, &assessment.findings, book);
}

/// Findings that differ only in where they were made share their heading and their advice: a
/// failing channel fills one paragraph, not a screen.
pub(super) fn grouped(page: &mut Page, findings: &[Finding], book: &AlertBook) {
    let advice = |f: &Finding| (f.code, f.verdict, f.action, f.remedy.clone(), f.reboot_helps);
    for group in findings.chunk_by(|a, b| advice(a) == advice(b)) {
        let Some(first) = group.first() else { continue };
        let sign =
            format!("{:<2} {}", sign_of(first.verdict), first.verdict.as_str().to_uppercase());
        let about = match group {
            [_] => first.subject.clone(),
            several => count(several.len(), "place", "places"),
        };
        page.table(
            2,
            &[vec![
                Cell::left(sign).painted(paint_of(first.verdict)),
                Cell::left(about),
                Cell::left(format!("({})", first.code)),
            ]],
        );
        match group {
            [_] => {
                page.field(5, "because", &first.because);
                if let Some(origin) = &first.origin {
                    page.field(5, "evidence", origin.as_str());
                }
            }
            several => places(page, several),
        }
        advise(page, first);
        alerts::known(page, book, group);
    }
}

fn places(page: &mut Page, findings: &[Finding]) {
    let labels = std::iter::once("because").chain(std::iter::repeat(""));
    for (finding, label) in findings.iter().zip(labels) {
        let evidence =
            finding.origin.as_ref().map(|origin| format!(" ({origin})")).unwrap_or_default();
        page.field(5, label, &format!("{}: {}{evidence}", finding.subject, finding.because));
    }
}

fn advise(page: &mut Page, finding: &Finding) {
    match finding.action {
        Action::Observe => page.field(5, "do", &finding.remedy),
        Action::FixVisibility
        | Action::RestartServices
        | Action::Reboot
        | Action::RebootIntoNewerKernel
        | Action::ReinstallPackage
        | Action::InvestigateChannelOrCpu
        | Action::Investigate
        | Action::OfflinePage
        | Action::RebootForRepair
        | Action::SwapDimm => {
            page.field(5, "do", &format!("{}: {}", finding.action.as_str(), finding.remedy));
        }
    }
    page.field(5, "a reboot", reboot_helps(finding.reboot_helps));
}

#[cfg(test)]
mod tests;
