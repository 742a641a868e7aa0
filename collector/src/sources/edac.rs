//! Error counters of the EDAC core: `/sys/devices/system/edac/mc`.
//!
//! Kernel documentation: Documentation/ABI/testing/sysfs-devices-edac; the counting itself is in
//! drivers/edac/edac_mc.c, the files in edac_mc_sysfs.c. Per-DIMM counters came with 4.10; before
//! that only the csrow view counts, and it is read only then: both views show the same errors.
//!
//! An `mc` directory without controllers is absent, not an empty success: the core is there but
//! no driver is, and nothing is being counted.

use crate::kept::Counters;
use crate::reader::{Reader, index, whole_number};
use scrubjay_model::{
    BootId, Controller, Counter, Csrow, Dimm, Edac, Epoch, ErrorClass, ErrorCounts, Layout, Origin,
    Place, Reading, SourceDoc, SourceId, Stamp, ZeroedWindow,
};
use std::sync::Arc;

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::Edac,
    reads: &[
        "sys/devices/system/edac/mc/mc*/{mc_name,size_mb,seconds_since_reset,sdram_scrub_rate}",
        "sys/devices/system/edac/mc/mc*/{ce,ue}_count",
        "sys/devices/system/edac/mc/mc*/{ce,ue}_noinfo_count",
        "sys/devices/system/edac/mc/mc*/{dimm,rank}*/dimm_{ce,ue}_count",
        "sys/devices/system/edac/mc/mc*/{dimm,rank}*/{dimm_label,dimm_location,size}",
        "sys/devices/system/edac/mc/mc*/{dimm,rank}*/dimm_{mem_type,dev_type,edac_mode}",
        "sys/devices/system/edac/mc/mc*/csrow*/{ce,ue}_count",
        "sys/devices/system/edac/mc/mc*/csrow*/{size_mb,mem_type,dev_type,edac_mode}",
        "sys/devices/system/edac/mc/mc*/csrow*/ch*_{ce_count,ue_count,dimm_label}",
    ],
    needs: "nothing",
    absence: "no EDAC driver counts errors: load the driver of this memory controller, enable ECC \
              in firmware, or, in a guest, look at the host instead",
    kernel_doc: "Documentation/ABI/testing/sysfs-devices-edac",
};

pub(crate) const MC: &str = "sys/devices/system/edac/mc";

/// A set of counters torn by a reset is read again this often before it is given up.
const ATTEMPTS: u32 = 3;

pub(crate) fn read(reader: &Reader<'_>, at: &Stamp) -> Reading<Edac> {
    reader.indexed(MC, "mc").into_result().map_or_else(Into::into, |indexes| {
        let controllers: Vec<Controller> =
            indexes.into_iter().filter_map(|index| controller(reader, index, &at.boot)).collect();
        if controllers.is_empty() {
            return Reading::Absent(Origin::new(format!("{MC}/mc0")));
        }
        Reading::Value(Edac { controllers })
    })
}

/// Whether the next pass reads nothing but numbers that the EDAC core has in memory, and not many of them. A
/// rate of scrubbing is asked of the driver each time, which asks the hardware.
pub(crate) fn is_soon_read(counters: &Counters, boot: &BootId) -> bool {
    counters.are_soon_read(boot, |fixed: &Fixed| fixed.no_scrub_rate.is_some())
}

/// Reads a controller's counters together with the age that tells which life they belong to;
/// `None` if its driver was unloaded since it was listed.
///
/// The files are read one by one while the kernel goes on counting, so the age is read before and
/// after. If the counters were zeroed in between, some values may belong to the old life and some
/// to the new: they are read again.
fn controller(reader: &Reader<'_>, index: u32, boot: &BootId) -> Option<Controller> {
    let dir = format!("{MC}/mc{index}");
    let mut bare = None;
    for _ in 0..ATTEMPTS {
        reader.forget(&dir);
        let counting = Counting { age: age(reader, &dir), boot, torn: false };
        let (found, fell) = reader.within(&dir, || counters(reader, &dir, index, &counting));
        let settled = !fell && counting.age.is_of_life_of(&age(reader, &dir));
        if settled && counts(&found) {
            return Some(found);
        }
        if settled && reader.present(&dir).is_absent() {
            return None;
        }
        // There, but without what every driver shows: perhaps it is just coming back.
        bare = settled.then_some(found);
    }
    if bare.is_some() {
        return bare;
    }
    reader.forget(&dir);
    let torn = Counting { age: age(reader, &dir), boot, torn: true };
    Some(counters(reader, &dir, index, &torn).0)
}

