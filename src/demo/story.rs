//! Stories as data: when what is written to which file of the generated host, and what is told of it.
//!
//! A story is made from a seed alone and knows nothing of what scrubjay will say.

use super::machine::{Machine, Release};
use super::memory::Corrected;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

/// Days of a past before a story, so that pages and reports have something to show.
pub(super) const PAST_DAYS: u32 = 90;

/// Something that happens to the host.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Deed {
    /// The memory controller corrects errors at a spot: counters, and a line in the log.
    Correct(Corrected),
    /// The kernel writes into its log.
    Log(u8, String),
    /// A file gets this content.
    Write(String, Vec<u8>),
    /// A directory is made.
    Directory(String),
    /// The driver of the memory controllers was never there.
    WithoutDriver,
    /// A kernel is installed, which was released so long before.
    Install { release: Release, released: Duration, cves: Vec<String> },
    /// The host is booted.
    Reboot(Release),
}

/// What happens at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Beat {
    /// Since the beginning of the history.
    pub(super) at: Duration,
    /// What is told of it; nothing of what merely goes on.
    pub(super) told: Option<String>,
    pub(super) deeds: Vec<Deed>,
}

/// A story.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Story {
    /// What it is about, for whoever knows nothing of it.
    pub(super) about: &'static str,
    /// Before this nothing is told: the host has a past, which is made at once.
    pub(super) past: Duration,
    /// How long it goes on after that.
    pub(super) lasts: Duration,
    /// Time between passes where nothing happens.
    pub(super) step: Duration,
    pub(super) beats: Vec<Beat>,
    /// What one learns from it.
    pub(super) moral: String,
    /// What to look at afterwards: arguments of scrubjay, and why.
    pub(super) look_at: Vec<(String, &'static str)>,
}

/// Time from the beginning, in days and hours.
pub(super) fn time(days: u32, hours: u32) -> Duration {
    HOUR.saturating_mul(days.saturating_mul(24).saturating_add(hours))
}

impl Beat {
    /// Something that is told.
    pub(super) fn told(at: Duration, told: impl Into<String>, deeds: Vec<Deed>) -> Self {
        Self { at, told: Some(told.into()), deeds }
    }

    /// Something that goes on.
    pub(super) fn untold(at: Duration, deeds: Vec<Deed>) -> Self {
        Self { at, told: None, deeds }
    }
}

impl Story {
    /// The moments of passes: all beats, and steps between them. A story that is cut short ends there.
    pub(super) fn moments(&self, until: Option<Duration>) -> Vec<Duration> {
        let end = self.past.saturating_add(self.lasts);
        let end = until.map_or(end, |until| end.min(self.past.saturating_add(until)));
        let beats = self.beats.iter().map(|beat| beat.at).filter(|at| *at <= end);
        let mut fixed: Vec<Duration> = beats.chain([Duration::ZERO, self.past, end]).collect();
        fixed.sort_unstable();
        fixed.dedup();
        let mut moments = Vec::new();
        for at in fixed {
            if let Some(last) = moments.last().copied() {
                // In the past, in which next to nothing happens, half as many will do.
                let step = if at <= self.past { self.step * 2 } else { self.step };
                let mut next: Duration = last + step;
                // One that comes shortly before something happens would show nothing.
                while next + step / 4 < at {
                    moments.push(next);
                    next += step;
                }
            }
            moments.push(at);
        }
        moments
    }
}

impl Deed {
    /// A file of text.
    pub(super) fn text(path: impl Into<String>, content: impl Into<String>) -> Self {
        Self::Write(path.into(), content.into().into_bytes())
    }

    /// Does it to the host.
    pub(super) fn done_to(&self, machine: &mut Machine) -> anyhow::Result<()> {
        match self {
            Self::Correct(errors) => machine.correct(errors),
            Self::Log(priority, text) => machine.say(*priority, text),
            Self::Write(path, content) => machine.put(path, content.clone()),
            Self::Directory(path) => machine.directory(path)?,
            Self::WithoutDriver => machine.without_driver(),
            Self::Install { release, released, cves } => {
                let ago = i64::try_from(released.as_millis()).unwrap_or(i64::MAX);
                machine.install(*release, machine.clock.wall_ms.saturating_sub(ago), cves);
            }
            Self::Reboot(release) => machine.reboot_into(*release),
        }
        Ok(())
    }

    /// What was written where; nothing for counters and the log, which are told together.
    pub(super) fn in_words(&self) -> Option<String> {
        Some(match self {
            Self::Correct(_) | Self::Log(..) => return None,
            Self::Write(path, content) => match String::from_utf8_lossy(content).trim_end() {
                one if !one.is_empty() && !one.contains('\n') && one.len() < 48 => {
                    format!("{path}: {one}")
                }
                _ => path.clone(),
            },
            Self::Directory(path) => format!("{path}/"),
            Self::WithoutDriver => {
                "proc/modules without skx_edac, no sys/devices/system/edac/mc/mc*".to_owned()
            }
            Self::Install { release, released: _, cves } => format!(
                "var/lib/dpkg/status, boot/vmlinuz-{}, boot/grub/grub.cfg; its changelog names {} CVEs",
                release.uname(),
                cves.len()
            ),
            Self::Reboot(release) => format!(
                "proc/sys/kernel/random/boot_id and all of /proc and /sys anew; {} runs",
                release.uname()
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_are_made_at_every_beat_and_between_them_and_nowhere_after_the_end() {
        let story = Story {
            about: "",
            past: time(2, 0),
            lasts: time(2, 0),
            step: time(0, 12),
            beats: vec![Beat::untold(time(2, 1), Vec::new()), Beat::untold(time(2, 6), Vec::new())],
            moral: String::new(),
            look_at: Vec::new(),
        };
        let hours = |until| -> Vec<u64> {
            story.moments(until).iter().map(|at| at.as_secs() / 3_600).collect()
        };
        assert_eq!(hours(None), [0, 24, 48, 49, 54, 66, 78, 90, 96]);
        assert_eq!(hours(Some(time(0, 6))), [0, 24, 48, 49, 54]);
    }
}
