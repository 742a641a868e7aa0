//! The fleet as a Prometheus-compatible API knows it: one instant query for each family, all about
//! the same moment.

mod answer;
pub(crate) mod bundles;
mod client;
mod times;

pub(crate) use times::give_times;

use crate::config::FleetSettings;
use client::{Api, Refused};
use scrubjay_alerts::fleet::{Family, Gathering, Naming, Scope};
use scrubjay_model::Fleet;

/// Warnings of one answer that are passed on.
const MOST_WARNINGS: usize = 3;

/// Names of hosts in one query, in bytes: proxies take addresses of eight thousand, a query names
/// them twice, and letters of expressions need three times their room in an address.
const MOST_NAMES_BYTES: usize = 1_000;
/// Queries on hosts that do not report.
const MOST_SILENT_QUERIES: usize = 10;

/// What the fleet is like at a moment.
///
/// # Errors
/// If the API cannot be asked, or what nothing can be said without has no answer. What else has none
/// is told in [`Fleet::lacks`].
pub(crate) fn ask(settings: &FleetSettings, at_ms: i64) -> anyhow::Result<Fleet> {
    let api = Api::new(settings)?;
    let look_back_s = settings.look_back.as_secs();
    let scope =
        Scope { matchers: settings.selector.clone(), look_back_s, job: settings.job.clone() };
    let mut gathering = gathering(settings, at_ms);
    let mut text = Vec::new();
    for family in Family::ALL.into_iter().filter(|family| !family.is_of_silent_hosts()) {
        let query = family.query(&scope);
        tracing::debug!("asking for {query}");
        let taken = api
            .ask(&query, at_ms, &mut text)
            .and_then(|()| take(&text, family, &mut gathering).map_err(Refused));
        if let Err(Refused(why)) = taken {
            if family.is_needed() {
                let url = settings.url.as_deref().unwrap_or_default();
                anyhow::bail!("{url} does not tell {}: {why}", family.metric());
            }
            gathering.lack(format!("{} could not be asked for: {why}", family.metric()));
        }
    }
    ask_past(&api, &scope, at_ms, &mut gathering, &mut text);
    Ok(gathering.finish())
}

/// What is made of answers, as configured.
fn gathering(settings: &FleetSettings, at_ms: i64) -> Gathering {
    let naming = Naming {
        host_labels: settings.host_labels.clone(),
        replica_labels: settings.replica_labels.clone(),
        group_by: settings.group_by.clone(),
        hold_label: settings.hold_label.clone(),
        held: settings.hold.clone(),
        stale_after_ms: i64::try_from(settings.stale_after.as_millis()).unwrap_or(i64::MAX),
    };
    let look_back_ms = i64::try_from(settings.look_back.as_millis()).unwrap_or(i64::MAX);
    Gathering::new(naming, at_ms, look_back_ms)
}

/// What hosts that do not report said last. A look back over the verdicts of all hosts would cost the
/// server every sample of them, so that it is asked about those hosts alone; what cannot be told of
/// them changes nothing that is done.
fn ask_past(api: &Api, scope: &Scope, at_ms: i64, gathering: &mut Gathering, text: &mut Vec<u8>) {
    let families = Family::ALL.into_iter().filter(|family| family.is_of_silent_hosts());
    let parts = gathering.silent(MOST_NAMES_BYTES);
    if parts.len() > MOST_SILENT_QUERIES {
        gathering.note(
            "so many hosts do not report that not all were asked for what they said last"
                .to_owned(),
        );
    }
    for family in families {
        for part in parts.iter().take(MOST_SILENT_QUERIES) {
            let query = family.query(&scope.with(part));
            tracing::debug!("asking for {query}");
            let taken = api
                .ask(&query, at_ms, text)
                .and_then(|()| take(text, family, gathering).map_err(Refused));
            if let Err(Refused(why)) = taken {
                gathering.note(format!(
                    "what hosts that do not report said last could not be asked for: {why}"
                ));
                return;
            }
        }
    }
}

/// Takes in an answer. One that cannot be read to its end counts as none: it is looked at twice.
fn take(text: &[u8], family: Family, gathering: &mut Gathering) -> Result<(), String> {
    let answer = answer::read(text, &mut |_, _| ())?;
    if let Some(error) = answer.error {
        return Err(format!("it answered with an error: {error}"));
    }
    answer::read(text, &mut |labels, value| match value {
        Some(value) => gathering.take(family, labels, value),
        None => gathering.no_number(),
    })?;
    let metric = family.metric();
    let mut lack = |sentence| match family.is_of_silent_hosts() {
        true => gathering.note(sentence),
        false => gathering.lack(sentence),
    };
    for warning in answer.warnings.iter().take(MOST_WARNINGS) {
        lack(format!("{metric}: the API warns: {warning}"));
    }
    if answer.warnings.len() > MOST_WARNINGS {
        let more = answer.warnings.len() - MOST_WARNINGS;
        lack(format!("{metric}: the API warns of {more} things more"));
    }
    if answer.is_partial {
        lack(format!("{metric}: the API says that its answer is partial"));
    }
    Ok(())
}

/// A fleet of which the API has told nothing but these bytes, to each question.
#[cfg(feature = "fuzzing")]
pub(crate) fn fuzzed_answer(settings: &FleetSettings, bytes: &[u8]) -> Fleet {
    const AT_MS: i64 = 1_795_500_120_000;
    let mut gathering = gathering(settings, AT_MS);
    for family in Family::ALL {
        let _ = take(bytes, family, &mut gathering);
    }
    let _ = gathering.silent(MOST_NAMES_BYTES);
    gathering.finish()
}
