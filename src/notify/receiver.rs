//! Who is to be told, under the names that the outbox, the metrics and the log give them. A name has
//! no more of an address than the host: what follows may be a secret.

use crate::config::{Address, NotifySettings, Settings};
use scrubjay_model::{AlertNotice, Verdict};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Receiver {
    /// The log, and so the journal.
    Journal,
    /// An instance of Alertmanager.
    Alertmanager(Address),
    /// An address that every notice is posted to.
    Webhook(Address),
}

/// All of them, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receivers {
    pub(crate) by_name: BTreeMap<String, Receiver>,
    minimum: Verdict,
}

impl Receivers {
    pub(crate) fn of(settings: &NotifySettings) -> Self {
        let mut by_name = BTreeMap::new();
        if settings.journal {
            by_name.insert("journal".to_owned(), Receiver::Journal);
        }
        let managers = settings.alertmanager.iter().cloned().map(Receiver::Alertmanager);
        let hooks = settings.webhook.iter().cloned().map(Receiver::Webhook);
        for receiver in managers.chain(hooks) {
            let name = receiver.name();
            // Two paths of one host are two receivers.
            let numbered = (2_u32..).map(|n| format!("{name}#{n}"));
            let mut names = std::iter::once(name.clone()).chain(numbered);
            let free = names.find(|name| !by_name.contains_key(name)).unwrap_or(name);
            by_name.insert(free, receiver);
        }
        Self { by_name, minimum: settings.minimum }
    }

    /// Those that are told of something, by name. Of what was told to be bad enough once the end is
    /// told too.
    pub(crate) fn of_notice<'r>(&'r self, notice: &AlertNotice) -> impl Iterator<Item = &'r str> {
        let worst = notice.before.map_or(notice.verdict, |before| before.max(notice.verdict));
        self.by_name
            .iter()
            .filter(move |(_, receiver)| match receiver {
                Receiver::Journal => true,
                Receiver::Alertmanager(_) | Receiver::Webhook(_) => worst >= self.minimum,
            })
            .map(|(name, _)| name.as_str())
    }

    /// Whether an alert that is so bad is told to anybody but the log.
    pub(crate) fn wants(&self, verdict: Verdict) -> bool {
        verdict >= self.minimum
    }

    /// The names of all instances of Alertmanager and of all webhooks are wanted for `--to`.
    pub(crate) fn called(&self, to: &str) -> Self {
        let kind = |receiver: &Receiver| match receiver {
            Receiver::Journal => "journal",
            Receiver::Alertmanager(_) => "alertmanager",
            Receiver::Webhook(_) => "webhook",
        };
        let is_called = |name: &str, receiver: &Receiver| name == to || kind(receiver) == to;
        let by_name = self.by_name.iter().filter(|(name, receiver)| is_called(name, receiver));
        Self {
            by_name: by_name.map(|(name, one)| (name.clone(), one.clone())).collect(),
            minimum: self.minimum,
        }
    }
}

impl Receiver {
    fn name(&self) -> String {
        let at = |address: &Address| match address {
            Address::Url(url) => {
                let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
                rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned()
            }
            Address::InFile(path) => path.display().to_string(),
        };
        match self {
            Self::Journal => "journal".to_owned(),
            Self::Alertmanager(address) => format!("alertmanager:{}", at(address)),
            Self::Webhook(address) => format!("webhook:{}", at(address)),
        }
    }
}

/// What sending needs of the settings.
#[derive(Debug, Clone)]
pub(super) struct Ways {
    pub(super) timeout: std::time::Duration,
    pub(super) resend: std::time::Duration,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) alertmanager_authorization: Option<PathBuf>,
    pub(super) webhook_authorization: Option<PathBuf>,
}

impl Ways {
    pub(super) fn of(settings: &Settings) -> Self {
        let notify = &settings.notify;
        Self {
            timeout: notify.timeout,
            resend: notify.resend,
            ca_file: notify.ca_file.clone(),
            alertmanager_authorization: notify.alertmanager_authorization.clone(),
            webhook_authorization: notify.webhook_authorization.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scrubjay_model::{Action, AlertKey, AlertNoticeKind, RebootHelps, Sight};
    use std::time::Duration;

    impl Receivers {
        /// For what is told to nobody.
        pub(crate) fn none() -> Self {
            Self { by_name: BTreeMap::new(), minimum: Verdict::Ok }
        }

        /// For what is told to the log alone.
        pub(crate) fn journal() -> Self {
            let journal = ("journal".to_owned(), Receiver::Journal);
            Self { by_name: [journal].into(), minimum: Verdict::Ok }
        }
    }

    fn settings() -> NotifySettings {
        let url = |text: &str| Address::Url(text.to_owned());
        NotifySettings {
            journal: true,
            minimum: Verdict::Plan,
            instance: None,
            runbook_url: String::new(),
            timeout: Duration::from_secs(1),
            give_up_after: Duration::from_secs(1),
            ca_file: None,
            alertmanager: vec![url("http://am1:9093"), url("http://am2:9093/prefix")],
            resend: Duration::from_secs(60),
            alertmanager_authorization: None,
            webhook: vec![
                url("https://chat.example/T0/secret"),
                url("https://chat.example/T1/secret"),
                Address::InFile(PathBuf::from("/etc/scrubjay/hook")),
            ],
            webhook_authorization: None,
        }
    }

    #[test]
    fn a_name_has_no_secret_of_an_address_and_is_one_of_its_own() {
        let receivers = Receivers::of(&settings());
        let names: Vec<&str> = receivers.by_name.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "alertmanager:am1:9093",
                "alertmanager:am2:9093",
                "journal",
                "webhook:/etc/scrubjay/hook",
                "webhook:chat.example",
                "webhook:chat.example#2",
            ]
        );
        assert_eq!(receivers.called("webhook").by_name.len(), 3);
        assert_eq!(receivers.called("webhook:chat.example").by_name.len(), 1);
        assert_eq!(receivers.called("pager").by_name.len(), 0);
    }

    #[test]
    fn what_is_less_bad_is_told_to_the_log_alone() {
        let receivers = Receivers::of(&settings());
        let told = |verdict, before| {
            let notice = AlertNotice {
                kind: AlertNoticeKind::Firing,
                key: AlertKey::new("a", "b"),
                verdict,
                before,
                at_wall_ms: 0,
                since_wall_ms: 0,
                seen: Sight {
                    verdict,
                    because: String::new(),
                    action: Action::Observe,
                    remedy: String::new(),
                    reboot_helps: RebootHelps::No,
                    origin: None,
                    count: None,
                },
                why: None,
            };
            receivers.of_notice(&notice).count()
        };
        assert_eq!((told(Verdict::Watch, None), told(Verdict::Plan, None)), (1, 6));
        assert_eq!(told(Verdict::Watch, Some(Verdict::Act)), 6);
    }
}
