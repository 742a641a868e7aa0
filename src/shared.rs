//! What the agent saw last, left in a file for `scrubjay serve`, which reads no host.
//!
//! The file is put in place whole after each pass. It lies in `$RUNTIME_DIRECTORY`, which is in memory,
//! where systemd gives one, and beside the history otherwise. It is not synced: after a power cut there
//! is nothing in it that is still so.

use crate::config::{SYSTEM_STATE_DIR, Settings};
use crate::{clock, web};
use scrubjay_collector::{HostRoot, own_boot};
use scrubjay_exporters::http::{Board, Feed, Post};
use scrubjay_exporters::text;
use scrubjay_model::{BootId, Digest, HostView, PassAbout, SharedPass};
use scrubjay_storage::sha256;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const NAME: &str = "last-pass";

/// `RuntimeDirectory=` of the packaged agent.
const SYSTEM_RUNTIME_DIR: &str = "/run/scrubjay/agent";

/// Those of the agent's group may read it: it tells serial numbers, as the history does.
const MODE: u32 = 0o640;

/// Longest file that is read. A host with thousands of sticks has some megabytes.
const MOST_BYTES: u64 = 64 << 20;

pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What to do about a file that may not be read. Whoever serves has given up the right to read what belongs
/// to others, root too.
const CLOSED: &str = "does this user belong to the group of the agent? Root reads nothing of another user \
    here: start scrubjay serve as that user";

/// The agent's side.
#[derive(Debug)]
pub(crate) struct Shared {
    path: PathBuf,
    state_dir: String,
    boot: BootId,
    settings: Digest,
    /// Why it could not be written last time, so that it is told once.
    failed: Option<String>,
}

impl Shared {
    /// Where it is left, if it is; `own` is the root of the running kernel.
    pub(crate) fn start(settings: &Settings, own: &HostRoot) -> Option<Self> {
        settings.share.then(|| Self {
            path: left_at(settings),
            state_dir: canonical(&settings.state_dir),
            boot: own_boot(own),
            settings: digest(settings),
            failed: None,
        })
    }

    /// Leaves what a pass that ended now has seen.
    pub(crate) fn leave(&mut self, view: &HostView, good_for: Duration) {
        let about = PassAbout {
            state_dir: self.state_dir.clone(),
            boot: self.boot.clone(),
            settings: self.settings,
            ended_since_boot: clock::boottime(),
            good_for,
            stopped_wall_ms: None,
        };
        let written = put(&self.path, &about.with(view, VERSION));
        self.note(written);
    }

    /// Says in it that the agent was stopped.
    pub(crate) fn stop(&mut self) {
        let wall_ms = clock::wall_ms();
        let said = bytes(&self.path).and_then(|bytes| {
            let last = SharedPass::from_bytes(&bytes, VERSION).map_err(io::Error::other)?;
            let about = PassAbout { stopped_wall_ms: Some(wall_ms), ..last.about };
            put(&self.path, &about.with(&last.view, VERSION))
        });
        self.note(said);
    }

    fn note(&mut self, written: io::Result<()>) {
        let failed = written.err().map(|error| error.to_string());
        if let Some(why) = &failed
            && self.failed.as_ref() != Some(why)
        {
            let path = self.path.display();
            tracing::warn!(
                "scrubjay serve does not see what the agent sees: cannot write {path}: {why}"
            );
        }
        self.failed = failed;
    }
}

/// What an agent before this one left, as long as it speaks for the host: of this boot, by the same settings, and
/// not older than it was good for. An agent that is started anew answers with it until its own first pass has ended;
/// that may take as long as the disk that the history is on. A tree that is not this host may be another one by now.
pub(crate) fn predecessor(settings: &Settings, host: &HostRoot) -> Option<Post> {
    if !settings.share || !host.is_this_host() {
        return None;
    }
    let bytes = bytes(&left_at(settings)).ok()?;
    // Of another version, or cut off: there is nothing then, as at a first start.
    let SharedPass { about, view } = SharedPass::from_bytes(&bytes, VERSION).ok()?;
    let age = clock::boottime().checked_sub(about.ended_since_boot)?;
    let is_ours = is_kept_in(&about, &settings.state_dir)
        && about.boot.is_known()
        && about.boot == own_boot(host)
        && about.settings == digest(settings);
    let PassAbout { ended_since_boot: at, good_for, .. } = about;
    let holds = is_ours && age <= good_for;
    holds.then(|| Post { view: Arc::new(view), at, good_for, holds: None, ended: None })
}

/// What tells whether two agents do the same.
fn digest(settings: &Settings) -> Digest {
    sha256(format!("{}\0{}", settings.configuration, settings.policy_text()).as_bytes())
}

fn left_at(settings: &Settings) -> PathBuf {
    runtime_dir().unwrap_or_else(|| settings.state_dir.clone()).join(NAME)
}

/// The directory that systemd made for this service, in memory; the first of several.
pub(crate) fn runtime_dir() -> Option<PathBuf> {
    let dirs = std::env::var("RUNTIME_DIRECTORY").ok()?;
    let first = dirs.split(':').next().filter(|dir| !dir.is_empty())?;
    Some(PathBuf::from(first))
}

fn canonical(dir: &Path) -> String {
    let dir = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    dir.to_string_lossy().into_owned()
}

