//! `scrubjay explain mttf` and `explain uptime`: how long memory of this size lasts, and whether an
//! uptime is a reason to reboot.

use super::{print, reading, style};
use crate::cli::ExplainArgs;
use crate::config::Settings;
use crate::exit::Exit;
use scrubjay_alerts::memory::{
    Costs, Ecc, LEAST_FAILURES, Mttf, PatchDebt, Weibull, latent_corruption, mttf,
};
use scrubjay_exporters::text::{Estimate, Given, Table};
use scrubjay_exporters::{json, text};
use scrubjay_model::{
    BootEnd, BootRecord, Dimm, HostView, MemoryDevice, ModuleSize, Snapshot, span,
};
use std::collections::BTreeMap;

const GIB: f64 = 1_073_741_824.0;
const DAY_SECONDS: f64 = 86_400.0;
const YEAR_DAYS: f64 = 365.25;
/// The share of fixes that live patches are taken to cover where there are any.
const COVERED: f64 = 0.9;
/// Memory of the kernel and of hot programs that is read and hardly ever written, in gigabytes.
const STATIC_GIGABYTES: f64 = 1.0;
/// Sizes for comparison, in gigabytes.
const SIZES: [f64; 5] = [8.0, 16.0, 64.0, 256.0, 1_024.0];

pub(crate) fn run(settings: &Settings, args: &ExplainArgs) -> anyhow::Result<Exit> {
    let view = reading::view(settings)?;
    let is_mttf = args.what == "mttf";
    let estimate = if is_mttf {
        of_memory(&view, args)
    } else {
        anyhow::ensure!(args.gigabytes.is_none(), "--gigabytes goes with \"explain mttf\"");
        let host = reading::host(settings)?;
        let reader = reading::open_history(&reading::history_dirs(settings, &host))?;
        let boots = reader.map(|reader| reader.boots()).transpose()?;
        of_uptime(&view, args, boots.as_deref())
    };
    print(&if args.read.json {
        json::estimate(&estimate)?
    } else {
        text::estimate(&estimate, &style(true))
    })?;
    Ok(Exit::Ok)
}

/// Something found, and by whom; or why it was not found.
type Found<T> = Result<(T, String), String>;

/// The memory of the host. All sticks must be known, or the sum is none.
fn gigabytes(snapshot: &Snapshot, args: &ExplainArgs) -> Found<f64> {
    if let Some(gigabytes) = args.gigabytes {
        return Ok((gigabytes, "by --gigabytes".to_owned()));
    }
    let listed = Snapshot::found(&snapshot.smbios).filter(|smbios| smbios.complete);
    let listed = listed.and_then(|smbios| bytes_listed(&smbios.devices));
    let counted = Snapshot::found(&snapshot.edac).and_then(|edac| {
        let dimms = edac.controllers.iter().flat_map(|controller| controller.dimms.iter());
        sum(dimms.map(|dimm| dimm.size_bytes.value().copied()))
    });
    match (listed, counted) {
        (Some(bytes), _) => Ok((size(bytes), "by SMBIOS".to_owned())),
        (None, Some(bytes)) => Ok((size(bytes), "by EDAC".to_owned())),
        (None, None) => {
            Err("not known: neither SMBIOS nor EDAC tells the size of every stick; say \
                             it with --gigabytes"
                .to_owned())
        }
    }
}

fn bytes_listed(devices: &[MemoryDevice]) -> Option<u64> {
    sum(devices.iter().filter(|device| device.size != ModuleSize::Empty).map(|device| match device
        .size
    {
        ModuleSize::Bytes(bytes) => Some(bytes),
        ModuleSize::Empty | ModuleSize::Unknown => None,
    }))
}

/// The sum, if every part is known and there is one.
fn sum(parts: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    let parts: Vec<u64> = parts.collect::<Option<_>>()?;
    let total: u64 = parts.iter().sum();
    (total > 0).then_some(total)
}

