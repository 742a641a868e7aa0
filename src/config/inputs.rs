//! Defaults, files, environment and flags put together; not yet validated.

use super::alerting::AlertingInputs;
use super::error::{ConfigError, Origin};
use super::fleet::{FleetFlags, FleetInputs};
use super::fragments::{self, File};
use super::memory::MemoryInputs;
use super::web::{WebFlags, WebInputs};
use jiff::SignedDuration;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Input<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

/// Every setting, as written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Inputs {
    pub(crate) interval: Input<String>,
    pub(crate) state_dir: Input<String>,
    pub(crate) share: Input<bool>,
    pub(crate) sandbox: Input<String>,
    pub(crate) root: Input<String>,
    pub(crate) deadline: Input<String>,
    pub(crate) disabled: Input<Vec<String>>,
    pub(crate) listen: Input<bool>,
    pub(crate) instance: Input<String>,
    pub(crate) on_stop: Input<String>,
    pub(crate) web: WebInputs,
    pub(crate) offline: Input<String>,
    pub(crate) preset: Input<String>,
    pub(crate) budget_pages_per_day: Input<u32>,
    pub(crate) budget_pages_total: Input<u32>,
    pub(crate) reoffline_after_boot: Input<bool>,
    pub(crate) critical_days: Input<u32>,
    pub(crate) uptime_days: Input<u32>,
    pub(crate) accepted_pin: Input<String>,
    pub(crate) support_days: Input<u32>,
    pub(crate) layers: Input<u32>,
    pub(crate) stalled_after: Input<String>,
    pub(crate) stuck_after: Input<String>,
    pub(crate) import: Input<bool>,
    pub(crate) max_size_mib: Input<u32>,
    pub(crate) windows: Input<Vec<String>>,
    pub(crate) alerting: AlertingInputs,
    pub(crate) memory: MemoryInputs,
    pub(crate) fleet: FleetInputs,
    /// The files read, in order.
    pub(crate) files: Vec<PathBuf>,
}

/// What the command line may set; `None` where it did not.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags {
    pub(crate) config: Option<PathBuf>,
    pub(crate) interval: Option<String>,
    pub(crate) state_dir: Option<String>,
    pub(crate) root: Option<String>,
    pub(crate) web: WebFlags,
    pub(crate) fleet: FleetFlags,
}

/// The environment variables that matter here.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    /// Set by systemd for `StateDirectory=`.
    pub(crate) state_directory: Option<String>,
    pub(crate) xdg_state_home: Option<String>,
    pub(crate) home: Option<String>,
}

const DEFAULT_INTERVAL: &str = "60s";
const DEFAULT_DEADLINE: &str = "5s";
const DEFAULT_ROOT: &str = "/";
const DEFAULT_SANDBOX: &str = "auto";
const DEFAULT_INSTANCE: &str = "scrubjay";
const DEFAULT_ON_STOP: &str = "leave";

/// The host is observed, not changed, unless somebody asks for it.
const DEFAULT_OFFLINE: &str = "off";
const DEFAULT_PRESET: &str = "mcelog";
/// A single cell costs one page. More than this on one day is a larger fault, which pages do not
/// help against.
const DEFAULT_BUDGET_PAGES_PER_DAY: u32 = 4;
/// 256 KiB; from here on `pages-growing` asks for the module to be replaced.
const DEFAULT_BUDGET_PAGES_TOTAL: u32 = 64;

/// One month from release for critical ones: PCI DSS 4.0.1, 6.3.3.
const DEFAULT_CRITICAL_DAYS: u32 = 30;
/// None: a long uptime is no fault in itself.
const DEFAULT_UPTIME_DAYS: u32 = 0;
/// Windows are planned weeks ahead.
const DEFAULT_SUPPORT_DAYS: u32 = 30;
/// More are hard to reason about.
const DEFAULT_LAYERS: u32 = 3;
/// kpatch gives up after 15 s and another 60 s.
const DEFAULT_STALLED_AFTER: &str = "75s";
/// Who cannot end a transition in a day will not end it by chance.
const DEFAULT_STUCK_AFTER: &str = "24h";