/// Puts a file in place, whole or not at all.
fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let aside = path.with_extension("new");
    // Of an agent that was killed while it wrote.
    match std::fs::remove_file(&aside) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(MODE)
        .open(&aside)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| std::fs::rename(&aside, path));
    if written.is_err() {
        // Not there if it could not even be made.
        let _ = std::fs::remove_file(&aside);
    }
    written
}

/// Where an agent that keeps its history in a directory may leave it.
pub(crate) fn places(state_dir: &Path) -> Vec<PathBuf> {
    let mut paths = vec![state_dir.join(NAME)];
    if state_dir == Path::new(SYSTEM_STATE_DIR) {
        paths.push(Path::new(SYSTEM_RUNTIME_DIR).join(NAME));
    }
    paths
}

/// A place into which this user may not look.
pub(crate) fn closed(places: &[PathBuf]) -> Option<&Path> {
    let is_closed = |path: &&PathBuf| {
        let looked = std::fs::metadata(path).map_err(|error| error.kind());
        looked.is_err_and(|kind| kind == io::ErrorKind::PermissionDenied)
    };
    places.iter().find(is_closed).map(PathBuf::as_path)
}

/// The file that was written last.
pub(crate) fn newest(places: &[PathBuf]) -> Option<(PathBuf, web::Stamp)> {
    let found = places.iter().filter_map(|path| {
        let stamp = web::stamp(path)?;
        Some((path.clone(), stamp))
    });
    found.max_by_key(|(_, stamp)| stamp.written())
}

/// What such a file holds.
pub(crate) fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    web::bytes(path, MOST_BYTES)
}

/// Whether it is of an agent that keeps its history there.
pub(crate) fn is_kept_in(about: &PassAbout, state_dir: &Path) -> bool {
    about.state_dir == canonical(state_dir)
}

/// Where either boot is not told, the clock since boot decides alone.
pub(crate) fn is_of_another_boot(about: &PassAbout, boot: &BootId) -> bool {
    about.boot != *boot && about.boot.is_known() && boot.is_known()
}

/// The other side: posts what an agent left.
#[derive(Debug)]
pub(crate) struct PassFeed {
    /// Where it may be.
    paths: Vec<PathBuf>,
    /// As configured: where it leads can be told only when it is there.
    state_dir: PathBuf,
    boot: BootId,
    board: Arc<Board>,
    /// The file that is on the board.
    posted: Mutex<Option<(PathBuf, web::Stamp)>>,
}

impl PassFeed {
    /// For the agent that keeps its history in the configured directory.
    pub(crate) fn of(settings: &Settings, own: &HostRoot, board: &Arc<Board>) -> Self {
        Self {
            paths: places(&settings.state_dir),
            state_dir: settings.state_dir.clone(),
            boot: own_boot(own),
            board: Arc::clone(board),
            posted: Mutex::new(None),
        }
    }

    /// Everything it may read.
    pub(crate) fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    fn read(&self, path: &Path) -> Result<Post, String> {
        let at = path.display();
        let bytes =
            bytes(path).map_err(|error| format!("{at} cannot be read ({error}): {CLOSED}"))?;
        let pass = SharedPass::from_bytes(&bytes, VERSION)
            .map_err(|error| format!("{at} cannot be used: {error}"))?;
        let SharedPass { about, view } = pass;
        if !is_kept_in(&about, &self.state_dir) {
            return Err(format!(
                "{at} is of an agent that keeps its history in {}, not in {}",
                about.state_dir,
                canonical(&self.state_dir)
            ));
        }
        let ended = self.ended(&about);
        let PassAbout { ended_since_boot: at, good_for, .. } = about;
        Ok(Post { view: Arc::new(view), at, good_for, holds: None, ended })
    }

    /// Why no other pass will follow, if that is so.
    fn ended(&self, about: &PassAbout) -> Option<String> {
        if let Some(stopped) = about.stopped_wall_ms {
            return Some(format!("the agent was stopped at {}", text::moment(stopped)));
        }
        let is_ahead = about.ended_since_boot > clock::boottime();
        (is_ahead || is_of_another_boot(about, &self.boot)).then(|| {
            "the last pass is of an earlier boot, and no agent has made one since".to_owned()
        })
    }
}

impl Feed for PassFeed {
    fn refresh(&self) {
        let mut posted = self.posted.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((path, stamp)) = newest(&self.paths) else {
            *posted = None;
            if let Some(closed) = closed(&self.paths) {
                self.board.clear(format!("{} is closed to this user: {CLOSED}", closed.display()));
                return;
            }
            let at: Vec<String> =
                self.paths.iter().map(|path| path.display().to_string()).collect();
            self.board.clear(format!(
                "no agent has left word of what it saw in {}: is one running (systemctl status \
                 scrubjay), does it share (agent.share), and may this user look there",
                at.join(" or ")
            ));
            return;
        };
        if posted.as_ref().is_some_and(|(of, at)| *of == path && *at == stamp) {
            return;
        }
        match self.read(&path) {
            Ok(post) => self.board.post(post),
            Err(why) => self.board.clear(why),
        }
        // What is of no use now will be of none until it is written again.
        *posted = Some((path, stamp));
    }
}
