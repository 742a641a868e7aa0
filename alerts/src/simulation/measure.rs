//! Whether a simulated fleet looks like those of studies: what is measured of it, and the bands in
//! which it has to lie.

use super::random::real;
use super::settings::{DAY, WINDOW};
use super::truth::{SimulatedDimm, SimulatedNode};
use crate::memory::Observation;

/// Logs of the field end near so many errors in a window, so no more are compared.
const CENSORED_AT: u64 = 1800;

/// Seconds of a month: the twelfth part of a year.
const MONTH: i64 = 2_629_800;

/// A figure of a fleet beside what studies found.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// What.
    pub name: &'static str,
    /// Its unit, or "" for a bare number.
    pub unit: &'static str,
    /// The figure.
    pub value: f64,
    /// From and to where it has to be; `None` for one that is only told.
    pub band: Option<(f64, f64)>,
    /// What studies found.
    pub field: &'static str,
}

impl Measured {
    /// Whether it is where it has to be.
    pub fn holds(&self) -> bool {
        self.band.is_none_or(|(low, high)| (low..=high).contains(&self.value))
    }
}

/// What has been measured of the nodes of a fleet so far. Nodes may be measured in any order, and in
/// parts that are put together.
#[derive(Debug, Clone)]
pub struct Measures {
    nodes: u64,
    nodes_failed: u64,
    seen_nodes: u64,
    seen_dimms: u64,
    /// DIMMs with corrected errors that also failed, and not suddenly.
    failed_dimms: u64,
    uncorrected: u64,
    sudden: u64,
    crashed: u64,
    /// Errors of each DIMM, each node and each month of a DIMM that had any.
    of_dimms: Vec<u64>,
    of_nodes: Vec<u64>,
    of_months: Vec<u64>,
    /// How many windows had so many errors.
    windows: Vec<u64>,
}

impl Default for Measures {
    fn default() -> Self {
        Self::new()
    }
}

