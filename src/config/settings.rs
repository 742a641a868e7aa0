//! Validated settings: values that cannot be wrong in themselves.

use super::alerting::NotifySettings;
use super::error::{ConfigError, Origin};
use super::fleet::FleetSettings;
use super::inputs::{Input, Inputs};
use super::memory::MemoryChoice;
use super::shown::Shown;
use super::web::WebSettings;
use crate::windows::MaintenanceWindow;
use jiff::SignedDuration;
use scrubjay_alerts::book::AlertPolicy;
use scrubjay_alerts::{OfflinePolicy, OfflinePreset, PatchPolicy, Rules};
use scrubjay_collector::{FeedOptions, OnStop};
use scrubjay_model::{OfflineMode, SourceId};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

/// What the program works with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    /// Time between passes.
    pub(crate) interval: Duration,
    /// Where the history is kept.
    pub(crate) state_dir: PathBuf,
    /// Whether what the agent saw last is left for `scrubjay serve`.
    pub(crate) share: bool,
    /// Whether the process bounds itself by Landlock, where the kernel has it.
    pub(crate) sandbox: bool,
    /// Whether somebody chose the state directory, rather than the environment.
    pub(crate) state_dir_is_chosen: bool,
    /// The host to read.
    pub(crate) root: PathBuf,
    /// How long a pass waits for a source.
    pub(crate) deadline: Duration,
    /// Sources not to read.
    pub(crate) disabled: BTreeSet<SourceId>,
    /// How to listen to trace events; `None` for not at all.
    pub(crate) events: Option<FeedOptions>,
    /// Where to serve, and to whom.
    pub(crate) web: WebSettings,
    /// Which pages the agent may take out of use.
    pub(crate) offline: OfflinePolicy,
    /// What is asked of the kernel's patches.
    pub(crate) patches: PatchPolicy,
    /// By what errors of memory are judged.
    pub(crate) memory: MemoryChoice,
    /// Whether the agent begins with the boots that other tools remember.
    pub(crate) import_boots: bool,
    /// Every setting with its value, a line each, as `config show` writes them without origins.
    pub(crate) configuration: String,
    /// How large the history may grow, bytes.
    pub(crate) history_max_bytes: u64,
    /// When the host may be rebooted and opened.
    pub(crate) windows: Vec<MaintenanceWindow>,
    /// Which findings are alerts, and when they are told.
    pub(crate) alerts: AlertPolicy,
    /// Whom to tell.
    pub(crate) notify: NotifySettings,
    /// Where the fleet is known.
    pub(crate) fleet: FleetSettings,
}

/// The state directory of the system service.
pub(crate) const SYSTEM_STATE_DIR: &str = "/var/lib/scrubjay";

/// Below this the agent would spend more time reading than the kernel spends counting.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
/// Above this, what is lost at a reboot would no longer be small.
const LONGEST_INTERVAL: Duration = Duration::from_secs(24 * 3600);

impl Settings {
    /// Validates what was put together.
    pub(crate) fn validate(inputs: &Inputs) -> Result<Self, ConfigError> {
        let interval = span(&inputs.interval, "agent.interval")?;
        if !(SHORTEST_INTERVAL..=LONGEST_INTERVAL).contains(&interval) {
            return Err(wrong(&inputs.interval, "agent.interval", "must be from 1s to 24h"));
        }
        let deadline = span(&inputs.deadline, "collector.deadline")?;
        if deadline < Duration::from_millis(100) || deadline > interval {
            let why = format!(
                "must be from 100ms to agent.interval, which is \"{}\" ({})",
                inputs.interval.value, inputs.interval.origin
            );
            return Err(wrong(&inputs.deadline, "collector.deadline", why));
        }
        Ok(Self {
            interval,
            deadline,
            state_dir: path(&inputs.state_dir, "agent.state_dir")?,
            share: inputs.share.value,
            sandbox: sandbox(&inputs.sandbox)?,
            state_dir_is_chosen: matches!(
                inputs.state_dir.origin,
                Origin::Flag(_) | Origin::File { .. }
            ),
            root: path(&inputs.root, "collector.root")?,
            disabled: sources(&inputs.disabled)?,
            events: events(inputs)?,
            web: inputs.web.validate()?,
            offline: offline(inputs)?,
            patches: patches(inputs)?,
            memory: inputs.memory.validate()?,
            import_boots: inputs.import.value,
            configuration: inputs.write(false),
            history_max_bytes: max_bytes(&inputs.max_size_mib)?,
            windows: windows(&inputs.windows, "maintenance.windows")?,
            alerts: inputs.alerting.policy()?,
            notify: inputs.alerting.notify()?,
            fleet: inputs.fleet.validate()?,
        })
    }

