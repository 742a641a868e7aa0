//! `wtmp` (utmp(5)): records of logins, and among them of boots and shutdowns.
//!
//! Records have 384 bytes where times are kept at 32 bits for the sake of older programs (x86,
//! POWER), and 400 elsewhere (ARM), in the order of the machine; nothing in the file says which.
//! A boot is a record of type 2, with the kernel's release as its host; an orderly stop is one of
//! user `shutdown`, or of SysV init's runlevels 0 and 6. Two boots without a stop between mean that
//! the first was cut off, which last(1) does not say. What is not here: how long a boot lasted, as
//! the clock may have been set meanwhile. systemd's soft reboots look like boots.

use super::rows::cut_off;
use scrubjay_model::{ForeignBoot, ForeignEnd};

const RUN_LEVEL: u16 = 1;
const BOOT_TIME: u16 = 2;
/// The highest type there is.
const ACCOUNTING: u16 = 9;

/// How records are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    size: usize,
    big_endian: bool,
}

const LAYOUTS: [Layout; 4] = [
    Layout { size: 384, big_endian: false },
    Layout { size: 400, big_endian: false },
    Layout { size: 384, big_endian: true },
    Layout { size: 400, big_endian: true },
];

/// Records looked at to tell the layout.
const SAMPLE: usize = 64;

/// What a record says.
struct Record<'b> {
    kind: u16,
    pid: u32,
    line: &'b [u8],
    user: &'b [u8],
    host: &'b [u8],
    wall_ms: i64,
}

/// The boots of files that follow each other.
#[derive(Debug, Default)]
pub(super) struct History {
    boots: Vec<ForeignBoot>,
    not_understood: u32,
}

impl History {
    /// Takes in a file; the answer to one that has no records is what stands there.
    pub(super) fn file<'b>(&mut self, bytes: &'b [u8]) -> Result<(), &'b [u8]> {
        if bytes.is_empty() {
            return Ok(());
        }
        let layout = layout(bytes).ok_or(bytes)?;
        let records = bytes.chunks_exact(layout.size);
        // What is cut off at the end was written while the host went down.
        self.not_understood += u32::from(!records.remainder().is_empty());
        for record in records {
            match layout.record(record) {
                Some(record) => self.take(&record),
                None => self.not_understood = self.not_understood.saturating_add(1),
            }
        }
        Ok(())
    }

    /// What was read, in the order of the records.
    pub(super) fn finish(self) -> (Vec<ForeignBoot>, u32) {
        (self.boots, self.not_understood)
    }

    fn take(&mut self, record: &Record<'_>) {
        match record.kind {
            BOOT_TIME => {
                cut_off(&mut self.boots);
                let host = String::from_utf8_lossy(record.host).into_owned();
                let is_release = record.line == b"~" && !host.is_empty();
                let kernel_release = is_release.then_some(host);
                let begun = ForeignBoot::begun(record.wall_ms);
                self.boots.push(ForeignBoot { kernel_release, ..begun });
            }
            RUN_LEVEL if record.stops() => {
                // Of a stop in two steps, such as runlevel 6 and then shutdown, the last counts.
                if let Some(last) = self.boots.pop() {
                    let evidence = "a shutdown is recorded";
                    let ended = Some(record.wall_ms);
                    self.boots.push(last.ended(ended, ForeignEnd::Clean, evidence));
                }
            }
            _ => {}
        }
    }
}

impl Record<'_> {
    fn stops(&self) -> bool {
        let level = self.pid & 0xff;
        let goes_down = level == u32::from(b'0') || level == u32::from(b'6');
        self.user == b"shutdown" || (self.user == b"runlevel" && goes_down)
    }
}

/// The layout by which the most of the first records make sense, if most of them do.
fn layout(bytes: &[u8]) -> Option<Layout> {
    let fitting = |layout: &Layout| {
        let records = bytes.chunks_exact(layout.size).take(SAMPLE);
        let all = records.len();
        let good = records.filter(|record| layout.record(record).is_some()).count();
        (all > 0 && good * 2 > all).then_some((good * layout.size, *layout))
    };
    // Of two that fit alike the first is by far the more common.
    let mut best: Option<(usize, Layout)> = None;
    for (good, layout) in LAYOUTS.iter().filter_map(fitting) {
        if best.is_none_or(|(most, _)| good > most) {
            best = Some((good, layout));
        }
    }
    best.map(|(_, layout)| layout)
}

impl Layout {
    fn record<'b>(&self, bytes: &'b [u8]) -> Option<Record<'b>> {
        let kind = match (self.big_endian, bytes.get(..2)?.try_into().ok()?) {
            (true, kind) => u16::from_be_bytes(kind),
            (false, kind) => u16::from_le_bytes(kind),
        };
        // Two bytes of padding, which nobody writes to.
        if kind > ACCOUNTING || bytes.get(2..4)? != [0, 0] {
            return None;
        }
        let (seconds, microseconds) = match self.size {
            // Unsigned, they last until 2106.
            384 => (i64::from(self.u32_at(bytes, 340)?), i64::from(self.u32_at(bytes, 344)?)),
            _ => (self.i64_at(bytes, 344)?, self.i64_at(bytes, 352)?),
        };
        if !(0..1_000_000).contains(&microseconds) || seconds < 0 {
            return None;
        }
        Some(Record {
            kind,
            pid: self.u32_at(bytes, 4)?,
            line: text(bytes.get(8..40)?),
            user: text(bytes.get(44..76)?),
            host: text(bytes.get(76..332)?),
            wall_ms: seconds.checked_mul(1000)?.checked_add(microseconds / 1000)?,
        })
    }

    fn u32_at(&self, bytes: &[u8], at: usize) -> Option<u32> {
        let part = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(if self.big_endian { u32::from_be_bytes(part) } else { u32::from_le_bytes(part) })
    }

    fn i64_at(&self, bytes: &[u8], at: usize) -> Option<i64> {
        let part = bytes.get(at..at + 8)?.try_into().ok()?;
        Some(if self.big_endian { i64::from_be_bytes(part) } else { i64::from_le_bytes(part) })
    }
}

/// Up to the first NUL, if there is one.
fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or(field)
}
