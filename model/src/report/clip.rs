//! What was known at a moment, of what is known now: a report on the past says the same whenever it is
//! made.

use super::parts::{ReportPeriod, ReportedPage};
use crate::{Ack, BootEnd, BootLine, EndedAck, ModuleRecord, PageLife};
use std::time::Duration;

/// Boots, as they stood.
pub(super) fn boots(lines: &[BootLine], at_wall_ms: i64) -> Vec<BootLine> {
    let begun = |line: &&BootLine| line.booted_wall_ms.is_none_or(|begun| begun <= at_wall_ms);
    lines.iter().filter(begun).map(|line| boot(line, at_wall_ms)).collect()
}

fn boot(line: &BootLine, at_wall_ms: i64) -> BootLine {
    let Some(later_ms) = line.ended_wall_ms.map(|ended| ended - at_wall_ms).filter(|ms| *ms > 0)
    else {
        return line.clone();
    };
    let later = Duration::from_millis(u64::try_from(later_ms).unwrap_or(0));
    BootLine {
        ended_wall_ms: Some(at_wall_ms),
        ran: line.ran.map(|ran| ran.saturating_sub(later)),
        // When it slept is not told.
        slept: None,
        end: BootEnd::Running,
        cause: None,
        evidence: "It ran at the moment of the report.".to_owned(),
        ..line.clone()
    }
}

/// Sticks that had come, with whether they had gone.
pub(super) fn sticks(modules: &[ModuleRecord], at_wall_ms: i64) -> Vec<ModuleRecord> {
    let come = modules.iter().filter(|module| module.since_wall_ms <= at_wall_ms);
    let as_then = |module: &ModuleRecord| ModuleRecord {
        ended_wall_ms: module.ended_wall_ms.filter(|ended| *ended <= at_wall_ms),
        ..module.clone()
    };
    come.map(as_then).collect()
}

/// Pages that were registered, with what had happened to them.
pub(super) fn pages(lives: Vec<PageLife>, period: ReportPeriod) -> Vec<ReportedPage> {
    let known = lives.into_iter().filter(|life| life.page.first_seen_wall_ms < period.to_wall_ms);
    let page = |PageLife { page, mut turns }: PageLife| {
        turns.retain(|turn| turn.at_wall_ms <= period.at_wall_ms);
        ReportedPage {
            physical_address: page.physical_address,
            size_bytes: page.page_size_bytes,
            place: page.dimm,
            since_wall_ms: page.first_seen_wall_ms,
            turns,
        }
    };
    known.map(page).collect()
}

/// Acknowledgements that had been given, with how they had ended.
pub(super) fn acks<'a>(
    held: impl Iterator<Item = &'a Ack>,
    ended: &'a [EndedAck],
    at_wall_ms: i64,
) -> Vec<(&'a Ack, Option<&'a EndedAck>)> {
    let held = held.map(|ack| (ack, None));
    let ended =
        ended.iter().map(|one| (&one.ack, Some(one).filter(|one| one.at_wall_ms <= at_wall_ms)));
    held.chain(ended).filter(|(ack, _)| ack.given.wall_ms <= at_wall_ms).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BootSource;

    fn line(booted: i64, ended: Option<i64>, end: BootEnd) -> BootLine {
        BootLine {
            boot: None,
            booted_wall_ms: Some(booted),
            ended_wall_ms: ended,
            ran: ended.map(|ended| Duration::from_millis(u64::try_from(ended - booted).unwrap())),
            ran_by: None,
            slept: Some(Duration::ZERO),
            kernel_release: None,
            soft_reboots: 0,
            end,
            cause: None,
            evidence: "seen".to_owned(),
            sources: BootSource::Agent.into(),
            clock_steps: 0,
        }
    }

    #[test]
    fn how_a_boot_ended_later_is_not_known_and_one_that_began_later_is_not_there() {
        let lines = [
            line(0, Some(40), BootEnd::Clean),
            line(50, Some(200), BootEnd::Unclean),
            line(210, Some(300), BootEnd::Running),
        ];
        let then = boots(&lines, 100);
        assert_eq!(then.len(), 2);
        assert_eq!(then[0], lines[0]);
        assert_eq!((then[1].end, then[1].ended_wall_ms), (BootEnd::Running, Some(100)));
        assert_eq!(then[1].ran, Some(Duration::from_millis(50)));
        // Whenever it is asked about that moment, it was the same.
        let later = [line(0, Some(40), BootEnd::Clean), line(50, Some(900), BootEnd::Running)];
        assert_eq!(boots(&later, 100), then);
    }
}