#[derive(Clone)]
struct Age {
    seconds: Reading<u64>,
    window: Option<ZeroedWindow>,
}

fn age(reader: &Reader<'_>, dir: &str) -> Age {
    let before = reader.clocks().monotonic;
    let seconds = reader.age(&format!("{dir}/seconds_since_reset"));
    let after = reader.clocks().monotonic;
    let window = match (seconds.value(), before, after) {
        (Some(seconds), Some(before), Some(after)) => {
            Some(ZeroedWindow::from_age(*seconds, before, after))
        }
        (None, _, _) | (_, None, _) | (_, _, None) => None,
    };
    Age { seconds, window }
}

/// Whether there is anything that a driver shows of every controller.
fn counts(controller: &Controller) -> bool {
    let Controller { seconds_since_reset, errors, .. } = controller;
    !seconds_since_reset.is_absent() || !errors.correctable.is_absent()
}

impl Age {
    /// Whether nothing was zeroed between two looks at the age. An age that came or went means that
    /// the driver did.
    fn is_of_life_of(&self, later: &Self) -> bool {
        match (self.window, later.window) {
            (Some(before), Some(after)) => !after.is_after(&before),
            (None, None) => true,
            (None, Some(_)) | (Some(_), None) => false,
        }
    }
}

/// How the counters of a controller are taken.
struct Counting<'b> {
    age: Age,
    boot: &'b BootId,
    /// Time and again they were zeroed while they were read: they count for nothing.
    torn: bool,
}

impl Counting<'_> {
    fn counter(&self, reader: &Reader<'_>, path: &str) -> Reading<Counter> {
        let epoch = Epoch { boot: self.boot.clone(), zeroed: self.age.window };
        let counted = reader.counter(path);
        let counted = counted.map(|value| Counter { value: u64::from(value), epoch });
        if self.torn {
            return counted.into_result().map_or_else(Into::into, |_| reader.torn(path));
        }
        counted
    }

    /// What is counted in these two files.
    fn both(&self, reader: &Reader<'_>, correctable: &str, uncorrectable: &str) -> ErrorCounts {
        ErrorCounts {
            correctable: self.counter(reader, correctable),
            uncorrectable: self.counter(reader, uncorrectable),
        }
    }
}

/// Everything of a controller, and whether a total fell while the parts were read.
fn counters(
    reader: &Reader<'_>,
    dir: &str,
    index: u32,
    counting: &Counting<'_>,
) -> (Controller, bool) {
    let both = |of: &str| {
        counting.both(reader, &format!("{dir}/ce_{of}count"), &format!("{dir}/ue_{of}count"))
    };
    let before = both("");
    let fixed = reader.fixed(dir, counting.boot, |reader| Fixed::read(reader, dir));
    let parts = if counting.torn {
        Arc::new(Parts::read(reader, dir, &fixed, counting))
    } else {
        let holds = |parts: &Parts| {
            Arc::ptr_eq(&parts.of, &fixed) && parts.age.is_of_life_of(&counting.age)
        };
        let make = |reader: &Reader<'_>| Parts::read(reader, dir, &fixed, counting);
        reader.same(dir, holds, Parts::is_whole, make)
    };
    let unattributed = both("noinfo_");
    let errors = both("");
    let fell = ErrorClass::ALL.into_iter().any(|class| {
        let both = before.get(class).value().zip(errors.get(class).value());
        both.is_some_and(|(before, after)| after.value < before.value)
    });
    let controller = Controller {
        index,
        name: fixed.name.clone(),
        size_bytes: fixed.size_bytes.clone(),
        seconds_since_reset: counting.age.seconds.clone(),
        scrub_rate: match &fixed.no_scrub_rate {
            Some(origin) => reader.missing(origin),
            None => scrub_rate(reader, &format!("{dir}/sdram_scrub_rate")),
        },
        steady: before == errors,
        errors,
        unattributed,
        layout: parts.layout,
        dimms: Arc::clone(&parts.dimms),
        csrows: parts.csrows.clone(),
    };
    (controller, fell)
}

/// The file is left out, or fails, where the driver cannot tell; the ABI document has `-1` for it.
fn scrub_rate(reader: &Reader<'_>, path: &str) -> Reading<u64> {
    let rate = reader.parse(path, "bytes per second", |text| match text.trim() {
        "-1" => Some(None),
        _ => whole_number(text).map(Some),
    });
    match rate.into_result() {
        Ok(Some(rate)) => Reading::Value(rate),
        Ok(None) => Reading::Absent(Origin::new(path)),
        Err(non_value) => non_value.into(),
    }
}

