//! `scrubjay dimms` and `scrubjay show`: the sticks of memory and what became of them.

use super::{past, print, reading, style};
use crate::cli::{ReadArgs, ShowArgs};
use crate::config::Settings;
use crate::exit::Exit;
use scrubjay_collector::Collector;
use scrubjay_exporters::{json, text};
use scrubjay_model::{ModuleRecord, ModuleTurn};
use std::sync::Arc;

/// What the history knows of sticks, with the host as it is now.
struct Known {
    records: Vec<ModuleRecord>,
    turns: Vec<ModuleTurn>,
    now_ms: i64,
}

fn known(settings: &Settings) -> anyhow::Result<Option<Known>> {
    let host = reading::host(settings)?;
    let Some(reader) = past::open(settings, &host)? else { return Ok(None) };
    let snapshot = Collector::new(Arc::clone(&host), reading::options(settings)).snapshot();
    let records = reader.accumulate(&snapshot)?.modules.into_values().collect();
    let turns = reader.module_turns()?;
    Ok(Some(Known { records, turns, now_ms: snapshot.at.wall_ms }))
}

pub(crate) fn list(settings: &Settings, args: &ReadArgs) -> anyhow::Result<Exit> {
    let Some(Known { records, turns, now_ms }) = known(settings)? else { return Ok(Exit::NoData) };
    let records: Vec<&ModuleRecord> = records.iter().collect();
    print(&if args.json {
        json::dimms(&records, &turns.iter().collect::<Vec<_>>())?
    } else {
        text::dimms(&records, now_ms, &style(true))
    })?;
    Ok(Exit::Ok)
}

pub(crate) fn show(settings: &Settings, args: &ShowArgs) -> anyhow::Result<Exit> {
    let Some(Known { records, turns, now_ms }) = known(settings)? else { return Ok(Exit::NoData) };
    let mut called: Vec<&ModuleRecord> =
        records.iter().filter(|record| record.is_called(&args.dimm)).collect();
    // A slot or place is first of all that of the stick which is there now.
    if called.iter().any(|record| record.ended_wall_ms.is_none()) {
        let exact = called.iter().any(|record| record.key.as_str() == args.dimm);
        called.retain(|record| match exact {
            true => record.key.as_str() == args.dimm,
            false => record.ended_wall_ms.is_none(),
        });
    }
    let record = match called[..] {
        [record] => record,
        [] => anyhow::bail!(
            "no stick of memory is called \"{}\": \"scrubjay dimms\" lists them",
            args.dimm
        ),
        _ => {
            let keys: Vec<&str> = called.iter().map(|record| record.key.as_str()).collect();
            anyhow::bail!("\"{}\" may be any of {}: give one of these", args.dimm, keys.join(", "))
        }
    };
    let turns: Vec<&ModuleTurn> = turns.iter().filter(|turn| turn.key == record.key).collect();
    print(&if args.read.json {
        json::dimms(&[record], &turns)?
    } else {
        text::dimm(record, &turns, now_ms, &style(true))
    })?;
    Ok(Exit::Ok)
}
