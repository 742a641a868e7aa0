//! The facts of `status`, other than error counters: one function for each source.

mod agent;
mod livepatch;
mod livepatch_modules;
mod microcode;
mod pages;
mod processes;

use super::page::Page;
use super::words::{self, count, moment_ago, reading, size, span};
use scrubjay_model::{
    BootEnd, CpuVulnerability, HistorySummary, HostHeader, Kernel, KernelHealth, Kexec, LedgerHead,
    Lockdown, MachineCheck, Platform, Reading, RebootMarkers, Section, Taint, Uptime,
    VulnerabilityState,
};

pub(super) use agent::agent;
pub(super) use livepatch::{live_patches, livepatch};
pub(super) use livepatch_modules::livepatch_modules;
pub(super) use microcode::microcode;
pub(super) use pages::pages;
pub(super) use processes::processes;

/// Tasks, vulnerabilities and packages named before they are only counted.
const NAMED: usize = 8;

/// Writes a field for a source that answered, else the reason why it did not.
fn source<T>(
    page: &mut Page,
    label: &str,
    section: &Option<Section<T>>,
    write: impl FnOnce(&mut Page, &T),
) {
    match words::findings(section) {
        Ok(found) => write(page, found),
        Err(missing) => page.field(2, label, &missing),
    }
}

pub(super) fn host(page: &mut Page, header: &HostHeader) {
    // What made it stands above everything else.
    let HostHeader { root, version: _, simulated: _, host_name, os, cpu, memory_bytes } = header;
    page.field(2, "host", &reading(host_name, Clone::clone));
    if root != "/" {
        page.field(2, "read from", root);
    }
    page.field(2, "system", &reading(os, Clone::clone));
    page.field(2, "cpu", &reading(cpu, Clone::clone));
    page.field(2, "memory", &reading(memory_bytes, |bytes| size(*bytes)));
}

pub(super) fn platform(page: &mut Page, section: &Option<Section<Platform>>) {
    source(page, "platform", section, |page, platform| {
        let Platform {
            hypervisor_flag,
            hypervisor_type,
            system_vendor,
            product_name,
            board_vendor: _,
            board_name: _,
            bios_version,
            bios_date,
            // These decide what can be seen, and speak through "cannot see".
            command_line: _,
            edac_core: _,
            hest: _,
            bert: _,
            fadt_oem: _,
            ghes_edac: _,
            panic_on_uncorrected: _,
            debugfs: _,
            cec: _,
            cec_configured: _,
            edac_drivers: _,
        } = platform;
        let named: Vec<&str> = [system_vendor, product_name]
            .into_iter()
            .filter_map(Reading::value)
            .map(|s| &**s)
            .collect();
        let named = if named.is_empty() {
            format!("maker {}", reading(system_vendor, Clone::clone))
        } else {
            named.join(" ")
        };
        let firmware = match (bios_version.value(), bios_date.value()) {
            (Some(version), Some(date)) => format!(", firmware {version} of {date}"),
            (Some(version), None) => format!(", firmware {version}"),
            (None, _) => String::new(),
        };
        page.field(2, "platform", &format!("{named}{firmware}"));
        let guest = match (hypervisor_flag.value(), hypervisor_type.value()) {
            (_, Some(kind)) => Some(format!("virtual machine ({kind})")),
            (Some(true), None) => Some("virtual machine (CPU flag \"hypervisor\")".to_owned()),
            (Some(false) | None, None) => None,
        };
        if let Some(guest) = guest {
            page.more(2, &guest);
        }
    });
}

pub(super) fn kernel(page: &mut Page, section: &Option<Section<Kernel>>) {
    source(page, "kernel", section, |page, kernel| {
        let Kernel {
            release,
            version,
            banner: _,
            // Judged with the packages.
            version_signature: _,
            uname,
            modules_supported,
            modules_root,
            modules_directory,
        } = kernel;
        page.field(2, "kernel", &reading(release, |release| format!("{release}, running")));
        page.more(2, &reading(version, Clone::clone));
        if let (Some(release), Some(version), Some(uname)) =
            (release.value(), version.value(), uname.value())
            && (*release != uname.release || *version != uname.version)
        {
            let text = format!(
                "uname answers otherwise: {} {}; a live patch may replace it",
                uname.release, uname.version
            );
            page.more(2, &text);
        }
        let modules = match (kernel.modules_removed(), modules_supported) {
            (Some(false), _) => "directory present".to_owned(),
            (Some(true), _) => {
                "directory gone: the running kernel's package was removed".to_owned()
            }
            (None, Reading::Absent(_)) => "not supported by this kernel".to_owned(),
            (None, Reading::Value(_)) if modules_root.is_absent() => {
                "none in this root, as in many containers".to_owned()
            }
            // The first of the three that has no value is what keeps it from being told.
            (None, supported) => [supported, modules_root, modules_directory]
                .into_iter()
                .find_map(Reading::non_value)
                .map_or_else(|| "not known".to_owned(), |reason| words::missing(&reason)),
        };
        page.field(2, "modules", &modules);
    });
}

