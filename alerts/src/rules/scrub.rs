//! Whether somebody looks for flipped bits, and how often.
//!
//! A scrub that is off or slow makes no error; it lets an error lie until a second one joins it, and
//! it tells of a worn-out cell later. So nothing here is worse than *watch*.

use super::memory::name;
use crate::finding::{FindingExt, finding};
use scrubjay_model::{
    Accumulated, Action, Controller, ErrorCheck, Finding, Reading, Scrub, ScrubControl, Snapshot,
    Verdict, span,
};
use std::time::Duration;

/// A full pass that takes longer is slow. JEDEC has DDR5 chips check all of their rows once in 24 h,
/// which is also what patrol scrubbing of servers is usually set to; seven times that is beyond any
/// rounding by a driver. A scrub-found error is itself no sign of failure (likelihood ratio 0.97 in
/// the public SmartMem data), so that the limit may be generous.
pub(crate) const SLOW: Duration = Duration::from_secs(7 * 86_400);

/// The lowest threshold that the error check of DDR5 knows, errors per gigabit.
const LOWEST_THRESHOLD: u64 = 256;

const EDAC_BUS: &str = "sys/bus/edac/devices";

pub(crate) fn findings(snapshot: &Snapshot, accumulated: &Accumulated) -> Vec<Finding> {
    let controllers =
        Snapshot::found(&snapshot.edac).into_iter().flat_map(|edac| &edac.controllers);
    let mut found: Vec<Finding> = controllers
        .flat_map(|controller| [off(controller, accumulated), slow(controller, accumulated)])
        .flatten()
        .collect();
    found.extend(Snapshot::found(&snapshot.scrub).into_iter().flat_map(devices));
    found
}

fn off(controller: &Controller, accumulated: &Accumulated) -> Option<Finding> {
    controller.scrub_rate.value().filter(|rate| **rate == 0)?;
    Some(
        finding(
            "scrubbing-off",
            Verdict::Watch,
            Action::Observe,
            "the controller's scrub rate is 0 bytes/s: a bit that flips stays until something \
             reads it, or until a second one joins it and neither can be corrected",
            "switch patrol scrubbing on in the firmware set-up, or write a rate to \
             sdram_scrub_rate",
        )
        .on(name(controller, accumulated))
        .seen_in(format!("sys/devices/system/edac/mc/mc{}/sdram_scrub_rate", controller.index)),
    )
}

fn slow(controller: &Controller, accumulated: &Accumulated) -> Option<Finding> {
    let pass = controller.full_pass().filter(|pass| *pass > SLOW)?;
    let rate = controller.scrub_rate.value()?;
    Some(
        too_slow(&format!("at {rate} bytes/s"), pass)
            .on(name(controller, accumulated))
            .seen_in(format!("sys/devices/system/edac/mc/mc{}/sdram_scrub_rate", controller.index)),
    )
}

fn too_slow(how: &str, pass: Duration) -> Finding {
    finding(
        "scrubbing-slow",
        Verdict::Watch,
        Action::Observe,
        format!(
            "{how} a full pass over the memory takes {}, the limit is {}: a bit that flips may \
             stay as long",
            span(pass),
            span(SLOW)
        ),
        "raise the scrub rate in the firmware set-up, or through sysfs, so that a pass takes about \
         a day",
    )
}

fn devices(scrub: &Scrub) -> Vec<Finding> {
    let each = scrub.devices.iter().flat_map(|device| {
        let controls = device.scrubs.iter().flat_map(|control| {
            let name = format!("{}/scrub{}", device.name, control.index);
            [background_off(control, &name), slow_cycle(control, &name)]
        });
        let checks = device.error_checks.iter().map(|check| {
            let name = format!("{}/ecs_fru{}", device.name, check.index);
            masked(check, &name)
        });
        controls.chain(checks).flatten().collect::<Vec<Finding>>()
    });
    each.collect()
}

fn background_off(control: &ScrubControl, name: &str) -> Option<Finding> {
    (control.background.value() == Some(&false)).then(|| {
        finding(
            "scrubbing-off",
            Verdict::Watch,
            Action::Observe,
            "the device does not scrub its memory in the background: a bit that flips stays until \
             something reads it, or until a second one joins it and neither can be corrected",
            format!("as root, write 1 to /{EDAC_BUS}/{name}/enable_background"),
        )
        .on(name)
        .seen_in(format!("{EDAC_BUS}/{name}/enable_background"))
    })
}

