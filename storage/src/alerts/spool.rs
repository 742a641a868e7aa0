//! Requests of commands that run beside an agent, which alone writes the history: each is a file in
//! a folder of the state directory for its kind, which the agent takes in with its next pass.
//!
//! A file appears under its name when it is whole and on disk. Who may write into the state
//! directory may ask; who did is told by the owner of the file. A request that is taken in is
//! known by its name, so that one whose file could not be removed is not taken in again.

use crate::{StorageError, files};
use scrubjay_model::{AckChange, AckRequest, IssuedReport};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The largest file that is read, and the most files that are taken in at once.
const MAX_BYTES: u64 = 256 * 1024;
const MOST: usize = 256;

/// The longest of what a person writes, and the most alerts in one request.
const MAX_TEXT: usize = 1_000;
const MOST_ALERTS: usize = 1_000;

/// Something that a command asks of the agent.
pub trait Request: Serialize + DeserializeOwned {
    /// The folder of the state directory that such requests wait in.
    const FOLDER: &'static str;

    /// Its name, of letters, digits and hyphens.
    fn id(&self) -> &str;

    /// When it was made, milliseconds since the Unix epoch.
    fn made_wall_ms(&self) -> i64;

    /// What a command never writes.
    ///
    /// # Errors
    /// What is wrong with it.
    fn check(&self) -> Result<(), &'static str>;

    /// The same, by the user who wrote it.
    #[must_use]
    fn written_by(self, uid: u32) -> Self;
}

/// A request that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting<R> {
    /// Its file.
    pub path: PathBuf,
    /// What it asks.
    pub request: R,
}

/// A file that is no request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Where it is now.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

/// Hands a request over to the agent that has the history of `dir`. Returns its file.
///
/// # Errors
/// If it cannot be written there.
pub fn hand_over<R: Request>(dir: &Path, request: &R) -> Result<PathBuf, StorageError> {
    let folder = dir.join(R::FOLDER);
    files::create_directory(&folder)?;
    // In the order in which they were made.
    let name = format!("{:015}-{}.json", request.made_wall_ms().max(0), request.id());
    let path = folder.join(&name);
    let part = folder.join(format!(".{name}.part"));
    let write = || -> io::Result<()> {
        let text = serde_json::to_vec(request)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o640).open(&part)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&part, &path)?;
        OpenOptions::new().read(true).open(&folder)?.sync_all()
    };
    write().map_err(|source| {
        // Ours, and of no use.
        let _ = fs::remove_file(&part);
        StorageError::Directory { path: folder.clone(), source }
    })?;
    Ok(path)
}

/// Requests that wait for the agent that has the history of `dir`, in order, as far as they can be
/// read.
pub fn waiting<R: Request>(dir: &Path) -> Vec<Waiting<R>> {
    let read = |path: PathBuf| read(&path).ok().map(|request| Waiting { path, request });
    found(dir, R::FOLDER).into_iter().filter_map(read).collect()
}

/// The same; what is no request is moved aside, or removed where it may not be and holds nothing.
pub(crate) fn take<R: Request>(dir: &Path) -> (Vec<Waiting<R>>, Vec<Rejected>) {
    let (mut waiting, mut rejected) = (Vec::new(), Vec::new());
    for path in found(dir, R::FOLDER) {
        match read(&path) {
            Ok(request) => waiting.push(Waiting { path, request }),
            Err(why) => {
                let aside = files::free_name(&path, ".rejected");
                // Who is kept from making links and pipes may not move them either; they hold nothing, and
                // the log tells of them. Whatever else cannot be moved is looked at again.
                let moved = fs::rename(&path, &aside).is_ok();
                if !moved && holds_nothing(&path) {
                    let _ = fs::remove_file(&path);
                }
                let path = if moved { aside } else { path };
                rejected.push(Rejected { path, why: why.to_string() });
            }
        }
    }
    (waiting, rejected)
}

/// Whether something is neither a file nor a folder.
fn holds_nothing(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

#[expect(clippy::disallowed_methods, reason = "the state directory is this crate's")]
fn found(dir: &Path, folder: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir.join(folder)) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let is_request = |path: &PathBuf| {
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        !hidden && path.extension().is_some_and(|extension| extension == "json")
    };
    let mut paths: Vec<PathBuf> = paths.filter(is_request).collect();
    paths.sort();
    paths.truncate(MOST);
    paths
}

fn read<R: Request>(path: &Path) -> io::Result<R> {
    let wrong = |why: &str| io::Error::other(why.to_owned());
    if !fs::symlink_metadata(path)?.is_file() {
        return Err(wrong("it is not a plain file"));
    }
    let file = OpenOptions::new().read(true).open(path)?;
    let uid = file.metadata()?.uid();
    let mut text = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut text)?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > MAX_BYTES {
        return Err(wrong("it is too large"));
    }
    Ok(parse::<R>(&text)?.written_by(uid))
}

/// The request that a file holds.
pub(crate) fn parse<R: Request>(text: &[u8]) -> io::Result<R> {
    let wrong = |why: &str| io::Error::other(why.to_owned());
    let request: R = serde_json::from_slice(text)?;
    let is_name = |id: &str| id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !is_word(request.id()) || !is_name(request.id()) {
        return Err(wrong("its name is none"));
    }
    request.check().map_err(wrong)?;
    Ok(request)
}

/// Whether a text is one that a person may have written.
fn is_word(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= MAX_TEXT
}

impl Request for AckRequest {
    const FOLDER: &'static str = "requests";

    fn id(&self) -> &str {
        &self.id
    }

    fn made_wall_ms(&self) -> i64 {
        self.made_wall_ms
    }

    fn written_by(self, uid: u32) -> Self {
        Self { uid, ..self }
    }

    fn check(&self) -> Result<(), &'static str> {
        let Self { id: _, by, uid: _, made_wall_ms: _, what } = self;
        if !is_word(by) {
            return Err("it does not say who asks, or at too great a length");
        }
        match what {
            AckChange::Give { reason, until: _, alerts } => {
                if !is_word(reason) {
                    return Err("it gives no reason, or one of too great a length");
                }
                let sane = |text: &str| text.len() <= MAX_TEXT;
                if alerts.is_empty() || alerts.len() > MOST_ALERTS {
                    return Err("it names no alert, or too many");
                }
                if !alerts.iter().all(|a| is_word(&a.key.code) && sane(&a.key.subject)) {
                    return Err("it names an alert that cannot be one");
                }
            }
            AckChange::Withdraw { acks } => {
                if acks.is_empty() || acks.len() > MOST_ALERTS {
                    return Err("it names no acknowledgement, or too many");
                }
            }
        }
        Ok(())
    }
}

impl Request for IssuedReport {
    const FOLDER: &'static str = "issued";

    fn id(&self) -> &str {
        &self.id
    }

    fn made_wall_ms(&self) -> i64 {
        self.made_wall_ms
    }

    fn written_by(self, uid: u32) -> Self {
        Self { uid, ..self }
    }

    fn check(&self) -> Result<(), &'static str> {
        if !is_word(&self.by) {
            return Err("it does not say who made the report, or at too great a length");
        }
        if self.from_wall_ms > self.to_wall_ms {
            return Err("its report ends before it begins");
        }
        Ok(())
    }
}