/// Room for decades of a host whose memory fails now and then.
const DEFAULT_MAX_SIZE_MIB: u32 = 64;

impl Environment {
    pub(crate) fn of_this_process() -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            state_directory: variable("STATE_DIRECTORY"),
            xdg_state_home: variable("XDG_STATE_HOME"),
            home: variable("HOME"),
        }
    }

    fn state_dir(&self) -> Input<String> {
        let from = |value: String, name| Input { value, origin: Origin::Environment(name) };
        if let Some(dirs) = &self.state_directory {
            // systemd separates several directories by colons; the first is ours.
            let first = dirs.split(':').next().unwrap_or(dirs);
            return from(first.to_owned(), "STATE_DIRECTORY");
        }
        if let Some(dir) = &self.xdg_state_home {
            return from(format!("{dir}/scrubjay"), "XDG_STATE_HOME");
        }
        if let Some(dir) = &self.home {
            return from(format!("{dir}/.local/state/scrubjay"), "HOME");
        }
        Input { value: super::settings::SYSTEM_STATE_DIR.to_owned(), origin: Origin::Default }
    }
}

impl Inputs {
    /// Reads the files and puts everything together. Flags win over files, files over the
    /// environment, and that over the defaults.
    pub(crate) fn read(flags: &Flags) -> Result<Self, ConfigError> {
        let files = fragments::read(flags.config.as_deref())?;
        Ok(Self::assemble(&files, flags, &Environment::of_this_process()))
    }

    /// Those of a host that does not exist: what a text says, flags, and nothing else.
    pub(crate) fn of_text(name: &str, text: &str, flags: &Flags) -> Result<Self, ConfigError> {
        let file = fragments::parse(PathBuf::from(name), text.to_owned())?;
        Ok(Self::assemble(&[file], flags, &Environment::default()))
    }

