//! Parts of a stretch of time: how much of it lies between two moments.

use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

/// How much of a stretch that was measured by the boot clock lies between two moments of the wall
/// clock, the second one excluded. What adjoining windows get adds up to the stretch.
///
/// The two clocks differ a little, so each part gets its share. Where they differ by more than a day
/// the wall clock was set meanwhile; then the stretch is placed by its beginning.
pub fn share_of_stretch(
    from_wall_ms: i64,
    to_wall_ms: i64,
    length: Duration,
    window_from_ms: i64,
    window_to_ms: i64,
) -> Duration {
    let length_ms = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
    let span_ms = i128::from(to_wall_ms) - i128::from(from_wall_ms);
    let agree = (span_ms - i128::from(length_ms)).unsigned_abs() <= DAY.as_millis();
    let span_ms = if agree && span_ms > 0 { span_ms } else { i128::from(length_ms) };
    if span_ms <= 0 {
        let inside = (window_from_ms..window_to_ms).contains(&from_wall_ms);
        return if inside { length } else { Duration::ZERO };
    }
    let before = |moment: i64| {
        let passed = (i128::from(moment) - i128::from(from_wall_ms)).clamp(0, span_ms);
        let (passed, span) = (passed.unsigned_abs(), span_ms.unsigned_abs());
        let nanos = length.as_nanos().saturating_mul(passed).checked_div(span).unwrap_or(0);
        u64::try_from(nanos).map_or(Duration::MAX, Duration::from_nanos)
    };
    before(window_to_ms).saturating_sub(before(window_from_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_parts_of_a_stretch_add_up_to_it(
            from in -100_000_i64..100_000,
            span in -1_000_i64..100_000,
            length_ms in 0_u64..100_000,
            width in 1_i64..50_000,
        ) {
            let length = Duration::from_millis(length_ms);
            let mut sum = Duration::ZERO;
            let mut window = -100_000;
            while window < 400_000 {
                sum += share_of_stretch(from, from + span, length, window, window + width);
                window += width;
            }
            prop_assert_eq!(sum, length);
        }
    }

    #[test]
    fn a_stretch_in_which_the_clock_was_set_lies_where_it_began() {
        let day_ms = 86_400_000;
        let share = |from, to| share_of_stretch(0, 20_000 * day_ms, DAY * 2, from, to);
        assert_eq!(share(0, day_ms), DAY);
        assert_eq!(share(day_ms, 2 * day_ms), DAY);
        assert_eq!(share(2 * day_ms, i64::MAX), Duration::ZERO);
    }
}
