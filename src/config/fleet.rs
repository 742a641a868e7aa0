//! `[fleet]`: which Prometheus-compatible API knows the fleet, how hosts are named there, and how
//! visits are planned.

use super::alerting::check_url;
use super::error::{ConfigError, Origin};
use super::inputs::{Input, set};
use super::settings::{span, windows, wrong};
use super::shown::Shown;
use crate::windows::MaintenanceWindow;
use scrubjay_model::AtOnce;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;

/// The keys whose values are texts, with their defaults.
macro_rules! keys {
    ($($text:ident = $default:literal;)+) => {
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct FleetFragment {
            $($text: Option<Spanned<String>>,)+
            host_labels: Option<Spanned<Vec<String>>>,
            replica_labels: Option<Spanned<Vec<String>>>,
            hold: Option<Spanned<Vec<String>>>,
            windows: Option<Spanned<Vec<String>>>,
            limit_days: Option<Spanned<u32>>,
        }

        /// As written.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(crate) struct FleetInputs {
            $($text: Input<String>,)+
            host_labels: Input<Vec<String>>,
            replica_labels: Input<Vec<String>>,
            hold: Input<Vec<String>>,
            windows: Input<Vec<String>>,
            limit_days: Input<u32>,
        }

        /// What the command line sets; `None` where it does not.
        #[derive(Debug, Clone, Default)]
        pub(crate) struct FleetFlags {
            $(pub(crate) $text: Option<String>,)+
            pub(crate) host_labels: Vec<String>,
            pub(crate) hold: Vec<String>,
            pub(crate) windows: Vec<String>,
            pub(crate) limit_days: Option<u32>,
        }

        impl FleetInputs {
            pub(super) fn defaults() -> Self {
                Self {
                    $($text: Input { value: $default.to_owned(), origin: Origin::Default },)+
                    host_labels: texts(&DEFAULT_HOST_LABELS),
                    replica_labels: texts(&DEFAULT_REPLICA_LABELS),
                    hold: texts(&[]),
                    windows: texts(&[]),
                    limit_days: Input { value: DEFAULT_LIMIT_DAYS, origin: Origin::Default },
                }
            }

            /// Takes what a file sets.
            pub(super) fn take(&mut self, fleet: &FleetFragment, path: &Path, text: &str) {
                $(set(&mut self.$text, &fleet.$text, path, text);)+
                set(&mut self.host_labels, &fleet.host_labels, path, text);
                set(&mut self.replica_labels, &fleet.replica_labels, path, text);
                set(&mut self.hold, &fleet.hold, path, text);
                set(&mut self.windows, &fleet.windows, path, text);
                set(&mut self.limit_days, &fleet.limit_days, path, text);
            }

            /// Takes what the command line sets.
            pub(super) fn take_flags(&mut self, flags: &FleetFlags) {
                $(if let Some(value) = &flags.$text {
                    let origin = Origin::Flag(flag_of(stringify!($text)));
                    self.$text = Input { value: value.clone(), origin };
                })+
                for (into, from, name) in [
                    (&mut self.host_labels, &flags.host_labels, "host-label"),
                    (&mut self.hold, &flags.hold, "hold"),
                    (&mut self.windows, &flags.windows, "window"),
                ] {
                    if !from.is_empty() {
                        *into = Input { value: from.clone(), origin: Origin::Flag(name) };
                    }
                }
                if let Some(value) = flags.limit_days {
                    self.limit_days = Input { value, origin: Origin::Flag("limit-days") };
                }
            }

            /// The section, a key each with its value and where that is from.
            pub(super) fn lines(&self) -> Vec<(&'static str, String, &Origin)> {
                let list = |input: &Input<Vec<String>>| input.value.shown();
                vec![
                    $((stringify!($text), self.$text.value.shown(), &self.$text.origin),)+
                    ("host_labels", list(&self.host_labels), &self.host_labels.origin),
                    ("replica_labels", list(&self.replica_labels), &self.replica_labels.origin),
                    ("hold", list(&self.hold), &self.hold.origin),
                    ("windows", list(&self.windows), &self.windows.origin),
                    ("limit_days", self.limit_days.value.to_string(), &self.limit_days.origin),
                ]
            }
        }
    };
}