fn slow_cycle(control: &ScrubControl, name: &str) -> Option<Finding> {
    // Where scrubbing is off, how long it would take is beside the point.
    if control.background.value() == Some(&false) {
        return None;
    }
    let Reading::Value(seconds) = control.cycle_seconds else { return None };
    let pass = Duration::from_secs(seconds);
    (pass > SLOW).then(|| {
        too_slow("as set,", pass)
            .on(name)
            .seen_in(format!("{EDAC_BUS}/{name}/current_cycle_duration"))
    })
}

fn masked(check: &ErrorCheck, name: &str) -> Option<Finding> {
    let threshold = check.threshold.value().filter(|threshold| **threshold > LOWEST_THRESHOLD)?;
    Some(
        finding(
            "scrubbing-masked",
            Verdict::Watch,
            Action::Observe,
            format!(
                "the error check of the memory chips reports nothing below {threshold} errors per \
                 Gbit, the lowest setting is {LOWEST_THRESHOLD}: what it finds below that is \
                 hidden"
            ),
            format!("as root, write {LOWEST_THRESHOLD} to /{EDAC_BUS}/{name}/threshold"),
        )
        .on(name)
        .seen_in(format!("{EDAC_BUS}/{name}/threshold")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{absent, but, codes, device, of, only, set};

    fn rate(rate: Reading<u64>) -> Snapshot {
        but(|s| of(&mut s.edac).controllers[0].scrub_rate = rate)
    }

    fn with(change: impl FnOnce(&mut scrubjay_model::ScrubDevice)) -> Snapshot {
        but(|s| {
            let mut device = device("cxl_mem0");
            change(&mut device);
            set(&mut s.scrub, Reading::Value(Scrub { devices: vec![device], cxl: Vec::new() }));
        })
    }

    #[test]
    fn a_controller_that_does_not_scrub_is_worth_watching() {
        let found = only(&rate(Reading::Value(0)));
        assert_eq!((found.code, found.verdict), ("scrubbing-off", Verdict::Watch));
        assert_eq!(
            found.origin.unwrap().as_str(),
            "sys/devices/system/edac/mc/mc0/sdram_scrub_rate"
        );
        assert!(codes(&rate(absent("sdram_scrub_rate"))).is_empty());
    }

    #[test]
    fn a_pass_that_takes_more_than_a_week_is_slow() {
        // The controller has 64 GiB: 113,623 bytes/s make a week and a fraction of a second.
        let found = only(&rate(Reading::Value(113_623)));
        assert_eq!((found.code, found.verdict), ("scrubbing-slow", Verdict::Watch));
        assert!(
            found.because.starts_with("at 113623 bytes/s a full pass over the memory takes 7 d")
        );
        assert!(codes(&rate(Reading::Value(113_624))).is_empty());
        let unsized_memory = but(|s| {
            let controller = &mut of(&mut s.edac).controllers[0];
            controller.scrub_rate = Reading::Value(1);
            controller.size_bytes = absent("size_mb");
        });
        assert!(codes(&unsized_memory).is_empty());
    }

    #[test]
    fn devices_are_held_to_the_same_limits() {
        assert!(codes(&with(|_| ())).is_empty());
        let off = only(&with(|d| {
            d.scrubs[0].background = Reading::Value(false);
            d.scrubs[0].cycle_seconds = Reading::Value(u64::MAX);
        }));
        assert_eq!((off.code, off.subject.as_str()), ("scrubbing-off", "cxl_mem0/scrub0"));
        let slow = only(&with(|d| d.scrubs[0].cycle_seconds = Reading::Value(7 * 86_400 + 1)));
        assert_eq!((slow.code, slow.subject.as_str()), ("scrubbing-slow", "cxl_mem0/scrub0"));
    }

    #[test]
    fn a_threshold_above_the_lowest_hides_errors() {
        let found = only(&with(|d| d.error_checks[0].threshold = Reading::Value(4096)));
        assert_eq!((found.code, found.subject.as_str()), ("scrubbing-masked", "cxl_mem0/ecs_fru0"));
        assert!(found.because.contains("below 4096 errors per Gbit"), "{}", found.because);
    }
}
