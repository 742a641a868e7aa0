//! What microcode runs, what there is, and what a boot would load.

use super::source;
use crate::text::page::Page;
use crate::text::words::{self, count, reading};
use scrubjay_model::{Microcode, NextMicrocode, Section};

pub(in crate::text) fn microcode(page: &mut Page, section: &Option<Section<Microcode>>) {
    source(page, "microcode", section, |page, microcode| {
        let Microcode { vendor: _, signature, platform: _, running, available, images } = microcode;
        let runs = reading(running, |running| {
            let cpus = count(running.cpus, "CPU", "CPUs");
            if running.lowest == running.highest {
                format!("0x{:x} on {cpus} ({signature})", running.highest)
            } else {
                let (lowest, highest) = (running.lowest, running.highest);
                format!("0x{lowest:x} to 0x{highest:x} on {cpus} ({signature})")
            }
        });
        page.field(2, "microcode", &runs);
        let on_disk = reading(available, |update| match update {
            Some(update) => {
                let made = update.date.as_ref().map(|date| format!(" of {date}"));
                format!("0x{:x}{} in {}", update.revision, made.unwrap_or_default(), update.file)
            }
            None => "none for these CPUs".to_owned(),
        });
        page.more(2, &format!("on disk: {on_disk}"));
        if microcode.is_behind() == Some(true) {
            let next = match microcode.at_next_boot() {
                NextMicrocode::Loads(image) => format!("loads it, from {}", image.file),
                NextMicrocode::Lacks(image) => format!("does not load it: not in {}", image.file),
                NextMicrocode::Unknown => match images.as_ref().into_result() {
                    Ok(images) if images.is_empty() => "no initramfs found".to_owned(),
                    Ok(_) => {
                        "not every initramfs has it, or not every one could be read".to_owned()
                    }
                    Err(reason) => words::missing(&reason),
                },
            };
            page.more(2, &format!("the next boot: {next}"));
        }
    });
}
