//! The story as it is told: what was written into the files of the host, and what the agent says then.
//!
//! Of a pass that changes nothing nothing is told. A finding is told when it comes, when it gets worse and
//! when it is gone; an alert when it fires and when it is resolved.

use super::clock;
use super::memory::{Memory, STICKS, slot};
use super::story::{Beat, Deed, Story};
use scrubjay_model::{AlertKey, AlertState, Finding, HostView, Verdict};
use std::collections::BTreeMap;
use std::io::{self, Write};

const WIDTH: usize = 80;
/// Where the text begins: behind a moment.
const INDENT: usize = 22;
/// Of what was seen the first lines are told; `status` has the rest.
const SEEN: usize = 170;
/// Files of one beat that are told.
const MOST_FILES: usize = 3;

/// What was told so far.
#[derive(Debug, Default)]
pub(super) struct Narrator {
    verdict: Option<Verdict>,
    findings: BTreeMap<(&'static str, String), Verdict>,
    firing: Vec<AlertKey>,
    counts: [u64; STICKS],
}

/// What a pass changed in what the agent says.
#[derive(Debug, Default)]
struct News {
    lines: Vec<String>,
    alerts: Vec<String>,
}

impl Narrator {
    /// Takes in a pass of which nothing is told.
    pub(super) fn skip(&mut self, view: &HostView, memory: &Memory) {
        let _ = self.news(view);
        self.counts = counts(memory);
    }

    /// What was so before the story is told as if it were new.
    pub(super) fn begin(&mut self) {
        self.verdict = None;
        self.findings.clear();
    }

    /// Tells of a pass.
    pub(super) fn tell(
        &mut self,
        out: &mut dyn Write,
        beat: Option<&Beat>,
        view: &HostView,
        memory: &Memory,
    ) -> io::Result<()> {
        let told = beat.and_then(|beat| beat.told.as_deref());
        let news = self.news(view);
        let moment = clock::told(view.snapshot.at.wall_ms);
        if told.is_none() && news.lines.is_empty() {
            if news.alerts.is_empty() {
                return Ok(());
            }
            writeln!(out)?;
            entry(out, &moment, &news.alerts.join("; "))?;
            return out.flush();
        }
        writeln!(out)?;
        entry(out, &moment, told.unwrap_or("time goes on."))?;
        let written = self.written(beat, memory);
        if !written.is_empty() {
            entry(out, "  written", &written.join("; "))?;
        }
        let mut label = "  scrubjay";
        if news.lines.is_empty() {
            entry(out, label, &format!("still {}", upper(view.assessment.verdict)))?;
            label = "";
        }
        for line in news.lines.iter().chain(&news.alerts) {
            entry(out, label, line)?;
            label = "";
        }
        out.flush()
    }

