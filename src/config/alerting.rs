//! The sections `[alerts]` and `[notify]`: which findings are alerts and when they are told, and to
//! whom.

use super::error::{ConfigError, Origin};
use super::inputs::{Input, set};
use super::settings::{span, wrong};
use super::shown::Shown;
use scrubjay_alerts::book::{AlertOverride, AlertPolicy};
use scrubjay_model::Verdict;
use serde::Deserialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AlertsFragment {
    minimum: Option<Spanned<String>>,
    reminders: Option<Spanned<Vec<String>>>,
    #[serde(rename = "override", default)]
    overrides: Vec<Spanned<OverrideFragment>>,
}

/// What is different for some alerts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OverrideFragment {
    code: Option<String>,
    subject: Option<String>,
    silence: Option<bool>,
    minimum: Option<String>,
    #[serde(rename = "for")]
    wait: Option<String>,
    keep_firing_for: Option<String>,
    reminders: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NotifyFragment {
    journal: Option<Spanned<bool>>,
    minimum: Option<Spanned<String>>,
    instance: Option<Spanned<String>>,
    runbook_url: Option<Spanned<String>>,
    timeout: Option<Spanned<String>>,
    give_up_after: Option<Spanned<String>>,
    ca_file: Option<Spanned<String>>,
    alertmanager: Option<Spanned<Vec<String>>>,
    alertmanager_resend: Option<Spanned<String>>,
    alertmanager_authorization_file: Option<Spanned<String>>,
    webhook: Option<Spanned<Vec<String>>>,
    webhook_authorization_file: Option<Spanned<String>>,
}

/// Both sections, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AlertingInputs {
    alerts_minimum: Input<String>,
    reminders: Input<Vec<String>>,
    overrides: Vec<Input<OverrideFragment>>,
    journal: Input<bool>,
    minimum: Input<String>,
    instance: Input<String>,
    runbook_url: Input<String>,
    timeout: Input<String>,
    give_up_after: Input<String>,
    ca_file: Input<String>,
    alertmanager: Input<Vec<String>>,
    alertmanager_resend: Input<String>,
    alertmanager_authorization_file: Input<String>,
    webhook: Input<Vec<String>>,
    webhook_authorization_file: Input<String>,
}

/// Not knowing is an alert: it outranks being well.
const DEFAULT_ALERTS_MINIMUM: &str = "unknown";
const DEFAULT_REMINDERS: [&str; 3] = ["1d", "3d", "7d"];
/// A host of which something cannot be seen is no reason to page somebody.
const DEFAULT_MINIMUM: &str = "watch";
const DEFAULT_TIMEOUT: &str = "10s";
/// A weekend and the day after it.
const DEFAULT_GIVE_UP_AFTER: &str = "72h";
/// Alertmanager takes an alert for resolved when it was not sent for a few of these.
const DEFAULT_RESEND: &str = "1m";

/// Whom to tell, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotifySettings {
    /// Whether the log is told.
    pub(crate) journal: bool,
    /// What is less bad is told to the log alone.
    pub(crate) minimum: Verdict,
    /// What the host is called; `None` for its own name.
    pub(crate) instance: Option<String>,
    /// What codes are added to for a link; empty for none.
    pub(crate) runbook_url: String,
    /// How long a receiver may take.
    pub(crate) timeout: Duration,
    /// How long it is tried.
    pub(crate) give_up_after: Duration,
    /// Certificates of those who may vouch for receivers; `None` for those that browsers know.
    pub(crate) ca_file: Option<PathBuf>,
    /// All instances of Alertmanager.
    pub(crate) alertmanager: Vec<Address>,
    /// How often they are told again of what fires.
    pub(crate) resend: Duration,
    /// Holds what is sent as `Authorization` to them.
    pub(crate) alertmanager_authorization: Option<PathBuf>,
    /// Webhooks.
    pub(crate) webhook: Vec<Address>,
    /// Holds what is sent as `Authorization` to them.
    pub(crate) webhook_authorization: Option<PathBuf>,
}

