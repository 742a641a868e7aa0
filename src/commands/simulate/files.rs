//! The folder that a simulated fleet is written to.

#![expect(
    clippy::disallowed_methods,
    reason = "writes to the folder that the command line names, and to no other place of the host"
)]

use super::rows::{COLUMNS, Rows};
use anyhow::Context;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// A folder with the files of a fleet.
pub(super) struct Folder(Vec<BufWriter<File>>);

impl Folder {
    /// Begins the files, each with the watermark and the names of its columns.
    pub(super) fn create(dir: &Path, force: bool, watermark: &str) -> anyhow::Result<Self> {
        claim(dir, force)?;
        let mut files = Vec::new();
        for (name, columns) in COLUMNS {
            let path = dir.join(name);
            let file = File::create(&path).with_context(|| format!("write {}", path.display()))?;
            let mut file = BufWriter::with_capacity(1 << 20, file);
            writeln!(file, "{watermark}\n{columns}")?;
            files.push(file);
        }
        Ok(Self(files))
    }

    /// Adds the rows of some nodes.
    pub(super) fn append(&mut self, rows: &Rows) -> anyhow::Result<()> {
        for (file, text) in self.0.iter_mut().zip(&rows.0) {
            file.write_all(text.as_bytes()).context("write the rows of a node")?;
        }
        Ok(())
    }

    /// Writes what is not written yet.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        for mut file in self.0 {
            file.flush().context("write the last rows")?;
        }
        Ok(())
    }
}

/// Writes trees as a timeline: `t0.tree`, `t1.tree` and so on.
pub(super) fn write_trees(
    dir: &Path,
    force: bool,
    watermark: &str,
    texts: &[String],
) -> anyhow::Result<()> {
    claim(dir, force)?;
    for (number, text) in texts.iter().enumerate() {
        let path = dir.join(format!("t{number}.tree"));
        // Behind the line that says what the format is, comments are free.
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        let marked = format!("{first}\n//! {}\n{rest}", watermark.trim_start_matches("# "));
        std::fs::write(&path, marked).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

/// Makes the folder, and refuses one in which something is already.
fn claim(dir: &Path, force: bool) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("make the folder {}", dir.display()))?;
    let mut entries =
        std::fs::read_dir(dir).with_context(|| format!("look into {}", dir.display()))?;
    anyhow::ensure!(
        force || entries.next().is_none(),
        "{} is not empty: name another folder, or add --force to write over what is there",
        dir.display()
    );
    Ok(())
}
