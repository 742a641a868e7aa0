//! Logs: of the kernel, of its last words, and of mcelog.

use super::host_of;
use crate::foreign_errors;
use crate::host::split_log;
use crate::kernel_log::{Digest, Record, log_facts, log_reports, telling};
use crate::sources::previous_boot;
use scrubjay_model::{ErrorMemory, LogCounts};
use std::time::Duration;

/// Lines, read as `/dev/kmsg` and as `dmesg` write them. What a capture keeps of them is read as the
/// whole is.
pub fn kernel_log(bytes: &[u8]) {
    let lines = || bytes.split(|byte| *byte == b'\n');
    let records: Vec<Record> = lines().filter_map(Record::from_kmsg).collect();
    let texts: Vec<Record> =
        lines().map(|line| Record::from_text(&String::from_utf8_lossy(line))).collect();
    for records in [records, texts] {
        let facts = log_facts(&records);
        let _ = log_reports(&facts, 4096, Duration::ZERO);
    }
    let kept = telling(bytes);
    assert_eq!(told(&kept), told(bytes), "what is kept of a log says the same");
}

fn told(log: &[u8]) -> LogCounts {
    let mut digest = Digest::new();
    split_log(log, &mut |part| digest.take(part));
    digest.finish().0.told
}

/// The end of a kernel log as pstore keeps it.
pub fn crash_log(bytes: &[u8]) {
    let log = previous_boot::crash_log(bytes);
    let kept = previous_boot::telling(bytes);
    assert_eq!(previous_boot::crash_log(kept.as_bytes()), log, "what is kept says the same");
}

/// A log of mcelog.
pub fn mcelog(bytes: &[u8]) {
    const PATH: &str = "var/log/mcelog";
    const NOW_MS: i64 = 1_795_500_120_000;
    let host = host_of([(PATH, bytes)]);
    let memory = ErrorMemory::Mcelog;
    let read = foreign_errors(&host, memory, Some(PATH), NOW_MS, &mut |_, _| {});
    for group in read.value().into_iter().flat_map(|read| &read.errors) {
        assert!(group.records > 0, "a group of no records");
        assert!(group.first_wall_ms <= group.last_wall_ms, "a group that ends before it begins");
    }
}
