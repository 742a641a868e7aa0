//! Firmware whose defaults keep corrected errors from the operating system.
//!
//! The setting itself cannot be read from here. Each row says what the vendor wrote and when; a host
//! that has counted a corrected error shows that its setting is another.

use super::{CORRECTABLE, Gap, Hides};
use scrubjay_model::{Edac, Platform};

/// A day, so that later days compare as greater.
type Date = (u16, u8, u8);

/// One vendor's default.
struct FirmwareDefault {
    /// DMI vendor and product, by their beginnings.
    machine: (&'static str, &'static str),
    /// Firmware from this day on has it.
    since: Date,
    /// What the default is, after "firmware from …".
    is: &'static str,
    /// Where it is set.
    setting: &'static str,
    /// Who says so, and when that was last looked up.
    source: &'static str,
}

const DEFAULTS: [FirmwareDefault; 1] = [FirmwareDefault {
    machine: ("Dell", "PowerEdge"),
    since: (2022, 3, 1),
    is: "does not log corrected memory errors by default",
    setting: "System BIOS Settings, Memory Settings, Correctable Error Logging",
    source: "Dell's notice of the change, defect 194574 in findbugzero, looked up in November 2026",
}];

pub(super) fn gap(edac: &Edac, platform: &Platform) -> Option<Gap> {
    let vendor = platform.system_vendor.value()?;
    let product = platform.product_name.value()?;
    let default = DEFAULTS.iter().find(|default| {
        let (maker, family) = default.machine;
        vendor.starts_with(maker) && product.starts_with(family)
    })?;
    let FirmwareDefault { machine: _, since, is, setting, source } = default;
    let written = platform.bios_date.value().map(String::as_str);
    let date = written.and_then(date);
    if date.is_some_and(|date| date < *since) || counts(edac) {
        return None;
    }
    let (year, month, _) = since;
    let age = match (date, written) {
        (Some(_), Some(written)) => format!("this one is of {written}"),
        (_, Some(written)) => format!("the date of this one is not understood ({written})"),
        (_, None) => "the date of this one is not known".to_owned(),
    };
    let gap = super::gap(
        Hides::Unclear,
        "firmware-default",
        format!(
            "corrected errors may be hidden by a firmware default: firmware of this maker from \
             {year}-{month:02} on {is} ({source}), and {age}; no corrected error was counted that \
             would show otherwise"
        ),
        format!("check the firmware set-up ({setting}) before trusting that there are no errors"),
    );
    Some(gap.only(CORRECTABLE).seen_in("sys/class/dmi/id/bios_date"))
}

/// Whether any corrected error was counted in this life of the counters.
fn counts(edac: &Edac) -> bool {
    let mut totals = edac.controllers.iter().map(|controller| &controller.errors.correctable);
    totals.any(|total| total.value().is_some_and(|counter| counter.value > 0))
}

/// A date as firmware writes it, `03/01/2022`: month, day, year (SMBIOS 7.1).
fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('/');
    let (month, day, year) = (parts.next()?, parts.next()?, parts.next()?);
    let (month, day, year): (u8, u8, u16) =
        (month.parse().ok()?, day.parse().ok()?, year.parse().ok()?);
    let is = parts.next().is_none()
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        // Two digits were allowed in the last century.
        && year >= 1980;
    is.then_some((year, month, day))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{absent, assessed, but, codes, counts, of, only, text};
    use scrubjay_model::{CoverageState, Snapshot};

    fn dell(product: &str, date: &str) -> Snapshot {
        but(|s| {
            let platform = of(&mut s.platform);
            (platform.product_name, platform.bios_date) = (text(product), text(date));
        })
    }

    #[test]
    fn a_default_that_hides_corrected_errors_is_doubted_from_its_date_on() {
        for date in ["03/01/2022", "11/16/2026", "someday"] {
            let snapshot = dell("PowerEdge R650", date);
            let found = only(&snapshot);
            assert_eq!(found.code, "firmware-default", "{date}");
            assert!(found.because.contains(date), "{}", found.because);
            assert!(found.because.contains("may be hidden"), "{}", found.because);
            let coverage = assessed(&snapshot).coverage;
            assert_eq!(coverage.correctable, CoverageState::Unknown);
            assert_eq!(coverage.uncorrectable, CoverageState::Full);
        }
        let undated = but(|s| of(&mut s.platform).bios_date = absent("sys/class/dmi/id/bios_date"));
        assert_eq!(codes(&undated), ["firmware-default"]);
    }

    #[test]
    fn older_firmware_and_other_machines_are_believed() {
        assert!(codes(&dell("PowerEdge R650", "02/28/2022")).is_empty());
        assert!(codes(&dell("Precision 7960", "11/16/2026")).is_empty());
    }

    #[test]
    fn a_corrected_error_shows_that_they_are_logged() {
        let mut snapshot = dell("PowerEdge R650", "11/16/2026");
        let controller = &mut of(&mut snapshot.edac).controllers[0];
        (controller.errors, controller.unattributed) = (counts(1, 0), counts(1, 0));
        assert!(!codes(&snapshot).contains(&"firmware-default"));
    }

    #[test]
    fn dates_are_of_the_form_that_smbios_has() {
        assert_eq!(date("03/01/2022"), Some((2022, 3, 1)));
        for odd in ["", "2022-03-01", "13/01/2022", "03/32/2022", "03/01/22", "3/1/2022/", "a/b/c"]
        {
            assert_eq!(date(odd), None, "{odd}");
        }
    }

    #[test]
    fn every_row_names_its_source() {
        for FirmwareDefault { machine, since, is, setting, source } in DEFAULTS {
            assert!(!machine.0.is_empty() && since > (2000, 1, 1), "{}", machine.0);
            assert!([is, setting, source].iter().all(|text| text.len() > 10));
        }
    }
}
