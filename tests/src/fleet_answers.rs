//! What an API would answer of a fleet of any size: the samples of hosts whose fate follows from
//! their number, so that what must come out is known.

use scrubjay_alerts::fleet::{Family, Scope};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The moment everything is about: 2026-11-24T06:02:00Z.
pub const AT_S: i64 = 1_795_500_120;

/// What is true of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// All is well.
    Well,
    /// A stick is to be swapped now.
    Swap,
    /// A reboot into a newer kernel is asked for, and a fix has been owed for 45 days.
    Reboot,
    /// Corrected errors are followed.
    Watched,
    /// Nobody sees its corrected errors.
    Blind,
    /// It stopped a day ago.
    Silent,
    /// Live patches alone protect it, for another 20 days.
    Patched,
}

/// The fate of a host by its number.
pub fn fate(number: u32) -> Fate {
    match number % 100 {
        0 => Fate::Swap,
        1..=4 => Fate::Reboot,
        5..=6 => Fate::Watched,
        7..=9 => Fate::Blind,
        10 => Fate::Silent,
        11..=30 => Fate::Patched,
        _ => Fate::Well,
    }
}

/// The name of a host.
pub fn name(number: u32) -> String {
    format!("n{number:05}:10072")
}

/// The group of a host: forty in each rack.
pub fn rack(number: u32) -> String {
    format!("r{:03}", number / 40)
}

/// A fleet of so many hosts.
#[derive(Debug, Clone, Copy)]
pub struct FleetAnswers {
    /// How many.
    pub hosts: u32,
}

impl FleetAnswers {
    /// The hosts of a fate.
    pub fn of(&self, wanted: Fate) -> Vec<u32> {
        (0..self.hosts).filter(|number| fate(*number) == wanted).collect()
    }

