//! The shortest agent that keeps totals by the rules of `scrubjay_model`: what the model of the
//! kernel demands must be within its reach, and beyond that of agents that cut corners.

use crate::edac_model::{Kernel, View};
use crate::histories::Agent;
use scrubjay_model::{BootId, Counter, Epoch, ErrorClass, Place, SeriesPlace, Step, ZeroedWindow};
use std::collections::BTreeMap;
use std::time::Duration;

/// What an agent is careful about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Care {
    /// Everything.
    Full,
    /// Compares values only, as most tools do.
    ValuesOnly,
    /// Follows `mcN`, not the controller's name.
    ByIndex,
    /// Forgets what it compares with when it is killed.
    ForgetsOnKill,
    /// Takes a fall for a wrap.
    WrapsAlways,
}

/// One counter of one named controller.
type Key = (String, SeriesPlace, ErrorClass);

#[derive(Debug)]
pub(crate) struct ReferenceAgent {
    care: Care,
    base: BTreeMap<Key, Counter>,
    totals: BTreeMap<Key, (u64, u64)>,
}

impl ReferenceAgent {
    pub(crate) fn new(care: Care) -> Self {
        Self { care, base: BTreeMap::new(), totals: BTreeMap::new() }
    }

    /// Total and restarts of every account must stand up to the truth.
    pub(crate) fn check(&self, kernel: &Kernel) -> Result<(), String> {
        for account in kernel.accounts() {
            let index = kernel.index_of(account.controller).expect("the driver is loaded");
            let name = self.name(index, &kernel.spec(account.controller).name);
            let (total, restarts) = self.totals[&(name, account.place, account.class)];
            account.check(total, restarts)?;
        }
        Ok(())
    }

    fn name(&self, index: u32, mc_name: &str) -> String {
        let distinct = mc_name.contains("IMC") && self.care != Care::ByIndex;
        if distinct { mc_name.to_owned() } else { format!("mc{index}") }
    }

    fn record(&mut self, key: Key, now: Counter) {
        let (total, restarts) = self.totals.entry(key.clone()).or_insert((0, 0));
        let Some(base) = self.base.get(&key) else {
            *total += now.value;
            self.base.insert(key, now);
            return;
        };
        let step = match self.care {
            Care::ValuesOnly => match now.value.checked_sub(base.value) {
                Some(by) => Step::Advanced { by },
                None => Step::Advanced { by: now.value },
            },
            Care::WrapsAlways if now.value < base.value => {
                Step::Advanced { by: (1 << 32) - base.value + now.value }
            }
            Care::Full | Care::ByIndex | Care::ForgetsOnKill | Care::WrapsAlways => {
                scrubjay_model::step(base, &now)
            }
        };
        match step {
            Step::Advanced { by } => *total += by,
            Step::Restarted { by, .. } => {
                *total += by;
                *restarts += 1;
            }
            Step::Fell { .. } => return,
        }
        self.base.insert(key, now);
    }
}

impl Agent for ReferenceAgent {
    fn sample(&mut self, tree: &str) {
        let files = files(tree);
        let boot = BootId::parse(files["proc/sys/kernel/random/boot_id"].trim_end()).unwrap();
        let monotonic = fact(&files, "monotonic_ns");
        for index in 0.. {
            let mc = format!("sys/devices/system/edac/mc/mc{index}/");
            let Some(mc_name) = files.get(&*format!("{mc}mc_name")) else { break };
            let name = self.name(index, mc_name.trim_end());
            let age = number(&files, &format!("{mc}seconds_since_reset"));
            let zeroed = Some(ZeroedWindow::from_age(age, monotonic, monotonic));
            let epoch = Epoch { boot: boot.clone(), zeroed };
            let below: Vec<&str> =
                files.keys().filter_map(|path| path.strip_prefix(&*mc)).collect();
            let by_dimm = below.iter().any(|path| path.ends_with("/dimm_ce_count"));
            for path in &below {
                let Some((place, class)) = counter_at(path, by_dimm) else { continue };
                let value = number(&files, &format!("{mc}{path}"));
                let now = Counter { value, epoch: epoch.clone() };
                self.record((name.clone(), place, class), now);
            }
        }
    }

