//! One attempt to tell somebody something.

use super::backoff;
use super::receiver::{Receiver, Receivers, Ways};
use crate::clock;
use crate::config::{Address, Settings, check_url};
use anyhow::Context;
use scrubjay_exporters::push::{self, Lasting, ManagedAlert, Sender, Sent};
use scrubjay_model::{AlertNotice, Verdict};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// Alertmanager takes an alert for resolved when it was not sent for so many intervals.
const ENDS_AFTER_RESENDS: u32 = 4;

/// What sending needs.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(super) receivers: Receivers,
    pub(super) ways: Ways,
    pub(super) sender: Sender,
    pub(super) seed: u64,
}

/// Why a receiver was not told.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It may be told later.
    Later(String),
    /// It will never take this: what it says of it is final.
    Never(String),
}

impl Failure {
    pub(crate) fn why(&self) -> &str {
        match self {
            Self::Later(why) | Self::Never(why) => why,
        }
    }
}

impl Sending {
    /// For the host of that name.
    pub(crate) fn new(settings: &Settings, host_name: Option<&str>) -> Self {
        let instance = settings.notify.instance.as_deref().or(host_name).unwrap_or("unknown");
        Self {
            receivers: Receivers::of(&settings.notify),
            ways: Ways::of(settings),
            sender: Sender {
                instance: instance.to_owned(),
                runbook_url: settings.notify.runbook_url.clone(),
            },
            seed: backoff::seed(instance, clock::boottime().as_nanos()),
        }
    }

    /// How often what fires is told again.
    pub(super) fn resend(&self) -> Duration {
        self.ways.resend
    }

    /// Now, and until when what is sent now holds.
    fn sent(&self) -> Sent {
        let after = self.ways.resend.saturating_mul(ENDS_AFTER_RESENDS);
        let now_ms = clock::live()().realtime_ms;
        let after_ms = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        Sent { now_ms, ends_at_ms: now_ms.saturating_add(after_ms) }
    }

    /// Tells one receiver of notices, in order. Returns how many it took before it failed.
    pub(crate) fn tell(
        &self,
        receiver: &Receiver,
        notices: &[&AlertNotice],
    ) -> (usize, Option<Failure>) {
        match receiver {
            Receiver::Journal => {
                for notice in notices {
                    log(notice);
                }
                (notices.len(), None)
            }
            Receiver::Alertmanager(address) => {
                let sent = self.sent();
                let alerts: Vec<ManagedAlert> = notices
                    .iter()
                    .flat_map(|notice| push::managed(&self.sender, notice, sent))
                    .collect();
                match self.manage(address, &alerts) {
                    Ok(()) => (notices.len(), None),
                    Err(failure) => (0, Some(failure)),
                }
            }
            Receiver::Webhook(address) => {
                for (number, notice) in notices.iter().enumerate() {
                    let body = push::webhook_body(&self.sender, notice);
                    let id = push::notice_id(&self.sender, notice);
                    let sent = body
                        .map_err(|error| Failure::Never(error.to_string()))
                        .and_then(|body| self.hook(address, &id, &body));
                    if let Err(failure) = sent {
                        return (number, Some(failure));
                    }
                }
                (notices.len(), None)
            }
        }
    }

    /// Tells an instance of Alertmanager again of what fires.
    pub(super) fn tell_lasting(
        &self,
        address: &Address,
        lasting: &[Lasting],
    ) -> Result<(), Failure> {
        let sent = self.sent();
        let alerts: Vec<ManagedAlert> =
            lasting.iter().map(|one| push::lasting(&self.sender, one, sent)).collect();
        self.manage(address, &alerts)
    }

    fn manage(&self, address: &Address, alerts: &[ManagedAlert]) -> Result<(), Failure> {
        let body = push::managed_body(alerts).map_err(|error| Failure::Never(error.to_string()))?;
        let url = format!("{}/api/v2/alerts", self.url(address)?);
        self.post(&url, self.ways.alertmanager_authorization.as_deref(), None, &body)
    }

    fn hook(&self, address: &Address, id: &str, body: &str) -> Result<(), Failure> {
        let url = self.url(address)?;
        self.post(&url, self.ways.webhook_authorization.as_deref(), Some(id), body)
    }

