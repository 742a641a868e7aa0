//! `scrubjay ack` and `scrubjay unack`: somebody says that an alert is known, or takes that back.
//!
//! What is acknowledged is what this command sees itself, with its numbers, so that errors that
//! happen before the agent takes it in are not covered. Where an agent runs, it alone writes the
//! history: it is handed a file. Where none does, the history is written here.

use super::{dimms, import, past, print, reading, style};
use crate::cli::{AckArgs, AckCommand, GiveArgs, ReadArgs, UnackArgs};
use crate::config::Settings;
use crate::exit::Exit;
use crate::watermark;
use scrubjay_alerts::{CODES, book};
use scrubjay_collector::Collector;
use scrubjay_exporters::{json, text};
use scrubjay_model::{
    AckChange, AckRequest, AckedAlert, AlertBook, AlertKey, AlertState, Finding, HostView, Stamp,
    Verdict,
};
use scrubjay_storage::{AlertNews, History, StorageError, hand_over, waiting};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

pub(crate) fn run(settings: &Settings, args: &AckArgs) -> anyhow::Result<Exit> {
    match &args.command {
        Some(AckCommand::List(read)) => list(settings, read),
        None => acknowledge(settings, &args.give),
    }
}

/// What can be acknowledged: how bad it is, and how many errors there are.
type Open = BTreeMap<AlertKey, (Verdict, Option<u64>)>;

fn acknowledge(settings: &Settings, args: &GiveArgs) -> anyhow::Result<Exit> {
    // Required, unless it is a list that is asked for.
    let (Some(target), Some(reason), Some(until)) = (&args.target, &args.reason, &args.until)
    else {
        anyhow::bail!("name what to acknowledge, why and until when");
    };
    let view = reading::view(settings)?;
    let at = view.snapshot.at.clone();
    let until = past::until(until, at.wall_ms)?;
    anyhow::ensure!(!reason.trim().is_empty(), "--reason must say why it is known");
    let open = open(&view);
    let named = named(&view, &open, target)?;
    if named.is_empty() {
        writeln!(
            anstream::stderr(),
            "nothing that is found now, or fires, is called \"{}\": \"scrubjay status\" shows what is",
            target
        )?;
        return Ok(Exit::NoData);
    }
    let alerts: Vec<AckedAlert> = named
        .into_iter()
        .map(|(key, (verdict, count))| {
            let baseline = baseline(&args.baseline, &key, count)?;
            Ok(AckedAlert { key, verdict, count, baseline })
        })
        .collect::<anyhow::Result<_>>()?;
    let reason = reason.trim().to_owned();
    let what = AckChange::Give { reason, until, alerts };
    let request = request(args.by.as_deref(), &at, what);
    put_and_tell(settings, &request, &at, &args.read)
}

/// Findings of this moment, and alerts that are open though nothing is found.
fn open(view: &HostView) -> Open {
    let mut open = Open::new();
    for (key, alert) in &view.alerts.alerts {
        match alert.state {
            AlertState::Pending { .. } | AlertState::Firing(_) => {
                open.insert(key.clone(), (alert.seen.verdict, alert.seen.count));
            }
            AlertState::Inactive | AlertState::Resolved { .. } => {}
        }
    }
    let findings = view.assessment.findings.iter().chain(&view.assessment.coverage.findings);
    // The first of several is the worst.
    let mut seen = std::collections::BTreeSet::new();
    for Finding { code, subject, verdict, count, .. } in findings {
        let key = AlertKey::new(*code, subject.as_str());
        if *verdict > Verdict::Ok && seen.insert(key.clone()) {
            open.insert(key, (*verdict, *count));
        }
    }
    open
}

/// Those that are meant by a code, a code and a subject, or a stick of memory.
fn named<T: Clone>(
    view: &HostView,
    open: &BTreeMap<AlertKey, T>,
    target: &str,
) -> anyhow::Result<BTreeMap<AlertKey, T>> {
    let those = |is_meant: &dyn Fn(&AlertKey) -> bool| {
        let meant = open.iter().filter(|(key, _)| is_meant(key));
        meant.map(|(key, value)| (key.clone(), value.clone())).collect::<BTreeMap<_, _>>()
    };
    let (code, subject) = match target.split_once(':') {
        Some((code, subject)) => (code, Some(subject)),
        None => (target, None),
    };
    let is_code = CODES.contains(&code) || open.keys().any(|key| key.code == code);
    if is_code {
        return Ok(those(&|key| {
            key.code == code && subject.is_none_or(|subject| subject == key.subject)
        }));
    }
    let stick = dimms::called(view, target)?;
    Ok(those(&|key| stick.is_subject(&key.subject, view)))
}

