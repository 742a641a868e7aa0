//! The error counters of `status`: by controller, by DIMM.

use super::page::{BOLD, Cell, FAINT, Page, WARN};
use super::words::{self, count, missing, missing_word, moment_ago, size, span};
use scrubjay_model::{
    Accumulated, Contradiction, Controller, Counter, Csrow, Dimm, Edac, ErrorClass, ErrorCounts,
    Layout, Level, NonValue, Reading, Section, SeriesPlace, Stamp,
};
use std::time::Duration;

/// Hosts with more places than this show only those with errors.
const LISTED: usize = 32;
/// Reasons for missing values listed under a table.
const NOTES: usize = 8;

pub(super) fn errors(
    page: &mut Page,
    section: &Option<Section<Edac>>,
    accumulated: &Accumulated,
    at: &Stamp,
) {
    let edac = match words::findings(section) {
        Ok(edac) if edac.controllers.is_empty() => {
            page.field(2, "counters", "no memory controller is registered");
            return;
        }
        Ok(edac) => edac,
        Err(missing) => {
            page.field(2, "counters", &missing);
            return;
        }
    };
    let places: usize = edac.controllers.iter().map(|c| c.dimms.len()).sum();
    let all = page.style.all || places.max(edac.controllers.len()) <= LISTED;
    let mut quiet = Quiet::default();
    for controller in &edac.controllers {
        let view = ControllerView { controller, accumulated };
        if all || view.is_noteworthy() {
            view.write(page, at, all, &mut quiet);
        } else {
            quiet.controllers += 1;
            quiet.dimms += controller.dimms.len();
        }
    }
    if quiet.dimms > 0 || quiet.controllers > 0 {
        let dimms = count(quiet.dimms, "DIMM", "DIMMs");
        let controllers = match quiet.controllers {
            0 => String::new(),
            n => format!(", among them all of {}", count(n, "controller", "controllers")),
        };
        let rest = format!("not listed: {dimms} without errors{controllers} (--all lists them)");
        page.sentence(2, &rest);
    }
}

/// What a large host's page leaves out.
#[derive(Debug, Default)]
struct Quiet {
    controllers: usize,
    dimms: usize,
}

struct ControllerView<'a> {
    controller: &'a Controller,
    accumulated: &'a Accumulated,
}

