//! A policy as a file.

use super::fault::{Fault, Source};
use super::seconds;
use scrubjay_alerts::replay::{Counting, Per, Policy, PolicyRule, Rules, Then, When, Worth};
use serde::Deserialize;
use toml::Spanned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    name: Spanned<String>,
    meaning: Spanned<String>,
    source: Spanned<String>,
    #[serde(default)]
    rule: Vec<RuleFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    code: Spanned<String>,
    meaning: Spanned<String>,
    source: Spanned<String>,
    when: Spanned<String>,
    per: Option<Spanned<String>>,
    errors: Option<Spanned<u32>>,
    within: Option<Spanned<String>>,
    counting: Option<Spanned<String>>,
    alone: Option<Spanned<bool>>,
    horizon: Option<Spanned<String>>,
    then: Option<Spanned<String>>,
}

/// Reads a policy; everything that is wrong with it, in the order of the file.
pub(crate) fn parse(source: Source<'_>) -> Result<Policy, Vec<Fault>> {
    let file: PolicyFile = match toml::from_str(source.text) {
        Ok(file) => file,
        Err(error) => return Err(vec![source.syntax(&error)]),
    };
    let mut reader = Reader { source, faults: Vec::new() };
    let PolicyFile { name, meaning, source: origin, rule } = file;
    reader.word(&name);
    reader.said(&meaning);
    reader.said(&origin);
    let mut codes: Vec<&str> = Vec::new();
    for rule in &rule {
        if codes.contains(&rule.code.get_ref().as_str()) {
            reader.fault(&rule.code, "a rule above has this code already");
        }
        codes.push(rule.code.get_ref());
    }
    if let Some(beyond) = rule.get(Rules::MOST) {
        reader.fault(&beyond.code, format!("a policy has at most {} rules", Rules::MOST));
    }
    let rules: Vec<Option<PolicyRule>> = rule.iter().map(|rule| reader.rule(rule)).collect();
    if !reader.faults.is_empty() {
        return Err(reader.faults);
    }
    Ok(Policy {
        name: name.into_inner(),
        meaning: meaning.into_inner(),
        source: origin.into_inner(),
        rules: rules.into_iter().flatten().collect(),
    })
}

struct Reader<'a> {
    source: Source<'a>,
    faults: Vec<Fault>,
}

/// A horizon longer than ten years is longer than a DIMM is used.
const LONGEST_HORIZON: i64 = 3_650 * DAY;
/// More than the kernel's own collector allows makes no sense to count over.
const LONGEST_WITHIN: i64 = 366 * DAY;
const DAY: i64 = 86_400;

