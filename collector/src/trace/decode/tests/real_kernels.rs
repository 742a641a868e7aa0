//! Pages that real kernels wrote, beside what the same kernel printed of them.
//!
//! A capture is a folder with `formats/`, which has the format of each event, and with a folder for
//! each scenario, in which `cpuN.pages` is what `trace_pipe_raw` gave, `cpuN.stats` the kernel's own count of what it
//! overwrote, and `trace.txt` the text of the same buffer.

use super::*;
use crate::machine_check::Registers;
use std::path::{Path, PathBuf};

/// Captures of our own, and those of others if `SCRUBJAY_CORPUS` names a folder that has some.
fn captures() -> Vec<PathBuf> {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/trace");
    let corpus = std::env::var_os("SCRUBJAY_CORPUS").map(PathBuf::from);
    if corpus.is_none() {
        println!("skipped: SCRUBJAY_CORPUS names no folder with captures of others");
    }
    let roots = [Some(ours), corpus.map(|corpus| corpus.join("trace"))];
    let folders = roots.into_iter().flatten().flat_map(|root| folders(&root));
    let captures: Vec<PathBuf> = folders.filter(|folder| folder.join("formats").is_dir()).collect();
    if captures.is_empty() {
        println!("skipped: there is no capture of a real kernel");
    }
    captures
}

fn folders(root: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(root) else { return Vec::new() };
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// Each event of a capture that we would listen to, decoded as its own format says.
fn decoder_of(capture: &Path) -> Decoder {
    let events = capture.join("formats");
    let mut formats = Vec::new();
    for entry in std::fs::read_dir(&events).unwrap() {
        let path = entry.unwrap().path();
        let Some(event) = name(&path).strip_suffix(".format") else { continue };
        let cxl = event.starts_with("cxl_");
        let group = WANTED.iter().find(|wanted| wanted.ends_with(&format!(":{event}")));
        let group =
            if cxl { Some("cxl") } else { group.map(|known| known.split(':').next().unwrap()) };
        formats.extend(group.map(|group| (format!("{group}:{event}"), read(&path))));
    }
    let header = |name: &str| read(&events.join(name));
    let (decoder, undecodable) =
        Decoder::new(&header("header_page"), &header("header_event"), &formats, PAGE_BYTES);
    assert_eq!(undecodable, [], "{}", capture.display());
    assert!(!formats.is_empty());
    decoder
}

/// The parts of a line of `trace.txt` that a report must have come from.
fn printed(report: &Report<'_>) -> Vec<String> {
    let micros = (report.since_boot_ns + 500) / 1_000;
    let at = format!("{}.{:06}: ", micros / 1_000_000, micros % 1_000_000);
    match (&report.place, &report.what, &report.detail) {
        (Place::Edac { controller, layers, label }, _, detail) => {
            let class = match report.class {
                EventClass::Corrected => "Corrected",
                EventClass::Uncorrected => "Uncorrected",
                EventClass::Deferred => "Deferred",
                EventClass::Fatal => "Fatal",
                EventClass::Info => "Info",
            };
            let behind = |text: String| if text.is_empty() { text } else { format!(" {text}") };
            vec![format!(
                "{at}mc_event: {} {class} error{}:{} on {} (mc:{controller} location:{}:{}:{} \
                 address:0x{:08x} grain:{} syndrome:0x{:08x}{})",
                report.errors,
                if report.errors > 1 { "s" } else { "" },
                behind(report.message.to_string()),
                String::from_utf8_lossy(label),
                layers[0],
                layers[1],
                layers[2],
                report.address.unwrap_or(0),
                1_u64 << report.grain_bits.unwrap(),
                report.syndrome.unwrap_or(0),
                behind(detail.to_string()),
            )]
        }
        (_, What::Other(EventWhat::Page { page_type, outcome }), _) => {
            let outcome = outcome.as_str();
            let outcome = outcome[..1].to_uppercase() + &outcome[1..];
            let pfn = report.address.unwrap_or(0) / PAGE_BYTES;
            let done = format!("recovery action for {page_type}: {outcome}");
            vec![format!("{at}memory_failure_event: pfn {pfn:#x}: {done}")]
        }
        // The order is another one in each kernel, and so is the case of words.
        (Place::Bank { cpu, socket, bank }, _, Text::Registers(registers)) => {
            let Registers { status, address, misc, syndrome: _, ipid, mcgstatus } = registers;
            let texts = [
                format!("{at}mce_record: CPU: {cpu}, MCGc/s: "),
                format!("/{mcgstatus:x}, MC{bank}: {status:016x}, IPID: {ipid:016x}, ADDR"),
                format!(": {address:016x}"),
                format!("{misc:016x}"),
                format!("ocket: {socket},").to_uppercase(),
            ];
            texts.to_vec()
        }
        (place, what, detail) => panic!("{place:?} {what:?} {detail:?}"),
    }
}

/// A number of the kernel's own statistics of a buffer.
fn statistic(stats: &str, key: &str) -> u64 {
    let line = stats.lines().find_map(|line| line.strip_prefix(key));
    line.unwrap().trim_start_matches(':').trim().parse().unwrap()
}

#[test]
fn pages_of_real_kernels_say_what_the_kernel_prints_of_them() {
    for capture in captures() {
        let decoder = decoder_of(&capture);
        for scenario in folders(&capture) {
            if !scenario.join("trace.txt").is_file() {
                continue;
            }
            let mut reports: Vec<(u64, Vec<String>)> = Vec::new();
            for cpu in 0..64 {
                let Ok(pages) = std::fs::read(scenario.join(format!("cpu{cpu}.pages"))) else {
                    continue;
                };
                let stats = read(&scenario.join(format!("cpu{cpu}.stats")));
                // A page was read although the kernel had nothing to print: what stands in it is
                // not in the text.
                if statistic(&stats, "entries") == 0 {
                    continue;
                }
                let mut lost = 0;
                for page in pages.chunks(4096) {
                    let told = decoder.page(page, &mut |report| {
                        reports.push((report.since_boot_ns, printed(&report)));
                    });
                    assert_eq!(told.last_undecodable, None, "{}", scenario.display());
                    lost += match told.lost {
                        Lost::None => 0,
                        Lost::AtLeastSome => panic!("the kernel says how many"),
                        Lost::Exactly(count) => count,
                    };
                }
                assert_eq!(lost, statistic(&stats, "overrun"), "{} cpu {cpu}", scenario.display());
            }
            reports.sort();
            let text = read(&scenario.join("trace.txt"));
            let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
            assert_eq!(reports.len(), lines.len(), "{}", scenario.display());
            for ((_, parts), line) in reports.iter().zip(lines) {
                for part in parts {
                    let upper = line.to_uppercase().contains(part);
                    assert!(upper || line.contains(part), "{part} is not in {line}");
                }
            }
            println!("{}: {} reports agree", scenario.display(), reports.len());
        }
    }
}
