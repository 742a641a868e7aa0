//! `[memory]` and `[costs]`: by which policy errors of memory are judged, and what failures and
//! swaps cost.

use super::error::{ConfigError, Origin};
use super::inputs::Input;
use super::shown::Shown;
use crate::{calibration, policies};
use scrubjay_alerts::memory::{Costs, MemorySettings};
use scrubjay_alerts::replay::Policy;
use serde::Deserialize;
use std::path::Path;
use toml::Spanned;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MemoryFragment {
    policy: Option<Spanned<String>>,
    calibration: Option<Spanned<String>>,
    repairs_at_boot: Option<Spanned<bool>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CostsFragment {
    service_hour: Option<Spanned<f64>>,
    unplanned_hours: Option<Spanned<f64>>,
    planned_hours: Option<Spanned<f64>>,
    unplanned_work: Option<Spanned<f64>>,
    planned_work: Option<Spanned<f64>>,
    incident: Option<Spanned<f64>>,
    reboot_fails: Option<Spanned<f64>>,
}

/// As written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MemoryInputs {
    policy: Input<String>,
    calibration: Input<String>,
    repairs_at_boot: Input<Option<bool>>,
    service_hour: Input<f64>,
    unplanned_hours: Input<f64>,
    planned_hours: Input<f64>,
    unplanned_work: Input<f64>,
    planned_work: Input<f64>,
    incident: Input<f64>,
    reboot_fails: Input<f64>,
}

/// A section: its name, and each key with its value and where that is from.
type Section<'a> = (&'static str, Vec<(&'static str, String, &'a Origin)>);

/// Validated.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MemoryChoice {
    /// The policy that was chosen, by the name or the path that was given.
    pub(crate) policy: Policy,
    /// What the engine goes by.
    pub(crate) engine: MemorySettings,
    /// Where its calibration comes from, if it has one.
    pub(crate) calibrated_from: Option<String>,
}

impl MemoryInputs {
    pub(super) fn defaults() -> Self {
        let cost = |value| Input { value, origin: Origin::Default };
        let Costs {
            service_hour,
            unplanned_hours,
            planned_hours,
            unplanned_work,
            planned_work,
            incident,
            reboot_fails,
        } = Costs::default();
        Self {
            policy: Input { value: policies::DEFAULT.to_owned(), origin: Origin::Default },
            calibration: Input { value: String::new(), origin: Origin::Default },
            repairs_at_boot: Input { value: None, origin: Origin::Default },
            service_hour: cost(service_hour),
            unplanned_hours: cost(unplanned_hours),
            planned_hours: cost(planned_hours),
            unplanned_work: cost(unplanned_work),
            planned_work: cost(planned_work),
            incident: cost(incident),
            reboot_fails: cost(reboot_fails),
        }
    }

    /// Takes what a file sets.
    pub(super) fn take(
        &mut self,
        memory: &MemoryFragment,
        costs: &CostsFragment,
        path: &Path,
        text: &str,
    ) {
        fn set<T: Clone>(into: &mut Input<T>, from: &Option<Spanned<T>>, path: &Path, text: &str) {
            if let Some(spanned) = from {
                let origin = Origin::in_file(path, text, spanned.span().start);
                *into = Input { value: spanned.get_ref().clone(), origin };
            }
        }
        set(&mut self.policy, &memory.policy, path, text);
        set(&mut self.calibration, &memory.calibration, path, text);
        if let Some(spanned) = &memory.repairs_at_boot {
            let origin = Origin::in_file(path, text, spanned.span().start);
            self.repairs_at_boot = Input { value: Some(*spanned.get_ref()), origin };
        }
        for (into, from) in [
            (&mut self.service_hour, &costs.service_hour),
            (&mut self.unplanned_hours, &costs.unplanned_hours),
            (&mut self.planned_hours, &costs.planned_hours),
            (&mut self.unplanned_work, &costs.unplanned_work),
            (&mut self.planned_work, &costs.planned_work),
            (&mut self.incident, &costs.incident),
            (&mut self.reboot_fails, &costs.reboot_fails),
        ] {
            set(into, from, path, text);
        }
    }

    fn costs(&self) -> [(&'static str, &'static str, &Input<f64>); 7] {
        [
            ("service_hour", "costs.service_hour", &self.service_hour),
            ("unplanned_hours", "costs.unplanned_hours", &self.unplanned_hours),
            ("planned_hours", "costs.planned_hours", &self.planned_hours),
            ("unplanned_work", "costs.unplanned_work", &self.unplanned_work),
            ("planned_work", "costs.planned_work", &self.planned_work),
            ("incident", "costs.incident", &self.incident),
            ("reboot_fails", "costs.reboot_fails", &self.reboot_fails),
        ]
    }

