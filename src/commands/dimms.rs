//! `scrubjay dimms` and `scrubjay show`: the sticks of memory and what became of them.

use super::{print, reading, style};
use crate::cli::{ReadArgs, ShowArgs};
use crate::config::Settings;
use crate::exit::{Exit, NotThere};
use scrubjay_exporters::{json, text};
use scrubjay_model::{
    DimmDetail, DimmKind, DimmLine, EventPattern, EventRecord, HostView, ModuleKey, ModuleTurn,
    memory_lines,
};
use scrubjay_storage::HistoryReader;
use std::io::Write;

/// Reports of a stick that are shown one by one.
const LAST_REPORTS: u32 = 20;

/// The memory of the host, with the history beside it if there is one that can be read.
struct Known {
    view: HostView,
    reader: Option<HistoryReader>,
    turns: Vec<ModuleTurn>,
    lines: Vec<DimmLine>,
}

/// Nothing if neither the host nor a history shows any memory; says so on stderr.
fn known(settings: &Settings) -> anyhow::Result<Option<Known>> {
    let view = reading::view(settings)?;
    let reader = match view.history.value() {
        Some(_) => {
            let host = reading::host(settings)?;
            reading::open_history(&reading::history_dirs(settings, &host))?
        }
        // What is wrong with it is said at the head of the page.
        None => None,
    };
    let turns = match &reader {
        Some(reader) => reader.module_turns()?,
        None => Vec::new(),
    };
    let lines = memory_lines(&view, &turns);
    if lines.is_empty() && reader.is_none() {
        writeln!(
            anstream::stderr(),
            "no stick of memory is shown by firmware or EDAC, and there is no history: \"scrubjay \
             doctor\" says why"
        )?;
        return Ok(None);
    }
    Ok(Some(Known { view, reader, turns, lines }))
}

pub(crate) fn list(settings: &Settings, args: &ReadArgs) -> anyhow::Result<Exit> {
    let Some(Known { view, reader: _, turns, lines }) = known(settings)? else {
        return Ok(Exit::NoData);
    };
    print(&if args.json {
        json::dimms(&view, &lines, &turns)?
    } else {
        text::dimms(&view, &lines, &style(true))
    })?;
    Ok(Exit::Ok)
}

pub(crate) fn show(settings: &Settings, args: &ShowArgs) -> anyhow::Result<Exit> {
    let Some(Known { view, reader, turns, lines }) = known(settings)? else {
        return Ok(Exit::NoData);
    };
    let line = the_one(&lines, &args.dimm)?;
    let reports = match &reader {
        Some(reader) => Some(reports(reader, line)?),
        None => None,
    };
    let detail = DimmDetail::new(line.clone(), &view, &turns, reports);
    print(&if args.read.json {
        json::dimm(&view, &detail)?
    } else {
        text::dimm(&view, &detail, &style(true))
    })?;
    Ok(Exit::Ok)
}

/// The stick that is called so.
pub(super) fn called(view: &HostView, name: &str) -> anyhow::Result<DimmLine> {
    let lines = memory_lines(view, &[]);
    the_one(&lines, name).cloned()
}

/// What was reported of it. Errors without a DIMM are counted at no stick's place.
fn reports(
    reader: &HistoryReader,
    line: &DimmLine,
) -> anyhow::Result<(Vec<EventRecord>, EventPattern)> {
    match line.about {
        DimmKind::Stick | DimmKind::Place => {
            let key = ModuleKey::from_stored(line.key.as_str());
            Ok((reader.events_of(&key, LAST_REPORTS)?, reader.event_pattern(&key)?))
        }
        DimmKind::Unattributed => Ok((Vec::new(), EventPattern::default())),
    }
}

/// The one that is called so.
fn the_one<'l>(lines: &'l [DimmLine], name: &str) -> anyhow::Result<&'l DimmLine> {
    let mut called: Vec<&DimmLine> = lines.iter().filter(|line| line.is_called(name)).collect();
    // A slot or place is first of all that of the stick which is there now.
    if called.iter().any(|line| line.ended_wall_ms.is_none()) {
        let exact = called.iter().any(|line| line.key == name);
        called.retain(|line| match exact {
            true => line.key == name,
            false => line.ended_wall_ms.is_none(),
        });
    }
    match called[..] {
        [line] => Ok(line),
        [] => Err(NotThere(format!(
            "no stick of memory is called \"{name}\": \"scrubjay dimms\" lists them"
        ))
        .into()),
        _ => {
            let keys: Vec<&str> = called.iter().map(|line| line.key.as_str()).collect();
            anyhow::bail!("\"{name}\" may be any of {}: give one of these", keys.join(", "))
        }
    }
}