keys! {
    url = "";
    selector = "";
    job = "scrubjay";
    look_back = "7d";
    timeout = "30s";
    stale_after = "30m";
    bearer_token_file = "";
    user = "";
    password_file = "";
    tenant = "";
    ca_file = "";
    certificate_file = "";
    key_file = "";
    group_by = "";
    hold_label = "scrubjay_hold";
    at_once = "1";
    each = "";
}

const DEFAULT_HOST_LABELS: [&str; 1] = ["instance"];
/// Those that Prometheus's operator, Thanos and Mimir are usually told to add.
const DEFAULT_REPLICA_LABELS: [&str; 4] =
    ["prometheus_replica", "replica", "__replica__", "receive_replica"];
/// As `patches.critical_days`: one month from release.
const DEFAULT_LIMIT_DAYS: u32 = 30;

/// A server that takes longer would be given up by most proxies.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(600);
/// Beyond a year nobody waits for a host.
const LONGEST_LOOK_BACK: Duration = Duration::from_secs(366 * 86_400);

/// Where the fleet is known, and how it is dealt with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FleetSettings {
    /// The API, with the prefix of its path; `None` where none is named.
    pub(crate) url: Option<String>,
    /// Matchers of labels that all queries get.
    pub(crate) selector: String,
    /// The job that scrapes agents.
    pub(crate) job: String,
    /// How far back hosts are looked for that stopped.
    pub(crate) look_back: Duration,
    /// Readings of this age are no report.
    pub(crate) stale_after: Duration,
    /// How long one answer may take.
    pub(crate) timeout: Duration,
    /// Holds a token.
    pub(crate) bearer_token_file: Option<PathBuf>,
    /// A name, whose password is in the file, else in the environment.
    pub(crate) user: Option<String>,
    /// Holds the password.
    pub(crate) password_file: Option<PathBuf>,
    /// What is sent as `X-Scope-OrgID`.
    pub(crate) tenant: Option<String>,
    /// Certificates of those who may vouch for the API; `None` for those that browsers know.
    pub(crate) ca_file: Option<PathBuf>,
    /// A certificate of ours, and its key.
    pub(crate) certificate: Option<(PathBuf, PathBuf)>,
    /// The label that groups hosts.
    pub(crate) group_by: Option<String>,
    /// The label that says that a host is to be left alone.
    pub(crate) hold_label: Option<String>,
    /// How many of a group may be away at once.
    pub(crate) at_once: AtOnce,
    /// How long a wave takes; `None`: a whole window.
    pub(crate) each: Option<Duration>,
    /// The labels that name hosts.
    pub(crate) host_labels: Vec<String>,
    /// Labels that say no more than which server kept a series.
    pub(crate) replica_labels: Vec<String>,
    /// Names of hosts that are left alone.
    pub(crate) hold: Vec<String>,
    /// When hosts may be visited; if empty, `maintenance.windows`.
    pub(crate) windows: Vec<MaintenanceWindow>,
    /// Days from its release within which a fix is to be in force.
    pub(crate) limit_days: u32,
}

