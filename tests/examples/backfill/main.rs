//! A fleet as Prometheus would have scraped it, for dashboards, rules and `scrubjay fleet`.
//!
//! ```text
//! cargo run -p scrubjay-tests --example backfill -- DIR [--hosts N] [--seed N] [--days N]
//!     [--step SECONDS] [--minutes N] [--stopping SHARE] [--end UNIX_SECONDS] [--job NAME]
//! promtool tsdb create-blocks-from --max-block-duration=100d openmetrics DIR/backfill.om DIR/data
//! prometheus --config.file=empty.yml --storage.tsdb.path=DIR/data --storage.tsdb.retention.time=10y
//! ```
//!
//! `DIR/backfill.om` has the samples, `DIR/truth.jsonl` a line for each host: what is true of it, and
//! what its agent said last. Queries are to be asked for the moment of `--end`, which is the last full
//! minute unless it is given: a series is gone for Prometheus five minutes after its last sample.

#![expect(clippy::print_stdout, reason = "says where the files are")]
#![expect(clippy::disallowed_methods, reason = "writes to the folder that is named")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failure ends it")]

use scrubjay_tests::backfill::{self, Plan};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::{Instant, SystemTime};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(dir) = arguments.next().filter(|dir| !dir.starts_with('-')) else {
        panic!("name a folder first");
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let mut plan = Plan::small(i64::try_from(now / 60 * 60).unwrap());
    while let Some(name) = arguments.next() {
        let value = arguments.next().unwrap_or_else(|| panic!("{name}: a value is missing"));
        let set = match name.as_str() {
            "--hosts" => value.parse().map(|value| plan.hosts = value).is_ok(),
            "--seed" => value.parse().map(|value| plan.seed = value).is_ok(),
            "--days" => value.parse().map(|value| plan.days = value).is_ok(),
            "--step" => value.parse().map(|value| plan.step_s = value).is_ok(),
            "--minutes" => value.parse().map(|value| plan.minutes = value).is_ok(),
            "--stopping" => value.parse().map(|value| plan.stopping = value).is_ok(),
            "--end" => value.parse().map(|value| plan.end_unix_s = value).is_ok(),
            "--job" => {
                plan.job = value.clone();
                true
            }
            _ => panic!("{name}: no such option"),
        };
        assert!(set, "{name}: {value} is no number");
    }
    let dir = PathBuf::from(dir);
    std::fs::create_dir_all(&dir).unwrap();
    let began = Instant::now();
    let mut out = BufWriter::new(File::create(dir.join("backfill.om")).unwrap());
    let truths = backfill::write(&plan, &mut out).unwrap();
    out.flush().unwrap();
    let mut rows = String::new();
    for truth in &truths {
        rows.push_str(&truth.to_json().to_string());
        rows.push('\n');
    }
    std::fs::write(dir.join("truth.jsonl"), rows).unwrap();
    println!(
        "{} hosts until {} in {:.1?}: {}",
        truths.len(),
        plan.end_unix_s,
        began.elapsed(),
        dir.display()
    );
}
