//! What firmware tells the kernel, and what it keeps for it over a crash.

use crate::guest::{Down, Guest};
use crate::machine::{Dimm, Kernel, Machine, REPORTS_AT};
use crate::pages;
use crate::seen::{corrupted, findings, told, value};
use serde_json::{Value, json};
use std::os::unix::fs::FileExt;

/// Two sockets with two channels of two slots each.
fn dimms() -> Vec<Dimm> {
    let mut dimms = Vec::new();
    let mut serials = 0xa100_0000_u32..;
    for socket in 0..2 {
        for channel in ["A", "B"] {
            for slot in 1..=2 {
                dimms.push(Dimm {
                    locator: format!("CPU{socket}_DIMM_{channel}{slot}"),
                    bank: format!("NODE {socket} CHANNEL {channel} DIMM {slot}"),
                    serial: format!("SN{:08X}", serials.next().unwrap()),
                });
            }
        }
    }
    dimms
}

/// The serial numbers that the kernel passes on, in the order of the table.
fn serials(guest: &mut Guest) -> Vec<String> {
    let text = guest.run("tr '\\0' '\\n' </sys/firmware/dmi/tables/DMI | tr -cd ' -~\\n'");
    let lines = text.lines().filter(|line| line.starts_with("SN"));
    lines.map(str::to_owned).collect()
}

/// The sticks that the history knows, by serial number.
fn stick<'a>(known: &'a Value, serial: &str) -> &'a Value {
    let mut found = known["dimms"].as_array().unwrap().iter();
    found.find(|dimm| dimm["serial"] == serial).unwrap_or_else(|| panic!("{serial}: {known:#}"))
}

pub(crate) fn errors_belong_to_the_stick_in_the_slot_and_not_to_its_successor(kernel: Kernel) {
    let mut guest = Guest::boot_on(kernel, Machine { dimms: dimms(), ..Machine::plain() });
    let before: Vec<String> = dimms().into_iter().map(|dimm| dimm.serial).collect();
    assert_eq!(serials(&mut guest), before);
    guest.capture("dimms");
    let load = |guest: &mut Guest| {
        guest.load("scrubjay_edac board_labels=1");
        guest.start_agent();
    };
    load(&mut guest);
    // The one in CPU0_DIMM_B2.
    guest.order("corrected mc=0 channel=1 slot=1 count=7");
    guest.order("corrected mc=1 channel=0 slot=0 count=4");
    guest.next_pass();
    let known = guest.json("dimms");
    assert_eq!(known["dimms"].as_array().unwrap().len(), 8, "{known:#}");
    let old = stick(&known, &before[3]);
    assert_eq!(old["slot"], "CPU0_DIMM_B2");
    assert_eq!(old["counted_at"], json!(["test-socket-0/dimm3"]));
    assert_eq!((&old["correctable"], &old["ended_wall_ms"]), (&7.into(), &Value::Null));

    let new = "SNFEEDBEEF";
    guest.machine.dimms[3].serial = new.to_owned();
    let mut guest = guest.reboot(Down::InOrder);
    let mut after = before.clone();
    after[3] = new.to_owned();
    assert_eq!(serials(&mut guest), after);
    load(&mut guest);
    guest.order("corrected mc=0 channel=1 slot=1 count=2");
    guest.next_pass();
    let known = guest.json("dimms");
    let (old, new) = (stick(&known, &before[3]), stick(&known, new));
    assert_eq!(old["correctable"], 7, "{old}");
    assert!(old["ended_wall_ms"].is_i64(), "{old}");
    assert_eq!((&new["slot"], &new["correctable"]), (&"CPU0_DIMM_B2".into(), &2.into()), "{new}");
    assert_eq!(stick(&known, &before[4])["correctable"], 4, "one that stayed keeps its sum");
}

pub(crate) fn a_crash_leaves_its_log_in_firmware_and_its_lost_page_with_us(kernel: Kernel) {
    let mut guest = Guest::boot_on(kernel, Machine { keeps_crashes: true, ..Machine::plain() });
    let list = "mount -t pstore pstore /sys/fs/pstore; ls /sys/fs/pstore";
    assert_eq!(guest.run(list), "");
    guest.start_agent();
    let told = |status: &Value| findings(status).iter().any(|f| f.starts_with("crash-"));
    assert!(!told(&guest.status()));
    pages::lose_a_page(&mut guest);
    let mut guest = guest.reboot(Down::Crashed);
    let files = guest.run(list);
    assert!(files.lines().all(|name| name.starts_with("dmesg-erst-")), "{files}");
    let text = guest.run("cat /sys/fs/pstore/*");
    assert!(text.contains("Kernel panic - not syncing: sysrq triggered crash"), "{text}");
    guest.start_agent();
    let status = guest.status();
    assert!(findings(&status).contains(&"crash-record host".to_owned()), "{:?}", findings(&status));
    let records = &value(&status, "previous_boot")["pstore"]["value"]["records"];
    assert_eq!(records.as_array().unwrap().len(), files.lines().count(), "{records:#}");
    assert!(records.to_string().contains("sysrq triggered crash"), "{records:#}");
    guest.capture("crash");
    let boots = guest.json("history boots");
    let unclean = boots["boots"].as_array().unwrap().iter().filter(|b| b["end"] == "unclean");
    assert_eq!(unclean.count(), 1, "{boots}");
    pages::remembers_the_lost_page(&mut guest);
}