    /// What was written, as far as it is not told yet.
    fn written(&mut self, beat: Option<&Beat>, memory: &Memory) -> Vec<String> {
        let now = counts(memory);
        let mut written = Vec::new();
        for (stick, (before, now)) in self.counts.into_iter().zip(now).enumerate() {
            if before != now {
                let path = memory.folder(stick);
                let name = slot(stick);
                written.push(format!("{path}/dimm_ce_count ({name}): {before} → {now}"));
            }
        }
        if !written.is_empty() {
            written.push("dev/kmsg: a line for each".to_owned());
        }
        self.counts = now;
        let Some(beat) = beat.filter(|beat| beat.told.is_some()) else { return written };
        let mut deeds: Vec<String> = beat.deeds.iter().filter_map(Deed::in_words).collect();
        let more = deeds.len().saturating_sub(MOST_FILES);
        deeds.truncate(MOST_FILES);
        written.extend(deeds);
        if more > 0 {
            written.push(format!("{more} more"));
        }
        let mut lines = beat.deeds.iter().filter_map(|deed| match deed {
            Deed::Log(_, text) => Some(text),
            Deed::Correct(_)
            | Deed::Write(..)
            | Deed::Directory(_)
            | Deed::WithoutDriver
            | Deed::Install { .. }
            | Deed::Reboot(_) => None,
        });
        if let Some(first) = lines.next() {
            let more = match lines.count() {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            written.push(format!("dev/kmsg: {first}{more}"));
        }
        written
    }

    fn news(&mut self, view: &HostView) -> News {
        let mut lines = Vec::new();
        let verdict = view.assessment.verdict;
        match self.verdict.replace(verdict) {
            Some(before) if before != verdict => {
                lines.push(format!("{} → {}", upper(before), upper(verdict)));
            }
            None => lines.push(upper(verdict)),
            Some(_) => {}
        }
        let assessment = &view.assessment;
        let found: Vec<&Finding> =
            assessment.coverage.findings.iter().chain(&assessment.findings).collect();
        for finding in &found {
            let key = (finding.code, finding.subject.clone());
            let before = self.findings.insert(key, finding.verdict);
            if before.is_none_or(|before| before < finding.verdict) {
                let Finding { code, verdict, subject, because, .. } = finding;
                let because = cut(because);
                lines.push(format!("+ {} {code} ({subject}): {because}", upper(*verdict)));
            }
        }
        let is_there = |code: &str, subject: &str| {
            found.iter().any(|finding| finding.code == code && finding.subject == subject)
        };
        self.findings.retain(|(code, subject), _| {
            let stays = is_there(code, subject);
            if !stays {
                lines.push(format!("- {code} ({subject}) is over"));
            }
            stays
        });
        let firing: Vec<AlertKey> = view
            .alerts
            .alerts
            .iter()
            .filter(|(_, alert)| matches!(alert.state, AlertState::Firing(_)))
            .map(|(key, _)| key.clone())
            .collect();
        let begun: Vec<&AlertKey> =
            firing.iter().filter(|key| !self.firing.contains(key)).collect();
        let ended: Vec<&AlertKey> =
            self.firing.iter().filter(|key| !firing.contains(key)).collect();
        let mut alerts = Vec::new();
        for (keys, what) in [(begun, "fires"), (ended, "is resolved")] {
            alerts.extend(keys.iter().map(|key| format!("the alert {key} {what}")));
        }
        self.firing = firing;
        News { lines, alerts }
    }
}

/// What stands above the story.
pub(super) fn opening(out: &mut dyn Write, story: &Story) -> io::Result<()> {
    paragraph(out, story.about)?;
    writeln!(out)?;
    paragraph(
        out,
        "The host is a directory of generated kernel files with a clock of its own. The agent that reads \
         them, its history, rules and alerts are those of a real host; nothing of this machine is read.",
    )
}

/// What stands below it.
pub(super) fn ending(out: &mut dyn Write, story: &Story, view: &HostView) -> io::Result<()> {
    writeln!(out)?;
    let at = clock::told(view.snapshot.at.wall_ms);
    let worst = view
        .assessment
        .findings
        .iter()
        .chain(&view.assessment.coverage.findings)
        .find(|finding| finding.verdict == view.assessment.verdict);
    let end = match worst {
        Some(Finding { code, subject, remedy, .. }) => format!(
            "the end. scrubjay says {} because of {code} ({subject}). To do: {remedy}.",
            upper(view.assessment.verdict)
        ),
        None => format!("the end. scrubjay says {}.", upper(view.assessment.verdict)),
    };
    entry(out, &at, &end)?;
    writeln!(out)?;
    paragraph(out, &story.moral)
}

/// Text in lines of at most [`WIDTH`].
pub(super) fn paragraph(out: &mut dyn Write, text: &str) -> io::Result<()> {
    for line in wrapped(text, WIDTH) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn entry(out: &mut dyn Write, label: &str, text: &str) -> io::Result<()> {
    let mut label = label;
    for line in wrapped(text, WIDTH.saturating_sub(INDENT)) {
        writeln!(out, "{label:<INDENT$}{line}")?;
        label = "";
    }
    Ok(())
}

/// Words that are longer than a line have one of their own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let length = line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && length > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// The beginning of a sentence, up to a word.
fn cut(text: &str) -> String {
    if text.chars().count() <= SEEN {
        return text.to_owned();
    }
    let head: String = text.chars().take(SEEN).collect();
    let whole = head.rsplit_once(' ').map_or(head.as_str(), |(whole, _)| whole);
    format!("{} …", whole.trim_end_matches([',', ';', ':']))
}

fn upper(verdict: Verdict) -> String {
    verdict.as_str().to_uppercase()
}

fn counts(memory: &Memory) -> [u64; STICKS] {
    std::array::from_fn(|stick| memory.corrected(stick))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_between_words_and_cut_after_one() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a-word-of-length b", 4), ["a-word-of-length", "b"]);
        assert_eq!(wrapped("", 4), [""]);
        let long = "word, ".repeat(60);
        let short = cut(&long);
        assert!(short.ends_with("word …") && short.chars().count() <= SEEN + 2, "{short}");
    }
}
