//! Firmware that keeps errors to itself: the counters that everybody watches cannot move.

use crate::demo::draws::Draws;
use crate::demo::story::{Beat, Deed, PAST_DAYS, Story, time};
use std::time::Duration;

const DAYS: u32 = 45;

/// A corrected error that the firmware tells of, as `drivers/acpi/apei/ghes.c` and
/// `drivers/firmware/efi/cper.c` print it.
fn corrected(number: u32, row: u32) -> Vec<Deed> {
    let head = format!("{{{number}}}[Hardware Error]: ");
    let address = 0x3_1000_0000_u64 + u64::from(row) * 0x1_0000;
    [
        "Hardware error from APEI Generic Hardware Error Source: 0".to_owned(),
        "It has been corrected by h/w and requires no further action".to_owned(),
        "event severity: corrected".to_owned(),
        " Error 0, type: corrected".to_owned(),
        "  section_type: memory error".to_owned(),
        "   error_status: Storage error in DRAM memory (0x0000000000000400)".to_owned(),
        format!("  physical_address: {address:#018x}"),
        "  physical_address_mask: 0xfffffffffffff000".to_owned(),
        format!("  node:0 card:1 module:0 bank:3 row:{row} column:32 "),
        "  error_type: 2, single-bit ECC".to_owned(),
        "  DIMM location: NODE 1 A2 ".to_owned(),
    ]
    .into_iter()
    .map(|text| Deed::Log(4, format!("{head}{text}")))
    .collect()
}

pub(super) fn story(seed: u64) -> Story {
    let mut draws = Draws::new(seed ^ 0xf1f0);
    let row = draws.below(1 << 16);
    let mut beats = vec![Beat::untold(Duration::ZERO, vec![Deed::WithoutDriver])];
    beats.push(Beat::told(
        time(PAST_DAYS, 6),
        "nothing is wrong, as far as any counter tells: there is none. The firmware handles memory \
         errors first, and no driver may look at them.",
        Vec::new(),
    ));
    for (number, day) in [(1, 12), (2, 23), (3, 24), (4, 33)] {
        let told = match number {
            1 => {
                Some("the firmware passes on one corrected error, out of how many it does not say.")
            }
            2 => Some("another one, of the same stick."),
            _ => None,
        };
        let at = time(PAST_DAYS + day, 4);
        beats.push(Beat { at, told: told.map(str::to_owned), deeds: corrected(number, row) });
    }
    Story {
        about: "The firmware of this server handles memory errors first. The kernel counts nothing, \
                and \"no errors\" means that nobody was told. Scrubjay says what it cannot see before \
                it says anything else.",
        past: time(PAST_DAYS, 0),
        lasts: time(DAYS, 0),
        step: time(0, 12),
        beats,
        moral: "An empty counter is no healthy stick. Where firmware comes first, what it passes on is \
                all there is, and it passes on what it likes: let the operating system handle memory \
                errors, or ask the BMC."
            .to_owned(),
        look_at: vec![
            ("doctor".to_owned(), "what can be seen on this host, what cannot, and how to mend that"),
            ("explain firmware-first".to_owned(), "what it means, and what to do"),
            ("events".to_owned(), "what the firmware did pass on"),
        ],
    }
}
