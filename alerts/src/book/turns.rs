//! The turns an alert can take: one method for each, so that what leads from one state to another
//! stands in one place. When it takes one is decided in `evaluate`.

use super::clock::Tick;
use scrubjay_model::{AlertState, Firing, Moment, Told, Verdict};

/// What can become of a state.
pub(super) trait Turns: Sized {
    /// A finding is seen that was not.
    fn appear(self, now: Moment) -> Self;
    /// It was seen for long enough.
    fn fire(self, now: Moment, level: Verdict) -> Self;
    /// It is seen still, or again.
    fn stay(self) -> Self;
    /// It is not seen.
    fn vanish(self, now: Moment) -> Self;
    /// It was not seen for long enough.
    fn resolve(self, now: Moment) -> Self;
    /// It was resolved long ago.
    fn forget(self) -> Self;
    /// Time passed that does not count.
    fn hold(self, by_ms: u64) -> Self;
}

impl Turns for AlertState {
    fn appear(self, now: Moment) -> Self {
        match self {
            Self::Inactive | Self::Resolved { .. } => {
                Self::Pending { since: now, from_ms: now.book_ms }
            }
            Self::Pending { .. } | Self::Firing(_) => self,
        }
    }

    fn fire(self, now: Moment, level: Verdict) -> Self {
        match self {
            Self::Pending { .. } => Self::Firing(Firing {
                since: now,
                level,
                lower_from_ms: None,
                gone_from_ms: None,
                told: None,
            }),
            Self::Inactive | Self::Firing(_) | Self::Resolved { .. } => self,
        }
    }

    fn stay(self) -> Self {
        match self {
            Self::Firing(firing) => Self::Firing(Firing { gone_from_ms: None, ..firing }),
            Self::Inactive | Self::Pending { .. } | Self::Resolved { .. } => self,
        }
    }

    fn vanish(self, now: Moment) -> Self {
        match self {
            Self::Pending { .. } => Self::Inactive,
            Self::Firing(firing) => {
                let gone_from_ms = firing.gone_from_ms.or(Some(now.book_ms));
                Self::Firing(Firing { gone_from_ms, ..firing })
            }
            Self::Inactive | Self::Resolved { .. } => self,
        }
    }

    fn resolve(self, now: Moment) -> Self {
        match self {
            Self::Firing(firing) => Self::Resolved { fired: firing.since, since: now },
            Self::Inactive | Self::Pending { .. } | Self::Resolved { .. } => self,
        }
    }

    fn forget(self) -> Self {
        match self {
            Self::Resolved { .. } => Self::Inactive,
            Self::Inactive | Self::Pending { .. } | Self::Firing(_) => self,
        }
    }

    fn hold(self, by_ms: u64) -> Self {
        let later = |ms: u64| ms.saturating_add(by_ms);
        match self {
            Self::Pending { since, from_ms } => Self::Pending { since, from_ms: later(from_ms) },
            Self::Firing(firing) => Self::Firing(Firing {
                lower_from_ms: firing.lower_from_ms.map(later),
                gone_from_ms: firing.gone_from_ms.map(later),
                ..firing
            }),
            Self::Inactive | Self::Resolved { .. } => self,
        }
    }
}

/// What can become of one that fires while it does.
pub(super) trait Levels: Sized {
    /// It is worse than it was.
    fn raise(self, level: Verdict) -> Self;
    /// It is less bad than it was, since now or since earlier.
    fn ease(self, now: Moment) -> Self;
    /// It was less bad for long enough.
    fn lower(self, level: Verdict) -> Self;
    /// It is as bad as it was.
    fn level_out(self) -> Self;
    /// Somebody was told.
    fn tell(self, told: Told) -> Self;
}

impl Levels for Firing {
    fn raise(self, level: Verdict) -> Self {
        Self { level, lower_from_ms: None, ..self }
    }

    fn ease(self, now: Moment) -> Self {
        Self { lower_from_ms: self.lower_from_ms.or(Some(now.book_ms)), ..self }
    }

    fn lower(self, level: Verdict) -> Self {
        Self { level, lower_from_ms: None, ..self }
    }

    fn level_out(self) -> Self {
        Self { lower_from_ms: None, ..self }
    }

    fn tell(self, told: Told) -> Self {
        Self { told: Some(told), ..self }
    }
}

/// Whether so much time has passed since then.
pub(super) fn is_over(from_ms: u64, lasts: std::time::Duration, tick: &Tick) -> bool {
    let lasts = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
    tick.now.book_ms.saturating_sub(from_ms) >= lasts
}
