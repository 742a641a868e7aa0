//! What earlier boots of imagined hosts left behind.

use super::*;

/// A memory error the firmware kept, two crash records of which one cannot be read, and a watchdog
/// that ran out.
pub(crate) fn crashed() -> PreviousBoot {
    let section = CperSection {
        kind: SectionKind::CxlDram,
        guid: Guid([1; 16]),
        severity: CperSeverity::Fatal,
        flags: SectionFlags(8),
        fru_id: None,
        fru_text: Some("DIMM \x1b[2J".to_owned()),
        timestamp: None,
        body: SectionBody::Undecoded { size_bytes: 128 },
    };
    let block = ErrorBlock {
        severity: CperSeverity::Fatal,
        cleared: true,
        more_than_described: false,
        sections: vec![section],
    };
    let record = |path: &str, kind, content| CrashRecord {
        path: path.to_owned(),
        kind,
        backend: Some("efi".to_owned()),
        wall_s: Some(NOW_MS / 1000 - 40 * 86_400),
        written: WrittenIn::EarlierBoot,
        content: Some(content),
    };
    let log = CrashLog {
        reason: Some(DumpReason::Panic),
        part: Some(1),
        line: Some("Kernel panic - not syncing: \x1b[2J".to_owned()),
        blames: None,
    };
    let records = vec![
        record("sys/fs/pstore/dmesg-efi-1", CrashKind::Dmesg, value(CrashContent::Log(log))),
        record("sys/fs/pstore/mce-efi-2", CrashKind::Mce, denied("sys/fs/pstore/mce-efi-2")),
    ];
    PreviousBoot {
        bert: Bert {
            table: value(Present),
            disabled: value(false),
            region: Some(value(BertRegion { blocks: vec![block], more: false })),
        },
        pstore: value(CrashStore { records, left_out: 3 }),
        archive: value(CrashStore { records: Vec::new(), left_out: 0 }),
        watchdogs: value(vec![Watchdog {
            index: 0,
            identity: text("iTCO_wdt"),
            boot_status: value(BootStatus(0x20)),
        }]),
    }
}

/// Every place is there, and nothing in it can be read.
pub(crate) fn locked() -> PreviousBoot {
    PreviousBoot {
        bert: Bert {
            table: absent("BERT"),
            disabled: denied("cmdline"),
            region: Some(malformed("BERT")),
        },
        pstore: denied("sys/fs/pstore"),
        archive: denied("var/lib/systemd/pstore"),
        watchdogs: value(vec![Watchdog {
            index: 1,
            identity: malformed("identity"),
            boot_status: malformed("bootstatus"),
        }]),
    }
}