pub(super) fn kernel_health(page: &mut Page, section: &Option<Section<KernelHealth>>) {
    source(page, "tainted", section, |page, health| {
        let KernelHealth { taint, oops_count, warn_count } = health;
        page.field(2, "tainted", &reading(taint, |taint| tainted(*taint)));
        page.field(2, "oopses", &reading(oops_count, |n| format!("{n} since boot")));
        page.field(2, "warnings", &reading(warn_count, |n| format!("{n} since boot")));
    });
}

fn tainted(taint: Taint) -> String {
    let flags = taint.flags();
    if flags.is_empty() {
        return "no (0)".to_owned();
    }
    let meanings: Vec<String> =
        flags.iter().map(|flag| format!("{}: {}", flag.name(), flag.meaning)).collect();
    format!("{} ({})", meanings.join("; "), taint.0)
}

pub(super) fn uptime(page: &mut Page, section: &Option<Section<Uptime>>, now_ms: i64) {
    source(page, "uptime", section, |page, uptime| {
        let Uptime { boot_id, since_boot, boot_time_s, slept } = uptime;
        let up = reading(since_boot, |up| span(*up));
        let slept = match slept.as_ref().into_result() {
            Ok(slept) if slept.as_secs() == 0 => String::new(),
            Ok(slept) => format!(", of that {} asleep", span(*slept)),
            Err(reason) => format!("; time asleep {}", words::missing(&reason)),
        };
        page.field(2, "uptime", &format!("{up}{slept}"));
        let booted = reading(boot_time_s, |seconds| {
            seconds
                .checked_mul(1000)
                .map_or_else(|| format!("{seconds} s after 1970"), |ms| moment_ago(ms, now_ms))
        });
        page.field(2, "booted", &booted);
        page.field(2, "boot id", &reading(boot_id, ToString::to_string));
    });
}

pub(super) fn reboot_markers(page: &mut Page, section: &Option<Section<RebootMarkers>>) {
    source(page, "reboot mark", section, |page, markers| {
        let RebootMarkers { required, packages, needed } = markers;
        let mut lines = Vec::new();
        match required {
            Reading::Value(_) => {
                lines.push(format!("run/reboot-required is there{}", for_packages(packages)))
            }
            Reading::Absent(_) => {}
            Reading::Unreadable(..) | Reading::Malformed(..) => {
                lines.push(reading(required, Clone::clone));
            }
        }
        match needed {
            Reading::Value(what) => lines.push(format!("run/reboot-needed asks for: {what}")),
            Reading::Absent(_) => {}
            Reading::Unreadable(..) | Reading::Malformed(..) => {
                lines.push(reading(needed, Clone::clone));
            }
        }
        if lines.is_empty() {
            lines.push("none left by the distribution; some leave none".to_owned());
        }
        page.field(2, "reboot mark", &lines.join("; "));
    });
}

fn for_packages(packages: &Reading<Vec<String>>) -> String {
    match packages.as_ref().into_result() {
        Ok(packages) => {
            let mut named: Vec<&str> = packages.iter().take(NAMED).map(String::as_str).collect();
            if packages.len() > named.len() {
                named.push("…");
            }
            format!(
                ", because of {}: {}",
                count(packages.len(), "package", "packages"),
                named.join(" ")
            )
        }
        Err(_) if packages.is_absent() => String::new(),
        Err(reason) => format!("; packages {}", words::missing(&reason)),
    }
}

pub(super) fn vulnerabilities(page: &mut Page, section: &Option<Section<Vec<CpuVulnerability>>>) {
    source(page, "cpu flaws", section, |page, found| {
        let tally = |state| found.iter().filter(|v| v.state.value() == Some(&state)).count();
        let mut parts: Vec<String> = VulnerabilityState::ALL
            .into_iter()
            .map(|state| (tally(state), state.as_str().replace('_', " ")))
            .filter(|(n, _)| *n > 0)
            .map(|(n, state)| format!("{n} {state}"))
            .collect();
        let unread = found.iter().filter(|v| v.state.value().is_none()).count();
        if unread > 0 {
            parts.push(format!("{unread} could not be read"));
        }
        if parts.is_empty() {
            parts.push("the kernel lists none".to_owned());
        }
        page.field(2, "cpu flaws", &parts.join(", "));
        for CpuVulnerability { name, state, text } in found {
            match state.as_ref().into_result() {
                Ok(VulnerabilityState::NotAffected | VulnerabilityState::Mitigated) => {}
                Ok(VulnerabilityState::Vulnerable | VulnerabilityState::Unknown) => {
                    page.more(2, &format!("- {name}: {}", reading(text, Clone::clone)));
                }
                Err(reason) => page.more(2, &format!("- {name}: {}", words::missing(&reason))),
            }
        }
    });
}