#[expect(clippy::cast_precision_loss, reason = "gigabytes of memory are far below 2^52 bytes")]
fn size(bytes: u64) -> f64 {
    bytes as f64 / GIB
}

/// How the memory is corrected, if the driver says the same of every stick.
fn correction(snapshot: &Snapshot, args: &ExplainArgs) -> Found<Ecc> {
    if let Some(ecc) = args.ecc {
        return Ok((ecc.meant(), "by --ecc".to_owned()));
    }
    let unknown = |why: &str| Err(format!("not known: {why}; say it with --ecc"));
    let Some(edac) = Snapshot::found(&snapshot.edac) else {
        return unknown("no EDAC driver tells");
    };
    let dimms: Vec<&Dimm> = edac.controllers.iter().flat_map(|c| c.dimms.iter()).collect();
    let modes: Option<Vec<&String>> = dimms.iter().map(|dimm| dimm.edac_mode.value()).collect();
    let Some([first, rest @ ..]) = modes.as_deref() else {
        return unknown("EDAC does not tell the mode of every stick");
    };
    if rest.iter().any(|mode| mode != first) {
        return unknown("sticks have different modes");
    }
    // What the core has names for: drivers/edac/edac_mc_sysfs.c, edac_caps.
    let ecc = match first.as_str() {
        "None" => Ecc::None,
        "SECDED" => Ecc::SecDed,
        "S2ECD2ED" | "S4ECD4ED" | "S8ECD8ED" | "S16ECD16ED" => Ecc::Chipkill,
        other => return unknown(&format!("EDAC calls its mode \"{other}\"")),
    };
    Ok((ecc, format!("by EDAC, which calls it {first}")))
}

fn words(ecc: Ecc) -> &'static str {
    match ecc {
        Ecc::None => "none",
        Ecc::SecDed => "single errors corrected, double ones detected",
        Ecc::Chipkill => "the errors of a whole device corrected",
    }
}

fn given<T>(what: &'static str, found: &Found<T>, show: impl Fn(&T) -> String) -> Given {
    let value = match found {
        Ok((value, by)) => format!("{}, {by}", show(value)),
        Err(why) => why.clone(),
    };
    Given { what, value }
}

fn of_memory(view: &HostView, args: &ExplainArgs) -> Estimate {
    let memory = gigabytes(&view.snapshot, args);
    let ecc = correction(&view.snapshot, args);
    let rests_on = vec![
        given("memory", &memory, |gigabytes| format!("{gigabytes:.0} GB")),
        given("correction", &ecc, |ecc| words(*ecc).to_owned()),
        Given {
            what: "faults",
            value: "0.00087 to 0.03 new ones per GB and year, in between 0.005: DDR4 servers at \
                    the one end (99.6 FIT per 8 Gbit), desktops of 2008 at the other"
                .to_owned(),
        },
        Given {
            what: "uncorrected",
            value:
                "0.000016 to 0.00032 per GB and year with ECC: assumed for modern servers at the \
                    one end, measured on MareNostrum 3 (DDR3) at the other"
                    .to_owned(),
        },
    ];
    let known = memory.as_ref().ok().zip(ecc.as_ref().ok());
    let own = known.and_then(|((gigabytes, _), (ecc, _))| mttf(*gigabytes, *ecc));
    let answer = match &own {
        Some(own) => format!(
            "a new fault of DRAM once in {} years, as an order of magnitude",
            own.first_fault.in_words()
        ),
        None => "cannot be told for this host; below is what holds for others".to_owned(),
    };
    let mut says = own.as_ref().map(Mttf::sentences).unwrap_or_default();
    says.extend(LEAVES.map(str::to_owned));
    Estimate {
        topic: "mttf",
        answer,
        rests_on,
        figures: figures(own.as_ref()),
        says,
        tables: tables(),
        does_not_say: MEMORY_DOES_NOT_SAY.map(str::to_owned).into(),
    }
}

