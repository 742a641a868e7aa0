//! Who tells of a boot.

use crate::BootMemory;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Deref;

/// Who tells of a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BootSource {
    /// The agent saw it itself.
    Agent,
    /// Another tool remembers it.
    Memory(BootMemory),
}

/// Everybody who tells of one boot, the one who knows most first, each once.
///
/// In itself, not on the heap: a history has one with each of thousands of boots, and most boots
/// are told of by one or two.
#[derive(Clone, Copy)]
pub struct BootSources {
    told: [BootSource; BootSources::MOST],
    count: usize,
}

impl BootSource {
    /// A stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Memory(memory) => memory.as_str(),
        }
    }

    /// Whether it tells of every boot from its first to its last.
    pub(crate) fn is_complete(self) -> bool {
        match self {
            Self::Agent => true,
            Self::Memory(memory) => memory.is_complete(),
        }
    }
}

impl Serialize for BootSource {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for BootSource {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        if word == Self::Agent.as_str() {
            return Ok(Self::Agent);
        }
        let memory = BootMemory::parse(&word).map(Self::Memory);
        memory.ok_or_else(|| serde::de::Error::custom("nobody of this name tells of boots"))
    }
}

impl BootSources {
    /// The agent, and every other tool.
    const MOST: usize = 1 + BootMemory::ALL.len();

    /// One more who tells of it; nothing if that is known.
    pub fn push(&mut self, source: BootSource) {
        if self.contains(&source) {
            return;
        }
        if let Some(free) = self.told.get_mut(self.count) {
            *free = source;
            self.count += 1;
        }
    }
}

impl From<BootSource> for BootSources {
    fn from(source: BootSource) -> Self {
        Self { told: [source; Self::MOST], count: 1 }
    }
}

impl Deref for BootSources {
    type Target = [BootSource];

    fn deref(&self) -> &[BootSource] {
        self.told.get(..self.count).unwrap_or_default()
    }
}

impl PartialEq for BootSources {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for BootSources {}

impl fmt::Debug for BootSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Serialize for BootSources {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for BootSources {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut sources = Self { told: [BootSource::Agent; Self::MOST], count: 0 };
        for source in Vec::deserialize(deserializer)? {
            sources.push(source);
        }
        Ok(sources)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_told_of_once_and_in_order() {
        let all = BootMemory::ALL.map(BootSource::Memory);
        let mut sources = BootSources::from(BootSource::Agent);
        for source in all.into_iter().chain(all) {
            sources.push(source);
        }
        assert_eq!(sources.iter().skip(1).copied().collect::<Vec<_>>(), all);
        let written = serde_json::to_string(&sources).unwrap();
        assert_eq!(written, r#"["agent","wtmp","wtmpdb","tuptime","uptimed"]"#);
        assert_eq!(serde_json::from_str::<BootSources>(&written).unwrap(), sources);
        let alone: BootSources = serde_json::from_str(r#"["wtmp","wtmp"]"#).unwrap();
        assert_eq!(alone, BootSource::Memory(BootMemory::Wtmp).into());
        assert!(serde_json::from_str::<BootSources>("[]").unwrap().is_empty());
    }
}