impl Measures {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            nodes: 0,
            nodes_failed: 0,
            seen_nodes: 0,
            seen_dimms: 0,
            failed_dimms: 0,
            uncorrected: 0,
            sudden: 0,
            crashed: 0,
            of_dimms: Vec::new(),
            of_nodes: Vec::new(),
            of_months: Vec::new(),
            windows: Vec::new(),
        }
    }

    /// Takes a node in. Corrected errors are those that counters told, of nodes whose firmware lets
    /// them; uncorrected ones are all there were.
    pub fn add(&mut self, node: &SimulatedNode) {
        self.nodes += 1;
        let failures = || node.dimms.iter().flat_map(|dimm| &dimm.truth.uncorrected);
        self.nodes_failed += u64::from(failures().next().is_some());
        for failure in failures() {
            self.uncorrected += 1;
            self.sudden += u64::from(failure.fault.is_none());
            self.crashed += u64::from(failure.crashed);
        }
        if node.firmware_first {
            return;
        }
        self.seen_nodes += 1;
        let mut of_node = 0;
        for dimm in &node.dimms {
            self.seen_dimms += 1;
            of_node += self.dimm(dimm);
        }
        if of_node > 0 {
            self.of_nodes.push(of_node);
        }
    }

    /// Takes a DIMM in; its errors.
    fn dimm(&mut self, dimm: &SimulatedDimm) -> u64 {
        let mut total = 0;
        let mut month = Sum::default();
        let mut window = Sum::default();
        for observation in &dimm.observations {
            let Observation::Counted { from, errors, .. } = *observation else { continue };
            total += errors;
            if let Some(done) = month.add(from.div_euclid(MONTH), errors) {
                self.of_months.push(done);
            }
            if let Some(done) = window.add(from.div_euclid(WINDOW), errors) {
                self.window(done);
            }
        }
        if total == 0 {
            return 0;
        }
        self.of_months.extend(month.rest());
        if let Some(done) = window.rest() {
            self.window(done);
        }
        self.of_dimms.push(total);
        let failed = dimm.truth.uncorrected.iter().any(|failure| failure.fault.is_some());
        self.failed_dimms += u64::from(failed);
        total
    }

    fn window(&mut self, errors: u64) {
        let index = usize::try_from(errors.min(CENSORED_AT)).unwrap_or(0);
        if self.windows.len() <= index {
            self.windows.resize(index + 1, 0);
        }
        if let Some(count) = self.windows.get_mut(index) {
            *count += 1;
        }
    }

    /// Takes in what was measured of other nodes.
    pub fn merge(&mut self, mut other: Self) {
        self.nodes += other.nodes;
        self.nodes_failed += other.nodes_failed;
        self.seen_nodes += other.seen_nodes;
        self.seen_dimms += other.seen_dimms;
        self.failed_dimms += other.failed_dimms;
        self.uncorrected += other.uncorrected;
        self.sudden += other.sudden;
        self.crashed += other.crashed;
        self.of_dimms.append(&mut other.of_dimms);
        self.of_nodes.append(&mut other.of_nodes);
        self.of_months.append(&mut other.of_months);
        if self.windows.len() < other.windows.len() {
            self.windows.resize(other.windows.len(), 0);
        }
        for (mine, theirs) in self.windows.iter_mut().zip(other.windows) {
            *mine += theirs;
        }
    }

    /// The figures. Bands hold for a year of the fleet of [`super::FleetSettings::with_seed`].
    pub fn figures(mut self) -> Vec<Measured> {
        for values in [&mut self.of_dimms, &mut self.of_nodes, &mut self.of_months] {
            values.sort_unstable();
        }
        let percent = |part: u64, of: u64| 100.0 * ratio(part, of);
        let count = |values: &[u64]| u64::try_from(values.len()).unwrap_or(u64::MAX);
        let total: u64 = self.of_dimms.iter().sum();
        let windows: u64 = self.windows.iter().sum();
        let in_windows: u64 = (0_u64..).zip(&self.windows).map(|(size, count)| size * count).sum();
        let row = |name, unit, value, band, field| Measured { name, unit, value, band, field };
        vec![
            row(
                "DIMMs with corrected errors",
                "%",
                percent(count(&self.of_dimms), self.seen_dimms),
                Some((2.0, 4.0)),
                "1.6 % new faults (DDR4) to 8.2 % (Schroeder 2009)",
            ),
            row(
                "nodes with corrected errors",
                "%",
                percent(count(&self.of_nodes), self.seen_nodes),
                Some((25.0, 45.0)),
                "about a third (Schroeder 2009)",
            ),
            row(
                "nodes with an uncorrected error",
                "%",
                percent(self.nodes_failed, self.nodes),
                Some((0.8, 2.5)),
                "1.3 % (Schroeder 2009)",
            ),
            row(
                "DIMMs with corrected errors that fail",
                "%",
                percent(self.failed_dimms, count(&self.of_dimms)),
                Some((1.5, 4.0)),
                "2.4 % in 270 days (M2-MFP)",
            ),
            row(
                "errors of the loudest 20 % of those DIMMs",
                "%",
                percent(top(&self.of_dimms, 5), total),
                Some((92.0, 100.0)),
                "more than 94 % (Schroeder 2009)",
            ),
            row(
                "errors of a DIMM in a month with any, mean",
                "",
                ratio(self.of_months.iter().sum(), count(&self.of_months)),
                Some((300.0, 5000.0)),
                "497 per server (Meza 2015), 3,900 per DIMM (M2-MFP)",
            ),
            row(
                "errors in a window with any, mean",
                "",
                ratio(in_windows, windows),
                Some((15.0, 50.0)),
                "34 (SmartMem)",
            ),
            row(
                "the same, 90th percentile",
                "",
                quantile(&self.windows, windows, 90),
                Some((20.0, 60.0)),
                "37 (SmartMem)",
            ),
            row(
                "the same, 99th percentile",
                "",
                quantile(&self.windows, windows, 99),
                Some((250.0, 1200.0)),
                "905 (SmartMem)",
            ),
            row(
                "errors of the loudest 1 % of nodes with any",
                "%",
                percent(top(&self.of_nodes, 100), total),
                None,
                "97.8 % of servers in a month (Meza 2015)",
            ),
            row(
                "errors of a DIMM with any, median",
                "",
                middle(&self.of_dimms),
                None,
                "64 (Schroeder 2009)",
            ),
            row(
                "errors of a DIMM in a month with any, median",
                "",
                middle(&self.of_months),
                None,
                "9 per server (Meza 2015)",
            ),
            row(
                "uncorrected errors without a fault that showed",
                "%",
                percent(self.sudden, self.uncorrected),
                None,
                "17 to 30 %",
            ),
            row(
                "uncorrected errors that crash the node",
                "%",
                percent(self.crashed, self.uncorrected),
                None,
                "assumed",
            ),
        ]
    }
}