/// What correction, scrubbing and offlining leave.
const LEAVES: [&str; 3] = [
    "Scrubbing keeps two transient errors from meeting in one word. It does not mend what is broken.",
    "Taking pages out of use spares errors of cells. It hardly lowers uncorrected ones, which come from \
     rows and banks: without the 6 % of memory that erred most they would be 8 % fewer (Sridharan 2012).",
    "What ECC, scrubbing and offlining leave: sudden faults of several bits, rows and banks, controllers, \
     channels and address lines, caches and defects of processors, and errors that nobody reports.",
];

const MEMORY_DOES_NOT_SAY: [&str; 3] = [
    "when this server fails, or how long its sticks last: \"scrubjay explain\" with the name of a stick has \
     what is known of that one",
    "anything by temperature, load or age: they are correlated in studies, small or confounded, and not in it",
    "anything on DDR5: on-die ECC hides single bits, and none of the figures were taken on it",
];

fn figures(own: Option<&Mttf>) -> BTreeMap<&'static str, Option<f64>> {
    let uncorrected = own.and_then(|own| own.uncorrected_per_year);
    let without = own.and_then(|own| own.ten_years_without);
    let crash = own.and_then(|own| own.crash);
    BTreeMap::from([
        ("gigabytes", own.map(|own| own.gigabytes)),
        ("first_fault_years_low", own.map(|own| own.first_fault.low)),
        ("first_fault_years", own.map(|own| own.first_fault.mid)),
        ("first_fault_years_high", own.map(|own| own.first_fault.high)),
        ("silent_corruption_years_low", own.map(|own| own.silent.low)),
        ("silent_corruption_years", own.map(|own| own.silent.mid)),
        ("silent_corruption_years_high", own.map(|own| own.silent.high)),
        ("crash_years", crash.map(|crash| crash.mid)),
        ("uncorrected_per_year_low", uncorrected.map(|rate| rate.low)),
        ("uncorrected_per_year_high", uncorrected.map(|rate| rate.high)),
        ("ten_years_without_low", without.map(|share| share.low)),
        ("ten_years_without_high", without.map(|share| share.high)),
    ])
}

fn tables() -> Vec<Table> {
    let row = |words: [&str; 4]| words.map(str::to_owned).to_vec();
    let mut bare = vec![row(["GB", "first fault", "silent corruption", "crash"])];
    let mut with = vec![row(["GB", "per year", "10 years without", "wrong unnoticed"])];
    for gigabytes in SIZES {
        let size = format!("{gigabytes:.0}");
        if let Some(found) = mttf(gigabytes, Ecc::None)
            && let Some(crash) = found.crash
        {
            let cells = [found.first_fault, found.silent, crash].map(|spread| spread.in_words());
            bare.push([vec![size.clone()], cells.to_vec()].concat());
        }
        if let Some(found) = mttf(gigabytes, Ecc::SecDed)
            && let (Some(rate), Some(ten)) = (found.uncorrected_per_year, found.ten_years_without)
        {
            let share = format!(
                "{:.0} % ({:.0} to {:.0})",
                ten.mid * 100.0,
                ten.low * 100.0,
                ten.high * 100.0
            );
            with.push(vec![size, rate.in_words(), share, found.silent.in_words()]);
        }
    }
    vec![
        Table {
            title: "without ECC, years between, and from where to where".to_owned(),
            rows: bare,
        },
        Table {
            title: "with ECC (SEC-DED): uncorrected errors, and years between wrong data"
                .to_owned(),
            rows: with,
        },
    ]
}