/// What stays while the driver does.
struct Fixed {
    name: Reading<String>,
    size_bytes: Reading<u64>,
    /// What a driver shows it shows from the beginning.
    no_scrub_rate: Option<Origin>,
    layout: Layout,
    places: Vec<Stock>,
}

/// A place before its label is read and its errors are counted.
struct Stock {
    place: Place,
    dir: String,
    location: Reading<String>,
    size_bytes: Reading<u64>,
    memory_type: Reading<String>,
    device_type: Reading<String>,
    edac_mode: Reading<String>,
}

impl Fixed {
    fn read(reader: &Reader<'_>, dir: &str) -> Self {
        reader.within(dir, || Self::read_within(reader, dir))
    }

    fn read_within(reader: &Reader<'_>, dir: &str) -> Self {
        let dimms = places(reader, dir, "dimm", Place::Dimm);
        let ranks = places(reader, dir, "rank", Place::Rank);
        let scrub_rate = format!("{dir}/sdram_scrub_rate");
        Self {
            name: reader.attr(&format!("{dir}/mc_name")),
            size_bytes: reader.mebibytes(&format!("{dir}/size_mb")),
            no_scrub_rate: reader.is_missing(&scrub_rate),
            layout: if ranks.is_empty() { Layout::Dimm } else { Layout::Rank },
            places: dimms.into_iter().chain(ranks).collect(),
        }
    }
}

impl Stock {
    fn read(reader: &Reader<'_>, place: Place, dir: &str) -> Self {
        reader.within(dir, || {
            let attr = |name: &str| reader.attr(&format!("{dir}/{name}"));
            Self {
                place,
                // The kernel ends these with a blank.
                location: attr("dimm_location").map(|text| text.trim_end().to_owned()),
                size_bytes: reader.mebibytes(&format!("{dir}/size")),
                memory_type: attr("dimm_mem_type"),
                device_type: attr("dimm_dev_type"),
                edac_mode: attr("dimm_edac_mode"),
                dir: dir.to_owned(),
            }
        })
    }

    fn counted(&self, reader: &Reader<'_>, counting: &Counting<'_>) -> Dimm {
        let Self { place, dir, location, size_bytes, memory_type, device_type, edac_mode } = self;
        let at = |name: &str| format!("{dir}/{name}");
        let (label, errors) = reader.within(dir, || {
            let errors = counting.both(reader, &at("dimm_ce_count"), &at("dimm_ue_count"));
            (reader.label(&at("dimm_label")), errors)
        });
        Dimm {
            place: *place,
            label,
            location: location.clone(),
            size_bytes: size_bytes.clone(),
            memory_type: memory_type.clone(),
            device_type: device_type.clone(),
            edac_mode: edac_mode.clone(),
            errors,
        }
    }
}

/// What the places of a controller are called and have counted.
struct Parts {
    /// What they are, and the life of the counters.
    of: Arc<Fixed>,
    age: Age,
    layout: Layout,
    dimms: Arc<[Dimm]>,
    csrows: Vec<Csrow>,
}

impl Parts {
    fn read(reader: &Reader<'_>, dir: &str, fixed: &Arc<Fixed>, counting: &Counting<'_>) -> Self {
        let counted = |stock: &Stock| stock.counted(reader, counting);
        let found: Vec<Dimm> = reader.within(dir, || fixed.places.iter().map(counted).collect());
        let counted = |dimm: &Dimm| {
            !dimm.errors.correctable.is_absent() || !dimm.errors.uncorrectable.is_absent()
        };
        let (layout, dimms, csrows) = if found.iter().any(counted) {
            (fixed.layout, found, Vec::new())
        } else {
            by_row(reader, dir, counting).unwrap_or_else(|| {
                let none = if found.is_empty() { Layout::Controller } else { fixed.layout };
                (none, found, Vec::new())
            })
        };
        let (of, age) = (Arc::clone(fixed), counting.age.clone());
        Self { of, age, layout, dimms: dimms.into(), csrows }
    }

    /// Whether every place was read, and in the view that modern kernels have: whatever else is read is not
    /// kept open.
    fn is_whole(&self) -> bool {
        let read = |dimm: &Dimm| {
            let counts = ErrorClass::ALL.map(|class| dimm.errors.get(class).value().is_some());
            dimm.label.value().is_some() && counts.into_iter().all(|is_there| is_there)
        };
        !self.dimms.is_empty() && self.csrows.is_empty() && self.dimms.iter().all(read)
    }
}