/// Where a receiver is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// There.
    Url(String),
    /// The file says, as it is a secret.
    InFile(PathBuf),
}

impl NotifySettings {
    /// Files that are read when somebody is told: certificates and secrets.
    pub(crate) fn files(&self) -> Vec<&Path> {
        let addresses = self.alertmanager.iter().chain(&self.webhook);
        let secret = addresses.filter_map(|address| match address {
            Address::Url(_) => None,
            Address::InFile(file) => Some(file),
        });
        let others = [&self.ca_file, &self.alertmanager_authorization, &self.webhook_authorization];
        secret.chain(others.into_iter().flatten()).map(PathBuf::as_path).collect()
    }
}

impl AlertingInputs {
    pub(super) fn defaults() -> Self {
        let text = |value: &str| Input { value: value.to_owned(), origin: Origin::Default };
        let texts = |values: &[&str]| Input {
            value: values.iter().map(|value| (*value).to_owned()).collect(),
            origin: Origin::Default,
        };
        Self {
            alerts_minimum: text(DEFAULT_ALERTS_MINIMUM),
            reminders: texts(&DEFAULT_REMINDERS),
            overrides: Vec::new(),
            journal: Input { value: true, origin: Origin::Default },
            minimum: text(DEFAULT_MINIMUM),
            instance: text(""),
            runbook_url: text(""),
            timeout: text(DEFAULT_TIMEOUT),
            give_up_after: text(DEFAULT_GIVE_UP_AFTER),
            ca_file: text(""),
            alertmanager: texts(&[]),
            alertmanager_resend: text(DEFAULT_RESEND),
            alertmanager_authorization_file: text(""),
            webhook: texts(&[]),
            webhook_authorization_file: text(""),
        }
    }

    /// Takes in a file. Overrides of several files add up.
    pub(super) fn take(
        &mut self,
        alerts: &AlertsFragment,
        notify: &NotifyFragment,
        path: &Path,
        text: &str,
    ) {
        let AlertsFragment { minimum, reminders, overrides } = alerts;
        set(&mut self.alerts_minimum, minimum, path, text);
        set(&mut self.reminders, reminders, path, text);
        self.overrides.extend(overrides.iter().map(|spanned| Input {
            value: spanned.get_ref().clone(),
            origin: Origin::in_file(path, text, spanned.span().start),
        }));
        set(&mut self.journal, &notify.journal, path, text);
        set(&mut self.minimum, &notify.minimum, path, text);
        set(&mut self.instance, &notify.instance, path, text);
        set(&mut self.runbook_url, &notify.runbook_url, path, text);
        set(&mut self.timeout, &notify.timeout, path, text);
        set(&mut self.give_up_after, &notify.give_up_after, path, text);
        set(&mut self.ca_file, &notify.ca_file, path, text);
        set(&mut self.alertmanager, &notify.alertmanager, path, text);
        set(&mut self.alertmanager_resend, &notify.alertmanager_resend, path, text);
        let file = &mut self.alertmanager_authorization_file;
        set(file, &notify.alertmanager_authorization_file, path, text);
        set(&mut self.webhook, &notify.webhook, path, text);
        let file = &mut self.webhook_authorization_file;
        set(file, &notify.webhook_authorization_file, path, text);
    }

    /// What is asked of alerts.
    pub(super) fn policy(&self) -> Result<AlertPolicy, ConfigError> {
        Ok(AlertPolicy {
            minimum: verdict(&self.alerts_minimum, "alerts.minimum")?,
            reminders: spans(&self.reminders, "alerts.reminders")?,
            overrides: self.overrides.iter().map(an_override).collect::<Result<_, _>>()?,
        })
    }