impl FleetInputs {
    pub(super) fn validate(&self) -> Result<FleetSettings, ConfigError> {
        let text =
            |input: &Input<String>| Some(input.value.clone()).filter(|text| !text.is_empty());
        let file = |input: &Input<String>| text(input).map(PathBuf::from);
        if let Some(url) = text(&self.url) {
            check_url(&url).map_err(|why| wrong(&self.url, "fleet.url", why))?;
            if url.contains(['?', '#']) {
                let why = "must be an address and a path without ? and #; labels go into selector";
                return Err(wrong(&self.url, "fleet.url", why));
            }
        }
        let (look_back, timeout) =
            (days(&self.look_back, "fleet.look_back")?, span(&self.timeout, "fleet.timeout")?);
        let from = Duration::from_secs(1);
        if !(from..=LONGEST_TIMEOUT).contains(&timeout) {
            return Err(wrong(&self.timeout, "fleet.timeout", "must be from 1s to 10m"));
        }
        if !(Duration::from_secs(300)..=LONGEST_LOOK_BACK).contains(&look_back) {
            return Err(wrong(&self.look_back, "fleet.look_back", "must be from 5m to 366d"));
        }
        let stale_after = span(&self.stale_after, "fleet.stale_after")?;
        if stale_after < Duration::from_secs(60) || stale_after > look_back {
            let why = "must be from 1m to fleet.look_back";
            return Err(wrong(&self.stale_after, "fleet.stale_after", why));
        }
        if self.selector.value.contains(['{', '}']) {
            let why = "must be matchers without braces, such as env=\"prod\",rack=~\"a.*\"";
            return Err(wrong(&self.selector, "fleet.selector", why));
        }
        if text(&self.bearer_token_file).is_some() && text(&self.user).is_some() {
            let why = "a name with a password and a token cannot both be sent: take one out";
            return Err(wrong(&self.user, "fleet.user", why));
        }
        if text(&self.password_file).is_some() && text(&self.user).is_none() {
            let why = "is of nobody: set fleet.user";
            return Err(wrong(&self.password_file, "fleet.password_file", why));
        }
        let certificate = match (file(&self.certificate_file), file(&self.key_file)) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) => {
                let why = "needs its key: set fleet.key_file";
                return Err(wrong(&self.certificate_file, "fleet.certificate_file", why));
            }
            (None, Some(_)) => {
                let why = "needs its certificate: set fleet.certificate_file";
                return Err(wrong(&self.key_file, "fleet.key_file", why));
            }
        };
        let each = text(&self.each).map(|_| span(&self.each, "fleet.each")).transpose()?;
        if each.is_some_and(|each| each < Duration::from_secs(60)) {
            return Err(wrong(&self.each, "fleet.each", "must be at least 1m"));
        }
        Ok(FleetSettings {
            url: text(&self.url).map(|url| url.trim_end_matches('/').to_owned()),
            selector: self.selector.value.trim().trim_end_matches(',').to_owned(),
            job: self.job.value.clone(),
            look_back,
            timeout,
            stale_after,
            bearer_token_file: file(&self.bearer_token_file),
            user: text(&self.user),
            password_file: file(&self.password_file),
            tenant: self.tenant()?,
            ca_file: file(&self.ca_file),
            certificate,
            group_by: label(&self.group_by, "fleet.group_by")?,
            hold_label: label(&self.hold_label, "fleet.hold_label")?,
            at_once: AtOnce::parse(&self.at_once.value).ok_or_else(|| {
                let why = "must be a number of hosts such as 1, or a share of a group such as 10%";
                wrong(&self.at_once, "fleet.at_once", why)
            })?,
            each,
            host_labels: self.host_labels()?,
            replica_labels: self.replica_labels.value.clone(),
            hold: self.hold.value.clone(),
            windows: windows(&self.windows, "fleet.windows")?,
            limit_days: self.limit_days.value,
        })
    }

    fn host_labels(&self) -> Result<Vec<String>, ConfigError> {
        let labels = &self.host_labels;
        if labels.value.is_empty() || !labels.value.iter().all(|name| is_label(name)) {
            let why = "must name one label or more, such as instance";
            return Err(wrong(labels, "fleet.host_labels", why));
        }
        Ok(labels.value.clone())
    }

    fn tenant(&self) -> Result<Option<String>, ConfigError> {
        let tenant = &self.tenant;
        if !tenant.value.chars().all(|c| c.is_ascii_graphic()) {
            return Err(wrong(tenant, "fleet.tenant", "must be printable ASCII without blanks"));
        }
        Ok(Some(tenant.value.clone()).filter(|tenant| !tenant.is_empty()))
    }
}

