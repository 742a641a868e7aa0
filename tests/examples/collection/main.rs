//! What a pass over the counters of EDAC costs beside the floor: the same files kept open, and read one
//! after the other.
//!
//! ```text
//! tests/bench/collection
//! ```
//!
//! Host trees with 2x8, 16x16 and 64x32 controllers and DIMMs, in which each counter and each label is an
//! attribute of sysfs (where root may mount one over it; otherwise a file, which costs ours one more system
//! call each). A pass of ours reads every counter and label, ages and totals twice to find out whether they
//! belong together, and now and then what the modules are. More than 1,024 of them, and what is not in memory,
//! it hands to a thread of its own, as a read may hang. What is counted is the CPU time of the whole process;
//! both are measured in turn.

#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]
#![expect(clippy::disallowed_methods, reason = "measures itself, and reads the files as a floor")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failure ends the measurement")]
#![expect(clippy::cast_precision_loss, reason = "figures to be read")]

use rustix::mount::mount_bind;
use rustix::time::{ClockId, clock_gettime};
use scrubjay_collector::{Collector, HostRoot, Options};
use scrubjay_model::{Clocks, SourceId};
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Controllers and DIMMs of each.
const TREES: [(&str, u32, u32); 3] = [("small", 2, 8), ("large", 16, 16), ("huge", 64, 32)];
const ROUNDS: usize = 9;
const LIMIT: f64 = 2.0;
/// An attribute of sysfs that says 0 and costs as little as a counter.
const ATTRIBUTE: &str = "/sys/kernel/mm/ksm/run";

fn main() {
    println!("| tree | files | of sysfs | floor, us | a pass, us | part | limit |");
    println!("|---|---|---|---|---|---|---|");
    let mut kept = true;
    for (name, controllers, dimms) in TREES {
        let dir = tempfile::tempdir().unwrap();
        let counters = make(dir.path(), controllers, dimms);
        let mounted =
            counters.iter().take_while(|path| mount_bind(ATTRIBUTE, path.as_path()).is_ok());
        let of_sysfs = mounted.count();
        let files: Vec<File> = counters.iter().map(|path| File::open(path).unwrap()).collect();
        // The host of a container: it is of this kernel, whose clocks speak for it.
        let boot_id = "proc/sys/kernel/random/boot_id";
        let shown = dir.path().join(boot_id);
        std::fs::create_dir_all(shown.parent().unwrap()).unwrap();
        std::fs::write(shown, std::fs::read(Path::new("/").join(boot_id)).unwrap()).unwrap();
        let mut collector = collector(dir.path());
        let passes = 20_000 / counters.len() + 20;
        // The first pass opens everything.
        assert!(collector.snapshot().edac.unwrap().reading.value().is_some());
        let (mut floors, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            floors.push(each(passes, || files.iter().for_each(read)));
            ours.push(each(passes, || drop(collector.snapshot())));
        }
        let (floor, ours) = (median(floors), median(ours));
        kept &= ours <= floor * LIMIT;
        println!(
            "| {name} | {} | {of_sysfs} | {floor:.1} | {ours:.1} | {:.2} | {LIMIT} |",
            counters.len(),
            ours / floor
        );
    }
    std::process::exit(i32::from(!kept));
}

/// What EDAC shows (drivers/edac/edac_mc_sysfs.c); returns the counters and labels.
fn make(root: &Path, controllers: u32, dimms: u32) -> Vec<PathBuf> {
    let mut counters = Vec::new();
    for mc in 0..controllers {
        let base = root.join(format!("sys/devices/system/edac/mc/mc{mc}"));
        let mut put = |file: String, text: String, is_counter: bool| {
            let path = base.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, format!("{text}\n")).unwrap();
            if is_counter {
                counters.push(path);
            }
        };
        put("mc_name".to_owned(), format!("Intel_10nm Socket#0 IMC#{mc}"), false);
        put("size_mb".to_owned(), (dimms * 32_768).to_string(), false);
        put("seconds_since_reset".to_owned(), "8640000".to_owned(), true);
        for total in ["ce_count", "ue_count", "ce_noinfo_count", "ue_noinfo_count"] {
            put(total.to_owned(), "0".to_owned(), true);
        }
        for dimm in 0..dimms {
            for (file, text, is_counter) in [
                ("dimm_label", format!("CPU_SrcID#0_MC#{mc}_Chan#{dimm}_DIMM#0"), true),
                ("dimm_location", format!("channel {dimm} slot 0 "), false),
                ("size", "32768".to_owned(), false),
                ("dimm_mem_type", "Registered-DDR5".to_owned(), false),
                ("dimm_dev_type", "x4".to_owned(), false),
                ("dimm_edac_mode", "S4ECD4ED".to_owned(), false),
                ("dimm_ce_count", "0".to_owned(), true),
                ("dimm_ue_count", "0".to_owned(), true),
            ] {
                put(format!("dimm{dimm}/{file}"), text, is_counter);
            }
        }
    }
    counters
}

fn collector(root: &Path) -> Collector {
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    let host = HostRoot::open(root, Arc::new(move || clocks)).unwrap();
    let others = SourceId::ALL.into_iter().filter(|id| *id != SourceId::Edac).collect();
    let options = Options { deadline: Duration::from_secs(60), disabled: others };
    Collector::new(Arc::new(host), options)
}

fn read(file: &File) {
    let mut buffer = [0; 64];
    assert!(file.read_at(&mut buffer, 0).unwrap() > 0);
    std::hint::black_box(buffer);
}

/// Microseconds of CPU time for each of so many.
fn each(count: usize, mut what: impl FnMut()) -> f64 {
    let before = cpu();
    for _ in 0..count {
        what();
    }
    (cpu() - before).as_secs_f64() * 1e6 / count as f64
}

/// Of all threads, also those that have ended.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
