//! Nodes as rows of files. docs/simulation.md has the columns.

use scrubjay_alerts::memory::{Cell, Observation};
use scrubjay_alerts::simulation::{SimulatedDimm, SimulatedNode};
use std::fmt::Write as _;

/// The files with their columns, in the order of [`Rows`].
pub(super) const COLUMNS: [(&str, &str); 4] = [
    (
        "truth.csv",
        "record,node,slot,socket,channel,life,fault,mode,permanent,onset_s,until_s,t_ue_s,errors,\
         cells,why",
    ),
    ("counters.csv", "node,slot,from_s,until_s,watched_s,errors,at_least"),
    ("events.csv", "node,slot,at_s,kind,errors,rank,device,bank,row,column,page,parity,by_scrub"),
    ("boots.csv", "node,boot,down_s,up_s,clean"),
];

/// The rows of some nodes, for each file.
#[derive(Debug, Default)]
pub(super) struct Rows(pub(super) [String; 4]);

impl Rows {
    /// Adds those of a node. Writing to a string cannot fail, so results are let go.
    pub(super) fn add(&mut self, node: &SimulatedNode) {
        let Self([truth, _, _, boots]) = self;
        let index = node.index;
        if node.firmware_first {
            let _ = writeln!(truth, "node,{index},,,,,,,,,,,,,firmware-first");
        } else if node.counters_only {
            let _ = writeln!(truth, "node,{index},,,,,,,,,,,,,counters-only");
        }
        for (number, boot) in node.boots.iter().enumerate() {
            let (down, up) = (boot.down, boot.up);
            let clean = u8::from(boot.why.is_clean());
            let _ = writeln!(boots, "{index},{number},{down},{up},{clean}");
            let _ = writeln!(truth, "boot,{index},,,,,,,,{down},{up},,,,{}", boot.why.name());
        }
        for dimm in &node.dimms {
            self.truth(index, dimm);
            self.observations(index, dimm);
        }
    }

    fn truth(&mut self, node: u32, dimm: &SimulatedDimm) {
        let Self([truth, ..]) = self;
        let SimulatedDimm { slot, socket, channel, .. } = dimm;
        let place = format!("{node},{slot},{socket},{channel}");
        for fault in &dimm.truth.faults {
            let _ = writeln!(
                truth,
                "fault,{place},{},{},{},{},{},{},{},{},{},",
                fault.life,
                fault.id,
                fault.mode.name(),
                u8::from(fault.permanent),
                fault.onset,
                number(fault.until),
                number(fault.t_ue),
                fault.errors,
                fault.cells.len(),
            );
        }
        for error in &dimm.truth.uncorrected {
            let why = match (error.fault.is_none(), error.crashed) {
                (true, true) => "sudden crash",
                (true, false) => "sudden kill",
                (false, true) => "crash",
                (false, false) => "kill",
            };
            let (life, fault, at) = (error.life, number(error.fault), error.at);
            let _ = writeln!(truth, "uncorrected,{place},{life},{fault},,,,,{at},,,{why}");
        }
        for swap in &dimm.truth.swaps {
            let why = if swap.wrong { "wrong" } else { "right" };
            let _ = writeln!(truth, "swap,{place},,,,,{},,,,,{why}", swap.at);
        }
    }

    fn observations(&mut self, node: u32, dimm: &SimulatedDimm) {
        let Self([_, counters, events, _]) = self;
        let slot = dimm.slot;
        for observation in &dimm.observations {
            match *observation {
                Observation::Counted { from, until, watched, errors, at_least } => {
                    let at_least = u8::from(at_least);
                    let _ = writeln!(
                        counters,
                        "{node},{slot},{from},{until},{watched},{errors},{at_least}"
                    );
                }
                Observation::Reported(hit) => {
                    let place = place(hit.cell);
                    let page = number(hit.page);
                    let parity =
                        hit.parity.map_or_else(String::new, |bits| format!("{:08x}", bits.0));
                    let by_scrub = number(hit.by_scrub.map(u8::from));
                    let (at, errors) = (hit.at, hit.errors);
                    let _ = writeln!(
                        events,
                        "{node},{slot},{at},corrected,{errors},{place},{page},{parity},{by_scrub}"
                    );
                }
                Observation::Uncorrected { at, cell, page } => {
                    let (place, page) = (place(cell), number(page));
                    let _ = writeln!(events, "{node},{slot},{at},uncorrected,1,{place},{page},,");
                }
                Observation::Offlined { at, page } => {
                    let _ = writeln!(events, "{node},{slot},{at},offlined,,,,,,,{page},,");
                }
                Observation::Replaced { at } => {
                    let _ = writeln!(events, "{node},{slot},{at},replaced,,,,,,,,,");
                }
                // In boots.csv, once for the node.
                Observation::Booted { .. } => {}
            }
        }
    }
}

/// A number, or nothing.
fn number(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn place(cell: Cell) -> String {
    format!(
        "{},{},{},{},{}",
        number(cell.rank),
        number(cell.device),
        number(cell.bank),
        number(cell.row),
        number(cell.column)
    )
}