fn of_uptime(view: &HostView, args: &ExplainArgs, boots: Option<&[BootRecord]>) -> Estimate {
    let snapshot = &view.snapshot;
    let up_days = snapshot.at.since_boot.map(|up| up.as_secs_f64() / DAY_SECONDS);
    let debt = PatchDebt::default();
    let covered = PatchDebt { covered: COVERED, ..debt };
    let interval = debt.interval_days();
    let life = boots.map(lives);
    let ecc = correction(snapshot, args);
    let answer = match snapshot.at.since_boot {
        Some(up) => format!("NO: that this host is up for {} is no reason to reboot it", span(up)),
        None => {
            "NO: no uptime is a reason to reboot; how long this host is up is not known".to_owned()
        }
    };
    let (estimable, lives_say) = software(life.as_deref());
    let mut says = vec![
        "Faults of DRAM do not come more often the longer a host is up. Three things do grow with an uptime:"
            .to_owned(),
    ];
    says.push(patches_say(&debt, &covered, up_days));
    says.push(lives_say);
    says.push(memory_says(&ecc, up_days));
    says.push(reasons_say(view));
    Estimate {
        topic: "uptime",
        answer,
        rests_on: uptime_rests_on(&debt, life.as_deref(), &ecc),
        figures: BTreeMap::from([
            ("uptime_days", up_days),
            ("reboot_interval_days", interval),
            ("reboot_interval_days_with_live_patches", covered.interval_days()),
            ("cost_per_year", Some(debt.cost_per_year())),
            ("ageing_shape", estimable.map(|life| life.shape)),
            ("ageing_scale_days", estimable.map(|life| life.scale)),
        ]),
        says,
        tables: Vec::new(),
        does_not_say: UPTIME_DOES_NOT_SAY.map(str::to_owned).into(),
    }
}

const UPTIME_DOES_NOT_SAY: [&str; 2] = [
    "that the costs are yours: the numbers are assumed, and the interval goes with their square root",
    "that a reboot is safe: some hosts do not come back, and the pages that the kernel took out of use are in \
     use again after it",
];

fn uptime_rests_on(
    debt: &PatchDebt,
    lives: Option<&[(f64, bool)]>,
    ecc: &Found<Ecc>,
) -> Vec<Given> {
    let PatchDebt { fixes_per_year, covered: _, losses_per_fix_year, loss, reboot } = debt;
    let failed = |lives: &[(f64, bool)]| lives.iter().filter(|(_, failed)| *failed).count();
    vec![
        Given {
            what: "patches",
            value: format!(
                "{fixes_per_year} fixes per year that need a reboot, {losses_per_fix_year} losses per year \
                 for each that is missing, {loss} for a loss, {reboot} for a planned reboot; all assumed"
            ),
        },
        Given {
            what: "own ends",
            value: lives.map_or_else(
                || "not known: there is no history".to_owned(),
                |lives| {
                    format!(
                        "{} unclean of {} boots whose end is known, by the history",
                        failed(lives),
                        lives.len()
                    )
                },
            ),
        },
        given("correction", ecc, |ecc| words(*ecc).to_owned()),
    ]
}

/// How long each boot lasted, in days, and whether it ended by a failure.
fn lives(boots: &[BootRecord]) -> Vec<(f64, bool)> {
    let known = boots.iter().filter(|boot| boot.end != BootEnd::Unknown);
    let life = |boot: &BootRecord| {
        let days = boot.ran?.as_secs_f64() / DAY_SECONDS;
        Some((days, boot.end == BootEnd::Unclean))
    };
    known.filter_map(life).collect()
}

fn patches_say(debt: &PatchDebt, covered: &PatchDebt, up_days: Option<f64>) -> String {
    let (Some(bare), Some(patched)) = (debt.interval_days(), covered.interval_days()) else {
        return "Patches: nothing adds up by these costs.".to_owned();
    };
    let passed = match up_days {
        Some(days) if days > bare => "this uptime is beyond it",
        Some(_) => "this uptime is within it",
        None => "whether this uptime is beyond it is not known",
    };
    format!(
        "Patches that wait for a reboot add up: without live patches a reboot every {:.0} d is cheapest ({passed}), \
         with live patches for {:.0} % of them every {:.1} years. It holds for a host on which such fixes do wait, \
         which \"scrubjay explain reboot\" tells.",
        bare.floor(),
        COVERED * 100.0,
        patched / YEAR_DAYS,
    )
}

