//! `scrubjay export`: what is known, for whoever collects it elsewhere.

use super::{print, reading};
use crate::cli::TextfileArgs;
use crate::config::Settings;
use crate::exit::Exit;
use anyhow::Context;
use scrubjay_exporters::prometheus;
use std::fs::{OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Whoever runs node_exporter is to read it.
const MODE: u32 = 0o644;

/// Writes the metrics of one reading, whole or not at all: node_exporter never sees half of them,
/// and a reading that fails leaves the file of the one before, which says how old it is.
pub(crate) fn textfile(settings: &Settings, args: &TextfileArgs) -> anyhow::Result<Exit> {
    let TextfileArgs { dir, name } = args;
    // Before the host is read, which takes longer.
    anyhow::ensure!(
        dir.is_dir(),
        "{} is no directory: make it, or give the one that node_exporter was started with \
         (--collector.textfile.directory)",
        dir.display()
    );
    let view = reading::view(settings)?;
    let page = prometheus::textfile(&view, settings.web.node_reboot_required)?;
    let file = dir.join(name);
    // Hidden and not .prom: node_exporter does not look at it.
    let temporary = dir.join(format!(".{name}.{}.tmp", std::process::id()));
    let written = write(&temporary, &page)
        .and_then(|()| std::fs::rename(&temporary, &file))
        .and_then(|()| sync_dir(dir));
    if let Err(error) = written {
        // Not there if it could not even be made.
        let _ = std::fs::remove_file(&temporary);
        return Err(error).with_context(|| {
            format!("cannot write {}: run it as a user who may write there", file.display())
        });
    }
    let samples = page.lines().filter(|line| !line.starts_with('#')).count();
    print(&format!("wrote {samples} samples to {}\n", file.display()))?;
    Ok(Exit::Ok)
}

fn write(path: &Path, page: &str) -> std::io::Result<()> {
    let new = || OpenOptions::new().write(true).create_new(true).mode(MODE).open(path);
    // One of the same number was cut off here long ago.
    let mut file = match new() {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            std::fs::remove_file(path)?;
            new()?
        }
        opened => opened?,
    };
    // Whatever the umask is.
    file.set_permissions(Permissions::from_mode(MODE))?;
    file.write_all(page.as_bytes())?;
    file.sync_all()
}

/// So that the new name survives a power cut as well.
fn sync_dir(dir: &Path) -> std::io::Result<()> {
    OpenOptions::new().read(true).open(dir)?.sync_all()
}