    /// An address that is in a file is read each time: it may have been renewed.
    fn url(&self, address: &Address) -> Result<String, Failure> {
        match address {
            Address::Url(url) => Ok(url.clone()),
            Address::InFile(path) => {
                let url = secret(path).map_err(|e| Failure::Later(format!("{e:#}")))?;
                let why = |why| Failure::Later(format!("what {} holds {why}", path.display()));
                check_url(&url).map_err(why)?;
                Ok(url.trim_end_matches('/').to_owned())
            }
        }
    }

    fn agent(&self) -> anyhow::Result<Agent> {
        let mut tls = TlsConfig::builder();
        if let Some(path) = &self.ways.ca_file {
            tls = tls.root_certs(RootCerts::Specific(Arc::new(certificates(path)?)));
        }
        // A redirect would carry the authorization elsewhere.
        let config = Agent::config_builder()
            .timeout_global(Some(self.ways.timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("scrubjay/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls.build())
            .build();
        Ok(config.into())
    }

    fn post(
        &self,
        url: &str,
        authorization: Option<&Path>,
        id: Option<&str>,
        body: &str,
    ) -> Result<(), Failure> {
        let later = |error: anyhow::Error| Failure::Later(format!("{error:#}"));
        // Notices are rare: a connection that is kept would be dead when it is wanted.
        let agent = self.agent().map_err(later)?;
        let mut request = agent.post(url).header("Content-Type", "application/json");
        if let Some(path) = authorization {
            request = request.header("Authorization", secret(path).map_err(later)?);
        }
        if let Some(id) = id {
            // What a header cannot hold is in the body.
            let plain: String =
                id.chars().map(|c| if c.is_ascii_graphic() { c } else { '_' }).collect();
            request = request.header("Idempotency-Key", plain);
        }
        // What ureq says of a failure may quote the address, which may be a secret.
        let answer = request.send(body).map_err(|error| Failure::Later(error_in_words(&error)))?;
        let status = answer.status().as_u16();
        match status {
            200..=299 => Ok(()),
            // It was understood and is not wanted.
            400 | 413 | 422 => Err(Failure::Never(format!("it answered {status}"))),
            _ => Err(Failure::Later(format!("it answered {status}"))),
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what else may fail is up to ureq")]
fn error_in_words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "it did not answer in time".to_owned(),
        ureq::Error::HostNotFound => "its host is not known".to_owned(),
        ureq::Error::ConnectionFailed => "it cannot be reached".to_owned(),
        ureq::Error::Io(error) => format!("it cannot be reached: {error}"),
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => "its address is none".to_owned(),
        other => format!("it could not be told: {other}"),
    }
}

/// The first line of a file that holds a secret.
pub(crate) fn secret(path: &Path) -> anyhow::Result<String> {
    let text = small_file(path)?;
    let line = text.lines().next().unwrap_or_default().trim().to_owned();
    anyhow::ensure!(!line.is_empty(), "{} is empty", path.display());
    Ok(line)
}

pub(crate) fn certificates(path: &Path) -> anyhow::Result<Vec<Certificate<'static>>> {
    let text = small_file(path)?;
    let found: Vec<Certificate<'static>> = ureq::tls::parse_pem(text.as_bytes())
        .filter_map(|item| match item {
            Ok(ureq::tls::PemItem::Certificate(certificate)) => Some(certificate),
            Ok(_) | Err(_) => None,
        })
        .collect();
    anyhow::ensure!(!found.is_empty(), "{} holds no certificate", path.display());
    Ok(found)
}

#[expect(clippy::disallowed_methods, reason = "a file of the configuration is no kernel file")]
pub(crate) fn small_file(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// A notice in the log, as loud as it is bad.
fn log(notice: &AlertNotice) {
    let line = push::journal_line(notice);
    match (notice.kind, notice.verdict) {
        (scrubjay_model::AlertNoticeKind::Resolved | scrubjay_model::AlertNoticeKind::Test, _) => {
            tracing::info!("{line}");
        }
        (_, Verdict::Act) => tracing::error!("{line}"),
        (_, Verdict::Plan) => tracing::warn!("{line}"),
        (_, Verdict::Watch | Verdict::Unknown | Verdict::Ok) => tracing::info!("{line}"),
    }
}
