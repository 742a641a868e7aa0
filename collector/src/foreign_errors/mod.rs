//! What other tools recorded of errors of memory: rasdaemon in a database, mcelog in a log. Read on
//! demand, to begin a history with what is already known of the host.

mod mcelog;
mod rasdaemon;

use crate::host::HostRoot;
use crate::packages::sqlite;
use crate::reader::{Reader, malformed};
use crate::rotation::{rotated, whole};
use scrubjay_model::{ErrorMemory, ErrorRecords, ForeignError, LeftOut, Origin, Reading};

const RASDAEMON: &str = "var/lib/rasdaemon/ras-mc_event.db";
const LOG_FOLDER: &str = "var/log";
const MCELOG: &str = "mcelog";

/// Times before this are of a clock that was not set yet: 2000-01-01.
const EARLIEST_MS: i64 = 946_684_800_000;
/// A clock may have been a day ahead of ours.
const AHEAD_MS: i64 = 86_400_000;

/// A time that a record can have been made at, if it is one: rasdaemon works times out from two
/// clocks, and has told of years to come.
fn plausible(at_wall_ms: Option<i64>, now_wall_ms: i64) -> Option<i64> {
    let latest = now_wall_ms.saturating_add(AHEAD_MS);
    at_wall_ms.filter(|at| (EARLIEST_MS..=latest).contains(at))
}

/// What a tool recorded, at its usual place or in the file given. `told` is called with the number
/// of records read so far, and with how many there are at most.
pub fn foreign_errors(
    host: &HostRoot,
    memory: ErrorMemory,
    file: Option<&str>,
    now_wall_ms: i64,
    told: &mut dyn FnMut(u64, u64),
) -> Reading<ErrorRecords> {
    let reader = Reader::new(host);
    match memory {
        ErrorMemory::Rasdaemon => {
            let path = file.unwrap_or(RASDAEMON);
            let read = sqlite::read(&reader, path, &mut |database| {
                rasdaemon::read(database, now_wall_ms, told)
            });
            read.map(|(errors, left_out)| ErrorRecords {
                memory,
                paths: vec![path.to_owned()],
                errors,
                left_out,
            })
        }
        ErrorMemory::Mcelog => match file {
            Some(path) => read_logs(&reader, &[path.to_owned()], Vec::new(), now_wall_ms),
            None => {
                let names = match reader.files(LOG_FOLDER).into_result() {
                    Ok(names) => names,
                    Err(why) => return why.into(),
                };
                let compressed = names.iter().filter(|name| is_compressed(name)).cloned().collect();
                let paths: Vec<String> = rotated(names, MCELOG)
                    .iter()
                    .map(|name| format!("{LOG_FOLDER}/{name}"))
                    .collect();
                read_logs(&reader, &paths, compressed, now_wall_ms)
            }
        },
    }
}

/// Every record of memory in a database of rasdaemon, in the order of its tables, and what was left
/// out: for whoever needs the time of each. `told` is as with [`foreign_errors`].
pub fn rasdaemon_records(
    host: &HostRoot,
    path: &str,
    now_wall_ms: i64,
    told: &mut dyn FnMut(u64, u64),
) -> Reading<(Vec<ForeignError>, Vec<LeftOut>)> {
    let reader = Reader::new(host);
    sqlite::read(&reader, path, &mut |database| {
        let mut errors = Vec::new();
        let left_out =
            rasdaemon::scan(database, now_wall_ms, told, &mut |error| errors.push(error))?;
        Ok((errors, left_out))
    })
}

/// A part of the log that log rotation has compressed.
fn is_compressed(name: &str) -> bool {
    let ends = [".gz", ".xz", ".zst", ".bz2"].into_iter().any(|ending| name.ends_with(ending));
    ends && name.strip_prefix(MCELOG).is_some_and(|rest| rest.starts_with(['.', '-']))
}

/// Logs that follow each other, the oldest first.
fn read_logs(
    reader: &Reader<'_>,
    paths: &[String],
    compressed: Vec<String>,
    now_wall_ms: i64,
) -> Reading<ErrorRecords> {
    if paths.is_empty() && compressed.is_empty() {
        return Reading::Absent(Origin::new(format!("{LOG_FOLDER}/{MCELOG}")));
    }
    let mut log = mcelog::Log::new(now_wall_ms);
    for path in paths {
        let before = log.records();
        let read = whole(reader, path).and_then(|bytes| {
            log.file(&String::from_utf8_lossy(&bytes));
            // mcelog writes a line at its start; what has neither that nor a record is another file.
            let is_log = bytes.is_empty() || log.records() > before || names_itself(&bytes);
            if is_log {
                Ok(())
            } else {
                Err(malformed(path, "a log of mcelog, not compressed", &bytes))
            }
        });
        if let Err(why) = read {
            return reader.noted(Err(why));
        }
    }
    let (errors, mut left_out) = log.finish();
    left_out.extend(compressed.into_iter().map(|name| LeftOut {
        what: format!("{LOG_FOLDER}/{name}"),
        records: None,
        because: "it is compressed; unpack it and give it with --file",
    }));
    Reading::Value(ErrorRecords {
        memory: ErrorMemory::Mcelog,
        paths: paths.to_vec(),
        errors,
        left_out,
    })
}

fn names_itself(bytes: &[u8]) -> bool {
    bytes.windows(MCELOG.len()).any(|word| word == MCELOG.as_bytes())
}

#[cfg(test)]
mod tests;
