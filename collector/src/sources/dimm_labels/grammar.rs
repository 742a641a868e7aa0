//! The text of a label map:
//!
//! ```text
//! Vendor: <vendor>
//!   Model: <board>, <board>      or   Product: <product>, <product>
//!     <label>: <mc>.<top>[.<mid>[.<low>]], <place of another rank>;  <label>: …
//! ```
//!
//! `#` begins a comment, `:` may stand for `.` in a place, and the end of a line ends an entry as
//! `;` does.

use scrubjay_model::LabelPlace;

/// Layers of a controller: EDAC has at most three.
const MOST_LAYERS: usize = 3;

/// Longest label the kernel keeps, in bytes.
const LONGEST_LABEL: usize = 31;

/// A vendor with the name it gave to something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) vendor: String,
    pub(super) name: String,
}

/// What this machine is called. `None` where DMI does not say: then no map is meant for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Machine {
    pub(super) board: Option<Name>,
    pub(super) product: Option<Name>,
}

/// A slot of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) label: String,
    pub(super) places: Vec<LabelPlace>,
    pub(super) line: u32,
}

/// Something that is not of the format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) line: u32,
    pub(super) expected: &'static str,
    pub(super) found: String,
}

/// Whose slots the lines that follow name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Nobody,
    ThisMachine,
    AnotherMachine,
}

/// The slots of this machine, and the mistakes that may concern it. What is wrong with other
/// machines' slots is nobody's business here.
pub(super) fn parse(text: &str, machine: &Machine) -> (Vec<Slot>, Vec<Mistake>) {
    let (mut slots, mut mistakes) = (Vec::new(), Vec::new());
    let mut vendor: Option<String> = None;
    let mut owner = Owner::Nobody;
    for (line, content) in (1_u32..).zip(text.lines()) {
        let content = content.split('#').next().unwrap_or_default();
        for statement in content.split(';').map(str::trim).filter(|text| !text.is_empty()) {
            let mut wrong = |expected| {
                mistakes.push(Mistake { line, expected, found: statement.to_owned() });
            };
            let Some((key, value)) = statement.split_once(':') else {
                if owner != Owner::AnotherMachine {
                    wrong("\"name: value\"");
                }
                continue;
            };
            let key = key.trim();
            if key.eq_ignore_ascii_case("vendor") {
                vendor = Some(value.to_owned());
                owner = Owner::Nobody;
                continue;
            }
            let of = if key.eq_ignore_ascii_case("model") {
                &machine.board
            } else if key.eq_ignore_ascii_case("product") {
                &machine.product
            } else {
                match (owner, slot(key, value, line)) {
                    (Owner::ThisMachine, Some(slot)) => slots.push(slot),
                    (Owner::ThisMachine, None) => wrong("\"label: mc.top.mid.low, …\""),
                    (Owner::Nobody, _) => wrong("a Model or Product line before the first label"),
                    (Owner::AnotherMachine, _) => {}
                }
                continue;
            };
            let Some(vendor) = &vendor else {
                wrong("a Vendor line before this");
                continue;
            };
            let ours = of.as_ref().is_some_and(|known| {
                same(vendor, &known.vendor)
                    && (value.split(',').any(|name| same(name, &known.name))
                        // Names may themselves hold a comma.
                        || same(value, &known.name))
            });
            owner = if ours { Owner::ThisMachine } else { Owner::AnotherMachine };
        }
    }
    (slots, mistakes)
}

fn slot(label: &str, places: &str, line: u32) -> Option<Slot> {
    let label = label.trim_matches('"').trim();
    if label.is_empty() || label.len() > LONGEST_LABEL || label.chars().any(char::is_control) {
        return None;
    }
    let places: Vec<LabelPlace> = places.split(',').map(place).collect::<Option<_>>()?;
    Some(Slot { label: label.to_owned(), places, line })
}

fn place(text: &str) -> Option<LabelPlace> {
    let mut numbers = text.trim().split(['.', ':']).map(|number| {
        let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        number.parse::<u32>().ok().filter(|_| plain)
    });
    let controller = numbers.next()??;
    let layers: Vec<u32> = numbers.collect::<Option<_>>()?;
    (1..=MOST_LAYERS).contains(&layers.len()).then_some(LabelPlace { controller, layers })
}

/// Whether two names are the same but for case and blanks.
fn same(a: &str, b: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        text.trim_matches(['"', ' ', '\t']).split_whitespace().map(str::to_lowercase).collect()
    };
    let (a, b) = (words(a), words(b));
    !a.is_empty() && a == b
}
