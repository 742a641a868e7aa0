//! Lines of errors, by family. Those of EDAC, of machine checks and of pages are as our guests
//! printed them, with Linux 6.1 and 6.12.

use super::*;
use scrubjay_model::{
    EdacLine, EventClass, EventPlace, EventWhat, LogSeverity, OfflineAsker, PageFact, PageOutcome,
    Witness,
};

fn text_facts(text: &str) -> Vec<LogFact> {
    let records: Vec<Record> = text.lines().map(Record::from_text).collect();
    log_facts(&records).into_iter().map(|entry| entry.fact).collect()
}

fn reports(text: &str) -> Vec<scrubjay_model::EventGroup> {
    let records: Vec<Record> = text.lines().map(Record::from_text).collect();
    log_reports(&log_facts(&records), 4096, Duration::from_secs(100))
}

const CE: &str = "EDAC MC0: 3 CE memory read error on Test#0_Channel#0_Slot#0 (channel:0 slot:0 \
                  page:0x12345 offset:0x680 grain:64 syndrome:0xab - err_code:0x0101:0x0090)";

fn edac(line: &str) -> Option<EdacLine> {
    match text_facts(line).as_slice() {
        [LogFact::Edac(line)] => Some(line.clone()),
        _ => None,
    }
}

#[test]
fn an_edac_line_is_taken_apart() {
    let line = edac(CE).unwrap();
    assert_eq!((line.controller, line.corrected, line.count), (0, true, 3));
    assert_eq!(
        (line.message.as_str(), line.label.as_str()),
        ("memory read error", "Test#0_Channel#0_Slot#0")
    );
    assert_eq!(
        (line.page, line.grain_bytes, line.syndrome),
        (Some((0x12345, 0x680)), Some(64), Some(0xab))
    );
    assert_eq!(
        (line.location.as_str(), line.detail.as_str()),
        ("channel:0 slot:0", "err_code:0x0101:0x0090")
    );
}

#[test]
fn what_an_edac_line_does_not_know_is_nothing() {
    let line =
        edac("EDAC MC1: 1 UE memory read error on any memory ( page:0x0 offset:0x0 grain:0)")
            .unwrap();
    assert_eq!(
        (line.corrected, line.page, line.grain_bytes, line.syndrome),
        (false, None, None, None)
    );
    assert_eq!((line.location.as_str(), line.detail.as_str()), ("", ""));
    let bare = edac("EDAC MC1: 0 CE on x ( page:0x1 offset:0x0 grain:1 syndrome:0x0)").unwrap();
    assert_eq!((bare.count, bare.message.as_str(), bare.label.as_str()), (0, "", "x"));
}

#[test]
fn an_edac_line_of_another_form_is_kept_and_other_words_of_drivers_are_not() {
    let old = "EDAC MC0: CE page 0x1, offset 0x0, grain 8, syndrome 0x1, row 0, channel 0";
    assert!(matches!(
        text_facts(old).as_slice(),
        [LogFact::NotUnderstood { family: LogFamily::Edac, .. }]
    ));
    assert_eq!(text_facts("EDAC amd64: MC: 0:  8191MB 1:  8191MB\nEDAC MC: Ver: 3.0.0"), []);
    for off in ["EDAC amd64: Node 2: DRAM ECC disabled.", "EDAC skx: ECC is disabled on imc 0"] {
        assert_eq!(text_facts(off), [LogFact::EccDisabled { text: off.to_owned() }]);
    }
    let out = "EDAC MC0: Giving out device to module m controller c: DEV d (POLLED)\n\
               EDAC MC: Removed device 0 for m c: DEV d";
    let registered = |fact: &LogFact| matches!(fact, LogFact::EdacController { controller: 0, registered, .. } if *registered);
    assert_eq!(text_facts(out).iter().map(registered).collect::<Vec<_>>(), [true, false]);
}

const GHES: &str = "\
[  10.000001] {1}[Hardware Error]: Hardware error from APEI Generic Hardware Error Source: 4
[  10.000002] {1}[Hardware Error]: It has been corrected by h/w and requires no further action
[  10.000003] {1}[Hardware Error]: event severity: corrected
[  10.000004] usb 1-1: USB disconnect
[  10.000005] {1}[Hardware Error]:  Error 0, type: corrected
[  10.000006] {1}[Hardware Error]:  fru_text: D2
[  10.000007] {1}[Hardware Error]:   section_type: memory error
[  10.000008] {1}[Hardware Error]:   physical_address: 0x0000000012345680
[  10.000009] {1}[Hardware Error]:   physical_address_mask: 0x0000000000000000
[  10.000010] {1}[Hardware Error]:   node:6 card:1 module:0 rank:1 bank:2 device:11 row:40948 column:560
[  10.000011] {1}[Hardware Error]:   error_type: 2, single-bit ECC
[  10.000012] {1}[Hardware Error]:   DIMM location: not present. DMI handle: 0x1102
[  10.000013] {1}[Hardware Error]:  Error 1, type: recoverable
[  10.000014] {1}[Hardware Error]:   section_type: PCIe error
";

