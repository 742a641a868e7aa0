//! Lives in which sticks of memory are swapped and moved, or cannot be told apart.

use super::{DIMM_A, DIMM_B, HOUR, INTERVAL, Timeline, small};
use crate::edac_model::ControllerSpec;
use crate::firmware::{BoardSlot, closed_tables, filled, tables};
use std::time::Duration;

const OFF: Duration = Duration::from_secs(900);

/// The slots of the machine with one controller, in its order.
const A: &str = "P1-DIMMA1";
const B: &str = "P1-DIMMB1";

/// Five errors on a stick, which is then swapped in its slot; the new one has two.
pub(super) fn swapped() -> Timeline {
    let mut t = Timeline::of(vec![small()]);
    t.kernel.corrected(0, DIMM_A, 5);
    t.look_after(HOUR, &[filled(A, "425BB669"), filled(B, "425BB66A")]);
    t.kernel.reboot(OFF);
    t.look_after(INTERVAL, &[filled(A, "425BB70F"), filled(B, "425BB66A")]);
    t.kernel.corrected(0, DIMM_A, 2);
    t.look_after(INTERVAL, &[filled(A, "425BB70F"), filled(B, "425BB66A")]);
    t
}

/// Somebody tries whether the errors go with the stick: the two sticks change places, and they do.
pub(super) fn moved() -> Timeline {
    let mut t = Timeline::of(vec![small()]);
    t.kernel.corrected(0, DIMM_A, 5);
    t.look_after(HOUR, &[filled(A, "425BB669"), filled(B, "425BB66A")]);
    t.kernel.reboot(OFF);
    t.kernel.corrected(0, DIMM_B, 3);
    t.look_after(INTERVAL, &[filled(A, "425BB66A"), filled(B, "425BB669")]);
    t
}

/// Two controllers change their numbers with a reboot; the sticks stay where they are.
pub(super) fn renumbered() -> Timeline {
    let second = ControllerSpec::skx(0, 1, 2, 1);
    let slots = ["P1-DIMMA1", "P1-DIMMB1", "P1-DIMMC1", "P1-DIMMD1"];
    let serials = ["425BB669", "425BB66A", "425BB66B", "425BB66C"];
    let board: Vec<BoardSlot> =
        slots.into_iter().zip(serials).map(|(slot, serial)| filled(slot, serial)).collect();
    let mut t = Timeline::of(vec![small(), second]);
    t.kernel.corrected(1, DIMM_B, 4);
    t.look_after(HOUR, &board);
    t.kernel.reboot_in_order(OFF, &[1, 0]);
    t.kernel.corrected(1, DIMM_B, 2);
    t.look_after(INTERVAL, &board);
    t
}

/// Firmware has only placeholders. A stick is swapped for its like, which nobody can notice.
pub(super) fn without_serial() -> Timeline {
    let mut t = Timeline::of(vec![small()]);
    t.kernel.corrected(0, DIMM_A, 5);
    t.look_after(HOUR, &[filled(A, "Not Specified"), filled(B, "SerNum1")]);
    t.kernel.reboot(OFF);
    t.kernel.corrected(0, DIMM_A, 1);
    t.look_after(INTERVAL, &[filled(A, "Not Specified"), filled(B, "SerNum1")]);
    t
}

/// Firmware gives all sticks one serial number, as some vendors did.
pub(super) fn shared_serial() -> Timeline {
    let mut t = Timeline::of(vec![small()]);
    t.kernel.corrected(0, DIMM_A, 5);
    t.look_after(HOUR, &[filled(A, "160412A2"), filled(B, "160412A2")]);
    t.kernel.reboot(OFF);
    t.kernel.corrected(0, DIMM_B, 1);
    t.look_after(INTERVAL, &[filled(A, "160412A2"), filled(B, "160412A2")]);
    t
}

/// The agent runs without privileges for a while, then with them again.
pub(super) fn unreadable() -> Timeline {
    let mut t = Timeline::of(vec![small()]);
    t.kernel.corrected(0, DIMM_A, 5);
    t.look_after(HOUR, &[filled(A, "425BB669"), filled(B, "425BB66A")]);
    t.kernel.corrected(0, DIMM_A, 1);
    t.kernel.wait(INTERVAL);
    t.push(closed_tables());
    t.look_after(INTERVAL, &[filled(A, "425BB669"), filled(B, "425BB66A")]);
    t
}

impl Timeline {
    /// Lets time pass and samples the host with that board.
    fn look_after(&mut self, time: Duration, slots: &[BoardSlot]) {
        self.kernel.wait(time);
        self.push(tables(slots));
    }

    fn push(&mut self, firmware: crate::trees::TreeBuilder) {
        self.moments.push(self.kernel.tree_builder().and(firmware).to_text());
        self.kernel.sampled();
    }
}
