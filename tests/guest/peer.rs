//! Debian's rasdaemon in a guest, as its package runs it.

use crate::guest::Guest;
use std::path::PathBuf;
use std::process::Command;

/// Where rasdaemon keeps its records in the guest.
pub(crate) const RECORDS: &str = "/state/rasdaemon/ras-mc_event.db";

/// The program with its libraries; `None` if it could not be had.
pub(crate) fn folder(guest: &Guest) -> Option<PathBuf> {
    Some(guest.kernel.file("../rasdaemon")).filter(|folder| folder.is_dir())
}

/// Puts it into the guest and starts it. What stops the agent stops it as well.
pub(crate) fn start(guest: &mut Guest, peer: &std::path::Path) {
    let share = guest.folder.path().join("share/peer");
    assert!(Command::new("cp").arg("-a").args([peer, &share]).status().unwrap().success());
    guest.run(
        "cp -a /host/peer/. /
         mkdir -p /state/rasdaemon /var/lib; ln -s /state/rasdaemon /var/lib/rasdaemon
         PAGE_CE_ACTION=off rasdaemon -f -r >/run/agent.log 2>&1 &
         echo $! >/run/agent.pid
         for i in $(seq 100); do
             grep -q 1 /sys/kernel/tracing/instances/rasdaemon/events/ras/mc_event/enable 2>/dev/null &&
                 [ -e /state/rasdaemon/ras-mc_event.db ] && exec sleep 3
             sleep 0.2
         done
         cat /run/agent.log >&2; exit 1",
    );
}