    /// Whom to tell.
    pub(super) fn notify(&self) -> Result<NotifySettings, ConfigError> {
        let file = |input: &Input<String>| {
            Some(input.value.clone()).filter(|file| !file.is_empty()).map(PathBuf::from)
        };
        let timeout = span(&self.timeout, "notify.timeout")?;
        if !(Duration::from_millis(100)..=Duration::from_secs(60)).contains(&timeout) {
            return Err(wrong(&self.timeout, "notify.timeout", "must be from 100ms to 60s"));
        }
        let resend = span(&self.alertmanager_resend, "notify.alertmanager_resend")?;
        if !(Duration::from_secs(1)..=Duration::from_secs(600)).contains(&resend) {
            let why = "must be from 1s to 10m";
            return Err(wrong(&self.alertmanager_resend, "notify.alertmanager_resend", why));
        }
        Ok(NotifySettings {
            journal: self.journal.value,
            minimum: verdict(&self.minimum, "notify.minimum")?,
            instance: Some(self.instance.value.clone()).filter(|name| !name.is_empty()),
            runbook_url: self.runbook_url.value.clone(),
            timeout,
            give_up_after: span(&self.give_up_after, "notify.give_up_after")?,
            ca_file: file(&self.ca_file),
            alertmanager: addresses(&self.alertmanager, "notify.alertmanager")?,
            resend,
            alertmanager_authorization: file(&self.alertmanager_authorization_file),
            webhook: addresses(&self.webhook, "notify.webhook")?,
            webhook_authorization: file(&self.webhook_authorization_file),
        })
    }

    /// The sections as a configuration file.
    pub(super) fn write(&self, text: &mut String, with_origins: bool) {
        let mut section = |name: &str, values: &[(&str, String, &Origin)]| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name}");
            for (key, value, origin) in values {
                let _ = match with_origins {
                    true => writeln!(text, "{:<42} # {origin}", format!("{key} = {value}")),
                    false => writeln!(text, "{key} = {value}"),
                };
            }
        };
        fn line<'a, T: Shown>(key: &'a str, input: &'a Input<T>) -> (&'a str, String, &'a Origin) {
            (key, input.value.shown(), &input.origin)
        }
        section(
            "[alerts]",
            &[line("minimum", &self.alerts_minimum), line("reminders", &self.reminders)],
        );
        for Input { value, origin } in &self.overrides {
            let OverrideFragment {
                code,
                subject,
                silence,
                minimum,
                wait,
                keep_firing_for,
                reminders,
            } = value;
            let quoted = |text: &Option<String>| text.as_ref().map(Shown::shown);
            let values = [
                ("code", quoted(code)),
                ("subject", quoted(subject)),
                ("silence", silence.map(|silence| silence.to_string())),
                ("minimum", quoted(minimum)),
                ("for", quoted(wait)),
                ("keep_firing_for", quoted(keep_firing_for)),
                ("reminders", reminders.as_ref().map(Shown::shown)),
            ];
            let values: Vec<_> =
                values.into_iter().filter_map(|(key, value)| Some((key, value?, origin))).collect();
            section("[[alerts.override]]", &values);
        }
        section(
            "[notify]",
            &[
                line("journal", &self.journal),
                line("minimum", &self.minimum),
                line("instance", &self.instance),
                line("runbook_url", &self.runbook_url),
                line("timeout", &self.timeout),
                line("give_up_after", &self.give_up_after),
                line("ca_file", &self.ca_file),
                line("alertmanager", &self.alertmanager),
                line("alertmanager_resend", &self.alertmanager_resend),
                line("alertmanager_authorization_file", &self.alertmanager_authorization_file),
                line("webhook", &self.webhook),
                line("webhook_authorization_file", &self.webhook_authorization_file),
            ],
        );
    }
}

fn verdict(input: &Input<String>, key: &'static str) -> Result<Verdict, ConfigError> {
    let mut all = Verdict::ALL.into_iter();
    all.find(|verdict| verdict.as_str() == input.value).ok_or_else(|| {
        let words = Verdict::ALL.map(Verdict::as_str).join(", ");
        wrong(input, key, format!("must be one of {words}"))
    })
}

