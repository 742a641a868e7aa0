//! What the status page asks of the history: each page with a connection of its own, for reading, so
//! that it neither waits for a pass nor holds one up.

use crate::commands::explain::RUNBOOK;
use crate::commands::history::{PATCH_FACTS, boot_lines};
use anyhow::Context;
use scrubjay_exporters::site::{DimmPast, MemoryPast, Pages, Past, PatchPast, Told, UptimePast};
use scrubjay_model::{AlertTurn, ModuleKey, availability};
use scrubjay_storage::HistoryReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What pages are made of beside the last pass of the agent that keeps its history there.
pub(crate) fn pages(state_dir: &Path) -> Pages {
    Pages {
        past: Arc::new(PastIn(state_dir.to_owned())),
        docs: scrubjay_collector::SOURCES.to_vec(),
        runbook: RUNBOOK,
    }
}

/// The history in a directory.
#[derive(Debug)]
struct PastIn(PathBuf);

impl PastIn {
    fn ask<T>(&self, question: impl FnOnce(&HistoryReader) -> anyhow::Result<T>) -> Told<T> {
        let answer = || {
            let reader = HistoryReader::open(&self.0)?;
            let none = || format!("there is no history in {} yet", self.0.display());
            question(&reader.with_context(none)?)
        };
        answer().map_err(|error| format!("{error:#}"))
    }
}

impl Past for PastIn {
    fn memory(&self, from_wall_ms: i64) -> Told<MemoryPast> {
        self.ask(|reader| {
            let (turns, traces) = (reader.module_turns()?, reader.stick_changes(from_wall_ms)?);
            Ok(MemoryPast { turns, traces })
        })
    }

    fn dimm(&self, key: &ModuleKey, from_wall_ms: i64) -> Told<DimmPast> {
        self.ask(|reader| {
            let mut traces = reader.stick_trace(key, from_wall_ms)?;
            Ok(DimmPast {
                turns: reader.module_turns()?,
                trace: traces.modules.remove(key).unwrap_or_default(),
                watches: traces.watches,
                pattern: reader.event_pattern(key)?,
            })
        })
    }

    fn patches(&self) -> Told<PatchPast> {
        self.ask(|reader| {
            Ok(PatchPast {
                exposures: reader.exposures()?,
                changes: reader.facts(&PATCH_FACTS)?,
                coverage: reader.coverage()?,
                coverage_days: reader.coverage_days()?,
                boots: reader.boots()?,
            })
        })
    }

    fn uptime(&self) -> Told<UptimePast> {
        self.ask(|reader| {
            let (own, clock_steps) = (reader.boots()?, reader.clock_steps()?);
            let lines = boot_lines(reader, &own, &clock_steps)?;
            Ok(UptimePast { availability: availability(&lines), lines, clock_steps })
        })
    }

    fn alerts(&self, from_wall_ms: i64) -> Told<Vec<AlertTurn>> {
        self.ask(|reader| Ok(reader.alert_turns(from_wall_ms, i64::MAX)?))
    }
}