    pub(super) fn assemble(files: &[File], flags: &Flags, environment: &Environment) -> Self {
        let default = |value: &str| Input { value: value.to_owned(), origin: Origin::Default };
        let number = |value: u32| Input { value, origin: Origin::Default };
        let mut inputs = Self {
            interval: default(DEFAULT_INTERVAL),
            state_dir: environment.state_dir(),
            share: Input { value: true, origin: Origin::Default },
            sandbox: default(DEFAULT_SANDBOX),
            root: default(DEFAULT_ROOT),
            deadline: default(DEFAULT_DEADLINE),
            disabled: Input { value: Vec::new(), origin: Origin::Default },
            listen: Input { value: true, origin: Origin::Default },
            instance: default(DEFAULT_INSTANCE),
            on_stop: default(DEFAULT_ON_STOP),
            web: WebInputs::defaults(),
            offline: default(DEFAULT_OFFLINE),
            preset: default(DEFAULT_PRESET),
            budget_pages_per_day: number(DEFAULT_BUDGET_PAGES_PER_DAY),
            budget_pages_total: number(DEFAULT_BUDGET_PAGES_TOTAL),
            reoffline_after_boot: Input { value: false, origin: Origin::Default },
            critical_days: number(DEFAULT_CRITICAL_DAYS),
            uptime_days: number(DEFAULT_UPTIME_DAYS),
            accepted_pin: default(""),
            support_days: number(DEFAULT_SUPPORT_DAYS),
            layers: number(DEFAULT_LAYERS),
            stalled_after: default(DEFAULT_STALLED_AFTER),
            stuck_after: default(DEFAULT_STUCK_AFTER),
            import: Input { value: true, origin: Origin::Default },
            max_size_mib: number(DEFAULT_MAX_SIZE_MIB),
            windows: Input { value: Vec::new(), origin: Origin::Default },
            alerting: AlertingInputs::defaults(),
            memory: MemoryInputs::defaults(),
            fleet: FleetInputs::defaults(),
            files: files.iter().map(|file| file.path.clone()).collect(),
        };
        for File { path, text, fragment } in files {
            let take = |into: &mut Input<String>, from: &Option<Spanned<String>>| {
                set(into, from, path, text);
            };
            take(&mut inputs.interval, &fragment.agent.interval);
            take(&mut inputs.state_dir, &fragment.agent.state_dir);
            set(&mut inputs.share, &fragment.agent.share, path, text);
            take(&mut inputs.sandbox, &fragment.agent.sandbox);
            take(&mut inputs.root, &fragment.collector.root);
            take(&mut inputs.deadline, &fragment.collector.deadline);
            inputs.web.take(&fragment.web, path, text);
            set(&mut inputs.listen, &fragment.events.listen, path, text);
            take(&mut inputs.instance, &fragment.events.instance);
            take(&mut inputs.on_stop, &fragment.events.on_stop);
            set(&mut inputs.disabled, &fragment.collector.disabled, path, text);
            let pages = &fragment.pages;
            take(&mut inputs.offline, &pages.offline);
            take(&mut inputs.preset, &pages.preset);
            set(&mut inputs.budget_pages_per_day, &pages.budget_pages_per_day, path, text);
            set(&mut inputs.budget_pages_total, &pages.budget_pages_total, path, text);
            set(&mut inputs.reoffline_after_boot, &pages.reoffline_after_boot, path, text);
            let patches = &fragment.patches;
            set(&mut inputs.critical_days, &patches.critical_days, path, text);
            set(&mut inputs.uptime_days, &patches.uptime_days, path, text);
            take(&mut inputs.accepted_pin, &patches.accepted_pin);
            set(&mut inputs.support_days, &patches.support_days, path, text);
            set(&mut inputs.layers, &patches.layers, path, text);
            take(&mut inputs.stalled_after, &patches.stalled_after);
            take(&mut inputs.stuck_after, &patches.stuck_after);
            set(&mut inputs.import, &fragment.history.import, path, text);
            set(&mut inputs.max_size_mib, &fragment.history.max_size_mib, path, text);
            set(&mut inputs.windows, &fragment.maintenance.windows, path, text);
            inputs.alerting.take(&fragment.alerts, &fragment.notify, path, text);
            inputs.memory.take(&fragment.memory, &fragment.costs, path, text);
            inputs.fleet.take(&fragment.fleet, path, text);
        }
        let flag = |into: &mut Input<String>, from: &Option<String>, name| {
            if let Some(value) = from {
                *into = Input { value: value.clone(), origin: Origin::Flag(name) };
            }
        };
        flag(&mut inputs.interval, &flags.interval, "interval");
        flag(&mut inputs.state_dir, &flags.state_dir, "state-dir");
        flag(&mut inputs.root, &flags.root, "root");
        inputs.web.take_flags(&flags.web);
        inputs.fleet.take_flags(&flags.fleet);
        inputs.bound_deadline();
        inputs
    }

    /// A short interval alone is no mistake: a deadline that nobody chose is no longer than that.
    fn bound_deadline(&mut self) {
        let span = |input: &Input<String>| input.value.parse::<SignedDuration>().ok();
        let (interval, deadline) = (span(&self.interval), span(&self.deadline));
        if self.deadline.origin == Origin::Default && interval < deadline && interval.is_some() {
            self.deadline.value.clone_from(&self.interval.value);
        }
    }
}

pub(super) fn set<T: Clone>(
    into: &mut Input<T>,
    from: &Option<Spanned<T>>,
    path: &Path,
    text: &str,
) {
    if let Some(spanned) = from {
        let origin = Origin::in_file(path, text, spanned.span().start);
        *into = Input { value: spanned.get_ref().clone(), origin };
    }
}