fn baseline(asked: &str, key: &AlertKey, count: Option<u64>) -> anyhow::Result<Option<u64>> {
    if asked == "now" {
        return Ok(count);
    }
    let Ok(most) = asked.parse::<u64>() else {
        anyhow::bail!("--baseline \"{asked}\": give a number of errors, or \"now\"");
    };
    match count {
        Some(count) if most < count => anyhow::bail!(
            "--baseline {most}: {key} has {count} already, and would be raised again at once"
        ),
        Some(_) => Ok(Some(most)),
        None => anyhow::bail!("--baseline {most}: {key} is not about a number of errors"),
    }
}

/// Who asks, by his own word or as the user that he is, and which user that is.
pub(super) fn who(by: Option<&str>) -> (String, u32) {
    let variable = |name| std::env::var(name).ok().filter(|name: &String| !name.is_empty());
    let uid = rustix::process::getuid().as_raw();
    // Who became root to do this is the one who did it.
    let user =
        || variable("SUDO_USER").or_else(|| variable("LOGNAME")).or_else(|| variable("USER"));
    (by.map(str::to_owned).or_else(user).unwrap_or_else(|| format!("uid {uid}")), uid)
}

fn request(by: Option<&str>, at: &Stamp, what: AckChange) -> AckRequest {
    let (by, uid) = who(by);
    let since_boot = at.since_boot.map_or(0, |time| time.as_micros());
    AckRequest {
        id: format!("{}-{since_boot}-{}", at.wall_ms, std::process::id()),
        by,
        uid,
        made_wall_ms: at.wall_ms,
        what,
    }
}

/// Puts a request where it belongs, and says what became of it.
fn put_and_tell(
    settings: &Settings,
    request: &AckRequest,
    at: &Stamp,
    read: &ReadArgs,
) -> anyhow::Result<Exit> {
    let taken_in = put(settings, request, at)?;
    print(&if read.json {
        json::ack_request(request, taken_in)?
    } else {
        // A demo has its own time.
        let interval = watermark::made().is_none().then_some(settings.interval);
        text::ack_request(request, taken_in, interval, &style(true))
    })?;
    Ok(Exit::Ok)
}

/// Writes a request into the history, or hands it over to the agent that has it. Whether it holds
/// already.
fn put(settings: &Settings, request: &AckRequest, at: &Stamp) -> anyhow::Result<bool> {
    let host = reading::host(settings)?;
    let dir = import::directory(settings, &host)?;
    let mut history = match History::open_of(&dir, at, host.simulated().as_ref()) {
        Ok(history) => history,
        Err(StorageError::InUse { .. }) => {
            hand_over(&dir, request)?;
            return Ok(false);
        }
        Err(error) => return Err(error.into()),
    };
    // What an agent that ended did not take in comes first.
    let (mut requests, _) = history.ack_requests();
    requests.push(request.clone());
    let taken = book::take_requests(history.alert_book().clone(), &requests, at);
    let book::Evaluated { book, turns, notices: _, given, ended } = taken;
    let news = AlertNews { book, turns, given, ended, outgoing: Vec::new() };
    match history.keep_alerts(at, news).error {
        Some(error) => Err(error.into()),
        None => Ok(true),
    }
}

fn list(settings: &Settings, args: &ReadArgs) -> anyhow::Result<Exit> {
    let host = reading::host(settings)?;
    let Some(reader) = past::open(settings, &host)? else { return Ok(Exit::NoData) };
    let (book, ended) = (reader.alert_book()?, reader.ended_acks()?);
    let waiting = still_waiting(&import::directory(settings, &host)?, &book);
    print(&if args.json {
        json::acks(&book, &waiting, &ended)?
    } else {
        text::acks(&book, &waiting, &style(true))
    })?;
    Ok(Exit::Ok)
}

/// Requests that the agent has not taken in; it may be about to remove the file of one that it has.
fn still_waiting(dir: &Path, book: &AlertBook) -> Vec<AckRequest> {
    let requests = waiting::<AckRequest>(dir).into_iter().map(|waiting| waiting.request);
    requests.filter(|request| !book.acks.values().any(|ack| ack.request == request.id)).collect()
}

pub(crate) fn unack(settings: &Settings, args: &UnackArgs) -> anyhow::Result<Exit> {
    let host = reading::host(settings)?;
    let Some(reader) = past::open(settings, &host)? else { return Ok(Exit::NoData) };
    let given: BTreeMap<AlertKey, String> = {
        let acks = reader.alert_book()?.acks;
        acks.into_iter().map(|(key, ack)| (key, ack.request)).collect()
    };
    let view = reading::view(settings)?;
    let named = named(&view, &given, &args.target)?;
    if named.is_empty() {
        writeln!(
            anstream::stderr(),
            "nothing called \"{}\" is acknowledged: \"scrubjay ack list\" shows what is",
            args.target
        )?;
        return Ok(Exit::NoData);
    }
    let what = AckChange::Withdraw { acks: named.into_iter().collect() };
    let at = Collector::new(Arc::clone(&host), reading::options(settings)).stamp();
    let request = request(args.by.as_deref(), &at, what);
    put_and_tell(settings, &request, &at, &args.read)
}
