//! How the agent hears of errors, as a fact of the history: commands that only read it, and whoever
//! asks later since when nobody listened, have it from there.

use crate::{EventPath, EventsStatus, Fact, Reading};

/// The fact. It is no reading of the host, so no reading takes it back.
pub const EVENTS_PATH: &str = "events.path";

/// Between the way and the rest.
const BEHIND_PATH: &str = ": ";
/// Behind a way that was not the one wished for.
const REFUSED: &str = ", refused";

impl EventsStatus {
    /// The way, and the events listened to, or why there is no better way; without what changes
    /// with each report.
    pub fn fact(&self) -> Fact {
        let path = self.path.as_str();
        let refused = if self.refused { REFUSED } else { "" };
        let rest = match self.path {
            EventPath::Trace => self.listening.join(" "),
            EventPath::KernelLog | EventPath::Counters => self.why.clone(),
        };
        Fact {
            source: None,
            name: EVENTS_PATH,
            subject: String::new(),
            reading: Reading::Value(format!("{path}{refused}{BEHIND_PATH}{rest}")),
        }
    }

    /// What [`EventsStatus::fact`] wrote; its numbers are 0. `None` if it is of another version.
    pub fn recalled(fact: &str) -> Option<Self> {
        let (way, rest) = fact.split_once(BEHIND_PATH)?;
        let refused = way.ends_with(REFUSED);
        let way = way.strip_suffix(REFUSED).unwrap_or(way);
        let path = EventPath::ALL.into_iter().find(|path| path.as_str() == way)?;
        let (listening, why) = match path {
            EventPath::Trace => (rest.split_whitespace().map(str::to_owned).collect(), ""),
            EventPath::KernelLog | EventPath::Counters => (Vec::new(), rest),
        };
        Some(Self { path, refused, listening, ..Self::counters_only(why) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_recalled() {
        let listening = vec!["ras:mc_event".to_owned(), "mce:mce_record".to_owned()];
        let heard =
            EventsStatus { path: EventPath::Trace, listening, ..EventsStatus::counters_only("") };
        let refused = EventsStatus {
            path: EventPath::KernelLog,
            refused: true,
            ..EventsStatus::counters_only("tracefs: not mounted")
        };
        let unwished = EventsStatus::counters_only("switched off by configuration");
        for (status, text) in [
            (heard, "trace: ras:mc_event mce:mce_record"),
            (refused, "kernel_log, refused: tracefs: not mounted"),
            (unwished, "counters: switched off by configuration"),
        ] {
            let fact = status.fact().reading;
            assert_eq!(fact.value().map(String::as_str), Some(text));
            assert_eq!(EventsStatus::recalled(text), Some(status));
        }
        for other in ["", "trace", "pigeons: none", ": x"] {
            assert_eq!(EventsStatus::recalled(other), None, "{other}");
        }
    }
}
