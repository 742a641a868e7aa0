//! What the administrator asks of a host's patches: the limits, and the rules that go by them.

use crate::rules::catalogue::Rules;
use scrubjay_model::STALLED_AFTER;
use std::time::Duration;

/// What is asked of a host's patches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchPolicy {
    /// Days from its release within which the fix of a critical vulnerability is to be in force.
    pub critical_days: u32,
    /// Days of uptime after which a reboot is suggested; `None` for never.
    pub uptime_days: Option<u32>,
    /// The release of a kernel that the boot loader is pinned to on purpose.
    pub accepted_pin: Option<String>,
    /// Days before the end of support of live patches from which on it is told.
    pub support_days: u32,
    /// Live patches that may lie upon each other without replacing each other.
    pub layers: u32,
    /// How long a transition of a live patch may last before it is called stalled.
    pub stalled_after: Duration,
    /// How long it may last before a reboot is planned; longer than `stalled_after`.
    pub stuck_after: Duration,
    /// How bad what the rules find is, and what to do.
    pub rules: Rules,
}

impl Default for PatchPolicy {
    /// PCI DSS 4.0.1, 6.3.3, asks for critical fixes within a month of their release. Windows are
    /// planned weeks ahead. More than three layers are hard to reason about. Who cannot end a
    /// transition in a day will not end it by chance.
    fn default() -> Self {
        Self {
            critical_days: 30,
            uptime_days: None,
            accepted_pin: None,
            support_days: 30,
            layers: 3,
            stalled_after: STALLED_AFTER,
            stuck_after: Duration::from_secs(86_400),
            rules: Rules::DEFAULT,
        }
    }
}
