//! The agent that runs beside a command, told by what it leaves after each pass ([`crate::shared`]).

use crate::shared::{self, VERSION};
use crate::{clock, watermark};
use scrubjay_collector::{HostRoot, own_boot};
use scrubjay_exporters::text;
use scrubjay_model::{AgentStats, NotCarried, Origin, ReadFault, Reading, SharedPass, span};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// How the agent fares that keeps its history in one of these directories, most likely first; or why there is
/// none to tell of. `host` is what the command reads, `own` the root of the running kernel.
pub(crate) fn agent(
    state_dirs: &[PathBuf],
    host: &HostRoot,
    own: &HostRoot,
) -> Reading<AgentStats> {
    if watermark::made().is_some() {
        return absent("none on this host; that of a demo leaves no word of itself");
    }
    if state_dirs.is_empty() {
        return absent("none belongs to this root; name its state directory with --state-dir");
    }
    let mut looked = Vec::new();
    for dir in state_dirs {
        let places = shared::places(dir);
        if let Some((path, _)) = shared::newest(&places) {
            return left(&path, dir, own);
        }
        if let Some(closed) = shared::closed(&places) {
            return Reading::Unreadable(origin(closed), ReadFault::Denied);
        }
        looked.extend(places);
    }
    let looked: Vec<String> = looked.iter().map(|path| path.display().to_string()).collect();
    // What runs here is no answer for a tree.
    let ask = match host.is_this_host() {
        true => ": is one running (systemctl status scrubjay), and does it share (agent.share)",
        false => "",
    };
    absent(format!("none has left word of a pass in {}{ask}", looked.join(" or ")))
}

/// What a file says of the agent that left it.
fn left(path: &Path, state_dir: &Path, own: &HostRoot) -> Reading<AgentStats> {
    let bytes = match shared::bytes(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Reading::Unreadable(origin(path), ReadFault::Denied);
        }
        Err(error) => {
            let errno = error.raw_os_error().map_or(ReadFault::NotAFile, ReadFault::Io);
            return Reading::Unreadable(origin(path), errno);
        }
    };
    let SharedPass { about, view } = match SharedPass::from_bytes(&bytes, VERSION) {
        Ok(pass) => pass,
        Err(NotCarried::OtherVersion) => {
            return absent(format!(
                "one of another version has left {}: restart it if scrubjay was upgraded",
                path.display()
            ));
        }
        Err(why @ (NotCarried::Foreign | NotCarried::Damaged)) => {
            return absent(format!("{} tells of none: {why}", path.display()));
        }
    };
    if !shared::is_kept_in(&about, state_dir) {
        return absent(format!(
            "that which left {} keeps its history in {}, not in {}",
            path.display(),
            about.state_dir,
            state_dir.display()
        ));
    }
    let ended = text::moment(view.snapshot.at.wall_ms);
    if let Some(stopped) = about.stopped_wall_ms {
        return absent(format!("stopped at {}", text::moment(stopped)));
    }
    let age = clock::boottime().checked_sub(about.ended_since_boot);
    match age.filter(|_| !shared::is_of_another_boot(&about, &own_boot(own))) {
        None => absent(format!(
            "none has made a pass in this boot, by its id, which containers may hide; the last was at {ended}"
        )),
        Some(age) if age > about.good_for => absent(format!(
            "no pass since {ended}, {} ago: it was killed or hangs (journalctl -u scrubjay)",
            span(age)
        )),
        Some(_) => view.agent,
    }
}

fn absent(why: impl Into<String>) -> Reading<AgentStats> {
    Reading::Absent(Origin::new(why))
}

fn origin(path: &Path) -> Origin {
    Origin::new(path.display().to_string())
}