/// Kernels before 4.10 count by row only; their dimm directories, if any, are inventory.
fn by_row(
    reader: &Reader<'_>,
    dir: &str,
    counting: &Counting<'_>,
) -> Option<(Layout, Vec<Dimm>, Vec<Csrow>)> {
    let rows = reader.indexed(dir, "csrow");
    let rows = rows.value().filter(|rows| !rows.is_empty())?;
    let (mut places, mut totals) = (Vec::new(), Vec::new());
    for row in rows {
        let (in_row, total) = csrow(reader, dir, *row, counting);
        places.extend(in_row);
        totals.push(total);
    }
    Some((Layout::Csrow, places, totals))
}

fn places(reader: &Reader<'_>, dir: &str, prefix: &str, place: fn(u32) -> Place) -> Vec<Stock> {
    let indexes = reader.indexed(dir, prefix);
    let at = |index: &u32| Stock::read(reader, place(*index), &format!("{dir}/{prefix}{index}"));
    indexes.value().into_iter().flatten().map(at).collect()
}

/// A row in the csrow view. Each class is counted at exactly one level: by channel if every
/// channel counts it, else by the row. Drivers leave out `chM_ue_count` for some or all channels.
fn csrow(reader: &Reader<'_>, dir: &str, row: u32, counting: &Counting<'_>) -> (Vec<Dimm>, Csrow) {
    let dir = format!("{dir}/csrow{row}");
    let total = counting.both(reader, &format!("{dir}/ce_count"), &format!("{dir}/ue_count"));
    let describe = |place, label, size_bytes, errors| Dimm {
        place,
        label,
        location: Reading::Value(place.to_string()),
        size_bytes,
        memory_type: reader.attr(&format!("{dir}/mem_type")),
        device_type: reader.attr(&format!("{dir}/dev_type")),
        edac_mode: reader.attr(&format!("{dir}/edac_mode")),
        errors,
    };

    let files = reader.files(&dir);
    let mut channels: Vec<u32> = files
        .value()
        .into_iter()
        .flatten()
        .filter_map(|name| index(name.strip_prefix("ch")?.split_once('_')?.0))
        .collect();
    channels.sort_unstable();
    channels.dedup();

    let at = |channel: u32, class: &str| {
        counting.counter(reader, &format!("{dir}/ch{channel}_{class}_count"))
    };
    let by_channel = |class: &str| {
        let counts: Vec<Reading<Counter>> = channels.iter().map(|c| at(*c, class)).collect();
        (!counts.is_empty() && !counts.iter().any(Reading::is_absent)).then_some(counts)
    };
    let not_here = |name: String| Reading::Absent(Origin::new(format!("{dir}/{name}")));
    let row_size = reader.mebibytes(&format!("{dir}/size_mb"));
    let (correctable, uncorrectable) = (by_channel("ce"), by_channel("ue"));

    let mut places = Vec::new();
    for (position, channel) in channels.iter().enumerate() {
        let count = |counts: &Option<Vec<Reading<Counter>>>, class: &str| {
            let counted = counts.as_ref().and_then(|counts| counts.get(position)).cloned();
            counted.unwrap_or_else(|| not_here(format!("ch{channel}_{class}_count")))
        };
        let errors = ErrorCounts {
            correctable: count(&correctable, "ce"),
            uncorrectable: count(&uncorrectable, "ue"),
        };
        let label = reader.attr(&format!("{dir}/ch{channel}_dimm_label"));
        // The kernel shows the size of the row; with several channels that of one is not known.
        let size = if channels.len() == 1 {
            row_size.clone()
        } else {
            Reading::Absent(Origin::new(format!("{dir}/ch{channel}_size_mb")))
        };
        places.push(describe(
            Place::Channel { csrow: row, channel: *channel },
            label,
            size,
            errors,
        ));
    }
    if correctable.is_none() || uncorrectable.is_none() {
        let of_row = |counts: &Option<_>, total: &Reading<Counter>, class: &str| {
            if counts.is_some() { not_here(format!("{class}_count")) } else { total.clone() }
        };
        let errors = ErrorCounts {
            correctable: of_row(&correctable, &total.correctable, "ce"),
            uncorrectable: of_row(&uncorrectable, &total.uncorrectable, "ue"),
        };
        let label = Reading::Absent(Origin::new(format!("{dir}/dimm_label")));
        places.push(describe(Place::Csrow(row), label, row_size, errors));
    }
    (places, Csrow { index: row, errors: total })
}

#[cfg(test)]
pub(crate) mod tests;
