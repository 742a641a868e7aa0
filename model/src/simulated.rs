//! The mark of what was made and not found: a host of `scrubjay demo`, and whatever is said of it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What made a host that does not exist: `dying-dimm, seed 1`. Whoever shows something of such a host
/// shows this beside it, so that nobody takes it for a real one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Mark", into = "String")]
pub struct Simulated(String);

/// The mark as it stands somewhere.
#[derive(Deserialize)]
struct Mark(String);

impl From<Mark> for Simulated {
    fn from(Mark(text): Mark) -> Self {
        Self::parse(&text)
    }
}

impl From<Simulated> for String {
    fn from(Simulated(text): Simulated) -> Self {
        text
    }
}

/// Longer ones are no mark of ours.
const LONGEST: usize = 200;

impl Simulated {
    /// The mark of a scenario.
    pub fn of(scenario: &str, seed: u64) -> Self {
        Self(format!("{scenario}, seed {seed}"))
    }

    /// The mark as it was written. Whatever stands where a mark belongs is one: text of another form
    /// makes a host no more real.
    pub fn parse(text: &str) -> Self {
        let plain: String = text.trim().chars().filter(|c| !c.is_control()).take(LONGEST).collect();
        Self(if plain.is_empty() { "by whom is not told".to_owned() } else { plain })
    }

    /// What made it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The scenario alone.
    pub fn scenario(&self) -> &str {
        self.0.split_once(',').map_or(&self.0, |(scenario, _)| scenario)
    }

    /// The line that stands above whatever is said of it.
    pub fn line(&self) -> String {
        format!("SIMULATED: no real machine; scrubjay demo made this host ({self})")
    }
}

impl fmt::Display for Simulated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written_and_nothing_undoes_it() {
        let mark = Simulated::of("cosmic", 7);
        assert_eq!(Simulated::parse(&format!("{mark}\n")), mark);
        assert_eq!(mark.scenario(), "cosmic");
        for odd in ["", "\n", "\u{1b}[2J", "x"] {
            let line = Simulated::parse(odd).line();
            assert!(line.starts_with("SIMULATED: ") && !line.contains('\u{1b}'), "{line}");
        }
    }
}
