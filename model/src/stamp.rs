//! When something was seen, by three clocks.
//!
//! Wall time is what people and auditors ask for, but it can be stepped; boot time
//! (`CLOCK_BOOTTIME`, counts sleep) orders events within a boot; awake time (`CLOCK_MONOTONIC`,
//! stands still in sleep) is what the kernel's jiffies, and so EDAC's `seconds_since_reset`,
//! follow. Arithmetic within a boot uses the latter two; only across boots is there nothing but
//! wall time.

use crate::seconds;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// The identity of one kernel boot, from `/proc/sys/kernel/random/boot_id`.
///
/// Its text is in itself: a history has one with each of thousands of boots.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootId([u8; BootId::LENGTH]);

/// What the host's clocks showed at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// `CLOCK_REALTIME`, milliseconds since the Unix epoch.
    pub realtime_ms: i64,
    /// `CLOCK_BOOTTIME`; `None` when the root is another host's tree that does not tell.
    pub boottime: Option<Duration>,
    /// `CLOCK_MONOTONIC`; `None` as above.
    pub monotonic: Option<Duration>,
}

/// A moment on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stamp {
    /// The boot it belongs to.
    pub boot: BootId,
    /// Time since boot, sleep included.
    #[serde(rename = "since_boot_seconds", serialize_with = "seconds::of_option")]
    pub since_boot: Option<Duration>,
    /// Time since boot, sleep excluded.
    #[serde(rename = "awake_seconds", serialize_with = "seconds::of_option")]
    pub awake: Option<Duration>,
    /// Wall clock, milliseconds since the Unix epoch.
    pub wall_ms: i64,
}

/// The wall clock moved against the boot clock by more than slewing explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ClockStep {
    /// How far the wall clock jumped, milliseconds; negative is backwards.
    pub by_ms: i64,
}

impl BootId {
    const LENGTH: usize = 36;

    /// Bytes that no text has; comes behind every id that is known.
    const UNKNOWN: Self = Self([0xff; Self::LENGTH]);

    /// Accepts the kernel's form only: 8-4-4-4-12 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let is_as_printed = |(at, byte): (usize, &u8)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        };
        let bytes: [u8; Self::LENGTH] = text.as_bytes().try_into().ok()?;
        bytes.iter().enumerate().all(is_as_printed).then_some(Self(bytes))
    }

    /// The boot of a host that does not tell its boot id.
    ///
    /// Two unknown boots compare equal: we then lean towards "same boot", because taking every
    /// sample for a new boot would count the same errors again and again.
    pub fn unknown() -> Self {
        Self::UNKNOWN
    }

    /// Whether the host told its boot id.
    pub fn is_known(&self) -> bool {
        *self != Self::UNKNOWN
    }

    /// The id as the kernel prints it, or `unknown`.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or("unknown")
    }
}

impl fmt::Debug for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BootId").field(&self.as_str()).finish()
    }
}

impl fmt::Display for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for BootId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for BootId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == Self::UNKNOWN.as_str() {
            return Ok(Self::UNKNOWN);
        }
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("this is no boot id of a kernel"))
    }
}

impl Stamp {
    /// A stamp from the clocks and the boot they belong to.
    pub fn new(boot: BootId, clocks: Clocks) -> Self {
        Self {
            boot,
            since_boot: clocks.boottime,
            awake: clocks.monotonic,
            wall_ms: clocks.realtime_ms,
        }
    }

    /// A moment of which only the wall clock is known.
    pub fn by_wall_clock(wall_ms: i64) -> Self {
        Self { boot: BootId::unknown(), since_boot: None, awake: None, wall_ms }
    }

    /// Time passed since `earlier`: by the boot clock within a boot, by the wall clock across
    /// boots. `None` if it ran backwards, or if the boot clock is not known.
    pub fn since(&self, earlier: &Self) -> Option<Duration> {
        if self.boot == earlier.boot {
            return self.since_boot?.checked_sub(earlier.since_boot?);
        }
        u64::try_from(self.wall_ms.checked_sub(earlier.wall_ms)?).ok().map(Duration::from_millis)
    }

