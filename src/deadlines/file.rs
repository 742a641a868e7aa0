//! Such a policy as a file.

use crate::policies::fault::{Fault, Source};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use scrubjay_model::{
    CountsFromWhen, CveClass, CveId, ExceptionScope, PatchDeadlines, PatchException,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    name: Spanned<String>,
    source: Spanned<String>,
    #[serde(default)]
    caveats: Vec<String>,
    ranking: Spanned<String>,
    #[serde(default = "release")]
    counts_from: Spanned<String>,
    #[serde(default = "yes")]
    live_patch_counts: bool,
    days: BTreeMap<Spanned<String>, Spanned<u32>>,
    #[serde(default)]
    exception: Vec<ExceptionFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExceptionFile {
    id: Spanned<String>,
    scope: Spanned<Vec<Spanned<String>>>,
    reason: Spanned<String>,
    #[serde(default)]
    compensating_control: String,
    approver: Spanned<String>,
    granted: Spanned<String>,
    expires: Spanned<String>,
}

fn release() -> Spanned<String> {
    Spanned::new(0..0, "release".to_owned())
}

fn yes() -> bool {
    true
}

/// More than this is no deadline.
const MOST_DAYS: u32 = 3_650;

/// Reads a policy; everything that is wrong with it, in the order of the file.
pub(super) fn parse(source: Source<'_>) -> Result<PatchDeadlines, Vec<Fault>> {
    let file: PolicyFile = match toml::from_str(source.text) {
        Ok(file) => file,
        Err(error) => return Err(vec![source.syntax(&error)]),
    };
    let mut reader = Reader { source, faults: Vec::new() };
    let PolicyFile {
        name,
        source: origin,
        caveats,
        ranking,
        counts_from,
        live_patch_counts,
        days,
        exception,
    } = file;
    for said in [&name, &origin, &ranking] {
        reader.said(said);
    }
    let counts_from = match counts_from.get_ref().as_str() {
        "release" => CountsFromWhen::Release,
        "installation" => CountsFromWhen::Installation,
        _ => {
            reader.fault(&counts_from, "must be \"release\" or \"installation\"");
            CountsFromWhen::Release
        }
    };
    let days = days.iter().filter_map(|(class, days)| reader.limit(class, days)).collect();
    let mut ids: Vec<&str> = Vec::new();
    for one in &exception {
        if ids.contains(&one.id.get_ref().as_str()) {
            reader.fault(&one.id, "an exception above has this id already");
        }
        ids.push(one.id.get_ref());
    }
    let exceptions: Vec<_> = exception.iter().map(|one| reader.exception(one)).collect();
    if !reader.faults.is_empty() {
        return Err(reader.faults);
    }
    Ok(PatchDeadlines {
        name: name.into_inner(),
        source: origin.into_inner(),
        caveats,
        ranking: ranking.into_inner(),
        counts_from,
        live_patch_counts,
        days,
        exceptions: exceptions.into_iter().flatten().collect(),
    })
}

struct Reader<'a> {
    source: Source<'a>,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn fault<T>(&mut self, at: &Spanned<T>, why: impl Into<String>) {
        self.faults.push(self.source.fault(at.span(), why));
    }

    fn said(&mut self, text: &Spanned<String>) {
        if text.get_ref().trim().is_empty() {
            self.fault(text, "must not be empty: whoever reads the report wants to know");
        }
    }

    fn class(&mut self, word: &Spanned<String>) -> Option<CveClass> {
        let found = CveClass::ALL.into_iter().find(|class| class.as_str() == word.get_ref());
        if found.is_none() {
            let words: Vec<&str> = CveClass::ALL.iter().map(|class| class.as_str()).collect();
            self.fault(word, format!("must be one of {}", words.join(", ")));
        }
        found
    }

    fn limit(&mut self, class: &Spanned<String>, days: &Spanned<u32>) -> Option<(CveClass, u32)> {
        if *days.get_ref() > MOST_DAYS {
            self.fault(days, format!("must be at most {MOST_DAYS}; without a limit leave it out"));
        }
        Some((self.class(class)?, *days.get_ref()))
    }

    /// A day of UTC, by its beginning.
    fn day(&mut self, text: &Spanned<String>) -> Option<i64> {
        let day: Result<Date, _> = text.get_ref().parse();
        let begin = day.and_then(|day| day.to_zoned(TimeZone::UTC)).map(|at| at.timestamp());
        match begin.map(Timestamp::as_millisecond) {
            Ok(wall_ms) => Some(wall_ms),
            Err(_) => {
                self.fault(text, "must be a day such as 2026-11-01");
                None
            }
        }
    }

    fn exception(&mut self, file: &ExceptionFile) -> Option<PatchException> {
        for said in [&file.id, &file.reason, &file.approver] {
            self.said(said);
        }
        let scope = self.scope(&file.scope);
        let (granted, expires) = (self.day(&file.granted), self.day(&file.expires));
        if let Some((granted, expires)) = granted.zip(expires)
            && expires <= granted
        {
            self.fault(&file.expires, "must be later than granted");
        }
        Some(PatchException {
            id: file.id.get_ref().clone(),
            scope: scope?,
            reason: file.reason.get_ref().clone(),
            compensating_control: file.compensating_control.clone(),
            approver: file.approver.get_ref().clone(),
            granted_wall_ms: granted?,
            expires_wall_ms: expires?,
        })
    }

    fn scope(&mut self, words: &Spanned<Vec<Spanned<String>>>) -> Option<ExceptionScope> {
        let all = words.get_ref();
        if all.is_empty() {
            self.fault(words, "must name vulnerabilities, classes of them, or [\"all\"]");
            return None;
        }
        if let [word] = all.as_slice()
            && word.get_ref() == "all"
        {
            return Some(ExceptionScope::All);
        }
        let cves: Vec<Option<CveId>> =
            all.iter().map(|word| CveId::parse(word.get_ref())).collect();
        if cves.iter().all(Option::is_some) {
            return Some(ExceptionScope::Cves(cves.into_iter().flatten().collect()));
        }
        if cves.iter().any(Option::is_some) {
            self.fault(words, "must name vulnerabilities or classes, not both");
            return None;
        }
        let classes = all.iter().map(|word| self.class(word)).collect::<Option<Vec<_>>>()?;
        Some(ExceptionScope::Classes(classes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn read(text: &str) -> Result<PatchDeadlines, String> {
        parse(Source { path: Path::new("p.toml"), text })
            .map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    const WHOLE: &str = r#"
name = "ours"
source = "policy 7 of the company"
ranking = "by the security team"
counts_from = "installation"
live_patch_counts = false
[days]
critical = 7
[[exception]]
id = "EX-1"
scope = ["CVE-2026-0001", "CVE-2026-0002"]
reason = "needs a window"
compensating_control = "no users"
approver = "c. boss"
granted = "2026-01-01"
expires = "2026-04-01"
[[exception]]
id = "EX-2"
scope = ["low", "medium"]
reason = "r"
approver = "c. boss"
granted = "2026-01-01"
expires = "2026-04-01"
"#;

    #[test]
    fn what_a_policy_says_is_read() {
        let policy = read(WHOLE).unwrap();
        assert_eq!(policy.days, [(CveClass::Critical, 7)].into());
        assert!(!policy.live_patch_counts);
        assert_eq!(policy.counts_from, CountsFromWhen::Installation);
        let [one, other] = policy.exceptions.as_slice() else { panic!("{policy:?}") };
        assert_eq!(
            (one.granted_wall_ms, one.expires_wall_ms),
            (1_767_225_600_000, 1_775_001_600_000)
        );
        assert!(matches!(&one.scope, ExceptionScope::Cves(cves) if cves.len() == 2));
        assert_eq!(other.scope, ExceptionScope::Classes(vec![CveClass::Low, CveClass::Medium]));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (from, to, place, why) in [
            ("critical = 7", "urgent = 7", "p.toml:8:1", "must be one of exploited, critical"),
            ("critical = 7", "critical = 4000", "p.toml:8:12", "at most 3650"),
            ("\"installation\"", "\"patch\"", "p.toml:5:15", "\"release\" or \"installation\""),
            ("EX-2", "EX-1", "p.toml:18:6", "has this id already"),
            ("\"c. boss\"", "\" \"", "p.toml:14:12", "must not be empty"),
            ("2026-04-01", "2025-04-01", "p.toml:16:11", "later than granted"),
            ("2026-04-01", "April", "p.toml:16:11", "a day such as"),
            ("[\"low\", \"medium\"]", "[\"low\", \"CVE-2026-0003\"]", "p.toml:19:9", "not both"),
            ("[\"low\", \"medium\"]", "[]", "p.toml:19:9", "must name"),
            ("ranking =", "rank =", "p.toml:4:1", "unknown field"),
        ] {
            let fault = read(&WHOLE.replacen(from, to, 1)).unwrap_err();
            assert!(fault.contains(place) && fault.contains(why), "{from} -> {to}: {fault}");
        }
    }
}
