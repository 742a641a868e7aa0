//! Tests of policies as a file: short lines of what happened, and of what is expected.

use super::fault::{Fault, Source};
use scrubjay_alerts::memory::{Cell, CountsFrom, Hit, Observation, Parity, Seconds};
use scrubjay_alerts::replay::{Case, CaseDimm, Expectation, Expected};
use serde::Deserialize;
use std::ops::Range;
use toml::Spanned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CasesFile {
    policy: Spanned<String>,
    #[serde(default)]
    test: Vec<CaseFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    name: Spanned<String>,
    counts: Option<Spanned<String>>,
    ratio: Option<Spanned<f64>>,
    record: Spanned<String>,
    expect: Spanned<String>,
}

/// Tests, and the policy they are of.
#[derive(Debug)]
pub(crate) struct Cases {
    /// A preset, or a path relative to the file.
    pub(crate) policy: String,
    /// Where the file names it.
    pub(crate) policy_span: Range<usize>,
    pub(crate) tests: Vec<Test>,
}

/// A test with where its expectations stand in the file.
#[derive(Debug)]
pub(crate) struct Test {
    pub(crate) case: Case,
    pub(crate) expected: Vec<Range<usize>>,
}

/// Reads tests; everything that is wrong with the file.
pub(crate) fn parse(source: Source<'_>) -> Result<Cases, Vec<Fault>> {
    let file: CasesFile = match toml::from_str(source.text) {
        Ok(file) => file,
        Err(error) => return Err(vec![source.syntax(&error)]),
    };
    let mut faults = Vec::new();
    if file.test.is_empty() {
        faults.push(source.fault(file.policy.span(), "there are no tests: add [[test]]"));
    }
    let mut tests = Vec::new();
    for case in file.test {
        match one(source, case) {
            Ok(test) => tests.push(test),
            Err(wrong) => faults.extend(wrong),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let policy_span = file.policy.span();
    Ok(Cases { policy: file.policy.into_inner(), policy_span, tests })
}

fn one(source: Source<'_>, file: CaseFile) -> Result<Test, Vec<Fault>> {
    let mut faults = Vec::new();
    let counts = match file.counts.as_ref().map(|counts| (counts, counts.get_ref().as_str())) {
        None | Some((_, "reports")) => CountsFrom::Reports,
        Some((_, "counters")) => CountsFrom::Counters,
        Some((counts, _)) => {
            faults.push(source.fault(counts.span(), "must be reports or counters"));
            CountsFrom::Reports
        }
    };
    let ratio = file.ratio.as_ref().map(|ratio| *ratio.get_ref());
    if let Some(ratio) =
        file.ratio.as_ref().filter(|ratio| ratio.get_ref().is_nan() || *ratio.get_ref() <= 0.0)
    {
        faults.push(source.fault(ratio.span(), "must be more than 0"));
    }
    let mut dimms: Vec<CaseDimm> = Vec::new();
    for (span, line) in lines(source, &file.record) {
        match step(line) {
            Ok((dimm, observations)) => {
                while dimms.len() <= dimm {
                    dimms.push(CaseDimm { counts, observations: Vec::new() });
                }
                if let Some(of_dimm) = dimms.get_mut(dimm) {
                    of_dimm.observations.extend(observations);
                }
            }
            Err(why) => faults.push(source.fault(span, why)),
        }
    }
    let mut expected = Vec::new();
    for (span, line) in lines(source, &file.expect) {
        match expectation(line) {
            Ok(expectation) => expected.push((expectation, span)),
            Err(why) => faults.push(source.fault(span, why)),
        }
    }
    if expected.is_empty() && faults.is_empty() {
        faults.push(source.fault(file.expect.span(), "nothing is expected: this cannot fail"));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    expected.sort_by_key(|(expected, _)| expected.at);
    let (expected, spans): (Vec<Expected>, Vec<Range<usize>>) = expected.into_iter().unzip();
    let case = Case { name: file.name.into_inner(), ratio, dimms, expected };
    Ok(Test { case, expected: spans })
}

/// The lines of a text, each with where it stands in the file. A text that is not written as it is
/// (with escapes) is found as a whole.
fn lines<'t>(source: Source<'_>, text: &'t Spanned<String>) -> Vec<(Range<usize>, &'t str)> {
    let span = text.span();
    let raw = source.text.get(span.clone()).unwrap_or_default();
    let begin = raw.find(text.get_ref().as_str()).map(|offset| span.start + offset);
    let mut found = Vec::new();
    let mut offset = 0;
    for line in text.get_ref().split('\n') {
        let bare = line.split('#').next().unwrap_or_default();
        let lead = bare.len() - bare.trim_start().len();
        let bare = bare.trim();
        if !bare.is_empty() {
            let place = match begin {
                Some(begin) => {
                    let start = begin + offset + lead;
                    start..start + bare.len()
                }
                None => span.clone(),
            };
            found.push((place, bare));
        }
        offset += line.len() + 1;
    }
    found
}

/// A moment, as `HH:MM`, `HH:MM:SS`, `Nd` or `Nd HH:MM`, and what comes after.
fn moment(line: &str) -> Result<(Seconds, &str), String> {
    let why = "must begin with a time such as 3d 06:30 or 06:30:15";
    let (first, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let (days, clock, rest) = match first.strip_suffix('d') {
        Some(days) => {
            let days: Seconds = days.parse().map_err(|_| why.to_owned())?;
            let (next, after) =
                rest.trim().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
            match time_of_day(next) {
                Some(clock) => (days, clock, after),
                None => (days, 0, rest.trim()),
            }
        }
        None => (0, time_of_day(first).ok_or(why)?, rest),
    };
    if !(0..=MOST_DAYS).contains(&days) {
        return Err("must be within a hundred years".to_owned());
    }
    Ok((days * 86_400 + clock, rest.trim()))
}

fn time_of_day(text: &str) -> Option<Seconds> {
    let mut parts = text.split(':').map(|part| part.parse::<Seconds>().ok());
    let (hours, minutes) = (parts.next()??, parts.next()??);
    let seconds = parts.next().map_or(Some(0), |seconds| seconds)?;
    let valid =
        (0..24).contains(&hours) && (0..60).contains(&minutes) && (0..60).contains(&seconds);
    // What is no time of day may be too large to be reckoned with.
    (valid && parts.next().is_none()).then(|| hours * 3_600 + minutes * 60 + seconds)
}

fn seconds(text: &str) -> Option<Seconds> {
    super::seconds(text).filter(|span| *span > 0)
}

/// What a line of a record says: of which DIMM, and what happened.
fn step(line: &str) -> Result<(usize, Vec<Observation>), String> {
    let (at, rest) = moment(line)?;
    let mut words = rest.split_whitespace();
    let kind = words.next().ok_or("must go on with ce, counted, ue, boot, offline or replaced")?;
    let mut given = Given { dimm: 0, errors: 1, times: 1, ..Given::default() };
    let words: Vec<&str> = words.collect();
    for word in &words {
        given.take(word)?;
    }
    let (place, _) = Cell::of_words(&rest.replace("bg=", "bank_group="), "");
    let hit = |at| Hit {
        at,
        errors: given.errors,
        cell: place,
        page: given.page,
        parity: given.parity,
        by_scrub: given.scrub.then_some(true),
    };
    let make = |at: Seconds| -> Result<Observation, String> {
        Ok(match kind {
            "ce" => Observation::Reported(hit(at)),
            "counted" => Observation::Counted {
                from: at.saturating_sub(given.over.unwrap_or(POLL)),
                until: at,
                watched: u32::try_from(given.over.unwrap_or(POLL)).unwrap_or(u32::MAX),
                errors: u64::from(given.errors),
                at_least: given.at_least,
            },
            "ue" => Observation::Uncorrected { at, cell: place, page: given.page },
            "boot" => Observation::Booted { at },
            "replaced" => Observation::Replaced { at },
            "offline" => {
                Observation::Offlined { at, page: given.page.ok_or("offline needs page=")? }
            }
            other => {
                return Err(format!(
                    "{other} must be one of ce, counted, ue, boot, offline, replaced"
                ));
            }
        })
    };
    if given.times > 1 && given.every.is_none() {
        return Err("times= needs every=, such as every=1h".to_owned());
    }
    let every = given.every.unwrap_or(0);
    let last = Seconds::from(given.times.saturating_sub(1)).checked_mul(every);
    if last.is_none_or(|last| last > MOST_DAYS * 86_400) {
        return Err("times= and every= must be within a hundred years".to_owned());
    }
    let moments = (0..given.times).map(|index| at + Seconds::from(index) * every);
    Ok((given.dimm, moments.map(make).collect::<Result<_, _>>()?))
}

/// How long a counter is watched between two looks unless it is said: the agent's default.
const POLL: Seconds = 60;

#[derive(Debug, Default)]
struct Given {
    dimm: usize,
    errors: u32,
    times: u32,
    every: Option<Seconds>,
    over: Option<Seconds>,
    page: Option<u64>,
    parity: Option<Parity>,
    scrub: bool,
    at_least: bool,
}

impl Given {
    fn take(&mut self, word: &str) -> Result<(), String> {
        let wrong = || format!("{word}: not understood");
        let Some((name, value)) = word.split_once('=') else {
            match word {
                "scrub" => self.scrub = true,
                "at-least" => self.at_least = true,
                _ => return Err(wrong()),
            }
            return Ok(());
        };
        let number = || match value.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => value.parse().ok(),
        };
        let small = || number().and_then(|number| u32::try_from(number).ok());
        match name {
            "dimm" => {
                let dimm = number().and_then(|dimm| usize::try_from(dimm).ok());
                self.dimm = dimm.filter(|dimm| *dimm < MOST_DIMMS).ok_or_else(wrong)?;
            }
            "errors" => self.errors = small().filter(|errors| *errors > 0).ok_or_else(wrong)?,
            "times" => {
                let fits = |times: &u32| (1..=MOST_TIMES).contains(times);
                self.times = small().filter(fits).ok_or_else(wrong)?;
            }
            "every" => self.every = Some(seconds(value).ok_or_else(wrong)?),
            "over" => self.over = Some(seconds(value).ok_or_else(wrong)?),
            "page" => self.page = Some(number().ok_or_else(wrong)?),
            "parity" => self.parity = Some(Parity(small().ok_or_else(wrong)?)),
            "rank" | "device" | "bank" | "bg" | "row" | "col" => {
                number().ok_or_else(wrong)?;
            }
            _ => return Err(wrong()),
        }
        Ok(())
    }
}

/// A hundred years.
const MOST_DAYS: Seconds = 36_500;
const MOST_DIMMS: usize = 4_096;
const MOST_TIMES: u32 = 100_000;

fn expectation(line: &str) -> Result<Expected, String> {
    let (at, rest) = moment(line)?;
    let mut words = rest.split_whitespace().peekable();
    let what = words.next().ok_or("must go on with alarm, quiet, unknown or offline")?;
    let (mut dimm, mut code) = (0, None);
    for word in words {
        match word.strip_prefix("dimm=") {
            Some(number) => dimm = number.parse().map_err(|_| format!("{word}: not understood"))?,
            None if what == "alarm" && code.is_none() => code = Some(word.to_owned()),
            None => return Err(format!("{word}: not understood")),
        }
    }
    let what = match what {
        "alarm" => Expectation::Alarm(code),
        "quiet" => Expectation::Quiet,
        "unknown" => Expectation::Unknown,
        "offline" => Expectation::Offline,
        other => return Err(format!("{other} must be one of alarm, quiet, unknown, offline")),
    };
    Ok(Expected { at, dimm, what })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn moments_have_days_and_a_time_of_day() {
        assert_eq!(moment("3d 06:30 ce"), Ok((3 * 86_400 + 6 * 3_600 + 1_800, "ce")));
        assert_eq!(moment("06:30:15 ue page=1"), Ok((6 * 3_600 + 1_815, "ue page=1")));
        assert_eq!(moment("2d boot"), Ok((2 * 86_400, "boot")));
        assert!(moment("25:00 ce").is_err());
        assert!(moment("ce").is_err());
        assert!(moment("-1d ce").is_err());
        assert!(moment("9000000000000000:00 ce").is_err());
    }

    #[test]
    fn a_line_stands_for_a_hundred_years_at_most() {
        let years = |every: &str| step(&format!("00:00 ce times=100000 every={every}"));
        assert_eq!(years("8h").unwrap().1.len(), 100_000);
        for every in ["9h", "1000000h", "200000000y"] {
            let why = years(every).unwrap_err();
            assert!(why.contains("times=") || why.contains("every="), "{why}");
        }
    }

    #[test]
    fn a_line_may_stand_for_many() {
        let (dimm, steps) = step("0d 01:00 ce dimm=2 times=3 every=1h page=0x10 row=7").unwrap();
        let at: Vec<Seconds> = steps.iter().map(Observation::at).collect();
        assert_eq!((dimm, at), (2, vec![3_600, 7_200, 10_800]));
        let Observation::Reported(hit) = steps[0] else { panic!("{steps:?}") };
        assert_eq!((hit.page, hit.cell.row, hit.cell.bank), (Some(16), Some(7), None));
        assert!(step("0d 01:00 ce times=3").is_err());
        assert!(step("0d 01:00 ce rows=3").is_err());
        assert!(step("0d 01:00 bang").is_err());
        assert!(step("0d 01:00 offline").is_err());
    }

    #[test]
    fn faults_in_lines_are_marked_where_they_stand() {
        let text = "policy = \"mcelog\"\n[[test]]\nname = \"t\"\nrecord = '''\n00:00 ce\n  00:01 be # x\n'''\nexpect = '''\n00:00 loud\n'''\n";
        let source = Source { path: Path::new("t.toml"), text };
        let faults: Vec<String> =
            parse(source).unwrap_err().iter().map(ToString::to_string).collect();
        assert!(faults[0].starts_with("t.toml:6:3: be must be one of ce"), "{}", faults[0]);
        assert!(faults[0].ends_with("  |   ^^^^^^^^"), "{}", faults[0]);
        assert!(faults[1].starts_with("t.toml:9:1: loud must be one of"), "{}", faults[1]);
        let empty = Source { path: Path::new("t.toml"), text: "policy = \"mcelog\"\n" };
        assert!(parse(empty).unwrap_err()[0].to_string().contains("no tests"));
    }
}
