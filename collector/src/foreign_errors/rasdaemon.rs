//! rasdaemon's database. It has no version: tables and columns came with releases, and are added to
//! an older file when a newer daemon opens it. So everything is asked for by name, and what a file
//! or a row lacks is not known.
//!
//! Source: ras-record.c and the handlers of each event, from 0.5.3 to 0.8.4.

use super::plausible;
use crate::machine_check::{APEI_BANK, MachineCheck, Registers};
use crate::packages::sqlite::{Database, Fault, SqliteValue, Table};
use scrubjay_model::{
    ErrorGroups, EventClass, EventPlace, EventWhat, ForeignError, ForeignErrors, ForeignReport,
    LeftOut, PageOutcome, Witness,
};
use std::ops::ControlFlow;

/// How rows of a table are read.
type Read = fn(&Row<'_>, i64) -> Option<ForeignError>;

/// Tables with errors of memory.
const TABLES: [(&str, Read); 7] = [
    ("mc_event", mc_event),
    ("mce_record", mce_record),
    ("extlog_event", extlog_event),
    ("memory_failure_event", memory_failure),
    ("cxl_general_media_event", cxl_media),
    ("cxl_dram_event", cxl_media),
    ("cxl_poison_event", cxl_poison),
];

const NOT_MEMORY: &str = "they are not about memory";
const NO_ERROR: &str = "they tell of no error by themselves";

/// Tables that are counted and left out.
const OTHERS: [(&str, &str); 12] = [
    ("aer_event", NOT_MEMORY),
    ("arm_event", NOT_MEMORY),
    ("devlink_event", NOT_MEMORY),
    ("disk_errors", NOT_MEMORY),
    ("signal_event", NOT_MEMORY),
    ("reri_event", NOT_MEMORY),
    ("cxl_aer_ue_event", NOT_MEMORY),
    ("cxl_aer_ce_event", NOT_MEMORY),
    ("cxl_overflow_event", NO_ERROR),
    ("cxl_generic_event", NO_ERROR),
    ("cxl_memory_module_event", NO_ERROR),
    ("non_standard_event", "what they are about only their maker can tell"),
];

/// Bits of AMD's extended error code, from bit 16 of a status on.
const EXTENDED_CODE: u64 = 0x3f;

/// After so many records it is told how far reading has come.
const TELL_EVERY: u64 = 4096;

/// All records of memory, in groups, and what was left out.
pub(super) fn read(
    database: &Database<'_>,
    now_wall_ms: i64,
    told: &mut dyn FnMut(u64, u64),
) -> Result<(Vec<ForeignErrors>, Vec<LeftOut>), Fault> {
    let mut groups = ErrorGroups::default();
    let left_out = scan(database, now_wall_ms, told, &mut |error| groups.add(error))?;
    Ok((groups.finish(), left_out))
}

/// Gives each record of memory; what was left out.
pub(super) fn scan(
    database: &Database<'_>,
    now_wall_ms: i64,
    told: &mut dyn FnMut(u64, u64),
    take: &mut dyn FnMut(ForeignError),
) -> Result<Vec<LeftOut>, Fault> {
    let mut left_out = Vec::new();
    let mut count: u64 = 0;
    // Rows are numbered from 1; of some the number alone may be left.
    let mut most: u64 = 0;
    for (name, _) in TABLES {
        let Some(table) = database.table(name)? else { continue };
        let last = database.last_number(&table)?.unwrap_or(0);
        most = most.saturating_add(u64::try_from(last).unwrap_or(0));
    }
    told(0, most);
    let mut is_known = false;
    for (name, read) in TABLES {
        let Some(table) = database.table(name)? else { continue };
        is_known = true;
        let mut not_understood: u64 = 0;
        database.scan(&table, &mut |values| {
            count = count.saturating_add(1);
            if count.is_multiple_of(TELL_EVERY) {
                told(count, most);
            }
            match read(&Row { table: &table, origin: name, values: &values }, now_wall_ms) {
                Some(error) => take(error),
                None => not_understood = not_understood.saturating_add(1),
            }
            Ok(ControlFlow::Continue(()))
        })?;
        leave(&mut left_out, name, not_understood, "they lack what tells an error");
    }
    for (name, because) in OTHERS {
        let Some(table) = database.table(name)? else { continue };
        is_known = true;
        let mut rows: u64 = 0;
        database.scan(&table, &mut |_| {
            rows = rows.saturating_add(1);
            Ok(ControlFlow::Continue(()))
        })?;
        leave(&mut left_out, name, rows, because);
    }
    if !is_known {
        let found = "none of its tables".to_owned();
        return Err(Fault::Damaged("a database of rasdaemon", found));
    }
    told(count, count);
    Ok(left_out)
}

fn leave(left_out: &mut Vec<LeftOut>, table: &str, rows: u64, because: &'static str) {
    if rows > 0 {
        left_out.push(LeftOut { what: format!("rows of {table}"), records: Some(rows), because });
    }
}

/// A row, by the names of its columns.
struct Row<'r> {
    table: &'r Table,
    origin: &'static str,
    values: &'r [SqliteValue],
}