    fn stop(&mut self) {}

    fn kill(&mut self) {
        if self.care == Care::ForgetsOnKill {
            self.base.clear();
        }
    }

    fn start(&mut self) {}
}

/// The files of a tree that are plain text.
pub(crate) fn files(tree: &str) -> BTreeMap<&str, String> {
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    let mut current = None;
    for line in tree.lines().skip(1) {
        if let Some(header) = line.strip_prefix("//- ") {
            let (flags, path) = header.rsplit_once(' ').unwrap_or(("", header));
            current = (!flags.contains("dir")).then_some((path, flags != "noeol"));
            files.extend(current.map(|(path, _)| (path, String::new())));
        } else if let Some((path, ends)) = current {
            let file = files.get_mut(path).unwrap();
            *file += line;
            file.extend(ends.then_some('\n'));
        }
    }
    files
}

/// Which counter a file below `mcN` is, in the view that is read.
pub(crate) fn counter_at(path: &str, by_dimm: bool) -> Option<(SeriesPlace, ErrorClass)> {
    let (directory, file) = path.rsplit_once('/').unwrap_or(("", path));
    let class = ErrorClass::ALL.into_iter().find(|class| file.contains(class.kernel_word()))?;
    let numbered = |text: &str, word: &str| text.strip_prefix(word)?.parse::<u32>().ok();
    let place = match (directory, file) {
        ("", "ce_count" | "ue_count") => SeriesPlace::Total,
        ("", "ce_noinfo_count" | "ue_noinfo_count") => SeriesPlace::Unattributed,
        (_, "dimm_ce_count" | "dimm_ue_count") => {
            let rank = numbered(directory, "rank").map(Place::Rank);
            SeriesPlace::Dimm(rank.or_else(|| numbered(directory, "dimm").map(Place::Dimm))?)
        }
        (_, "ue_count") if !by_dimm => {
            SeriesPlace::Dimm(Place::Csrow(numbered(directory, "csrow")?))
        }
        (_, _) if !by_dimm => {
            let csrow = numbered(directory, "csrow")?;
            let channel = numbered(file.strip_suffix("_ce_count")?, "ch")?;
            SeriesPlace::Dimm(Place::Channel { csrow, channel })
        }
        (_, _) => return None,
    };
    Some((place, class))
}

fn number(files: &BTreeMap<&str, String>, path: &str) -> u64 {
    files[path].trim_end().parse().unwrap()
}

fn fact(files: &BTreeMap<&str, String>, name: &str) -> Duration {
    let facts = &files[crate::trees::FACTS];
    let line = facts.lines().find_map(|line| line.strip_prefix(&format!("{name} "))).unwrap();
    Duration::from_nanos(line.parse().unwrap())
}

mod tests {
    use super::*;
    use crate::histories::{self, History, Machine, play};
    use proptest::prelude::*;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    proptest! {
        #![proptest_config(histories::config(300))]

        /// Every demand can be met from the samples alone.
        #[test]
        fn a_careful_agent_meets_every_demand(history in histories::any_history()) {
            let mut agent = ReferenceAgent::new(Care::Full);
            let kernel = play(&history, &mut agent);
            prop_assert!(kernel.numbering_is_traceable());
            prop_assert!(!kernel.accounts().is_empty());
            prop_assert_eq!(agent.check(&kernel), Ok(()));
        }

        /// In every kernel since 5.7, however errors are located.
        #[test]
        fn a_total_is_the_sum_of_its_parts(history in histories::any_history()) {
            let kernel = play(&history, &mut Blind);
            for controller in 0..kernel.controller_count() {
                for class in ErrorClass::ALL {
                    let (mut total, mut parts) = (0, 0);
                    for (place, of) in kernel.series(controller) {
                        let shown = kernel.shown(controller, place, of).unwrap();
                        match place {
                            _ if of != class => {}
                            SeriesPlace::Total => total = shown,
                            SeriesPlace::Unattributed | SeriesPlace::Dimm(_) => parts += shown,
                        }
                    }
                    if history.machine != Machine::IntelBefore57 {
                        prop_assert_eq!(total, parts % (1 << 32));
                    }
                }
            }
        }
    }

