//! Where a demo keeps its files: the generated host and the history of it.

use anyhow::Context;
use rustix::process::getpid;
use scrubjay_model::Simulated;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// Other names are tried where one is taken.
const MOST_NAMES: u32 = 100;

/// The directories of one demo.
#[derive(Debug)]
pub(crate) struct Places {
    /// The history, and the host in it.
    pub(crate) state: PathBuf,
    /// Whether nobody named it, and it goes when the demo ends.
    goes: bool,
}

impl Places {
    /// The directory that somebody named, which must be empty or not be there.
    pub(crate) fn named(dir: &Path) -> anyhow::Result<Self> {
        let shown = dir.display();
        if let Some(found) = scrubjay_storage::simulated(dir)? {
            anyhow::bail!(
                "{shown} holds a demo already ({found}): look at it with --root {shown}/host --state-dir \
                 {shown}, or name another --state-dir"
            );
        }
        anyhow::ensure!(
            !scrubjay_storage::has_history(dir),
            "{shown} holds the history of a real host: name an empty --state-dir"
        );
        #[expect(clippy::disallowed_methods, reason = "the state directory is ours")]
        let is_empty = fs::read_dir(dir).map_or(true, |mut found| found.next().is_none());
        anyhow::ensure!(is_empty, "{shown} is not empty: name an empty --state-dir");
        Ok(Self { state: dir.to_owned(), goes: false })
    }

    /// A new directory among those that are temporary. `goes`: it is removed at the end.
    pub(crate) fn temporary(made: &Simulated, goes: bool) -> anyhow::Result<Self> {
        let parent = std::env::temp_dir();
        let stem = format!("scrubjay-demo-{}-{}", made.scenario(), getpid().as_raw_nonzero());
        for nth in 0..MOST_NAMES {
            let name = if nth == 0 { stem.clone() } else { format!("{stem}-{nth}") };
            let state = parent.join(name);
            match DirBuilder::new().mode(0o700).create(&state) {
                Ok(()) => return Ok(Self { state, goes }),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(error).with_context(|| {
                        format!("cannot make {}: name a place with --state-dir", state.display())
                    });
                }
            }
        }
        anyhow::bail!("no free name in {}: name a place with --state-dir", parent.display())
    }

    /// The generated host.
    pub(crate) fn root(&self) -> PathBuf {
        self.state.join("host")
    }

    /// Where files of the host are written before they are put in their place.
    pub(crate) fn staging(&self) -> PathBuf {
        self.state.join("staging")
    }

    /// What becomes of it, in words.
    pub(crate) fn fate(&self) -> &'static str {
        if self.goes { "removed when the demo ends; --state-dir DIR keeps it" } else { "stays" }
    }

    /// Removes what was for the demo alone, and returns what is to be said of the rest.
    pub(crate) fn leave(&self) -> String {
        let shown = self.state.display();
        // Nothing is lost if it stays.
        let _ = fs::remove_dir_all(self.staging());
        if !self.goes {
            return format!("{shown} stays: remove it when you have seen enough");
        }
        match fs::remove_dir_all(&self.state) {
            Ok(()) => format!("{shown} is removed"),
            Err(error) => format!("{shown} cannot be removed ({error}): remove it by hand"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_empty_directory_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Places::named(dir.path()).is_ok());
        assert!(Places::named(&dir.path().join("new")).is_ok());
        fs::create_dir(dir.path().join("something")).unwrap();
        let why = Places::named(dir.path()).unwrap_err().to_string();
        assert!(why.ends_with("is not empty: name an empty --state-dir"), "{why}");
    }

    #[test]
    fn what_nobody_named_goes_and_what_somebody_named_stays() {
        let made = Simulated::of("cosmic", 1);
        let (first, second) =
            (Places::temporary(&made, true).unwrap(), Places::temporary(&made, false).unwrap());
        assert_ne!(first.state, second.state);
        assert!(first.leave().ends_with("is removed") && !first.state.exists());
        assert!(second.leave().contains("stays") && second.state.exists());
        fs::remove_dir(&second.state).unwrap();
    }
}