/// What the own ends say of ageing software.
fn software(lives: Option<&[(f64, bool)]>) -> (Option<Weibull>, String) {
    let Some(lives) = lives else {
        return (None, "Software that ages: not estimable, for there is no history.".to_owned());
    };
    let failed = lives.iter().filter(|(_, failed)| *failed).count();
    let Some(life) = Weibull::fit(lives) else {
        let said = format!(
            "Software that ages: not estimable, as it takes {LEAST_FAILURES} unclean ends and the history has \
             {failed}."
        );
        return (None, said);
    };
    let said = match life.replace_at(PatchDebt::default().reboot, Costs::default().failure()) {
        Some(days) => format!(
            "Software that ages: the ends of {failed} boots suggest that it does (shape {:.1}); a reboot every \
             {days:.0} d would be cheapest by the assumed costs. Power cuts count as such ends too.",
            life.shape
        ),
        None => format!(
            "Software that ages: the ends of {failed} boots do not show it (shape {:.1}): a reboot for age never \
             pays.",
            life.shape
        ),
    };
    (Some(life), said)
}

fn memory_says(ecc: &Found<Ecc>, up_days: Option<f64>) -> String {
    match (ecc, up_days) {
        (Ok((Ecc::SecDed | Ecc::Chipkill, _)), _) => {
            "Corruption that nobody reads: none adds up, as the memory corrects.".to_owned()
        }
        (Ok((Ecc::None, _)), Some(days)) => {
            let hit = latent_corruption(STATIC_GIGABYTES, days / YEAR_DAYS);
            format!(
                "Corruption that nobody reads: without ECC {STATIC_GIGABYTES:.0} GB of kernel and hot programs was \
                 hit by now with a probability of {:.2} % ({:.3} % to {:.1} %). A reboot clears it.",
                hit.mid * 100.0,
                hit.low * 100.0,
                hit.high * 100.0
            )
        }
        (Ok((Ecc::None, _)), None) => {
            "Corruption that nobody reads adds up without ECC; how much, without an uptime, is not known."
                .to_owned()
        }
        (Err(_), _) => {
            "Corruption that nobody reads adds up without ECC and not with it; which of them this is is not \
             known."
                .to_owned()
        }
    }
}

/// What does justify a reboot, on this host.
fn reasons_say(view: &HostView) -> String {
    let mut codes: Vec<&str> = view.assessment.reboot_reasons().map(|reason| reason.code).collect();
    codes.dedup();
    let would = "What would justify one: a fix that waits and is exploited or overdue, a kernel that can no longer \
                 be patched, a row of memory that the firmware repairs at boot.";
    if codes.is_empty() {
        format!("{would} None of it is found here.")
    } else {
        format!("{would} Here it is {}: see \"scrubjay explain reboot\".", codes.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_failures_tell_nothing_and_five_do() {
        let ends = |count: usize, days: f64| vec![(days, true); count];
        let (none, said) = software(Some(&ends(4, 100.0)));
        assert!(none.is_none() && said.contains("not estimable"), "{said}");
        // Lives that end together are those of what ages; those that end at any time are not.
        let ageing: Vec<(f64, bool)> = (0..6).map(|n| (100.0 + f64::from(n), true)).collect();
        let (life, said) = software(Some(&ageing));
        assert!(life.is_some_and(|life| life.shape > 2.0) && said.contains("suggest"), "{said}");
        let infant: Vec<(f64, bool)> = (0..6).map(|n| (10.0_f64.powi(n - 2), true)).collect();
        let (life, said) = software(Some(&infant));
        assert!(life.is_some_and(|life| life.shape < 1.0) && said.contains("never"), "{said}");
        assert!(software(None).1.contains("no history"));
    }

    #[test]
    fn a_stick_of_unknown_size_leaves_no_sum() {
        assert_eq!(sum([Some(1), Some(2)].into_iter()), Some(3));
        assert_eq!(sum([Some(1), None].into_iter()), None);
        assert_eq!(sum(std::iter::empty()), None);
    }
}
