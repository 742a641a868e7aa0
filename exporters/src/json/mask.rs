//! A snapshot without serial numbers, for readers who are not known: see ADR 0009.

use scrubjay_model::{AgentStats, Reading, Snapshot};

/// Stands where something was taken out. It is no serial number, and it is not nothing: firmware
/// that gives none is told apart from this.
pub(super) const MASK: &str = "(masked)";

/// The snapshot with serial numbers and asset tags of memory taken out.
pub(super) fn masked(snapshot: &Snapshot) -> Snapshot {
    let mut snapshot = snapshot.clone();
    if let Some(section) = &mut snapshot.smbios
        && let Reading::Value(smbios) = &mut section.reading
    {
        for device in &mut smbios.devices {
            for text in [&mut device.serial, &mut device.asset_tag].into_iter().flatten() {
                MASK.clone_into(text);
            }
        }
    }
    if let Some(section) = &mut snapshot.scrub
        && let Reading::Value(scrub) = &mut section.reading
    {
        for memory in &mut scrub.cxl {
            if let Reading::Value(serial) = &mut memory.serial {
                MASK.clone_into(serial);
            }
        }
    }
    snapshot
}

/// The agent's health without what receivers of notices answered: it may quote them, or a path.
pub(super) fn discreet(agent: &AgentStats) -> AgentStats {
    let mut agent = agent.clone();
    for error in agent.notifications.receivers.values_mut().filter_map(|r| r.last_error.as_mut()) {
        MASK.clone_into(error);
    }
    agent
}
