//! Writing a bundle, and what time stamps need of it.

use super::files::{all, make_dir, open, small_bytes, sum_of, write_new};
use super::manifest::Manifest;
use super::signer::Signer;
use super::stamp::{self, Stamped};
use super::{ANSWER, QUERY, SIGNATURE, SUMS};
use anyhow::{Context as _, bail};
use scrubjay_model::Digest;
use std::path::{Path, PathBuf};

/// Most bytes of an answer: it has some certificates.
const MOST_ANSWER: u64 = 1 << 20;

/// A part: its name and its content.
pub(crate) type Part<'a> = (&'a str, Vec<u8>);

/// Writes a bundle into a new directory; returns how many files it has. The list of checksums comes last
/// but for the signature: where both are, all is.
pub(crate) fn write(
    dir: &Path,
    parts: &[Part<'_>],
    signer: Option<&mut Signer>,
) -> anyhow::Result<usize> {
    let sums = parts.iter().map(|(name, content)| ((*name).to_owned(), sum_of(content)));
    let manifest = Manifest(sums.collect()).text();
    // Before anything is written: an agent may refuse.
    let signature = signer.map(|signer| signer.sign(manifest.as_bytes())).transpose()?;
    make_dir(dir)?;
    for (name, content) in parts {
        write_new(&dir.join(name), content)?;
    }
    write_new(&dir.join(SUMS), manifest.as_bytes())?;
    let mut files = parts.len().saturating_add(1);
    if let Some(signature) = signature {
        write_new(&dir.join(SIGNATURE), signature.as_bytes())?;
        files = files.saturating_add(1);
    }
    // The names are on the disk when the directory is.
    if let Ok(dir) = std::fs::OpenOptions::new().read(true).open(dir) {
        let _ = dir.sync_all();
    }
    Ok(files)
}

/// Writes the request for a time stamp; returns where it is. One that is there already is kept if it is
/// the same.
pub(crate) fn stamp_query(dir: &Path) -> anyhow::Result<PathBuf> {
    let query = stamp::query(sum_of_list(dir)?);
    let path = dir.join(QUERY);
    match small_bytes(&path).with_context(|| format!("cannot read {}", path.display()))? {
        Some(there) if there == query => {}
        Some(_) => bail!("{} is there, and asks about something else: remove it", path.display()),
        None => write_new(&path, &query)?,
    }
    Ok(path)
}

/// Takes the answer of an authority into a bundle.
pub(crate) fn stamp_answer(dir: &Path, file: &Path) -> anyhow::Result<Stamped> {
    let bytes =
        all(file, MOST_ANSWER).with_context(|| format!("cannot read {}", file.display()))?;
    let stamped = stamp::answer(&bytes, sum_of_list(dir)?);
    let stamped = stamped.map_err(anyhow::Error::msg).with_context(|| {
        format!("{} is no time stamp of {}", file.display(), dir.join(SUMS).display())
    })?;
    let path = dir.join(ANSWER);
    match small_bytes(&path).with_context(|| format!("cannot read {}", path.display()))? {
        Some(there) if there == bytes => {}
        Some(_) => bail!("{} is there already, and is another one", path.display()),
        None => write_new(&path, &bytes)?,
    }
    Ok(stamped)
}

fn sum_of_list(dir: &Path) -> anyhow::Result<Digest> {
    let path = dir.join(SUMS);
    open(&path).with_context(|| format!("cannot read {}: is it a bundle?", path.display()))?;
    let bytes = small_bytes(&path)?.unwrap_or_default();
    Manifest::parse(&bytes)
        .map_err(anyhow::Error::msg)
        .with_context(|| format!("{} is no list of checksums", path.display()))?;
    Ok(sum_of(&bytes))
}