#[test]
fn the_lines_of_a_firmware_record_are_joined_by_their_number() {
    let found = text_facts(GHES);
    let [LogFact::Firmware(record)] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!((record.number, record.source, record.previous_boot), (Some(1), Some(4), false));
    assert_eq!(record.severity, Some(LogSeverity::Corrected));
    let [memory, other] = record.sections.as_slice() else { panic!("{record:#?}") };
    assert_eq!(memory.physical_address, Some(0x1234_5680));
    assert_eq!((memory.fru_text.as_str(), memory.handle), ("D2", Some(0x1102)));
    assert_eq!(memory.error_type, Some((2, "single-bit ECC".to_owned())));
    assert!(memory.location.starts_with("node:6 card:1 "), "{}", memory.location);
    assert_eq!(
        (other.kind.as_str(), other.severity),
        ("PCIe error", Some(LogSeverity::Recoverable))
    );
    assert_eq!((other.physical_address, other.handle), (None, None));
}

#[test]
fn two_firmware_records_at_once_are_told_apart() {
    let other = GHES.replace("{1}", "{2}").replace("D2", "D7");
    let mixed: String =
        GHES.lines().zip(other.lines()).map(|(a, b)| format!("{a}\n{b}\n")).collect();
    let found = text_facts(&mixed);
    let frus: Vec<&str> = found
        .iter()
        .map(|fact| {
            let LogFact::Firmware(record) = fact else { panic!("{fact:?}") };
            record.sections[0].fru_text.as_str()
        })
        .collect();
    assert_eq!(frus, ["D2", "D7"]);
}

#[test]
fn what_firmware_does_not_tell_is_nothing_and_what_is_odd_is_kept() {
    let blank = GHES.replace("12345680", "00000000").replace("0x1102", "0x0000");
    let found = text_facts(&blank);
    let [LogFact::Firmware(record)] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!((record.sections[0].physical_address, record.sections[0].handle), (None, None));
    let odd = text_facts(&GHES.replace("0x0000000012345680", "0x12345"));
    assert!(
        odd.iter().any(|f| matches!(f, LogFact::NotUnderstood { family: LogFamily::Firmware, .. }))
    );
}

#[test]
fn what_the_boot_before_left_is_no_report_of_this_one() {
    let text = "BERT: Error records from previous boot:\n\
                [    1.000001] [Hardware Error]: event severity: fatal\n\
                [    1.000002] [Hardware Error]:  Error 0, type: fatal\n\
                [    1.000003] [Hardware Error]:   section_type: memory error";
    let found = text_facts(text);
    let [LogFact::Apei { table: "BERT", .. }, LogFact::Firmware(record)] = found.as_slice() else {
        panic!("{found:#?}")
    };
    assert!(record.previous_boot && record.sections.len() == 1);
    assert_eq!(reports(text), []);
}

const MCE: &str = "\
[ 11.246973] mce: [Hardware Error]: Machine check events logged
[ 11.247078] mce: [Hardware Error]: CPU 1: Machine Check: 0 Bank 7: 8c00004000010090
[ 11.247244] mce: [Hardware Error]: TSC 0 ADDR 35000000 MISC 8c
[ 11.251725] mce: [Hardware Error]: PROCESSOR 0:50654 TIME 1795893427 SOCKET 2 APIC 0 microcode 1
";

#[test]
fn the_lines_of_a_bank_are_joined() {
    let found = text_facts(MCE);
    let [LogFact::MachineChecksLogged, LogFact::MachineCheck(record)] = found.as_slice() else {
        panic!("{found:#?}")
    };
    assert_eq!((record.cpu, record.bank, record.socket), (1, 7, Some(2)));
    assert_eq!((record.status, record.address), (0x8c00_0040_0001_0090, Some(0x3500_0000)));
    assert!(record.is_corrected() && record.is_of_memory() && !record.exception);
    let cut = MCE.replace("8c00004000010090", "8c0000400001009");
    assert!(matches!(
        text_facts(&cut)[1],
        LogFact::NotUnderstood { family: LogFamily::MachineCheck, .. }
    ));
}