pub(super) fn kexec(page: &mut Page, section: &Option<Section<Kexec>>) {
    source(page, "crash dump", section, |page, kexec| {
        let Kexec { loaded, crash_loaded, crash_size_bytes } = kexec;
        let crash = reading(crash_loaded, |loaded| {
            if *loaded {
                "a crash kernel is loaded".to_owned()
            } else {
                "no crash kernel is loaded: a panic leaves no dump".to_owned()
            }
        });
        let reserved = reading(crash_size_bytes, |bytes| size(*bytes));
        page.field(2, "crash dump", &format!("{crash}; reserved {reserved}"));
        let kexec = reading(loaded, |loaded| {
            if *loaded { "a kernel is loaded for the next reboot" } else { "no kernel is loaded" }
                .to_owned()
        });
        page.field(2, "kexec", &kexec);
    });
}

pub(super) fn lockdown(page: &mut Page, section: &Option<Section<Lockdown>>) {
    source(page, "lockdown", section, |page, mode| page.field(2, "lockdown", mode.as_str()));
}

pub(super) fn machine_check(page: &mut Page, section: &Option<Section<MachineCheck>>) {
    source(page, "mce", section, |page, check| {
        let MachineCheck { check_interval_seconds, ignore_ce, dont_log_ce, cmci_disabled } = check;
        let interval = reading(check_interval_seconds, |seconds| match seconds {
            0 => "not polled".to_owned(),
            seconds => format!("polled at least every {seconds} s"),
        });
        page.field(2, "mce", &interval);
        for (switch, state) in [
            ("ignore_ce", ignore_ce),
            ("dont_log_ce", dont_log_ce),
            ("cmci_disabled", cmci_disabled),
        ] {
            match state.as_ref().into_result() {
                Ok(false) => {}
                Ok(true) => page.more(2, &format!("{switch} is set")),
                Err(reason) => page.more(2, &format!("{switch} {}", words::missing(&reason))),
            }
        }
    });
}

/// Digits of a hash by which a person tells it from others.
const SHORT_HASH: usize = 12;

pub(super) fn history(page: &mut Page, history: &Reading<HistorySummary>, now_ms: i64) {
    let summary = match history.as_ref().into_result() {
        Ok(summary) => summary,
        Err(reason) => {
            page.field(2, "history", &format!("none: {}", words::missing(&reason)));
            return;
        }
    };
    let HistorySummary {
        path,
        since_wall_ms,
        boots: _,
        clock_steps,
        covered,
        covered_without_gap,
        reboot_needed,
        ledger_head,
    } = summary;
    page.field(2, "history", &format!("since {}", moment_ago(*since_wall_ms, now_ms)));
    // A running agent writes its coverage down every few minutes only.
    page.more(
        2,
        &format!(
            "watched for at least {} of that, without a gap for at least {}",
            span(*covered),
            span(*covered_without_gap)
        ),
    );
    let ends: Vec<String> = BootEnd::ALL
        .into_iter()
        .map(|end| (summary.boots_ended(end), end.as_str()))
        .filter(|(n, _)| *n > 0)
        .map(|(n, end)| format!("{n} {end}"))
        .collect();
    let ends = if ends.is_empty() { "none".to_owned() } else { ends.join(", ") };
    page.more(2, &format!("boots: {ends}; {}", count(*clock_steps, "clock step", "clock steps")));
    page.more(2, path);
    if let Some(LedgerHead { seq, hash }) = ledger_head {
        let hash = hash.to_string();
        let short = hash.get(..SHORT_HASH).unwrap_or_default();
        page.more(2, &format!("ledger: {}, the last is {short}…", count(*seq, "row", "rows")));
    }
    if let Some(need) = reboot_needed {
        let reasons: Vec<&str> = need.reasons.iter().map(|(reason, _)| reason.as_str()).collect();
        let since = moment_ago(need.since_wall_ms, now_ms);
        page.field(2, "reboot asked", &format!("since {since}: {}", reasons.join(", ")));
    }
}