/// A sum that begins anew with each new number of what is summed over.
#[derive(Debug, Default)]
struct Sum {
    number: i64,
    errors: u64,
}

impl Sum {
    /// Adds; the sum before it, if that is done and not zero.
    fn add(&mut self, number: i64, errors: u64) -> Option<u64> {
        if number == self.number {
            self.errors += errors;
            return None;
        }
        let done = std::mem::replace(&mut self.errors, errors);
        self.number = number;
        (done > 0).then_some(done)
    }

    fn rest(self) -> Option<u64> {
        (self.errors > 0).then_some(self.errors)
    }
}

fn ratio(part: u64, of: u64) -> f64 {
    let number = |value: u64| real(i64::try_from(value).unwrap_or(i64::MAX));
    if of == 0 { 0.0 } else { number(part) / number(of) }
}

/// The sum of the largest of sorted values: of one in so many, rounded up.
fn top(sorted: &[u64], one_in: usize) -> u64 {
    sorted.iter().rev().take(sorted.len().div_ceil(one_in)).sum()
}

fn middle(sorted: &[u64]) -> f64 {
    ratio(sorted.get(sorted.len() / 2).copied().unwrap_or(0), 1)
}

/// The smallest size that so many percent are not above.
fn quantile(counts: &[u64], total: u64, percent: u64) -> f64 {
    let mut below = 0;
    for (size, count) in (0_u64..).zip(counts) {
        below += count;
        if below * 100 >= total * percent {
            return ratio(size, 1);
        }
    }
    0.0
}

/// A year has twelve months, and a month has whole windows or the sums would not match.
const _: () = assert!(MONTH * 12 == 31_557_600 && DAY % WINDOW == 0);

#[cfg(test)]
mod tests {
    use super::{Sum, middle, quantile, top};

    #[test]
    fn shares_and_quantiles_are_of_what_they_say() {
        let values: Vec<u64> = (1..=10).collect();
        assert_eq!(top(&values, 5), 19);
        assert_eq!(top(&values, 100), 10, "one at least");
        assert_eq!(top(&[], 5), 0);
        assert!((middle(&values) - 6.0).abs() < 1e-9);
        // Nine of one error, one of five.
        assert!((quantile(&[0, 9, 0, 0, 0, 1], 10, 90) - 1.0).abs() < 1e-9);
        assert!((quantile(&[0, 9, 0, 0, 0, 1], 10, 91) - 5.0).abs() < 1e-9);
    }

    #[test]
    fn sums_end_with_their_number() {
        let mut sum = Sum::default();
        assert_eq!(sum.add(0, 3), None);
        assert_eq!(sum.add(0, 4), None);
        assert_eq!(sum.add(2, 0), Some(7));
        assert_eq!(sum.add(3, 1), None, "a quiet month is none");
        assert_eq!(sum.rest(), Some(1));
    }
}
