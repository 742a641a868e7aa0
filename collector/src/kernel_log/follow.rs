//! The log from where it was last read: for whoever wants each fact once.

use super::{Facts, Placed, Record};
use crate::host::{HostRoot, LogPart};
use crate::reader::Reader;
use crate::sources::kernel_log::PATH;
use scrubjay_model::{LogEntry, Reading};

/// Most facts given at once; a storm beyond that is told in part, and how much is missing.
const ENTRIES_LIMIT: usize = 8192;

/// Reads the log again and again, and gives what is new. It is `/dev/kmsg` itself that is read
/// anew each time: the kernel has no way to begin at a given record.
#[derive(Debug, Default)]
pub struct LogFollower {
    facts: Facts,
    /// The number of the next record.
    next: Option<u64>,
}

/// What is new in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogNews {
    /// Facts, in order of their first records. One of several records whose last has not come by
    /// now is given with what there is.
    pub entries: Vec<LogEntry>,
    /// New records, of whatever kind.
    pub records: u64,
    /// Records that were overwritten before they were read; the first reading misses none.
    pub lost: u64,
    /// Facts left out because there were too many at once.
    pub left_out: u64,
}

impl LogFollower {
    /// A follower that has read nothing: the first reading gives all that the log still holds.
    pub fn new() -> Self {
        Self::default()
    }

    /// What has been written since the last reading.
    pub fn read(&mut self, host: &HostRoot) -> Reading<LogNews> {
        let mut news = LogNews { entries: Vec::new(), records: 0, lost: 0, left_out: 0 };
        let mut out: Vec<Placed> = Vec::new();
        let read = Reader::new(host).log(PATH, &mut |part| {
            let LogPart::Record(bytes) = part else { return };
            let Some(record) = Record::from_kmsg(bytes) else { return };
            let Some(sequence) = record.at.sequence else { return };
            let missing = self.next.map_or(0, |next| sequence.saturating_sub(next));
            if self.next.is_some_and(|next| sequence < next) {
                return;
            }
            news.lost = news.lost.saturating_add(missing);
            news.records = news.records.saturating_add(1);
            self.next = Some(sequence.saturating_add(1));
            self.facts.take(&record, &mut out);
            while out.len() > ENTRIES_LIMIT {
                out.pop();
                news.left_out = news.left_out.saturating_add(1);
            }
        });
        read.map(|()| {
            self.facts.finish(&mut out);
            out.sort_by_key(|(place, _)| *place);
            news.entries = out.into_iter().map(|(_, entry)| entry).collect();
            news
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::check::{host, tree};

    fn read(follower: &mut LogFollower, log: &str) -> LogNews {
        let host = host(tree(&format!("//- dev/kmsg\n{log}")));
        follower.read(&host).into_result().unwrap()
    }

    const STARTED: &str = "5,7,1,-;livepatch: 'lp_1': starting patching transition\n";
    const SIGNALED: &str = "5,8,2,-;livepatch: signaling remaining tasks\n";

    #[test]
    fn each_fact_is_given_once() {
        let mut follower = LogFollower::new();
        let news = read(&mut follower, STARTED);
        assert_eq!((news.entries.len(), news.records, news.lost), (1, 1, 0));
        let news = read(&mut follower, &format!("{STARTED}{SIGNALED}"));
        assert_eq!((news.entries.len(), news.records, news.lost), (1, 1, 0));
        assert_eq!(news.entries[0].at.sequence, Some(8));
        let news = read(&mut follower, &format!("{STARTED}{SIGNALED}"));
        assert_eq!((news.entries.len(), news.records), (0, 0));
    }

    #[test]
    fn records_overwritten_between_two_readings_are_counted() {
        let mut follower = LogFollower::new();
        let _ = read(&mut follower, STARTED);
        let news = read(&mut follower, &SIGNALED.replace("5,8,", "5,20,"));
        assert_eq!((news.entries.len(), news.lost), (1, 12));
    }

    #[test]
    fn a_transition_begun_at_one_reading_is_known_at_the_next() {
        use scrubjay_model::{LivepatchFact, LogFact};
        let mut follower = LogFollower::new();
        let _ = read(&mut follower, STARTED);
        let forced = "4,8,2,-;livepatch: forcing remaining tasks to the patched state\n";
        let news = read(&mut follower, forced);
        let patch = Some("lp_1".to_owned());
        assert_eq!(news.entries[0].fact, LogFact::Livepatch(LivepatchFact::Forced { patch }));
    }
}
