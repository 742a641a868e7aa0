//! Which bits of a transfer were wrong, and what that says.
//!
//! For x4 devices of DDR4: eight beats of four data lines (DQ). An error that takes in several
//! lines is no single cell; two and three lines, and beats four apart, were found ten times as often
//! before failures as otherwise (SmartMem, measured for this project).

use crate::Parity;

/// Beats of a transfer.
const BEATS: u32 = 8;
/// Data lines of a device.
const LINES: u32 = 4;

impl Parity {
    /// The wrong beats, the first one in bit 0.
    pub fn beats(self) -> u8 {
        (0..BEATS).filter(|beat| self.beat(*beat) != 0).fold(0, |beats, beat| beats | 1 << beat)
    }

    /// The wrong data lines, line 0 in bit 0.
    pub fn lines(self) -> u8 {
        (0..BEATS).fold(0, |lines, beat| lines | self.beat(beat))
    }

    /// The bits of one beat. The first beat stands in the most significant four bits, and line 0 in
    /// the most significant of these.
    fn beat(self, beat: u32) -> u8 {
        let four = (self.0 >> (4 * (BEATS - 1 - beat))) & 0xf;
        (0..LINES).filter(|line| four & (8 >> line) != 0).fold(0, |lines, line| lines | 1 << line)
    }

    /// How many data lines were wrong.
    pub fn line_count(self) -> u32 {
        self.lines().count_ones()
    }

    /// How many beats were wrong.
    pub fn beat_count(self) -> u32 {
        self.beats().count_ones()
    }

    /// From the first wrong beat to the last; zero if there is one or none.
    pub fn beat_interval(self) -> u32 {
        interval(self.beats())
    }

    /// From the first wrong data line to the last.
    pub fn line_interval(self) -> u32 {
        interval(self.lines())
    }

    /// *Risky CE*: a line of {0, 1} and a line of {2, 3} are wrong.
    pub fn is_risky(self) -> bool {
        self.lines() & 0b0011 != 0 && self.lines() & 0b1100 != 0
    }

    /// *DQ-beat*: more than one line and more than one beat are wrong.
    pub fn is_dq_beat(self) -> bool {
        self.line_count() > 1 && self.beat_count() > 1
    }
}

fn interval(bits: u8) -> u32 {
    if bits == 0 { 0 } else { 7 - bits.leading_zeros() - bits.trailing_zeros() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_single_bit_is_one_beat_of_one_line() {
        let first = Parity(1 << 31);
        assert_eq!((first.beats(), first.lines()), (0b1, 0b1));
        let last = Parity(1);
        assert_eq!((last.beats(), last.lines()), (0b1000_0000, 0b1000));
        assert!(!first.is_risky() && !first.is_dq_beat());
        assert_eq!(first.beat_interval(), 0);
    }

    #[test]
    fn a_real_word_of_a_failing_bank_is_read() {
        // 1879105536 = 0x7000_f000: lines 1, 2, 3 in beat 0 and all four in beat 4.
        let parity = Parity(1_879_105_536);
        assert_eq!(parity.beats(), 0b0001_0001);
        assert_eq!(parity.line_count(), 4);
        assert_eq!(parity.beat_interval(), 4);
        assert!(parity.is_risky() && parity.is_dq_beat());
    }

    #[test]
    fn risky_wants_lines_of_both_halves() {
        assert!(!Parity(0b1100).is_risky(), "lines 0 and 1");
        assert!(!Parity(0b0011).is_risky(), "lines 2 and 3");
        assert!(Parity(0b0110).is_risky(), "lines 1 and 2");
        assert!(!Parity(0b0110).is_dq_beat(), "one beat");
    }

    proptest! {
        #[test]
        fn no_more_lines_and_beats_than_there_are(word: u32) {
            let parity = Parity(word);
            prop_assert!(parity.line_count() <= 4 && parity.beat_count() <= 8);
            prop_assert_eq!(parity.beat_count() == 0, word == 0);
            prop_assert!(parity.beat_interval() + 1 >= parity.beat_count());
            prop_assert!(word.count_ones() <= parity.line_count() * parity.beat_count());
        }
    }
}