/// The flag that sets a key; a test holds that the command line has each of them.
fn flag_of(key: &'static str) -> &'static str {
    match key {
        "look_back" => "look-back",
        "stale_after" => "stale-after",
        "bearer_token_file" => "bearer-token-file",
        "password_file" => "password-file",
        "ca_file" => "ca-file",
        "certificate_file" => "certificate-file",
        "key_file" => "key-file",
        "group_by" => "group-by",
        "hold_label" => "hold-label",
        "at_once" => "at-once",
        key => key,
    }
}

fn texts(values: &[&str]) -> Input<Vec<String>> {
    let value = values.iter().map(|value| (*value).to_owned()).collect();
    Input { value, origin: Origin::Default }
}

fn label(input: &Input<String>, key: &'static str) -> Result<Option<String>, ConfigError> {
    if input.value.is_empty() {
        return Ok(None);
    }
    if !is_label(&input.value) {
        return Err(wrong(input, key, "must be the name of a label, such as rack"));
    }
    Ok(Some(input.value.clone()))
}

fn is_label(name: &str) -> bool {
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    first && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A span in which days have 24 hours.
fn days(input: &Input<String>, key: &'static str) -> Result<Duration, ConfigError> {
    let days =
        input.value.trim().strip_suffix('d').and_then(|days| days.trim().parse::<u32>().ok());
    match days {
        Some(days) => Ok(Duration::from_secs(86_400).saturating_mul(days)),
        None => span(input, key),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fragments::parse;
    use super::super::inputs::{Environment, Flags, Inputs};
    use super::super::settings::Settings;
    use super::*;

    fn settings(text: &str, flags: FleetFlags) -> Result<FleetSettings, String> {
        let file = parse(PathBuf::from("a.toml"), text.to_owned()).map_err(|e| e.to_string())?;
        let flags = Flags { fleet: flags, ..Flags::default() };
        let inputs = Inputs::assemble(&[file], &flags, &Environment::default());
        Settings::validate(&inputs).map(|settings| settings.fleet).map_err(|e| e.to_string())
    }

    fn of(text: &str) -> Result<FleetSettings, String> {
        settings(&format!("[fleet]\n{text}\n"), FleetFlags::default())
    }

    #[test]
    fn by_default_no_api_is_named_and_one_host_of_all_is_away_at_once() {
        let fleet = of("").unwrap();
        assert_eq!((fleet.url, fleet.at_once), (None, AtOnce::Hosts(1)));
        assert_eq!((fleet.look_back.as_secs(), fleet.timeout.as_secs()), (604_800, 30));
        assert_eq!(fleet.host_labels, ["instance"]);
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_place() {
        assert_eq!(
            of("at_once = \"half\"").unwrap_err(),
            "a.toml:2:11: fleet.at_once = \"half\": must be a number of hosts such as 1, or a \
             share of a group such as 10%"
        );
        for (text, why) in [
            ("url = \"mimir:9009\"", "must begin with http"),
            ("url = \"https://u:p@mimir\"", "no name and password"),
            ("url = \"https://mimir/?a=b\"", "without ? and #"),
            ("selector = '{a=\"b\"}'", "without braces"),
            ("look_back = \"1m\"", "from 5m to 366d"),
            ("timeout = \"0s\"", "from 1s to 10m"),
            ("stale_after = \"5s\"", "from 1m to"),
            ("certificate_file = \"/c\"", "set fleet.key_file"),
            ("key_file = \"/k\"", "set fleet.certificate_file"),
            ("password_file = \"/p\"", "set fleet.user"),
            ("user = \"a\"\nbearer_token_file = \"/t\"", "cannot both"),
            ("group_by = \"a rack\"", "name of a label"),
            ("host_labels = []", "one label or more"),
            ("each = \"1s\"", "at least 1m"),
            ("tenant = \"a b\"", "printable"),
            ("windows = [\"someday\"]", "fleet.windows"),
            ("token = \"abc\"", "unknown field"),
        ] {
            let error = of(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn the_command_line_wins() {
        let flags = FleetFlags {
            url: Some("https://mimir/prometheus/".to_owned()),
            windows: vec!["sunday 02:00 for 3h".to_owned()],
            limit_days: Some(14),
            ..FleetFlags::default()
        };
        let fleet = settings("[fleet]\nurl = \"http://a\"\ntenant = \"ops\"\n", flags).unwrap();
        assert_eq!(fleet.url.as_deref(), Some("https://mimir/prometheus"));
        assert_eq!((fleet.tenant.as_deref(), fleet.limit_days), (Some("ops"), 14));
        assert_eq!(fleet.windows.len(), 1);
        let flags = FleetFlags { at_once: Some("0".to_owned()), ..FleetFlags::default() };
        assert!(settings("", flags).unwrap_err().starts_with("flag --at-once: fleet.at_once"));
    }
}