    struct Blind;

    impl Agent for Blind {
        fn sample(&mut self, _tree: &str) {}
        fn stop(&mut self) {}
        fn kill(&mut self) {}
        fn start(&mut self) {}
    }

    /// Whether some history of a fixed set exposes an agent.
    fn is_exposed(care: Care) -> bool {
        let config = ProptestConfig {
            failure_persistence: None,
            rng_seed: proptest::test_runner::RngSeed::Fixed(1),
            max_shrink_iters: 0,
            cases: 200,
            ..ProptestConfig::default()
        };
        let verdict = |history: History| {
            let mut agent = ReferenceAgent::new(care);
            let kernel = play(&history, &mut agent);
            agent.check(&kernel).map_err(TestCaseError::fail)
        };
        TestRunner::new(config).run(&histories::any_history(), verdict).is_err()
    }

    #[test]
    fn every_cut_corner_is_found() {
        assert!(!is_exposed(Care::Full));
        for care in [Care::ValuesOnly, Care::ByIndex, Care::ForgetsOnKill, Care::WrapsAlways] {
            assert!(is_exposed(care), "{care:?}");
        }
    }

    #[test]
    fn histories_are_rich_enough_to_lose_wrap_and_mislead() {
        use crate::edac_model::Claim;
        let (mut lost, mut exact, mut at_most, mut nothing, mut silent) = (0, 0, 0, 0, 0);
        let mut runner = TestRunner::deterministic();
        for _ in 0..300 {
            let history = histories::any_history().new_tree(&mut runner).unwrap().current();
            for account in play(&history, &mut ReferenceAgent::new(Care::Full)).accounts() {
                match account.claim {
                    Claim::Exactly(total) if total == account.truth => exact += 1,
                    Claim::Exactly(_) => lost += 1,
                    Claim::AtMost(_) => at_most += 1,
                    Claim::Nothing => nothing += 1,
                }
                silent += usize::from(account.silent_loss);
            }
        }
        let counts = format!("{exact} {lost} {at_most} {nothing} {silent}");
        assert!(exact > 2_000 && lost > 300, "{counts}");
        // Rare, as in life, but they occur.
        assert!(at_most > 0 && silent > 0, "{counts}");
        assert!(at_most + nothing < 100, "{counts}");
    }

    #[test]
    fn the_old_view_is_followed_by_row_and_channel() {
        let kernel = Machine::OldKernel.boot();
        let tree = kernel.tree();
        let files = files(&tree);
        assert!(files.contains_key("sys/devices/system/edac/mc/mc0/csrow2/ch1_ce_count"));
        assert!(!files.keys().any(|path| path.contains("/rank") || path.contains("/dimm")));
        let counters: Vec<_> = kernel.series(0);
        // 2 totals, 2 without place, 6 channels, 3 rows.
        assert_eq!(counters.len(), 13);
    }

    #[test]
    fn view_is_no_part_of_the_counting() {
        let mut shown = crate::edac_model::Kernel::boot(
            vec![crate::edac_model::ControllerSpec::skx(0, 0, 1, 1)],
            View::Dimms,
        );
        shown.corrected(0, 0, 7);
        assert!(!shown.tree().contains("csrow"));
        assert_eq!(shown.shown(0, SeriesPlace::Total, ErrorClass::Correctable), Some(7));
    }
}
