//! Files of bundles and of keys: the only place of the binary that opens either. They are no files of
//! the host that is observed.

use anyhow::{Context as _, bail};
use ring::digest::{Context, SHA256};
use scrubjay_model::Digest;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

/// Most bytes of a key, a signature, a list of checksums or of signers.
const SMALL: u64 = 4 << 20;

/// Opens a file, and nothing else that may be at its place: a pipe would never end.
#[expect(clippy::disallowed_methods, reason = "a bundle is no file of the kernel")]
pub(super) fn open(path: &Path) -> io::Result<File> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    File::open(path)
}

/// All of a file that is not larger than it may be.
pub(super) fn all(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > most {
        return Err(io::Error::other(format!("it has more than {most} bytes")));
    }
    Ok(bytes)
}

/// The bytes of a small file; `None` if it is not there.
pub(super) fn small_bytes(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match all(path, SMALL) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The text of a small file, which may be a link to one, as keys often are.
pub(crate) fn small(path: &Path) -> anyhow::Result<String> {
    let read = || -> anyhow::Result<String> {
        let path = fs::canonicalize(path)?;
        let bytes = all(&path, SMALL)?;
        String::from_utf8(bytes).map_err(|_| anyhow::anyhow!("it is no text"))
    };
    read().with_context(|| format!("cannot read {}", path.display()))
}

/// No part of a report is larger: its ledger has some hundred bytes a row.
const MOST_OF_A_PART: u64 = 1 << 30;

/// The SHA-256 of a file, read in pieces.
pub(super) fn sum(path: &Path) -> io::Result<Digest> {
    let mut file = BufReader::with_capacity(1 << 16, open(path)?);
    let mut context = Context::new(&SHA256);
    let mut piece = vec![0; 1 << 16];
    let mut left = MOST_OF_A_PART;
    loop {
        let read = file.read(&mut piece)?;
        left = left
            .checked_sub(u64::try_from(read).unwrap_or(u64::MAX))
            .ok_or_else(|| io::Error::other(format!("it has more than {MOST_OF_A_PART} bytes")))?;
        if read == 0 {
            return Ok(digest(context));
        }
        context.update(piece.get(..read).unwrap_or_default());
    }
}

/// The SHA-256 of bytes.
pub(super) fn sum_of(bytes: &[u8]) -> Digest {
    let mut context = Context::new(&SHA256);
    context.update(bytes);
    digest(context)
}

fn digest(context: Context) -> Digest {
    let mut sum = [0; 32];
    sum.copy_from_slice(context.finish().as_ref());
    Digest(sum)
}

/// Names in a directory, sorted.
#[expect(clippy::disallowed_methods, reason = "a bundle is no folder of the kernel")]
pub(crate) fn names(dir: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        names.push(entry?.file_name());
    }
    names.sort();
    Ok(names)
}

/// Writes a file that is not there yet, to the disk.
pub(super) fn write_new(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let write = || {
        let mut file = File::create_new(path)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// Makes a directory that is not there yet.
pub(super) fn make_dir(dir: &Path) -> anyhow::Result<()> {
    match fs::create_dir(dir) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            bail!("cannot make {}: give a directory that is not there yet", dir.display())
        }
        Err(error) => Err(error).with_context(|| format!("cannot make {}", dir.display())),
    }
}
