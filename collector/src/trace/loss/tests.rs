//! The kernel's accounts, and ours against a model of its buffer.

use super::*;
use proptest::prelude::*;

const STATS: &str = "\
entries: 67
overrun: 1936
commit overrun: 2
bytes: 8040
oldest event ts:  1012.676133
now ts:  1012.676993
dropped events: 3
read events: 0
";

#[test]
fn the_three_losses_are_told_apart_by_their_whole_names() {
    let expected = Stats { overrun: 1936, commit_overrun: 2, dropped: 3 };
    assert_eq!(Stats::parse(STATS), Some(expected));
    for odd in ["overrun: x", "overrun:1936", "overrun: -1", "overrun: ", "over: 1", "overrun: +1"]
    {
        assert_eq!(Stats::parse(&STATS.replace("overrun: 1936", odd)), None, "{odd}");
    }
    assert_eq!(Stats::parse(&STATS.replace("dropped events: 3\n", "")), None);
}

fn stats(overrun: u64, commit_overrun: u64) -> Stats {
    Stats { overrun, commit_overrun, dropped: 0 }
}

#[test]
fn what_an_earlier_agent_was_told_is_not_counted_again() {
    let mut losses = Losses::new(Some(stats(100, 5)));
    // 30 were overwritten while nobody read: 70 are the earlier agent's.
    losses.page(Lost::Exactly(30));
    losses.page(Lost::None);
    assert_eq!(losses.lost(), 30);
    losses.sums_of_empty(stats(100, 5));
    assert_eq!(losses.lost(), 30);
    losses.sums_of_empty(stats(100, 6));
    assert_eq!(losses.lost(), 31);
}

#[test]
fn a_loss_without_a_number_is_one_until_the_buffer_is_empty() {
    let mut losses = Losses::new(Some(stats(70, 0)));
    losses.page(Lost::Exactly(7));
    losses.sums_of_empty(stats(77, 0));
    losses.page(Lost::AtLeastSome);
    assert_eq!(losses.lost(), 8);
    losses.sums_of_empty(stats(97, 0));
    assert_eq!(losses.lost(), 27);
}

#[test]
fn a_buffer_that_somebody_emptied_counts_on() {
    let mut losses = Losses::new(Some(stats(0, 0)));
    losses.page(Lost::Exactly(40));
    losses.sums_of_empty(stats(40, 3));
    losses.page(Lost::Exactly(2));
    losses.sums_of_empty(stats(2, 1));
    assert_eq!(losses.lost(), 46);
    losses.page(Lost::AtLeastSome);
    losses.sums_of_empty(stats(7, 1));
    assert_eq!(losses.lost(), 51);
}

/// One CPU's buffer of the kernel, in records instead of bytes.
#[derive(Debug, Default)]
struct Ring {
    waiting: u64,
    /// The page that was taken out of the ring, which writers leave alone.
    taken: u64,
    overrun: u64,
    last_overrun: u64,
    untold: u64,
}

const CAPACITY: u64 = 50;
const PAGE: u64 = 8;

impl Ring {
    fn write(&mut self, records: u64) {
        let over = (self.waiting + records).saturating_sub(CAPACITY);
        self.waiting = (self.waiting + records).min(CAPACITY);
        self.overrun += over;
    }

    /// At most `most` records of the next page, and what its header tells.
    fn read(&mut self, most: u64) -> Option<(u64, u64)> {
        if self.taken == 0 {
            self.taken = self.waiting.min(PAGE);
            self.waiting -= self.taken;
            if self.taken > 0 {
                self.untold =
                    self.overrun - std::mem::replace(&mut self.last_overrun, self.overrun);
            }
        }
        let read = self.taken.min(most);
        self.taken -= read;
        (read > 0).then(|| (read, std::mem::take(&mut self.untold)))
    }

    fn stats(&self) -> Stats {
        stats(self.overrun, 0)
    }
}

#[derive(Debug, Clone)]
enum Step {
    Write(u64),
    /// Read a part of a page.
    Read(u64),
    Settle,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..120_u64).prop_map(Step::Write),
        4 => (1..=PAGE).prop_map(Step::Read),
        1 => Just(Step::Settle),
        1 => Just(Step::Restart),
    ]
}

fn told(lost: u64, room: bool) -> Lost {
    match lost {
        0 => Lost::None,
        lost if room => Lost::Exactly(lost),
        _ => Lost::AtLeastSome,
    }
}

proptest! {
    /// An agent may be stopped or killed at any moment. Where headers have no room for numbers,
    /// the truth is known whenever the buffer was seen empty before and after.
    #[test]
    fn what_was_written_is_read_or_lost_over_any_number_of_restarts(
        steps in proptest::collection::vec(step(), 0..60),
        room in any::<bool>(),
    ) {
        let mut ring = Ring::default();
        let mut losses = Losses::new(Some(ring.stats()));
        losses.sums_of_empty(ring.stats());
        let (mut written, mut read, mut lost) = (0, 0, 0);
        for step in steps.into_iter().chain([Step::Settle]) {
            match step {
                Step::Write(records) => {
                    ring.write(records);
                    written += records;
                }
                Step::Read(most) => {
                    if let Some((records, gone)) = ring.read(most) {
                        losses.page(told(gone, room));
                        read += records;
                    }
                }
                Step::Restart if room => {
                    lost += losses.lost();
                    losses = Losses::new(Some(ring.stats()));
                }
                Step::Settle | Step::Restart => {
                    while let Some((records, gone)) = ring.read(PAGE) {
                        losses.page(told(gone, room));
                        read += records;
                    }
                    losses.sums_of_empty(ring.stats());
                    prop_assert_eq!(written, read + lost + losses.lost());
                }
            }
            prop_assert!(losses.lost() <= written - read - lost);
        }
    }

    #[test]
    fn any_text_of_sums_is_read_without_a_panic(text in "\\PC*", number in ".*") {
        let _ = Stats::parse(&text);
        if let Some(stats) = Stats::parse(&STATS.replace("1936", &number)) {
            prop_assert_eq!(number.parse(), Ok(stats.overrun));
        }
    }
}
