//! The fleet as a Prometheus-compatible API knows it: one instant query for each family, all about
//! the same moment.

mod answer;
mod client;
mod times;

pub(crate) use times::give_times;

use crate::config::FleetSettings;
use client::{Api, Refused};
use scrubjay_alerts::fleet::{Family, Gathering, Naming, Scope};
use scrubjay_model::Fleet;

/// Warnings of one answer that are passed on.
const MOST_WARNINGS: usize = 3;

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
    let naming = Naming {
        host_labels: settings.host_labels.clone(),
        replica_labels: settings.replica_labels.clone(),
        group_by: settings.group_by.clone(),
        hold_label: settings.hold_label.clone(),
        held: settings.hold.clone(),
        stale_after_ms: i64::try_from(settings.stale_after.as_millis()).unwrap_or(i64::MAX),
    };
    let look_back_ms = i64::try_from(settings.look_back.as_millis()).unwrap_or(i64::MAX);
    let mut gathering = Gathering::new(naming, at_ms, look_back_ms);
    let mut text = Vec::new();
    for family in Family::ALL {
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
    Ok(gathering.finish())
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
    for warning in answer.warnings.iter().take(MOST_WARNINGS) {
        gathering.lack(format!("{metric}: the API warns: {warning}"));
    }
    if answer.warnings.len() > MOST_WARNINGS {
        let more = answer.warnings.len() - MOST_WARNINGS;
        gathering.lack(format!("{metric}: the API warns of {more} things more"));
    }
    if answer.is_partial {
        gathering.lack(format!("{metric}: the API says that its answer is partial"));
    }
    Ok(())
}