#[test]
fn the_words_of_amds_decoder_are_joined_with_its_bank() {
    let found = text_facts(
        "[Hardware Error]: Corrected error, no action required.\n\
         [Hardware Error]: CPU:2 (19:90:0) MC17_STATUS[-|CE|MiscV|AddrV|-|-|SyndV|CECC|-|-|-]: 0x9c2040000000011b\n\
         [Hardware Error]: Error Addr: 0x0000000000000000\n\
         [Hardware Error]: IPID: 0x0000009600150f00, Syndrome: 0x00000000000000ab\n\
         [Hardware Error]: Unified Memory Controller Ext. Error Code: 0, DRAM ECC error.\n\
         [Hardware Error]: cache level: L3/GEN, tx: GEN, mem-tx: RD",
    );
    let [LogFact::MachineCheck(record)] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!((record.bank, record.address, record.syndrome), (17, None, Some(0xab)));
    assert!(
        record.words.starts_with("Corrected error, no action required.; Unified"),
        "{}",
        record.words
    );
}

#[test]
fn pages_are_told_in_the_forms_of_both_kernels() {
    let handled = |page_type: &str, outcome: &str| PageFact::Handled {
        page: 0x1000,
        page_type: page_type.to_owned(),
        outcome: outcome.to_owned(),
    };
    let unpoisoned = || PageFact::Unpoison { page: Some(0x31000), done: true };
    for (line, fact) in [
        (
            "Memory failure: 0x1000: recovery action for unknown page: Ignored",
            handled("unknown page", "Ignored"),
        ),
        (
            "Memory failure: 0x1000: recovery action for already poisoned page: Failed",
            handled("already poisoned page", "Failed"),
        ),
        (
            "Memory failure: 0x31000: already hardware poisoned",
            PageFact::AlreadyPoisoned { page: 0x31000 },
        ),
        (
            "Memory failure: 0x1: Sending SIGBUS to a:1 due to hardware memory corruption",
            PageFact::Signal { page: 1 },
        ),
        ("Unpoison: Software-unpoisoned page 0x31000", unpoisoned()),
        ("Unpoison: 0x31000: software-unpoisoned page", unpoisoned()),
    ] {
        assert_eq!(text_facts(line), [LogFact::MemoryFailure(fact)], "{line}");
    }
    for (line, text, outcome) in [
        (
            "soft_offline_page: 0x30000 page already poisoned",
            "page already poisoned",
            PageOutcome::Recovered,
        ),
        (
            "Soft offline: 0x30000: page already poisoned",
            "page already poisoned",
            PageOutcome::Recovered,
        ),
        ("soft_offline: 0x30000: invalidated", "invalidated", PageOutcome::Recovered),
        ("Soft offline: 0x30000: thp split failed", "thp split failed", PageOutcome::Failed),
        ("soft offline: 0x30000: isolation failed", "isolation failed", PageOutcome::Failed),
        (
            "soft_offline: 0x30000: unknown non LRU page type 8",
            "unknown non LRU page type 8",
            PageOutcome::Failed,
        ),
        ("Soft offline: 0x30000: unheard of", "unheard of", PageOutcome::Unknown),
    ] {
        let fact = PageFact::SoftOffline { page: 0x30000, text: text.to_owned(), outcome };
        let expected = [LogFact::MemoryFailure(fact)];
        assert_eq!(text_facts(line), expected, "{line}");
    }
    assert!(matches!(
        text_facts("Memory failure: unheard of").as_slice(),
        [LogFact::NotUnderstood { family: LogFamily::MemoryFailure, .. }]
    ));
}

#[test]
fn storms_the_collector_and_the_end_are_told() {
    assert_eq!(
        text_facts(
            "mce: CPU3 BANK13 CMCI storm detected\nmce: CMCI storm subsided: switching to interrupt mode\n\
             RAS: Correctable Errors collector initialized.\nRAS: Soft-offlining pfn: 0x39000\n\
             Kernel panic - not syncing: Fatal machine check\nRAS: AMD Address Translation Library initialized"
        ),
        [
            LogFact::CmciStorm { cpu: Some(3), bank: Some(13), began: true },
            LogFact::CmciStorm { cpu: None, bank: None, began: false },
            LogFact::CecInitialized,
            LogFact::CecSoftOffline { page: 0x39000 },
            LogFact::Panic { text: "Fatal machine check".to_owned() },
        ]
    );
}

#[test]
fn reports_carry_what_the_lines_told_and_nothing_else() {
    let [edac] = reports(&format!("[   10.000000] {CE}")).try_into().unwrap();
    assert_eq!(
        (edac.witness, edac.class, edac.errors),
        (Witness::LogEdac, EventClass::Corrected, 3)
    );
    assert_eq!((edac.first, edac.address), (Duration::from_secs(110), Some(0x1234_5680)));
    let layers = [Some(0), Some(0), None];
    let label = "Test#0_Channel#0_Slot#0".to_owned();
    assert_eq!(edac.place, EventPlace::Edac { controller: 0, layers, label });
    assert_eq!((edac.grain_bits, edac.syndrome), (Some(6), Some(0xab)));

    let [memory, other] = reports(GHES).try_into().unwrap();
    assert_eq!((memory.witness, memory.class), (Witness::LogGhes, EventClass::Corrected));
    assert_eq!((other.class, other.address), (EventClass::Uncorrected, None));
    let [bank] = reports(MCE).try_into().unwrap();
    assert_eq!(bank.place, EventPlace::Bank { cpu: 1, socket: 2, bank: 7 });
    let line = "[ 8.519643] Memory failure: 0x0: recovery action for free buddy page: Recovered";
    let [page] = reports(line).try_into().unwrap();
    let page_type = "free buddy page".to_owned();
    assert_eq!(page.what, EventWhat::Page { page_type, outcome: PageOutcome::Recovered });
    assert_eq!(page.address, None);
    // A line without a time cannot be placed.
    assert_eq!(reports(CE), []);
}