    /// The settings that decide on verdicts and on what is done.
    pub(crate) fn policy_text(&self) -> String {
        const POLICY: [&str; 8] = [
            "[collector]",
            "[pages]",
            "[patches]",
            "[maintenance]",
            "[memory]",
            "[costs]",
            "[alerts]",
            "[[alerts.override]]",
        ];
        let of_policy = |section: &&str| POLICY.contains(section);
        let mut told = String::new();
        let mut section = "";
        for line in self.configuration.lines() {
            if line.starts_with('[') {
                section = line;
            }
            if of_policy(&section) {
                told.push_str(line);
                told.push('\n');
            }
        }
        told
    }
}

pub(super) fn wrong<T: std::fmt::Debug>(
    input: &Input<T>,
    key: &'static str,
    why: impl Into<String>,
) -> ConfigError {
    let found = format!("{:?}", input.value);
    let found = found.trim_matches('"').to_owned();
    ConfigError::Value { origin: input.origin.clone(), key, found, why: why.into() }
}

pub(super) fn span(input: &Input<String>, key: &'static str) -> Result<Duration, ConfigError> {
    let parsed: Option<SignedDuration> = input.value.parse().ok();
    parsed
        .and_then(|span| Duration::try_from(span).ok())
        .ok_or_else(|| wrong(input, key, "must be a span of time such as 60s, 5m or 1h 30m"))
}

fn path(input: &Input<String>, key: &'static str) -> Result<PathBuf, ConfigError> {
    if input.value.is_empty() {
        return Err(wrong(input, key, "must not be empty"));
    }
    Ok(PathBuf::from(&input.value))
}

fn sandbox(input: &Input<String>) -> Result<bool, ConfigError> {
    match input.value.as_str() {
        "auto" => Ok(true),
        "off" => Ok(false),
        _ => Err(wrong(input, "agent.sandbox", "must be auto or off")),
    }
}

fn events(inputs: &Inputs) -> Result<Option<FeedOptions>, ConfigError> {
    let Inputs { listen, instance, on_stop, .. } = inputs;
    let name = &instance.value;
    let rest = name.strip_prefix("scrubjay");
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.len() > 64 || !rest.is_some_and(|rest| rest.chars().all(plain)) {
        return Err(wrong(
            instance,
            "events.instance",
            "must begin with \"scrubjay\" and go on with letters, digits, - and _",
        ));
    }
    let on_stop = match on_stop.value.as_str() {
        "leave" => OnStop::Leave,
        "remove" => OnStop::Remove,
        _ => return Err(wrong(on_stop, "events.on_stop", "must be leave or remove")),
    };
    let options = FeedOptions { instance: name.clone(), buffer_kb: None, on_stop };
    Ok(listen.value.then_some(options))
}

/// More would be half a megabyte of registry, and a module that should have been replaced long ago.
const MOST_PAGES_TOTAL: u32 = 4096;

fn offline(inputs: &Inputs) -> Result<OfflinePolicy, ConfigError> {
    let words = |all: &[&str]| format!("must be one of {}", all.join(", "));
    let mode = OfflineMode::parse(&inputs.offline.value).ok_or_else(|| {
        wrong(&inputs.offline, "pages.offline", words(&OfflineMode::ALL.map(OfflineMode::as_str)))
    })?;
    let presets = OfflinePreset::ALL.map(OfflinePreset::as_str);
    let preset = OfflinePreset::parse(&inputs.preset.value)
        .ok_or_else(|| wrong(&inputs.preset, "pages.preset", words(&presets)))?;
    let budget_pages_total = inputs.budget_pages_total.value;
    if budget_pages_total > MOST_PAGES_TOTAL {
        let why = format!("must be at most {MOST_PAGES_TOTAL}");
        return Err(wrong(&inputs.budget_pages_total, "pages.budget_pages_total", why));
    }
    Ok(OfflinePolicy {
        mode,
        preset,
        budget_pages_per_day: inputs.budget_pages_per_day.value,
        budget_pages_total,
        reoffline_after_boot: inputs.reoffline_after_boot.value,
    })
}