    /// The answer to a query; an error as Prometheus has it if it is none of ours.
    pub fn answer(&self, query: &str) -> String {
        let whole =
            Scope { matchers: String::new(), look_back_s: 604_800, job: "scrubjay".to_owned() };
        // Names of these hosts are expressions that match themselves.
        let named = query.split("instance=~\"").nth(1).and_then(|rest| rest.split('"').next());
        let scope = match named {
            Some(names) => whole.with(&format!("instance=~\"{names}\"")),
            None => whole,
        };
        let named: Option<BTreeSet<&str>> = named.map(|names| names.split('|').collect());
        let family = Family::ALL.into_iter().find(|family| family.query(&scope) == query);
        let Some(family) = family else {
            return r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#.to_owned();
        };
        let mut out =
            String::from(r#"{"status":"success","data":{"resultType":"vector","result":["#);
        let mut is_first = true;
        let is_asked = |number: &u32| {
            named.as_ref().is_none_or(|named| named.contains(name(*number).as_str()))
        };
        for number in (0..self.hosts).filter(is_asked) {
            for (labels, value) in samples(family, number) {
                if !is_first {
                    out.push(',');
                }
                is_first = false;
                write!(out, r#"{{"metric":{{"__name__":"{}","#, family.metric()).unwrap();
                write!(out, r#""instance":"{}","job":"scrubjay""#, name(number)).unwrap();
                write!(out, r#","rack":"{}"{labels}}},"#, rack(number)).unwrap();
                write!(out, r#""value":[{AT_S}.123,"{value}"]}}"#).unwrap();
            }
        }
        out.push_str("]}}");
        out
    }
}

/// Labels as JSON with a comma before each.
fn labels(pairs: &[(&str, &str)]) -> String {
    pairs.iter().fold(String::new(), |mut out, (key, value)| {
        write!(out, r#","{key}":"{value}""#).unwrap();
        out
    })
}

fn samples(family: Family, number: u32) -> Vec<(String, String)> {
    let fate = fate(number);
    let one = |pairs: &[(&str, &str)]| vec![(labels(pairs), "1".to_owned())];
    let value = |value: i64| vec![(String::new(), value.to_string())];
    let is_silent = fate == Fate::Silent;
    let finding = |code: &str, subject: &str, verdict: &str, action: &str| {
        one(&[("code", code), ("subject", subject), ("verdict", verdict), ("action", action)])
    };
    match family {
        Family::Seen => value(if is_silent { AT_S - 86_400 } else { AT_S - 30 }),
        Family::Up => value(i64::from(!is_silent)),
        Family::Interval if !is_silent => value(60),
        Family::LastVerdict if is_silent => one(&[("verdict", "watch")]),
        _ if is_silent => Vec::new(),
        Family::Verdict => one(&[(
            "verdict",
            match fate {
                Fate::Well => "ok",
                Fate::Swap => "act",
                Fate::Reboot => "plan",
                Fate::Watched | Fate::Patched => "watch",
                Fate::Blind | Fate::Silent => "unknown",
            },
        )]),
        Family::Finding => match fate {
            Fate::Swap => finding("dimm-fault", "P1-DIMMA1", "act", "swap DIMM"),
            Fate::Reboot => finding("kernel-behind", "host", "plan", "reboot into newer kernel"),
            Fate::Watched => finding("dimm-errors", "P1-DIMMB2", "watch", "observe"),
            Fate::Blind => finding("firmware-first", "host", "unknown", "fix visibility"),
            Fate::Patched => finding("live-patch-only", "host", "watch", "observe"),
            Fate::Well | Fate::Silent => Vec::new(),
        },
        Family::Coverage => {
            let state = if fate == Fate::Blind { "none" } else { "full" };
            let mut both = one(&[("class", "correctable"), ("state", state)]);
            both.extend(one(&[("class", "uncorrectable"), ("state", "full")]));
            both
        }
        Family::Gap if fate == Fate::Blind => {
            one(&[("class", "correctable"), ("code", "firmware-first"), ("subject", "host")])
        }
        Family::Reboot => one(&[("answer", if fate == Fate::Reboot { "yes" } else { "no" })]),
        Family::RebootReason if fate == Fate::Reboot => {
            one(&[("code", "kernel-behind"), ("subject", "host"), ("severity", "plan")])
        }
        Family::RebootSince if fate == Fate::Reboot => value(AT_S - 86_400 * 9),
        Family::BootTime => value(AT_S - 86_400 * 400 - i64::from(number)),
        Family::Stick if fate == Fate::Swap => {
            let module = format!("m{number}");
            one(&[("module", &module), ("slot", "P1-DIMMA1"), ("verdict", "act")])
        }
        Family::Risk if fate == Fate::Swap => {
            let module = format!("m{number}");
            let pairs = labels(&[("module", &module), ("slot", "P1-DIMMA1")]);
            vec![(pairs, "0.31".to_owned())]
        }
        Family::Trend if matches!(fate, Fate::Swap | Fate::Watched) => {
            let module = format!("m{number}");
            let slot = if fate == Fate::Swap { "P1-DIMMA1" } else { "P1-DIMMB2" };
            let p = if fate == Fate::Swap { "0.0000004" } else { "0.3" };
            vec![(labels(&[("module", &module), ("slot", slot)]), p.to_owned())]
        }
        Family::Cves => {
            let count = |state| match (state, fate) {
                ("debt", Fate::Reboot) => "12",
                ("mitigated", Fate::Patched) => "5",
                _ => "0",
            };
            ["debt", "mitigated", "in_flight"]
                .map(|state| (labels(&[("state", state)]), count(state).to_owned()))
                .to_vec()
        }
        Family::Exposure => {
            let exposed = if fate == Fate::Reboot { 86_400 * 45 } else { 0 };
            vec![(labels(&[("clock", "release")]), exposed.to_string())]
        }
        Family::SupportEnd if fate == Fate::Patched => {
            let pairs = labels(&[("system", "canonical"), ("basis", "usual")]);
            vec![(pairs, (AT_S + 86_400 * 20).to_string())]
        }
        Family::Interval
        | Family::LastVerdict
        | Family::Gap
        | Family::RebootReason
        | Family::RebootSince
        | Family::Stick
        | Family::Risk
        | Family::Trend
        | Family::Ack
        | Family::SupportEnd => Vec::new(),
    }
}