#[test]
fn a_page_that_was_to_go_before_it_fails_is_reported_with_who_asked() {
    let report = |line: &str| {
        let [report] = reports(&format!("[    8.500000] {line}")).try_into().unwrap();
        assert_eq!((report.witness, report.class), (Witness::LogMemoryFailure, EventClass::Info));
        (report.what, report.address, report.message)
    };
    let soft = |asked_by, outcome| EventWhat::SoftOffline { asked_by, outcome };
    let collected = soft(OfflineAsker::Collector, PageOutcome::Unknown);
    assert_eq!(
        report("RAS: Soft-offlining pfn: 0x39000"),
        (collected, Some(0x3900_0000), String::new()),
        "printed before it is tried"
    );
    let failed = soft(OfflineAsker::Unknown, PageOutcome::Failed);
    assert_eq!(
        report("Soft offline: 0x39000: thp split failed"),
        (failed.clone(), Some(0x3900_0000), "thp split failed".to_owned())
    );
    let none = report("Soft offline: 0x0: thp split failed");
    assert_eq!((none.0, none.1), (failed, None), "page 0 stands for an unknown one");
}

#[test]
fn a_position_that_may_be_of_either_layer_is_of_none() {
    for (location, layers) in [
        ("channel:1", [None; 3]),
        ("csrow:3 channel:1", [Some(3), Some(1), None]),
        ("memory:5", [Some(5), None, None]),
        ("node:0 card:1", [None; 3]),
        ("channel:999 slot:0", [None; 3]),
    ] {
        let line = CE.replace("channel:0 slot:0", location);
        let [report] = reports(&format!("[ 1.000000] {line}")).try_into().unwrap();
        let EventPlace::Edac { layers: found, .. } = report.place else { panic!() };
        assert_eq!(found, layers, "{location}");
    }
}

#[test]
fn a_log_is_summed_up_by_family() {
    let lines = format!(
        "{CE}\n{GHES}{MCE}EDAC skx: ECC is disabled on imc 0\nRAS: Soft-offlining pfn: 0x39000\n\
         Soft offline: 0x39000: invalidated\n"
    );
    let log: String = (0..)
        .zip(lines.lines())
        .map(|(n, line)| format!("4,{n},{n}000000,-;{}\n", Record::from_text(line).text))
        .collect();
    let log = digest(&log);
    assert_eq!((log.told.edac_corrected, log.told.firmware, log.told.machine_checks), (3, 1, 1));
    assert_eq!((log.told.soft_offlines, log.told.memory_failures), (2, 0));
    assert_eq!((log.told.not_understood, log.ecc_disabled.len()), (0, 1));
}

proptest! {
    #[test]
    fn an_edac_line_cut_short_never_has_another_number(cut in 0_usize..160) {
        if let Some(line) = CE.get(..cut).and_then(edac) {
            prop_assert_eq!((line.controller, line.count), (0, 3));
            prop_assert_eq!(line.page, Some((0x12345, 0x680)));
            prop_assert_eq!((line.grain_bytes, line.syndrome), (Some(64), Some(0xab)));
        }
    }

    #[test]
    fn any_line_of_a_known_family_is_read_without_panic(
        lines in proptest::collection::vec((proptest::sample::select(vec![
            "EDAC MC0: 1 CE ", "{1}[Hardware Error]: ", "[Hardware Error]:  ", "mce: [Hardware Error]: CPU ",
            "{2}[Hardware Error]:   physical_address: ", "Memory failure: 0x", "Unpoison: ", "RAS: Soft-offlining pfn: ",
            "{1}[Hardware Error]:  Error 0, type: ", "[Hardware Error]: CPU:", "Soft offline: ", "mce: CPU",
        ]), ".{0,30}"), 0..30),
    ) {
        let text: String = lines.iter().map(|(marker, rest)| format!("{marker}{rest}\n")).collect();
        let facts = text_facts(&text);
        prop_assert!(facts.len() <= 2 * text.lines().count());
        let _ = reports(&text);
        let _ = telling(text.as_bytes());
    }
}