fn spans(input: &Input<Vec<String>>, key: &'static str) -> Result<Vec<Duration>, ConfigError> {
    let one = |text: &String| {
        let one = Input { value: text.clone(), origin: input.origin.clone() };
        // A day is 24 hours here.
        let hours = text.trim().strip_suffix('d').and_then(|days| days.trim().parse::<u32>().ok());
        let time = match hours {
            Some(days) => Duration::from_secs(86_400).saturating_mul(days),
            None => span(&one, key)?,
        };
        if time < Duration::from_secs(60) {
            return Err(wrong(&one, key, "must be at least 1m; an empty list is for never"));
        }
        Ok(time)
    };
    input.value.iter().map(one).collect()
}

fn an_override(input: &Input<OverrideFragment>) -> Result<AlertOverride, ConfigError> {
    let OverrideFragment { code, subject, silence, minimum, wait, keep_firing_for, reminders } =
        &input.value;
    let of = |value: &String| Input { value: value.clone(), origin: input.origin.clone() };
    if code.is_none() && subject.is_none() {
        let whole = Input { value: String::new(), origin: input.origin.clone() };
        let why = "must name a code or a subject, both of which may have * and ? in them";
        return Err(wrong(&whole, "alerts.override", why));
    }
    let time =
        |value: &Option<String>, key| value.as_ref().map(|value| span(&of(value), key)).transpose();
    let reminders = reminders.as_ref().map(|reminders| {
        let input = Input { value: reminders.clone(), origin: input.origin.clone() };
        spans(&input, "alerts.override.reminders")
    });
    let minimum = minimum.as_ref().map(|word| verdict(&of(word), "alerts.override.minimum"));
    Ok(AlertOverride {
        code: code.clone(),
        subject: subject.clone(),
        silence: *silence,
        minimum: minimum.transpose()?,
        wait: time(wait, "alerts.override.for")?,
        keep: time(keep_firing_for, "alerts.override.keep_firing_for")?,
        reminders: reminders.transpose()?,
    })
}

/// More would be another system's work.
const MOST_RECEIVERS: usize = 16;

fn addresses(input: &Input<Vec<String>>, key: &'static str) -> Result<Vec<Address>, ConfigError> {
    if input.value.len() > MOST_RECEIVERS {
        return Err(wrong(input, key, format!("must be at most {MOST_RECEIVERS}")));
    }
    let one = |text: &String| {
        let one = Input { value: text.clone(), origin: input.origin.clone() };
        if let Some(path) = text.strip_prefix("file:") {
            if !path.starts_with('/') {
                return Err(wrong(&one, key, "must name the file by its whole path"));
            }
            return Ok(Address::InFile(PathBuf::from(path)));
        }
        check_url(text).map_err(|why| wrong(&one, key, why))?;
        Ok(Address::Url(text.trim_end_matches('/').to_owned()))
    };
    input.value.iter().map(one).collect()
}