impl Row<'_> {
    fn value(&self, column: &str) -> Option<&SqliteValue> {
        self.values.get(self.table.column(column)?)
    }

    fn number(&self, column: &str) -> Option<i64> {
        self.value(column)?.integer()
    }

    /// 64 bits that were stored as a signed number.
    fn bits(&self, column: &str) -> Option<u64> {
        self.number(column).map(i64::cast_unsigned)
    }

    /// 32 bits that were stored as a signed number.
    fn short(&self, column: &str) -> Option<u32> {
        let number = self.number(column)?;
        u32::try_from(number).ok().or_else(|| i32::try_from(number).ok().map(i32::cast_unsigned))
    }

    fn text(&self, column: &str) -> &str {
        self.value(column).and_then(SqliteValue::text).unwrap_or_default().trim()
    }

    /// Several texts as one, without those that say nothing.
    fn texts(&self, columns: &[&str]) -> String {
        let texts = columns.iter().map(|column| self.text(column));
        texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ")
    }

    /// What most tables have in common.
    fn error(
        &self,
        now_wall_ms: i64,
        witness: Witness,
        class: EventClass,
        what: EventWhat,
        place: EventPlace,
    ) -> Option<ForeignError> {
        let at = moment(self.text("timestamp"));
        Some(ForeignError {
            at_wall_ms: plausible(at, now_wall_ms),
            row: self.number("id")?,
            errors: 1,
            report: ForeignReport {
                origin: self.origin,
                witness,
                class,
                what,
                place,
                address: None,
                grain_bits: None,
                syndrome: None,
                message: String::new(),
                detail: String::new(),
            },
        })
    }
}

/// Local time with its distance from UTC, so that neither zones nor daylight saving matter.
fn moment(text: &str) -> Option<i64> {
    jiff::Timestamp::strptime("%Y-%m-%d %H:%M:%S %z", text)
        .ok()
        .map(jiff::Timestamp::as_millisecond)
}

fn mc_event(row: &Row<'_>, now_wall_ms: i64) -> Option<ForeignError> {
    let class = match row.text("err_type") {
        "Corrected" => EventClass::Corrected,
        "Uncorrected" => EventClass::Uncorrected,
        "Deferred" => EventClass::Deferred,
        "Fatal" => EventClass::Fatal,
        "Info" => EventClass::Info,
        _ => return None,
    };
    let layer = |column| row.number(column).and_then(|layer| u8::try_from(layer).ok());
    let place = EventPlace::Edac {
        controller: row.short("mc")?,
        layers: [layer("top_layer"), layer("middle_layer"), layer("lower_layer")],
        label: row.text("label").to_owned(),
    };
    let error = row.error(now_wall_ms, Witness::McEvent, class, EventWhat::Memory, place)?;
    Some(ForeignError {
        // Some firmware reports an error and says that there were none.
        errors: u64::from(row.short("err_count")?).max(1),
        report: ForeignReport {
            address: row.bits("address").filter(|address| *address != 0),
            // The column holds the kernel's `grain_bits`.
            grain_bits: row.number("grain").and_then(|bits| u8::try_from(bits).ok()),
            syndrome: row.bits("syndrome").filter(|syndrome| *syndrome != 0),
            message: row.text("err_msg").to_owned(),
            detail: row.text("driver_detail").to_owned(),
            ..error.report
        },
        ..error
    })
}