fn patches(inputs: &Inputs) -> Result<PatchPolicy, ConfigError> {
    let critical_days = inputs.critical_days.value;
    if critical_days == 0 {
        return Err(wrong(&inputs.critical_days, "patches.critical_days", "must be at least 1"));
    }
    let pin = inputs.accepted_pin.value.trim();
    if pin.contains(|c: char| c.is_whitespace() || c == '/') {
        return Err(wrong(
            &inputs.accepted_pin,
            "patches.accepted_pin",
            "must be a kernel release as uname -r has it, such as 6.1.0-55-amd64",
        ));
    }
    let layers = inputs.layers.value;
    if layers == 0 {
        return Err(wrong(&inputs.layers, "patches.layers", "must be at least 1"));
    }
    let stalled_after = span(&inputs.stalled_after, "patches.stalled_after")?;
    let stuck_after = span(&inputs.stuck_after, "patches.stuck_after")?;
    if stuck_after <= stalled_after {
        let why = format!(
            "must be more than patches.stalled_after, which is \"{}\" ({})",
            inputs.stalled_after.value, inputs.stalled_after.origin
        );
        return Err(wrong(&inputs.stuck_after, "patches.stuck_after", why));
    }
    Ok(PatchPolicy {
        critical_days,
        uptime_days: Some(inputs.uptime_days.value).filter(|days| *days > 0),
        accepted_pin: Some(pin.to_owned()).filter(|pin| !pin.is_empty()),
        support_days: inputs.support_days.value,
        layers,
        stalled_after,
        stuck_after,
        rules: Rules::DEFAULT,
    })
}

/// What a storm can add between two looks at the size has room in this.
const SMALLEST_HISTORY_MIB: u32 = 16;

fn max_bytes(input: &Input<u32>) -> Result<u64, ConfigError> {
    if input.value < SMALLEST_HISTORY_MIB {
        let why = format!("must be at least {SMALLEST_HISTORY_MIB}");
        return Err(wrong(input, "history.max_size_mib", why));
    }
    Ok(u64::from(input.value) << 20)
}

pub(super) fn windows(
    input: &Input<Vec<String>>,
    key: &'static str,
) -> Result<Vec<MaintenanceWindow>, ConfigError> {
    let parsed = input.value.iter().map(|text| {
        MaintenanceWindow::parse(text).map_err(|why| ConfigError::Value {
            origin: input.origin.clone(),
            key,
            found: text.clone(),
            why,
        })
    });
    parsed.collect()
}

fn sources(input: &Input<Vec<String>>) -> Result<BTreeSet<SourceId>, ConfigError> {
    let known = || SourceId::ALL.map(SourceId::as_str).join(", ");
    input
        .value
        .iter()
        .map(|name| {
            SourceId::parse(name).ok_or_else(|| ConfigError::Value {
                origin: input.origin.clone(),
                key: "collector.disabled",
                found: name.clone(),
                why: format!("is no source; the sources are {}", known()),
            })
        })
        .collect()
}

impl Inputs {
    /// The settings as a configuration file, each with where it came from.
    pub(crate) fn show(&self) -> String {
        self.write(true)
    }