    /// When this boot began, by today's wall clock: milliseconds since the Unix epoch. Moves when
    /// the wall clock is stepped; keep the first value seen per boot.
    pub fn booted_wall_ms(&self) -> Option<i64> {
        self.wall_ms.checked_sub(i64::try_from(self.since_boot?.as_millis()).ok()?)
    }

    /// How long the host has slept since boot.
    pub fn slept(&self) -> Option<Duration> {
        // The two clocks are read one after the other, so awake may lead by microseconds.
        Some(self.since_boot?.saturating_sub(self.awake?))
    }
}

/// Tells a step of the wall clock between two stamps of one boot from the slewing that NTP may do
/// at most (500 ppm, adjtimex(2)), plus one second.
pub fn clock_step(earlier: &Stamp, later: &Stamp) -> Option<ClockStep> {
    const SLACK_MS: i64 = 1_000;
    const SLEW_PER_MILLION: i64 = 500;
    if earlier.boot != later.boot {
        return None;
    }
    let elapsed_ms = i64::try_from(later.since(earlier)?.as_millis()).ok()?;
    let by_ms = later.booted_wall_ms()?.checked_sub(earlier.booted_wall_ms()?)?;
    let limit_ms = SLACK_MS.saturating_add(elapsed_ms / 1_000_000 * SLEW_PER_MILLION);
    (by_ms.checked_abs()? > limit_ms).then_some(ClockStep { by_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(boot: &str, since_boot_s: u64, wall_s: i64) -> Stamp {
        let boot = format!("{boot}0000000-0000-0000-0000-000000000000");
        Stamp {
            boot: BootId::parse(&boot).unwrap(),
            since_boot: Some(Duration::from_secs(since_boot_s)),
            awake: Some(Duration::from_secs(since_boot_s)),
            wall_ms: wall_s * 1000,
        }
    }

    #[test]
    fn a_step_of_the_wall_clock_does_not_change_elapsed_time_within_a_boot() {
        let earlier = stamp("a", 100, 1_000);
        let later = stamp("a", 160, 5);
        assert_eq!(later.since(&earlier), Some(Duration::from_secs(60)));
        assert_eq!(clock_step(&earlier, &later), Some(ClockStep { by_ms: -1_055_000 }));
    }

    #[test]
    fn elapsed_time_across_boots_is_wall_time_or_nothing() {
        let earlier = stamp("a", 1_000_000, 1_000);
        assert_eq!(stamp("b", 5, 1_090).since(&earlier), Some(Duration::from_secs(90)));
        assert_eq!(stamp("b", 5, 990).since(&earlier), None);
    }

    #[test]
    fn slewing_is_not_a_step_however_long_the_agent_was_away() {
        let earlier = stamp("a", 0, 0);
        // 30 days at 400 ppm are 1036 s.
        let later = stamp("a", 2_592_000, 2_592_000 + 1_036);
        assert_eq!(clock_step(&earlier, &later), None);
        let stepped = stamp("a", 2_592_000, 2_592_000 + 1_500);
        assert_eq!(clock_step(&earlier, &stepped), Some(ClockStep { by_ms: 1_500_000 }));
    }

    #[test]
    fn boot_ids_have_one_form() {
        assert!(BootId::parse("5a6b7c8d-1234-5678-9abc-def012345678").is_some());
        for bad in ["", "unknown", "5A6B7C8D-1234-5678-9abc-def012345678", "5a6b7c8d-1234"] {
            assert_eq!(BootId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_boot_id_is_read_as_it_was_written() {
        let known = BootId::parse("5a6b7c8d-1234-5678-9abc-def012345678").unwrap();
        for id in [known.clone(), BootId::unknown()] {
            let written = serde_json::to_string(&id).unwrap();
            assert_eq!(written, format!("\"{id}\""));
            assert_eq!(serde_json::from_str::<BootId>(&written).unwrap(), id);
        }
        assert!(serde_json::from_str::<BootId>("\"5a6b\"").is_err());
        assert!(known.is_known() && !BootId::unknown().is_known() && known < BootId::unknown());
    }
}