    pub(super) fn validate(&self) -> Result<MemoryChoice, ConfigError> {
        let wrong = |origin: &Origin, key, found: String, why: String| ConfigError::Value {
            origin: origin.clone(),
            key,
            found,
            why,
        };
        for (_, key, input) in self.costs() {
            let found = input.value.to_string();
            if !input.value.is_finite() || input.value < 0.0 {
                let why = "must be a number from 0 on".to_owned();
                return Err(wrong(&input.origin, key, found, why));
            }
            if key == "costs.reboot_fails" && input.value > 1.0 {
                let why = "is a probability, and must be at most 1".to_owned();
                return Err(wrong(&input.origin, key, found, why));
            }
        }
        let costs = Costs {
            service_hour: self.service_hour.value,
            unplanned_hours: self.unplanned_hours.value,
            planned_hours: self.planned_hours.value,
            unplanned_work: self.unplanned_work.value,
            planned_work: self.planned_work.value,
            incident: self.incident.value,
            reboot_fails: self.reboot_fails.value,
        };
        if !costs.are_usable() {
            let input = &self.service_hour;
            let why = "with unplanned_hours, unplanned_work and incident it makes a failure cost \
                       nothing: then nothing is worth doing";
            let found = input.value.to_string();
            return Err(wrong(&input.origin, "costs.service_hour", found, why.to_owned()));
        }
        let policy = policies::named(&self.policy.value).map_err(|error| {
            let found = self.policy.value.clone();
            wrong(&self.policy.origin, "memory.policy", found, format!("{error:#}"))
        })?;
        let file = &self.calibration;
        let (calibration, calibrated_from) = match file.value.as_str() {
            "" => (None, None),
            path => {
                let (calibration, origin) =
                    calibration::read(Path::new(path)).map_err(|error| {
                        let why = format!("{error:#}");
                        wrong(&file.origin, "memory.calibration", path.to_owned(), why)
                    })?;
                (Some(calibration), Some(origin))
            }
        };
        // The delivered file repeats the defaults, and states nothing with that.
        let costs_are_stated = costs != Costs::default();
        let engine = MemorySettings {
            costs,
            costs_are_stated,
            calibration,
            repairs_at_boot: self.repairs_at_boot.value,
            ..MemorySettings::default()
        };
        Ok(MemoryChoice { policy, engine, calibrated_from })
    }

    /// The sections as a configuration file, each value with where it is from.
    pub(super) fn sections(&self) -> [Section<'_>; 2] {
        let policy = ("policy", self.policy.value.shown(), &self.policy.origin);
        let file = &self.calibration;
        let mut memory = vec![policy, ("calibration", file.value.shown(), &file.origin)];
        let repairs = &self.repairs_at_boot;
        // Not known is no value that a file could have: a comment says it.
        memory.push(match repairs.value {
            Some(is) => ("repairs_at_boot", is.to_string(), &repairs.origin),
            None => ("# repairs_at_boot", "not known".to_owned(), &repairs.origin),
        });
        let costs = self.costs().into_iter();
        // As TOML has them: a float has a point.
        let costs = costs.map(|(name, _, input)| (name, input.value.shown(), &input.origin));
        [("memory", memory), ("costs", costs.collect())]
    }
}

#[cfg(test)]
mod tests {
    use super::super::fragments::parse;
    use super::super::inputs::{Environment, Flags, Inputs};
    use super::*;
    use std::path::PathBuf;

    fn choice(text: &str) -> Result<MemoryChoice, String> {
        let file = parse(PathBuf::from("a.toml"), text.to_owned()).map_err(|e| e.to_string())?;
        let inputs = Inputs::assemble(&[file], &Flags::default(), &Environment::default());
        inputs.memory.validate().map_err(|error| error.to_string())
    }

    #[test]
    fn without_a_word_costs_are_assumed_and_the_policy_is_the_default() {
        let choice = choice("").unwrap();
        assert_eq!(choice.policy.name, "default");
        assert_eq!(choice.engine.costs, Costs::default());
        assert!(!choice.engine.costs_are_stated);
    }

    #[test]
    fn costs_may_be_whole_numbers_and_are_then_stated() {
        let choice = choice("[costs]\nservice_hour = 5000\nreboot_fails = 0.01\n").unwrap();
        assert_eq!(choice.engine.costs.service_hour, 5000.0);
        assert_eq!(choice.engine.costs.reboot_fails, 0.01);
        assert!(choice.engine.costs_are_stated);
    }

    #[test]
    fn a_preset_or_a_file_is_a_policy() {
        assert_eq!(choice("[memory]\npolicy = \"sun\"\n").unwrap().policy.name, "sun");
        let error = choice("[memory]\npolicy = \"moon\"\n").unwrap_err();
        assert!(error.starts_with("a.toml:2:10: memory.policy = \"moon\": "), "{error}");
        let error = choice("[memory]\npolicy = \"/no/such.toml\"\n").unwrap_err();
        assert!(error.contains("cannot read /no/such.toml"), "{error}");
    }

    #[test]
    fn what_the_firmware_repairs_is_known_unknown_or_not() {
        let said = |text: &str| choice(text).unwrap().engine.repairs_at_boot;
        assert_eq!(said(""), None);
        assert_eq!(said("[memory]\nrepairs_at_boot = true\n"), Some(true));
        assert_eq!(said("[memory]\nrepairs_at_boot = false\n"), Some(false));
        let error = choice("[memory]\nrepairs_at_boot = \"yes\"\n").unwrap_err();
        assert!(error.contains("a.toml"), "{error}");
    }

    #[test]
    fn a_calibration_that_cannot_be_read_is_told_with_its_place() {
        assert_eq!(choice("[memory]\ncalibration = \"\"\n").unwrap().engine.calibration, None);
        let error = choice("[memory]\ncalibration = \"/no/such.toml\"\n").unwrap_err();
        assert!(error.starts_with("a.toml:2:15: memory.calibration = "), "{error}");
        assert!(error.contains("cannot read /no/such.toml"), "{error}");
    }

    #[test]
    fn costs_that_cannot_be_are_refused() {
        let error = choice("[costs]\nincident = -1\n").unwrap_err();
        assert_eq!(error, "a.toml:2:12: costs.incident = \"-1\": must be a number from 0 on");
        assert!(choice("[costs]\nincident = nan\n").unwrap_err().contains("from 0 on"));
        assert!(choice("[costs]\nreboot_fails = 2\n").unwrap_err().contains("at most 1"));
        let nothing = "[costs]\nservice_hour = 0\nunplanned_work = 0\n";
        assert!(choice(nothing).unwrap_err().contains("nothing is worth doing"));
    }
}