impl ControllerView<'_> {
    fn is_noteworthy(&self) -> bool {
        let controller = self.controller;
        !controller.contradictions().is_empty()
            || self.has_errors(SeriesPlace::Total, &controller.errors)
            || self.has_errors(SeriesPlace::Unattributed, &controller.unattributed)
            || controller.dimms.iter().any(|dimm| self.is_noteworthy_dimm(dimm))
    }

    fn is_noteworthy_dimm(&self, dimm: &Dimm) -> bool {
        self.has_errors(SeriesPlace::Dimm(dimm.place), &dimm.errors)
    }

    /// Whether errors were counted, or might have been and could not be read.
    fn has_errors(&self, place: SeriesPlace, now: &ErrorCounts) -> bool {
        ErrorClass::ALL.into_iter().any(|class| {
            let accumulated = self.accumulated.total(self.controller.index, place, class);
            match now.get(class) {
                Reading::Value(counter) => {
                    counter.value > 0 || accumulated.is_some_and(|sum| sum.total > 0)
                }
                Reading::Absent(_) => false,
                Reading::Unreadable(..) | Reading::Malformed(..) => true,
            }
        })
    }

    fn write(&self, page: &mut Page, at: &Stamp, all: bool, quiet: &mut Quiet) {
        let Controller {
            index,
            name: _,
            size_bytes: _,
            seconds_since_reset: _,
            scrub_rate: _,
            errors,
            unattributed,
            layout,
            dimms,
            csrows,
            steady,
        } = self.controller;
        self.write_head(page, at);

        let mut notes = Notes::default();
        let mut rows = vec![
            ["id", "label", "size"]
                .into_iter()
                .map(|title| Cell::left(title).painted(FAINT))
                .chain(["CE", "UE"].map(|title| Cell::right(title).painted(FAINT)))
                .collect(),
        ];
        for dimm in dimms.iter() {
            if all || self.is_noteworthy_dimm(dimm) {
                rows.push(self.dimm_row(dimm, &mut notes));
            } else {
                quiet.dimms += 1;
            }
        }
        rows.extend(csrows.iter().map(|row| self.csrow_row(row, &mut notes)));
        if *layout != Layout::Controller {
            let cells = [self.id("noinfo"), "(no DIMM known)".to_owned(), String::new()];
            rows.push(self.row(cells, SeriesPlace::Unattributed, unattributed, &mut notes));
        }
        let cells = [self.id("total"), "(controller)".to_owned(), String::new()];
        rows.push(self.row(cells, SeriesPlace::Total, errors, &mut notes));
        page.table(4, &rows);

        if *layout == Layout::Controller {
            page.sentence(4, "this driver attributes errors to no DIMM");
        }
        notes.write(page);
        for contradiction in self.controller.contradictions() {
            page.warning(4, &told(*index, &contradiction));
        }
        if !steady {
            page.warning(4, "errors arrived while this was read; its sums were not checked");
        }
    }

    fn write_head(&self, page: &mut Page, at: &Stamp) {
        let controller = self.controller;
        let key = self.accumulated.controllers.get(&controller.index);
        let key = key.map_or_else(|| format!("mc{}", controller.index), ToString::to_string);
        page.table(2, &[vec![Cell::left(key).painted(BOLD)]]);
        let scrub = match controller.scrub_rate.as_ref().into_result() {
            Ok(0) => "off (0)".to_owned(),
            Ok(rate) => format!("{}/s", size(*rate)),
            Err(reason) => missing(&reason),
        };
        let about = format!(
            "mc{}, name {}, size {}, layout {}, scrub rate {scrub}",
            controller.index,
            words::reading(&controller.name, |name| format!("\"{name}\"")),
            words::reading(&controller.size_bytes, |bytes| size(*bytes)),
            controller.layout.as_str(),
        );
        page.field(4, "edac", &about);
        if let Some(pass) = controller.full_pass() {
            page.field(4, "scrubbing", &format!("a full pass takes {}", span(pass)));
        }
        page.field(4, "counts", &self.basis(at));
    }

    /// What the numbers of the table are.
    fn basis(&self, at: &Stamp) -> String {
        let zeroed = words::reading(&self.controller.seconds_since_reset, |seconds| {
            let ms = i64::try_from(*seconds).ok().and_then(|s| s.checked_mul(1000));
            match ms.and_then(|ms| at.wall_ms.checked_sub(ms)) {
                Some(zeroed_ms) => moment_ago(zeroed_ms, at.wall_ms),
                None => format!("{} ago", span(Duration::from_secs(*seconds))),
            }
        });
        let sums = ErrorClass::ALL.into_iter().filter_map(|class| {
            self.accumulated.total(self.controller.index, SeriesPlace::Total, class)
        });
        let Some(sum) = sums.max_by_key(|sum| sum.restarts) else {
            return format!("the kernel's own, zeroed {zeroed}; no history of this controller");
        };
        let since = moment_ago(sum.since_wall_ms, at.wall_ms);
        let bounds = match sum.restarts {
            0 => String::new(),
            n => {
                let times = count(n, "time", "times");
                format!(" ≥ marks lower bounds: the counters began anew {times}.")
            }
        };
        format!(
            "kept since {since}, with what the kernel had counted before.{bounds} Last zeroed: \
             {zeroed}"
        )
    }

    fn id(&self, place: &str) -> String {
        match self.accumulated.controllers.get(&self.controller.index) {
            Some(key) => format!("{key}/{place}"),
            None => format!("mc{}/{place}", self.controller.index),
        }
    }

    fn dimm_row(&self, dimm: &Dimm, notes: &mut Notes) -> Vec<Cell> {
        let Dimm {
            place,
            label,
            location,
            size_bytes,
            memory_type: _,
            device_type: _,
            edac_mode: _,
            errors,
        } = dimm;
        // A label that was never set says nothing; the location does.
        let label = match (label, location) {
            (Reading::Value(label), _) if !label.is_empty() => label.clone(),
            (_, Reading::Value(location)) if !location.is_empty() => format!("({location})"),
            (Reading::Value(_), _) => "(empty)".to_owned(),
            (label, _) => notes.text(label, Clone::clone),
        };
        let size = notes.text(size_bytes, |bytes| size(*bytes));
        let cells = [self.id(&place.to_string()), label, size];
        self.row(cells, SeriesPlace::Dimm(*place), errors, notes)
    }

    fn row(
        &self,
        cells: [String; 3],
        place: SeriesPlace,
        now: &ErrorCounts,
        notes: &mut Notes,
    ) -> Vec<Cell> {
        let mut row = cells.map(Cell::left).to_vec();
        for class in ErrorClass::ALL {
            let text = notes.text(now.get(class), |counter: &Counter| {
                match self.accumulated.total(self.controller.index, place, class) {
                    Some(sum) if sum.is_lower_bound() => format!("≥ {}", sum.total),
                    Some(sum) => sum.total.to_string(),
                    None => counter.value.to_string(),
                }
            });
            row.push(number(text));
        }
        row
    }

    /// The kernel's own row totals, which no history keeps.
    fn csrow_row(&self, row: &Csrow, notes: &mut Notes) -> Vec<Cell> {
        let Csrow { index, errors } = row;
        let id = self.id(&format!("csrow{index}"));
        let mut cells =
            [id, "(kernel's row total, now)".to_owned(), String::new()].map(Cell::left).to_vec();
        for class in ErrorClass::ALL {
            cells.push(number(notes.text(errors.get(class), |c| c.value.to_string())));
        }
        cells
    }
}

