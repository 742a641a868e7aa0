//! Simulated nodes as histories: what was observed, and which failures really were.

use super::history::{Dimm, Failure, Node};
use crate::memory::{CountsFrom, Topology};
use crate::simulation::{SimulatedDimm, SimulatedNode};

impl From<SimulatedNode> for Node {
    fn from(node: SimulatedNode) -> Self {
        Self { dimms: node.dimms.into_iter().map(Dimm::from).collect() }
    }
}

impl From<SimulatedDimm> for Dimm {
    fn from(dimm: SimulatedDimm) -> Self {
        let SimulatedDimm { slot: _, socket, channel, observations, truth } = dimm;
        let failures = truth
            .uncorrected
            .iter()
            .map(|failure| Failure { at: failure.at, sudden: Some(failure.fault.is_none()) });
        Self {
            place: Topology { socket: Some(socket), controller: None, channel: Some(channel) },
            counts: CountsFrom::Counters,
            observations,
            failures: failures.collect(),
        }
    }
}