fn mce_record(row: &Row<'_>, now_wall_ms: i64) -> Option<ForeignError> {
    let registers = Registers {
        status: row.bits("status")?,
        address: row.bits("addr").unwrap_or_default(),
        misc: row.bits("misc").unwrap_or_default(),
        // Not kept by rasdaemon.
        syndrome: 0,
        ipid: 0,
        mcgstatus: row.bits("mcgstatus").unwrap_or_default(),
    };
    let bank = u8::try_from(row.number("bank")?).ok()?;
    let vendor = row.bits("cpuvendor").unwrap_or(u64::MAX);
    let check = MachineCheck::new(registers, bank, vendor, row.bits("mcgcap").unwrap_or_default());
    // Which unit a bank of AMD belongs to is told in words only. Of the errors of a memory controller
    // those of extended code 0 are of DRAM, and the address is one of its own channel.
    let is_controller = row.text("bank_name").contains("Memory Controller");
    let is_memory =
        check.is_memory() || (is_controller && registers.status >> 16 & EXTENDED_CODE == 0);
    let what = if is_memory { EventWhat::Memory } else { check.other() };
    let witness = if bank == APEI_BANK { Witness::ApeiRecord } else { Witness::MceRecord };
    // Without its CPU and socket a bank is nowhere.
    let place = match (row.short("cpu"), row.short("socketid")) {
        (Some(cpu), Some(socket)) => EventPlace::Bank { cpu, socket, bank },
        _ => EventPlace::Address,
    };
    let class = check.class();
    let (address, grain_bits) = if is_controller { (None, None) } else { check.address() };
    let error = row.error(now_wall_ms, witness, class, what, place)?;
    Some(ForeignError {
        errors: u64::from(check.errors(class)),
        report: ForeignReport {
            address,
            grain_bits,
            message: row.texts(&["error_msg", "mcastatus_msg"]),
            detail: row.texts(&["bank_name", "mcistatus_msg", "mc_location", "user_action"]),
            ..error.report
        },
        ..error
    })
}

fn extlog_event(row: &Row<'_>, now_wall_ms: i64) -> Option<ForeignError> {
    let class = match row.number("severity")? {
        0 => EventClass::Uncorrected,
        1 => EventClass::Fatal,
        2 => EventClass::Corrected,
        3 => EventClass::Info,
        _ => return None,
    };
    let place = EventPlace::Firmware {
        handle: None,
        location: String::new(),
        fru: row.text("fru_text").to_owned(),
    };
    let error = row.error(now_wall_ms, Witness::Extlog, class, EventWhat::Memory, place)?;
    Some(ForeignError {
        // The column `error_count` holds the number of the record in its sequence, and no count.
        report: ForeignReport {
            address: row.bits("address").filter(|address| *address != 0),
            ..error.report
        },
        ..error
    })
}

fn memory_failure(row: &Row<'_>, now_wall_ms: i64) -> Option<ForeignError> {
    let pfn = row.text("pfn");
    let what = EventWhat::Page {
        page_type: row.text("page_type").to_owned(),
        outcome: PageOutcome::from_kernel(row.text("action_result")),
    };
    let (witness, class) = (Witness::MemoryFailure, EventClass::Uncorrected);
    let error = row.error(now_wall_ms, witness, class, what, EventPlace::Address)?;
    Some(ForeignError {
        // The size of a page is not told, so the address is not known.
        report: ForeignReport { detail: format!("page frame {pfn}"), ..error.report },
        ..error
    })
}

fn cxl(row: &Row<'_>) -> EventPlace {
    EventPlace::Cxl { device: row.text("memdev").to_owned(), serial: row.bits("serial") }
}

/// A CXL device that belongs to no region has no address of the host.
fn host_address(row: &Row<'_>) -> Option<u64> {
    row.bits("hpa").filter(|hpa| *hpa != u64::MAX && *hpa != 0)
}

fn cxl_media(row: &Row<'_>, now_wall_ms: i64) -> Option<ForeignError> {
    // Bit 0 of the descriptor: uncorrectable. Without one, the worse is assumed.
    let corrected = row.number("descriptor").is_some_and(|bits| bits & 1 == 0);
    let class = match row.text("log_type") {
        _ if corrected => EventClass::Corrected,
        "Fatal" => EventClass::Fatal,
        _ => EventClass::Uncorrected,
    };
    let error = row.error(now_wall_ms, Witness::Cxl, class, EventWhat::Memory, cxl(row))?;
    let detail = row.bits("dpa").map_or_else(String::new, |dpa| format!("dpa={dpa:#x}"));
    Some(ForeignError {
        report: ForeignReport { address: host_address(row), detail, ..error.report },
        ..error
    })
}

fn cxl_poison(row: &Row<'_>, now_wall_ms: i64) -> Option<ForeignError> {
    // Somebody put the address on the list, or took it off.
    let by_hand = matches!(row.text("trace_type"), "Inject" | "Clear");
    let class = if by_hand { EventClass::Info } else { EventClass::Uncorrected };
    let error = row.error(now_wall_ms, Witness::Cxl, class, EventWhat::Memory, cxl(row))?;
    Some(ForeignError {
        report: ForeignReport {
            address: host_address(row),
            message: row.texts(&["trace_type", "source"]),
            ..error.report
        },
        ..error
    })
}