fn number(text: String) -> Cell {
    let nothing = text == "0" || text == "≥ 0";
    let cell = Cell::right(text);
    if nothing { cell } else { cell.painted(WARN) }
}

/// Where the kernel's sums do not add up.
fn told(index: u32, contradiction: &Contradiction) -> String {
    let Contradiction { level, class, total, parts, unattributed } = contradiction;
    let word = class.kernel_word();
    match level {
        Level::Controller => format!(
            "the kernel contradicts itself: mc{index}: {word}_count {total}, but its parts sum to \
             {parts} + {unattributed} unattributed"
        ),
        Level::Csrow(row) => format!(
            "the kernel contradicts itself: mc{index}/csrow{row}: {word}_count {total}, but its \
             channels sum to {parts}"
        ),
    }
}

/// Reasons for cells without a value, told below the table.
#[derive(Debug, Default)]
struct Notes(Vec<NonValue>);

impl Notes {
    fn text<T>(&mut self, reading: &Reading<T>, show: impl FnOnce(&T) -> String) -> String {
        match reading.as_ref().into_result() {
            Ok(value) => show(value),
            Err(non_value) => {
                let word = missing_word(&non_value).to_owned();
                match non_value {
                    // The word says it all.
                    NonValue::Absent(_) => {}
                    NonValue::Unreadable(..) | NonValue::Malformed(..) => {
                        if !self.0.contains(&non_value) {
                            self.0.push(non_value);
                        }
                    }
                }
                word
            }
        }
    }

    fn write(&self, page: &mut Page) {
        let shown = if page.style.all { self.0.len() } else { NOTES };
        for note in self.0.iter().take(shown) {
            page.warning(4, &missing(note));
        }
        if let Some(more) = self.0.len().checked_sub(shown).filter(|more| *more > 0) {
            page.warning(4, &format!("{more} more of this kind (--all lists them)"));
        }
    }
}