impl Reader<'_> {
    fn fault<T>(&mut self, at: &Spanned<T>, why: impl Into<String>) {
        self.faults.push(self.source.fault(at.span(), why));
    }

    fn word(&mut self, word: &Spanned<String>) {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if word.get_ref().is_empty() || !word.get_ref().chars().all(plain) {
            self.fault(word, "must be a word of small letters, digits and -");
        }
    }

    fn said(&mut self, text: &Spanned<String>) {
        if text.get_ref().trim().is_empty() {
            self.fault(text, "must not be empty: whoever reads an alarm wants to know");
        }
    }

    /// One of some words.
    fn one_of<T: Copy>(&mut self, word: &Spanned<String>, words: &[(&str, T)]) -> Option<T> {
        let found = words.iter().find(|(known, _)| known == word.get_ref());
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(known, _)| *known).collect();
            self.fault(word, format!("must be one of {}", known.join(", ")));
        }
        found.map(|(_, value)| *value)
    }

    /// A span in seconds.
    fn span(&mut self, text: &Spanned<String>, longest: i64) -> Option<i64> {
        let Some(seconds) = seconds(text.get_ref()) else {
            self.fault(text, "must be a span of time such as 24h, 45d or 1h 30m");
            return None;
        };
        if !(1..=longest).contains(&seconds) {
            self.fault(text, format!("must be between 1s and {}d", longest / DAY));
            return None;
        }
        Some(seconds)
    }

    fn rule(&mut self, rule: &RuleFile) -> Option<PolicyRule> {
        let RuleFile { code, meaning, source, when, then, .. } = rule;
        self.word(code);
        self.said(meaning);
        self.said(source);
        let when = match when.get_ref().as_str() {
            "corrected" => self.corrected(rule),
            "uncorrected" => {
                self.not_asked(rule, &["per", "errors", "within", "counting", "alone", "horizon"]);
                Some(When::Uncorrected)
            }
            "worth" => {
                self.not_asked(rule, &["per", "errors", "within", "counting", "alone"]);
                self.worth(rule)
            }
            _ => {
                self.fault(when, "must be one of corrected, uncorrected, worth");
                None
            }
        };
        let words = [("alarm", Then::Alarm), ("offline", Then::Offline)];
        let then = match then {
            Some(word) => {
                let then = self.one_of(word, &words);
                let per_page = matches!(when, Some(When::Corrected { per: Per::Page, .. }));
                if then == Some(Then::Offline) && when.is_some() && !per_page {
                    self.fault(word, "only a page can be taken out of use: per = \"page\"");
                }
                then
            }
            None => Some(Then::Alarm),
        };
        Some(PolicyRule {
            code: code.get_ref().clone(),
            meaning: meaning.get_ref().clone(),
            source: source.get_ref().clone(),
            when: when?,
            then: then?,
        })
    }

    fn worth(&mut self, rule: &RuleFile) -> Option<When> {
        let Some(horizon) = &rule.horizon else {
            self.fault(&rule.when, "worth needs horizon: how far ahead errors are looked for");
            return None;
        };
        let seconds = self.span(horizon, LONGEST_HORIZON)?;
        let seconds = i32::try_from(seconds / 60).ok()?;
        Some(When::Worth(Worth { horizon_days: f64::from(seconds) / 1_440.0 }))
    }

    fn corrected(&mut self, rule: &RuleFile) -> Option<When> {
        self.not_asked(rule, &["horizon"]);
        for (name, there) in [
            ("per", rule.per.is_some()),
            ("errors", rule.errors.is_some()),
            ("within", rule.within.is_some()),
            ("counting", rule.counting.is_some()),
        ] {
            if !there {
                self.fault(&rule.when, format!("corrected needs {name}"));
            }
        }
        let (per, errors) = (rule.per.as_ref()?, rule.errors.as_ref()?);
        let (within, counting) = (rule.within.as_ref()?, rule.counting.as_ref()?);
        if *errors.get_ref() == 0 {
            self.fault(errors, "must be at least 1");
        }
        let per_word = per;
        let per =
            self.one_of(per, &[("dimm", Per::Dimm), ("page", Per::Page), ("row", Per::Row)])?;
        let within = u32::try_from(self.span(within, LONGEST_WITHIN)?).ok()?;
        let words = [
            ("bucket", Counting::Bucket { within }),
            ("window", Counting::Window { within }),
            ("collector", Counting::Collector { decay: within }),
        ];
        let counting = self.one_of(counting, &words)?;
        if matches!(counting, Counting::Collector { .. }) && per != Per::Page {
            self.fault(per_word, "the kernel's collector counts pages: per = \"page\"");
        }
        let alone = rule.alone.as_ref().is_some_and(|alone| *alone.get_ref());
        Some(When::Corrected { per, errors: *errors.get_ref(), counting, alone })
    }

    /// Keys that mean nothing for a rule are mistakes.
    fn not_asked(&mut self, rule: &RuleFile, keys: &[&str]) {
        let RuleFile { per, errors, within, counting, alone, horizon, .. } = rule;
        let spans = [
            ("per", per.as_ref().map(Spanned::span)),
            ("errors", errors.as_ref().map(Spanned::span)),
            ("within", within.as_ref().map(Spanned::span)),
            ("counting", counting.as_ref().map(Spanned::span)),
            ("alone", alone.as_ref().map(Spanned::span)),
            ("horizon", horizon.as_ref().map(Spanned::span)),
        ];
        for (key, span) in spans {
            if let (true, Some(span)) = (keys.contains(&key), span) {
                let why = format!("{key} means nothing for when = {:?}", rule.when.get_ref());
                self.faults.push(self.source.fault(span, why));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn faults(text: &str) -> Vec<String> {
        let source = Source { path: Path::new("p.toml"), text };
        parse(source).unwrap_err().iter().map(ToString::to_string).collect()
    }

    const HEAD: &str = "name = \"p\"\nmeaning = \"m\"\nsource = \"s\"\n";

    fn rule(lines: &str) -> String {
        format!("{HEAD}[[rule]]\ncode = \"r\"\nmeaning = \"m\"\nsource = \"s\"\n{lines}")
    }

    #[test]
    fn every_fault_is_told_with_its_place() {
        let text = rule(
            "when = \"corrected\"\nper = \"dim\"\nerrors = 0\nwithin = \"24h\"\n\
             counting = \"bucket\"\nhorizon = \"1d\"\n",
        );
        assert_eq!(
            faults(&text),
            [
                "p.toml:13:11: horizon means nothing for when = \"corrected\"\n   |\n\
                 13 | horizon = \"1d\"\n   |           ^^^^",
                "p.toml:10:10: must be at least 1\n   |\n10 | errors = 0\n   |          ^",
                "p.toml:9:7: must be one of dimm, page, row\n  |\n9 | per = \"dim\"\n  |       ^^^^^",
            ]
        );
    }

    #[test]
    fn keys_that_nobody_knows_and_values_of_another_type_are_faults() {
        assert!(
            faults(&format!("{HEAD}threshold = 7\n"))[0].starts_with("p.toml:4:1: unknown field")
        );
        let text = rule("when = \"corrected\"\nerrors = \"ten\"\n");
        assert!(faults(&text)[0].starts_with("p.toml:9:10: invalid type: string"));
        assert!(faults("name = \"p\"\n")[0].contains("missing field"));
        assert!(faults("name = \n")[0].starts_with("p.toml:1:8: "));
    }

    #[test]
    fn what_cannot_work_together_is_a_fault() {
        let whole = |per: &str, counting: &str, then: &str| {
            rule(&format!(
                "when = \"corrected\"\nper = \"{per}\"\nerrors = 2\nwithin = \"24h\"\n\
                 counting = \"{counting}\"\nthen = \"{then}\"\n"
            ))
        };
        assert!(faults(&whole("dimm", "collector", "alarm"))[0].contains("counts pages"));
        assert!(faults(&whole("dimm", "bucket", "offline"))[0].contains("only a page"));
        assert!(faults(&rule("when = \"worth\"\n"))[0].contains("needs horizon"));
        assert!(faults(&rule("when = \"worth\"\nhorizon = \"99999d\"\n"))[0].contains("3650d"));
        assert!(faults(&rule("when = \"sometimes\"\n"))[0].contains("must be one of corrected"));
        let twice = format!(
            "{}[[rule]]\ncode = \"r\"\nmeaning = \"m\"\nsource = \"s\"\nwhen = \"uncorrected\"\n",
            rule("when = \"uncorrected\"\n")
        );
        assert!(faults(&twice)[0].contains("has this code already"));
    }
}