/// A CPER record of a memory error, as firmware leaves it: UEFI 2.10, appendix N.
fn memory_error(severity: u32, address: u64, over_threshold: bool) -> Vec<u8> {
    let mut section = Vec::new();
    // Valid: status, address and mask, node, card, module, bank, row, column, type, handles.
    section.extend(0x3_437f_u64.to_le_bytes());
    for long in [0x400, address, !0xfff] {
        section.extend(long.to_le_bytes());
    }
    for word in [1_u16, 2, 0, 3, 4, 0x1f, 0x20, 5] {
        section.extend(word.to_le_bytes());
    }
    section.extend([0; 24]);
    // Single or multi-bit; then rank and handles.
    section.extend([if severity == CORRECTED { 2 } else { 3 }, 0]);
    for word in [1_u16, 0x2000, 0x2102] {
        section.extend(word.to_le_bytes());
    }
    // Platform memory, a5bc1114-6f64-4ede-b863-3e83ed7c83b1.
    let mut entry = 0x4ede_6f64_a5bc_1114_u64.to_le_bytes().to_vec();
    entry.extend(0xb183_7ced_833e_63b8_u64.to_le_bytes());
    entry.extend(severity.to_le_bytes());
    entry.extend(0x201_u16.to_le_bytes());
    entry.extend([0, if over_threshold { 8 } else { 0 }]);
    entry.extend(u32::try_from(section.len()).unwrap().to_le_bytes());
    entry.extend([0; 16]);
    entry.extend(format!("{:\0<20}", "test module").into_bytes());
    entry.extend(section);
    let mut block = Vec::new();
    let kind: u32 = if severity == CORRECTED { 2 } else { 1 };
    let length = u32::try_from(entry.len()).unwrap();
    for long in [kind | 1 << 4, 0, 0, length, severity] {
        block.extend(long.to_le_bytes());
    }
    block.extend(entry);
    block
}

const RECOVERABLE: u32 = 0;
const CORRECTED: u32 = 2;

/// Leaves a report where the kernel polls for one, and waits until it has taken it.
fn report(guest: &mut Guest, block: &[u8]) {
    let memory =
        std::fs::File::options().read(true).write(true).open(guest.folder.path().join("memory"));
    let memory = memory.unwrap();
    let at = REPORTS_AT + 4096;
    // The first word, which makes it valid, last.
    memory.write_all_at(&block[4..], at + 4).unwrap();
    memory.write_all_at(&block[..4], at).unwrap();
    memory.write_all_at(&at.to_le_bytes(), REPORTS_AT).unwrap();
    for _ in 0..100 {
        let mut status = [0; 4];
        memory.read_exact_at(&mut status, at).unwrap();
        if status == [0; 4] {
            guest.run("sleep 0.3");
            return;
        }
        guest.run("sleep 0.1");
    }
    panic!("the kernel did not take the report");
}

pub(crate) fn what_firmware_reports_first_reaches_the_kernel_but_no_counter(kernel: Kernel) {
    let name = "firmware-first";
    let machine = Machine { firmware_first: true, dimms: dimms(), ..Machine::plain() };
    let mut guest = Guest::boot_on(kernel, machine);
    guest.start_agent();
    guest.log_from_here(name);
    guest.record(&["ras", "mce/mce_record"], 64);
    report(&mut guest, &memory_error(CORRECTED, 0x3100_0000, false));
    let log = guest.log_since(name);
    assert!(log.contains("Hardware error from APEI Generic Hardware Error Source"), "{log}");
    assert!(log.contains("severity: corrected"), "{log}");
    let records = guest.recorded();
    assert!(records.iter().any(|line| line.contains("mce_record:")), "{records:?}");
    assert!(!records.iter().any(|line| line.contains("mc_event:")), "{records:?}");
    let status = guest.status();
    assert_eq!(corrupted(&status), 0);
    assert_eq!(status["snapshot"]["edac"]["reading"]["state"], "absent");

    report(&mut guest, &memory_error(RECOVERABLE, 0x3300_0000, false));
    assert_eq!(corrupted(&guest.status()), 4096);
    report(&mut guest, &memory_error(CORRECTED, 0x3200_0000, true));
    assert_eq!(corrupted(&guest.status()), 8192);
    guest.capture_log(name);
    guest.stop_recording(name);
    guest.next_pass();
    guest.next_pass();
    // Bank 255 is how the kernel says that there is none. Which CPU polls is chance.
    let events = guest.events();
    let told = told(&events);
    for line in [
        "apei_record corrected 0x31000000 ",
        "apei_record uncorrected 0x33000000 ",
        "memory_failure uncorrected 0x33000000 free buddy page: recovered",
        "apei_record corrected 0x32000000 ",
        // The log tells of the same, and names the module.
        "log_ghes corrected 0x31000000 ",
        "log_ghes uncorrected 0x33000000 ",
        "log_ghes corrected 0x32000000 ",
    ] {
        assert!(told.iter().any(|told| told.starts_with(line)), "{line}: {told:#?}");
    }
    assert_eq!(told.len(), 7, "{told:#?}");
    let counted = events["events"].as_array().unwrap().iter();
    let counted = counted.map(|event| event["counted"].as_u64().unwrap());
    assert_eq!(counted.sum::<u64>(), 3, "each once: {told:#?}");
}
