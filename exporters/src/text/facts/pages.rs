//! Pages of memory that are marked as bad.

use super::super::page::Page;
use super::super::words;
use super::{count, reading, source};
use scrubjay_model::{MemoryFailure, NonValue, Reading, Section, SoftOfflined};

pub(in crate::text) fn pages(page: &mut Page, section: &Option<Section<MemoryFailure>>) {
    source(page, "lost pages", section, |page, pages| {
        let MemoryFailure {
            hardware_corrupted_bytes,
            nodes,
            recovery,
            soft_offline,
            // Only turns pages into bytes.
            page_size_bytes: _,
        } = pages;
        let lost = reading(hardware_corrupted_bytes, |bytes| match bytes {
            0 => "no memory is marked as bad because of errors (0 B)".to_owned(),
            bytes => format!("{} are marked as bad because of errors", words::size(*bytes)),
        });
        page.field(2, "lost pages", &lost);
        match pages.soft_offlined() {
            None | Some(SoftOfflined::Pages(0)) => {}
            Some(SoftOfflined::Pages(n)) => {
                let pages = count(n, "page", "pages");
                page.more(2, &format!("of these, {pages} taken out of use before failing"));
            }
            Some(SoftOfflined::Missing(n)) => {
                let pages = count(n, "page", "pages");
                page.more(2, &format!("{pages} fewer than failed: unmarked by hand or unplugged"));
            }
        }
        switch(page, "memory_failure_recovery", &recovery.as_ref().map(|on| u64::from(*on)));
        switch(page, "enable_soft_offline", soft_offline);
        match nodes.as_ref().into_result() {
            Ok(nodes) => {
                for node in nodes {
                    let results: Vec<String> = node
                        .pages
                        .by_result()
                        .into_iter()
                        // The total is told even if it is 0, its parts only if they are not.
                        .filter(|(name, pages)| *name == "total" || pages.value() != Some(&0))
                        .map(|(name, pages)| match pages.as_ref().into_result() {
                            Ok(n) => format!("{n} {name}"),
                            Err(reason) => format!("{name} {}", words::missing(&reason)),
                        })
                        .collect();
                    let results = results.join(", ");
                    page.more(2, &format!("memory_failure() on node{}: {results}", node.node));
                }
            }
            Err(reason) => page.more(2, &format!("by node: {}", words::missing(&reason))),
        }
    });
}

/// A switch that is worth a line only when it is off, or when it could not be read.
fn switch(page: &mut Page, name: &str, reading: &Reading<u64>) {
    match reading.as_ref().into_result() {
        Ok(0) => page.more(2, &format!("{name} is 0")),
        Ok(_) | Err(NonValue::Absent(_)) => {}
        Err(reason) => page.more(2, &format!("{name} {}", words::missing(&reason))),
    }
}