    fn write(&self, with_origins: bool) -> String {
        let mut text = String::new();
        let mut section = |name: &str, values: &[(&str, String, &Origin)]| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "[{name}]");
            for (key, value, origin) in values {
                let _ = match with_origins {
                    true => writeln!(text, "{:<42} # {origin}", format!("{key} = {value}")),
                    false => writeln!(text, "{key} = {value}"),
                };
            }
        };
        let quoted = |value: &str| value.shown();
        section(
            "agent",
            &[
                ("interval", quoted(&self.interval.value), &self.interval.origin),
                ("state_dir", quoted(&self.state_dir.value), &self.state_dir.origin),
                ("share", self.share.value.to_string(), &self.share.origin),
                ("sandbox", quoted(&self.sandbox.value), &self.sandbox.origin),
            ],
        );
        section(
            "collector",
            &[
                ("root", quoted(&self.root.value), &self.root.origin),
                ("deadline", quoted(&self.deadline.value), &self.deadline.origin),
                ("disabled", self.disabled.value.shown(), &self.disabled.origin),
            ],
        );
        section(
            "events",
            &[
                ("listen", self.listen.value.to_string(), &self.listen.origin),
                ("instance", quoted(&self.instance.value), &self.instance.origin),
                ("on_stop", quoted(&self.on_stop.value), &self.on_stop.origin),
            ],
        );
        let (name, values) = self.web.section();
        section(name, &values);
        let (day, total) = (&self.budget_pages_per_day, &self.budget_pages_total);
        let again = &self.reoffline_after_boot;
        section(
            "pages",
            &[
                ("offline", quoted(&self.offline.value), &self.offline.origin),
                ("preset", quoted(&self.preset.value), &self.preset.origin),
                ("budget_pages_per_day", day.value.to_string(), &day.origin),
                ("budget_pages_total", total.value.to_string(), &total.origin),
                ("reoffline_after_boot", again.value.to_string(), &again.origin),
            ],
        );
        let (critical, uptime) = (&self.critical_days, &self.uptime_days);
        let (pin, support, layers) = (&self.accepted_pin, &self.support_days, &self.layers);
        let (stalled, stuck) = (&self.stalled_after, &self.stuck_after);
        section(
            "patches",
            &[
                ("critical_days", critical.value.to_string(), &critical.origin),
                ("uptime_days", uptime.value.to_string(), &uptime.origin),
                ("accepted_pin", quoted(&pin.value), &pin.origin),
                ("support_days", support.value.to_string(), &support.origin),
                ("layers", layers.value.to_string(), &layers.origin),
                ("stalled_after", quoted(&stalled.value), &stalled.origin),
                ("stuck_after", quoted(&stuck.value), &stuck.origin),
            ],
        );
        section(
            "history",
            &[
                ("import", self.import.value.to_string(), &self.import.origin),
                ("max_size_mib", self.max_size_mib.value.to_string(), &self.max_size_mib.origin),
            ],
        );
        section("maintenance", &[("windows", self.windows.value.shown(), &self.windows.origin)]);
        for (name, values) in self.memory.sections() {
            section(name, &values);
        }
        section("fleet", &self.fleet.lines());
        self.alerting.write(&mut text, with_origins);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::fragments::parse;
    use super::super::inputs::{Environment, Flags};
    use super::*;

    fn settings(text: &str, flags: &Flags) -> Result<Settings, String> {
        let file = parse(PathBuf::from("a.toml"), text.to_owned()).map_err(|e| e.to_string())?;
        let inputs = Inputs::assemble(&[file], flags, &Environment::default());
        Settings::validate(&inputs).map_err(|e| e.to_string())
    }

    fn error(text: &str) -> String {
        settings(text, &Flags::default()).unwrap_err()
    }

    #[test]
    fn defaults_are_valid() {
        let settings = settings("", &Flags::default()).unwrap();
        assert_eq!(settings.interval, Duration::from_secs(60));
        assert_eq!(settings.state_dir, PathBuf::from(SYSTEM_STATE_DIR));
        assert_eq!(settings.history_max_bytes, scrubjay_storage::DEFAULT_MAX_BYTES);
    }

    #[test]
    fn a_history_has_room_for_what_comes_between_two_looks() {
        assert_eq!(
            error("[history]\nmax_size_mib = 4\n"),
            "a.toml:2:16: history.max_size_mib = \"4\": must be at least 16"
        );
    }

    #[test]
    fn pages_are_taken_out_of_use_only_where_a_file_says_so() {
        let offline = |text: &str| settings(text, &Flags::default()).unwrap().offline;
        let by_default = offline("");
        assert_eq!(by_default.mode, OfflineMode::Off);
        assert_eq!((by_default.budget_pages_per_day, by_default.budget_pages_total), (4, 64));
        assert!(!by_default.reoffline_after_boot);
        let soft = offline("[pages]\noffline = \"soft\"\npreset = \"kernel-cec\"\n");
        assert_eq!((soft.mode, soft.preset), (OfflineMode::Soft, OfflinePreset::KernelCec));
        assert_eq!(
            error("[pages]\noffline = \"hard\"\n"),
            "a.toml:2:11: pages.offline = \"hard\": must be one of off, soft"
        );
        assert!(error("[pages]\npreset = \"sun\"\n").contains("mcelog, rasdaemon, kernel-cec"));
        assert!(error("[pages]\nbudget_pages_total = 5000\n").contains("at most 4096"));
        assert!(error("[pages]\nbudget_pages_per_day = -1\n").starts_with("a.toml:2:24: "));
    }

    #[test]
    fn a_policy_for_patches_is_checked() {
        let patches = |text: &str| settings(text, &Flags::default()).unwrap().patches;
        assert_eq!(patches(""), PatchPolicy::default());
        let set = patches(
            "[patches]\ncritical_days = 14\nuptime_days = 365\naccepted_pin = \"6.1.0-55-amd64\"\n",
        );
        assert_eq!((set.critical_days, set.uptime_days), (14, Some(365)));
        assert_eq!(set.accepted_pin.as_deref(), Some("6.1.0-55-amd64"));
        assert!(error("[patches]\ncritical_days = 0\n").contains("at least 1"));
        assert!(error("[patches]\naccepted_pin = \"/boot/vmlinuz\"\n").contains("uname -r"));
        let set = patches(
            "[patches]\nsupport_days = 60\nlayers = 8\nstalled_after = \"5m\"\nstuck_after = \"12h\"\n",
        );
        assert_eq!((set.support_days, set.layers), (60, 8));
        assert_eq!((set.stalled_after.as_secs(), set.stuck_after.as_secs()), (300, 43_200));
        assert!(error("[patches]\nlayers = 0\n").contains("at least 1"));
        assert_eq!(
            error("[patches]\nstuck_after = \"1m\"\n"),
            "a.toml:2:15: patches.stuck_after = \"1m\": must be more than patches.stalled_after, \
             which is \"75s\" (default)"
        );
    }

    #[test]
    fn earlier_boots_are_taken_in_unless_a_file_says_otherwise() {
        let import = |text: &str| settings(text, &Flags::default()).unwrap().import_boots;
        assert!(import(""));
        assert!(!import("[history]\nimport = false\n"));
        assert!(error("[history]\nimport = \"no\"\n").starts_with("a.toml:2:10: "));
    }

    #[test]
    fn flags_win_over_files() {
        let flags = Flags { interval: Some("2m".to_owned()), ..Flags::default() };
        let settings = settings("[agent]\ninterval = \"30s\"\n", &flags).unwrap();
        assert_eq!(settings.interval, Duration::from_secs(120));
    }

    #[test]
    fn unknown_keys_are_refused_with_their_place() {
        let message = error("[agent]\ninterval = \"30s\"\nintervall = 3\n");
        assert!(message.starts_with("a.toml:3:1: "), "{message}");
        assert!(message.contains("intervall"), "{message}");
    }

    #[test]
    fn wrong_values_are_refused_with_their_place_and_text() {
        assert_eq!(
            error("[agent]\ninterval = \"soon\"\n"),
            "a.toml:2:12: agent.interval = \"soon\": must be a span of time such as 60s, 5m or \
             1h 30m"
        );
        assert_eq!(
            error("[collector]\ndisabled = [\"edac\", \"edacs\"]\n").split(" is no").next(),
            Some("a.toml:2:12: collector.disabled = \"edacs\":")
        );
        assert!(error("[agent]\ninterval = \"-5s\"\n").contains("span of time"));
        assert!(error("[agent]\ninterval = \"10ms\"\n").contains("from 1s to 24h"));
        assert!(error("[collector]\ndeadline = \"2m\"\n").contains("(default)"));
        let short = Flags { interval: Some("1s".to_owned()), ..Flags::default() };
        assert_eq!(settings("", &short).unwrap().deadline, Duration::from_secs(1));
        // What is shown of it is what holds, and may be written into a file.
        let inputs = Inputs::of_text("a.toml", "[agent]\ninterval = \"01s\"\n", &short).unwrap();
        let shown = inputs.show();
        assert!(shown.contains("deadline = \"1s\""), "{shown}");
        let again = settings(&shown, &Flags::default()).unwrap();
        assert_eq!(again.configuration, Settings::validate(&inputs).unwrap().configuration);
    }

    #[test]
    fn listening_can_be_switched_off_and_the_instance_is_always_ours() {
        assert_eq!(settings("[events]\nlisten = false\n", &Flags::default()).unwrap().events, None);
        let ours = settings("[events]\ninstance = \"scrubjay-2\"\n", &Flags::default()).unwrap();
        assert_eq!(ours.events.unwrap().instance, "scrubjay-2");
        for theirs in ["rasdaemon", "scrubjay/../x", "", "scrubjay 2"] {
            let message = error(&format!("[events]\ninstance = \"{theirs}\"\n"));
            assert!(message.contains("must begin with"), "{message}");
        }
        assert!(error("[events]\non_stop = \"ask\"\n").contains("leave or remove"));
    }

    #[test]
    fn what_is_shown_is_read_back_the_same() {
        let file = parse(
            PathBuf::from("a.toml"),
            "[agent]\nstate_dir = \"/a b\"\n[collector]\ndisabled = [\"kexec\"]\n[pages]\nbudget_pages_per_day = 9\n".to_owned(),
        )
        .unwrap();
        let inputs = Inputs::assemble(&[file], &Flags::default(), &Environment::default());
        let shown = inputs.show();
        let again = parse(PathBuf::from("b.toml"), shown.clone()).unwrap();
        let again = Inputs::assemble(&[again], &Flags::default(), &Environment::default());
        assert_eq!(Settings::validate(&again).unwrap(), {
            let mut settings = Settings::validate(&inputs).unwrap();
            settings.state_dir_is_chosen = true;
            settings
        });
        assert!(shown.contains("a.toml:2:13"), "{shown}");
    }

    const SHIPPED: &str = include_str!("../../dist/etc/scrubjay/scrubjay.toml");
    const DOCUMENTED: &str = include_str!("../../docs/configuration.md");

    #[test]
    fn what_is_hashed_is_what_is_shown_without_origins() {
        let inputs = Inputs::assemble(&[], &Flags::default(), &Environment::default());
        let settings = Settings::validate(&inputs).unwrap();
        let shown = inputs.show();
        // As docs/ledger.md has sed do it.
        let bare = shown.lines().map(|line| line.rsplit_once("# ").map_or(line, |(bare, _)| bare));
        let bare: String = bare.map(|line| format!("{}\n", line.trim_end())).collect();
        assert_eq!(settings.configuration, bare);
        let policy = settings.policy_text();
        assert!(policy.contains("[patches]\ncritical_days = 30\n"), "{policy}");
        assert!(policy.contains("disabled") && !policy.contains("interval"), "{policy}");
    }

    #[test]
    fn the_shipped_file_is_the_defaults() {
        assert_eq!(settings(SHIPPED, &Flags::default()), settings("", &Flags::default()));
    }

    #[test]
    fn every_key_is_shipped_and_documented() {
        let inputs = Inputs::assemble(&[], &Flags::default(), &Environment::default());
        let mut section = "";
        let mut shown = Vec::new();
        for line in inputs.show().lines() {
            if let Some(name) = line.strip_prefix('[') {
                section = name.trim_end_matches(']').to_owned().leak();
                continue;
            }
            // What has no value is shown in a comment.
            let key = line.trim_start_matches("# ").split(' ').next().unwrap();
            shown.push(format!("{section}.{key}"));
            assert!(SHIPPED.contains(&format!("{key} = ")), "{key} is not shipped");
            assert!(DOCUMENTED.contains(&format!("| `{section}.{key}` |")), "{section}.{key}");
        }
        for place in super::super::fragments::PLACES {
            assert!(DOCUMENTED.contains(place), "{place}");
        }
        // And what is documented is shown, save what only a list of tables has.
        let rows = DOCUMENTED.lines().filter_map(|line| line.strip_prefix("| `"));
        for key in rows.filter_map(|row| row.split('`').next()).filter(|key| key.contains('.')) {
            assert!(shown.iter().any(|other| other == key), "{key} is not shown");
        }
    }
}