/// What is wrong with an address, if anything is.
pub(crate) fn check_url(text: &str) -> Result<(), &'static str> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let Some(rest) = rest else {
        return Err(
            "must begin with http:// or https://, or be file: and the path of a file with it",
        );
    };
    let host = rest.split('/').next().unwrap_or_default();
    if host.is_empty() || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("must name a host and hold no blank");
    }
    if host.contains('@') {
        return Err("must hold no name and password: put them into the authorization file");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::fragments::parse;
    use super::super::inputs::{Environment, Flags, Inputs};
    use super::super::settings::Settings;
    use super::*;
    use scrubjay_alerts::book::DEFAULT_REMINDERS;

    fn inputs(text: &str) -> Result<Inputs, String> {
        let file = parse(PathBuf::from("a.toml"), text.to_owned()).map_err(|e| e.to_string())?;
        Ok(Inputs::assemble(&[file], &Flags::default(), &Environment::default()))
    }

    fn settings(text: &str) -> Result<Settings, String> {
        Settings::validate(&inputs(text)?).map_err(|e| e.to_string())
    }

    fn error(text: &str) -> String {
        settings(text).unwrap_err()
    }

    #[test]
    fn by_default_the_log_is_told_and_nobody_else() {
        let settings = settings("").unwrap();
        assert_eq!(settings.alerts, AlertPolicy::default());
        assert_eq!(settings.alerts.reminders, DEFAULT_REMINDERS);
        let notify = settings.notify;
        assert!(notify.journal && notify.alertmanager.is_empty() && notify.webhook.is_empty());
        assert_eq!((notify.minimum, notify.timeout.as_secs()), (Verdict::Watch, 10));
        assert_eq!((notify.give_up_after.as_secs(), notify.resend.as_secs()), (259_200, 60));
    }

    const OVERRIDES: &str = "[alerts]\nminimum = \"plan\"\nreminders = [\"2h\", \"2d\"]\n\
        [[alerts.override]]\ncode = \"livepatch-*\"\nsilence = true\n\
        [[alerts.override]]\nsubject = \"mc0/*\"\nfor = \"0s\"\nkeep_firing_for = \"1h\"\n\
        minimum = \"act\"\nreminders = []\n";

    #[test]
    fn overrides_are_read_in_order_and_shown_as_they_are_read() {
        let settings = settings(OVERRIDES).unwrap();
        let policy = &settings.alerts;
        assert_eq!(policy.minimum, Verdict::Plan);
        let seconds: Vec<u64> = policy.reminders.iter().map(Duration::as_secs).collect();
        assert_eq!(seconds, [7_200, 172_800]);
        let [first, second] = policy.overrides.as_slice() else { panic!("{policy:?}") };
        assert_eq!((first.code.as_deref(), first.silence), (Some("livepatch-*"), Some(true)));
        assert_eq!(
            (second.wait, second.reminders.as_deref()),
            (Some(Duration::ZERO), Some(&[][..]))
        );
        // What is shown is read back the same, and is a part of the policy that is hashed.
        let again = self::settings(&inputs(OVERRIDES).unwrap().show()).unwrap();
        assert_eq!(&again.alerts, policy);
        let told = settings.policy_text();
        assert!(told.contains("[[alerts.override]]\nsubject = \"mc0/*\"\n"), "{told}");
        assert!(!told.contains("[notify]"), "{told}");
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_place() {
        assert_eq!(
            error("[alerts]\nminimum = \"bad\"\n"),
            "a.toml:2:11: alerts.minimum = \"bad\": must be one of ok, unknown, watch, plan, act"
        );
        assert!(error("[alerts]\nreminders = [\"5s\"]\n").contains("at least 1m"));
        assert!(error("[[alerts.override]]\nsilence = true\n").contains("a code or a subject"));
        assert!(error("[[alerts.override]]\ncode = \"a\"\nfore = \"1h\"\n").contains("fore"));
        assert!(error("[[alerts.override]]\ncode = \"a\"\nfor = \"x\"\n").contains("override.for"));
        for (url, why) in [
            ("am:9093", "must begin with http:// or https://"),
            ("http://", "must name a host"),
            ("http://u:p@am:9093", "authorization file"),
            ("file:etc/url", "whole path"),
        ] {
            let text = format!("[notify]\nalertmanager = [\"{url}\"]\n");
            assert!(error(&text).contains(why), "{}", error(&text));
        }
        assert!(error("[notify]\ntimeout = \"5m\"\n").contains("100ms to 60s"));
        assert!(error("[notify]\nalertmanager_resend = \"1h\"\n").contains("1s to 10m"));
    }

    #[test]
    fn addresses_may_be_secrets_and_are_kept_elsewhere_then() {
        let text = "[notify]\nwebhook = [\"https://chat/x/\", \"file:/etc/scrubjay/hook\"]\n";
        let webhook = settings(text).unwrap().notify.webhook;
        let expect = [
            Address::Url("https://chat/x".to_owned()),
            Address::InFile(PathBuf::from("/etc/scrubjay/hook")),
        ];
        assert_eq!(webhook, expect);
    }
}
