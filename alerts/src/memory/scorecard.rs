//! The weights that turn what a DIMM reported into a probability. They are data, with their origin:
//! `scorecard.csv`.

use super::mode::RiskClass;
use std::collections::BTreeMap;
use std::fmt;

const SHIPPED: &str = include_str!("scorecard.csv");

/// Weights of one variant: log-odds.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Without any evidence.
    pub intercept: f64,
    /// For each doubling of the errors in the busiest six hours.
    pub log2_errors: f64,
    /// With a storm of distinct places.
    pub storm: f64,
    /// One cell.
    pub cell: f64,
    /// A row.
    pub row: f64,
    /// A column.
    pub column: f64,
    /// A bank.
    pub bank: f64,
    /// Several banks of a device.
    pub device: f64,
    /// Several devices.
    pub multi_device: f64,
    /// Not known.
    pub unknown: f64,
    /// With two or more faulty columns.
    pub two_faulty_columns: f64,
}

/// Weights of the bits of a transfer.
#[derive(Debug, Clone, PartialEq)]
pub struct BitWeights {
    /// A report with two or three wrong data lines.
    pub two_or_three_lines: f64,
    /// One with four.
    pub four_lines: f64,
    /// The longest interval of wrong beats is four.
    pub interval_four: f64,
    /// It is one or more.
    pub interval: f64,
}

/// All weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Scorecard {
    /// Where no bits are told.
    pub plain: Weights,
    /// Where they are.
    pub with_bits: Weights,
    /// For the bits themselves.
    pub bits: BitWeights,
    /// The hazard grows with this power of time: below one it falls while the DIMM survives.
    pub exponent: f64,
    /// Days in which the hazard halves, after seven quiet ones.
    pub quiet_half_life_days: f64,
    /// Failures per DIMM and year without any error before.
    pub sudden_per_year: f64,
    /// Faults that begin per DIMM and year.
    pub new_faults_per_year: f64,
    /// The share of faulty DIMMs that fails.
    pub fail_of_faulty: f64,
    /// Hazard left when the page of a cell is out of use.
    pub offlined_cell: f64,
    /// Hazard left when the pages of a row are.
    pub offlined_row: f64,
}

/// Why a scorecard cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScorecardFault {
    /// A line that is no `term,value,provenance`.
    Line(usize),
    /// A term without a value.
    Missing(String),
    /// A term that nothing reads.
    Unread(String),
}

impl fmt::Display for ScorecardFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(number) => write!(f, "line {number} is not `term,value,provenance`"),
            Self::Missing(term) => write!(f, "no value for `{term}`"),
            Self::Unread(term) => write!(f, "nothing is called `{term}`"),
        }
    }
}

impl std::error::Error for ScorecardFault {}

impl Scorecard {
    /// The one that is built in.
    pub fn shipped() -> Self {
        match Self::parse(SHIPPED) {
            Ok(scorecard) => scorecard,
            Err(_) => unreachable!("a test reads the scorecard that is built in"),
        }
    }

    /// Reads `term,value,provenance` by line; `#` begins a comment.
    ///
    /// # Errors
    ///
    /// Where a line, a term or a value is missing or not known: half a scorecard is none.
    pub fn parse(text: &str) -> Result<Self, ScorecardFault> {
        let mut values = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let mut fields = line.splitn(3, ',');
            let (Some(term), Some(value), Some(provenance)) =
                (fields.next(), fields.next(), fields.next())
            else {
                return Err(ScorecardFault::Line(number));
            };
            let value: f64 = value.trim().parse().map_err(|_| ScorecardFault::Line(number))?;
            if !value.is_finite() || provenance.trim().is_empty() {
                return Err(ScorecardFault::Line(number));
            }
            values.insert(term.trim().to_owned(), value);
        }
        let mut take = |term: &str| {
            values.remove(term).ok_or_else(|| ScorecardFault::Missing(term.to_owned()))
        };
        let scorecard = Self {
            plain: Weights::take("plain", &mut take)?,
            with_bits: Weights::take("bits", &mut take)?,
            bits: BitWeights {
                two_or_three_lines: take("bits.two_or_three_lines")?,
                four_lines: take("bits.four_lines")?,
                interval_four: take("bits.interval_four")?,
                interval: take("bits.interval")?,
            },
            exponent: take("horizon.exponent")?,
            quiet_half_life_days: take("horizon.quiet_half_life_days")?,
            sudden_per_year: take("sudden.per_dimm_year")?,
            new_faults_per_year: take("new.faults_per_dimm_year")?,
            fail_of_faulty: take("new.fail_of_faulty")?,
            offlined_cell: take("offlined.cell")?,
            offlined_row: take("offlined.row")?,
        };
        match values.into_keys().next() {
            Some(term) => Err(ScorecardFault::Unread(term)),
            None => Ok(scorecard),
        }
    }

    /// Each term of the built-in one with its value and where that comes from, as text.
    pub fn provenance() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        let rows = SHIPPED.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        rows.filter_map(|row| {
            let (term, rest) = row.split_once(',')?;
            let (value, provenance) = rest.split_once(',')?;
            Some((term, value, provenance))
        })
    }
}

impl Weights {
    fn take(
        variant: &str,
        take: &mut impl FnMut(&str) -> Result<f64, ScorecardFault>,
    ) -> Result<Self, ScorecardFault> {
        let mut of = |term: &str| take(&format!("{variant}.{term}"));
        Ok(Self {
            intercept: of("intercept")?,
            log2_errors: of("log2_errors")?,
            storm: of("storm")?,
            cell: of("mode_cell")?,
            row: of("mode_row")?,
            column: of("mode_column")?,
            bank: of("mode_bank")?,
            device: of("mode_device")?,
            multi_device: of("mode_multi_device")?,
            unknown: of("mode_unknown")?,
            two_faulty_columns: of("two_faulty_columns")?,
        })
    }

    /// The weight of a shape.
    pub fn of(&self, class: RiskClass) -> f64 {
        match class {
            RiskClass::Cell => self.cell,
            RiskClass::Row => self.row,
            RiskClass::Column => self.column,
            RiskClass::Bank => self.bank,
            RiskClass::Device => self.device,
            RiskClass::MultiDevice => self.multi_device,
            RiskClass::Unknown => self.unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_one_is_whole() {
        assert!(Scorecard::parse(SHIPPED).is_ok());
        assert_eq!(Scorecard::provenance().count(), 33);
        for (term, value, provenance) in Scorecard::provenance() {
            assert!(value.parse::<f64>().is_ok(), "{term}");
            let origins = ["fitted", "measured", "assumed"];
            assert!(origins.iter().any(|o| provenance.starts_with(o)), "{term}: {provenance}");
        }
    }

    #[test]
    fn half_a_scorecard_is_none() {
        let without = SHIPPED.replace("plain.storm,0.979,fitted\n", "");
        let missing = ScorecardFault::Missing("plain.storm".to_owned());
        assert_eq!(Scorecard::parse(&without), Err(missing));
        let more = format!("{SHIPPED}plain.moon,1,assumed\n");
        assert_eq!(Scorecard::parse(&more), Err(ScorecardFault::Unread("plain.moon".to_owned())));
        assert_eq!(Scorecard::parse("plain.storm,much,x"), Err(ScorecardFault::Line(1)));
        assert_eq!(Scorecard::parse("plain.storm,1"), Err(ScorecardFault::Line(1)));
        assert_eq!(Scorecard::parse("plain.storm,nan,fitted"), Err(ScorecardFault::Line(1)));
    }
}
