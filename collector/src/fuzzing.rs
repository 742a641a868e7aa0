//! What the fuzz targets in `tests/fuzz` feed with arbitrary bytes: none may panic, loop, or take more
//! memory than its input warrants.

use crate::kernel_log::{Record, log_facts, log_reports};
use crate::packages::files;
use crate::reader::Reader;
use crate::trace::decode::Decoder;
use crate::{Collector, HostRoot, Node, Options, Tree, cper, microcode, module_file};
use scrubjay_model::{BootId, Clocks, Stamp};
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

const HEADER_PAGE: &str = include_str!("../../tests/fixtures/trace/6.12/formats/header_page");
const HEADER_EVENT: &str = include_str!("../../tests/fixtures/trace/6.12/formats/header_event");

/// Events with their formats.
fn formats() -> Vec<(String, String)> {
    [
        ("ras:mc_event", include_str!("../../tests/fixtures/trace/6.12/formats/mc_event.format")),
        (
            "mce:mce_record",
            include_str!("../../tests/fixtures/trace/6.12/formats/mce_record.format"),
        ),
        (
            "ras:memory_failure_event",
            include_str!("../../tests/fixtures/trace/6.12/formats/memory_failure_event.format"),
        ),
        ("ras:arm_event", include_str!("../../tests/fixtures/trace/6.12/formats/arm_event.format")),
        (
            "ras:non_standard_event",
            include_str!("../../tests/fixtures/trace/6.12/formats/non_standard_event.format"),
        ),
        (
            "ras:extlog_mem_event",
            include_str!("../../tests/fixtures/trace/6.12/formats/extlog_mem_event.format"),
        ),
        ("cxl:cxl_dram", include_str!("../../tests/fixtures/trace/6.12/formats/cxl_dram.format")),
    ]
    .map(|(name, format)| (name.to_owned(), format.to_owned()))
    .to_vec()
}

fn decode(decoder: &Decoder, page: &[u8]) {
    let told = decoder.page(page, &mut |report| {
        // Texts are made only when asked for.
        let _ = (report.message.to_string(), report.detail.to_string());
    });
    assert!(told.reports <= told.records);
}

/// A page of the trace buffer.
pub fn trace_page(page: &[u8]) {
    static DECODER: OnceLock<Decoder> = OnceLock::new();
    let decoder = DECODER.get_or_init(|| {
        let (decoder, undecodable) = Decoder::new(HEADER_PAGE, HEADER_EVENT, &formats(), 4096);
        assert!(undecodable.is_empty());
        decoder
    });
    decode(decoder, page);
}

/// A format up to the first NUL, then a page decoded by it.
pub fn trace_format(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (text, page) = bytes.split_at(end);
    let formats = [("ras:mc_event".to_owned(), String::from_utf8_lossy(text).into_owned())];
    let (decoder, _) = Decoder::new(HEADER_PAGE, HEADER_EVENT, &formats, 4096);
    decode(&decoder, page);
}

/// What firmware wrote.
pub fn firmware(bytes: &[u8]) {
    let _ = cper::error_blocks(bytes);
    let _ = cper::cper_record(bytes);
    let _ = cper::memory_error(bytes);
    let _ = cper::memory_error_2(bytes);
    let _ = cper::memory_error_compact(bytes);
    let _ = cper::struct_mce(bytes);
    let _ = microcode::intel_updates(bytes);
    let _ = microcode::amd_updates(bytes);
    smbios(bytes);
}

/// An entry point, then the table it leads to.
fn smbios(bytes: &[u8]) {
    let (entry_point, table) = bytes.split_at(bytes.len().min(32));
    let mut tree = Tree::new();
    for (path, bytes) in [
        ("sys/firmware/dmi/tables/smbios_entry_point", entry_point),
        ("sys/firmware/dmi/tables/DMI", table),
    ] {
        tree.insert(path, Node::File(bytes.to_vec()));
    }
    let host = host(tree);
    let at = Stamp::new(BootId::unknown(), host.clocks());
    let _ = crate::sources::smbios::read(&Reader::new(&host), &at);
}

/// The file of a kernel module, compressed or not.
pub fn module_file(bytes: &[u8]) {
    let _ = module_file::parse(bytes);
    let _ = module_file::build_id_of_notes(bytes);
}

/// What package managers keep of their files, each read by what it is written for.
pub fn package_files(bytes: &[u8]) {
    const MODULE: &str = "lib/modules/6.1/extra/lp.ko";
    let asked = files::Asked::new([MODULE]);
    let dpkg = "var/lib/dpkg/info/linux.list";
    let pacman = "var/lib/pacman/local/linux-1-1/files";
    let list = format!("/{MODULE}\n{MODULE}\n");
    for path in [
        dpkg,
        "var/lib/dpkg/info/linux.md5sums",
        "var/lib/dpkg/status",
        "var/lib/dpkg/diversions",
        "usr/lib/sysimage/rpm/Packages.db",
        "var/lib/rpm/rpmdb.sqlite",
        pacman,
        "var/lib/pacman/local/linux-1-1/mtree",
        "lib/apk/db/installed",
    ] {
        let mut tree = Tree::new();
        for listed in [dpkg, pacman] {
            tree.insert(listed, Node::File(list.clone().into_bytes()));
        }
        tree.insert(path, Node::File(bytes.to_vec()));
        let host = host(tree);
        let reader = Reader::new(&host);
        let _ = files::dpkg::claims(&reader, &asked);
        let _ = files::rpm::claims(&reader, &asked);
        let _ = files::pacman::claims(&reader, &asked);
        let _ = files::apk::claims(&reader, &asked);
    }
}

/// Lines, read as `/dev/kmsg` and as `dmesg` write them.
pub fn kernel_log(bytes: &[u8]) {
    let lines = || bytes.split(|byte| *byte == b'\n');
    let records: Vec<Record> = lines().filter_map(Record::from_kmsg).collect();
    let texts: Vec<Record> =
        lines().map(|line| Record::from_text(&String::from_utf8_lossy(line))).collect();
    for records in [records, texts] {
        let facts = log_facts(&records);
        let _ = log_reports(&facts, 4096, Duration::ZERO);
    }
}

/// A captured host, read by every source.
pub fn host_tree(bytes: &[u8]) {
    if let Ok(tree) = Tree::parse(&String::from_utf8_lossy(bytes)) {
        read(tree);
    }
}

fn host(tree: Tree) -> HostRoot {
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    HostRoot::from_tree(tree, Arc::new(move || clocks))
}

fn read(tree: Tree) {
    let options = Options { deadline: Duration::from_secs(10), disabled: BTreeSet::new() };
    let _ = Collector::new(Arc::new(host(tree)), options).snapshot();
}
