//! How long until memory corrupts something, from nothing but its size: the question of the forums.
//!
//! All of it is an order of magnitude, and a mean over machines that do not resemble each other: most
//! never see a fault, a few see thousands. It is no forecast for one server.

use super::words::{amount, percent};

/// Onset of new faults of DRAM per gigabyte and year.
const FAULTS: Spread = Spread {
    // 99.6 FIT per 8 Gbit device of DDR4 servers.
    low: 8.7e-4,
    // Geometric mean of both.
    mid: 5e-3,
    // Consumer DDR2 of 2008, and 8.2 % of DIMMs of 1 to 4 GB in a year.
    high: 3e-2,
};

/// Uncorrected errors that ECC detects, per gigabyte and year.
const UNCORRECTED: Spread = Spread {
    // 0.05 % per DIMM of 32 GB and year, assumed from new faults and the share that fails.
    low: 1.6e-5,
    // Geometric mean of both.
    mid: 7.2e-5,
    // MareNostrum 3, DDR3: 71 in 2000e9 MB-h.
    high: 3.2e-4,
};

/// Share of memory that holds something that will be read; assumed, 0.1 to 0.9.
const LIVE: f64 = 0.5;
/// Share of what is hit that is used before it is written; assumed, 0.2 for transient faults, 1 for
/// permanent ones.
const USED: f64 = 0.5;
/// Share of corruptions that crash; assumed, 0.1 to 0.6.
const CRASHES: f64 = 0.3;
/// Share of new faults that are transient.
const TRANSIENT: f64 = 0.45;

/// How far an estimate of this kind may be off, as a factor in either direction.
pub const ORDER_OF_MAGNITUDE: f64 = 6.0;

/// How memory is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ecc {
    /// Not at all.
    None,
    /// Single errors corrected, double ones detected, per word of 64 bits.
    SecDed,
    /// Any error of one device corrected.
    Chipkill,
}

/// A figure with how far it may reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The lowest.
    pub low: f64,
    /// In between.
    pub mid: f64,
    /// The highest.
    pub high: f64,
}

impl Spread {
    /// In between, then from where to where: `25 (4.2 to 140)`.
    pub fn in_words(&self) -> String {
        format!("{} ({} to {})", rounded(self.mid), rounded(self.low), rounded(self.high))
    }

    fn times(self, factor: f64) -> Self {
        Self { low: self.low * factor, mid: self.mid * factor, high: self.high * factor }
    }

    /// Mean times for these rates, shortest first.
    fn times_between(self) -> Self {
        Self { low: 1.0 / self.high, mid: 1.0 / self.mid, high: 1.0 / self.low }
    }
}

/// Mean times, in years, and rates, per year, of one machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mttf {
    /// Memory of the machine.
    pub gigabytes: f64,
    /// Its protection.
    pub ecc: Ecc,
    /// Years until a new fault of DRAM, whatever becomes of it.
    pub first_fault: Spread,
    /// Years until something is corrupted and nobody notices.
    pub silent: Spread,
    /// Years until a crash by corruption, where nothing detects it.
    pub crash: Option<Spread>,
    /// Uncorrected errors per year that are detected, with ECC.
    pub uncorrected_per_year: Option<Spread>,
    /// P(no uncorrected error in ten years), with ECC; the low end belongs to the high rate.
    pub ten_years_without: Option<Spread>,
}

/// Estimates for so many gigabytes. `None` where that is no amount of memory.
pub fn mttf(gigabytes: f64, ecc: Ecc) -> Option<Mttf> {
    if !(gigabytes.is_finite() && gigabytes > 0.0) {
        return None;
    }
    let faults = FAULTS.times(gigabytes);
    let uncorrected = UNCORRECTED.times(gigabytes);
    let silent = match escapes(ecc) {
        None => faults.times(LIVE * USED).times_between(),
        Some(share) => Spread {
            low: uncorrected.low * share.low,
            mid: uncorrected.mid * share.mid,
            high: uncorrected.high * share.high,
        }
        .times_between(),
    };
    let has_ecc = ecc != Ecc::None;
    let without = |rate: f64| (-10.0 * rate).exp();
    Some(Mttf {
        gigabytes,
        ecc,
        first_fault: faults.times_between(),
        silent,
        crash: (!has_ecc).then(|| faults.times(LIVE * USED * CRASHES).times_between()),
        uncorrected_per_year: has_ecc.then_some(uncorrected),
        ten_years_without: has_ecc.then(|| Spread {
            low: without(uncorrected.high),
            mid: without(uncorrected.mid),
            high: without(uncorrected.low),
        }),
    })
}

/// The share of what ECC cannot correct that it takes for correct or mends wrongly; assumed, around
/// what theory of the codes says.
fn escapes(ecc: Ecc) -> Option<Spread> {
    match ecc {
        Ecc::None => None,
        Ecc::SecDed => Some(Spread { low: 0.1, mid: 0.3, high: 0.6 }),
        Ecc::Chipkill => Some(Spread { low: 1e-4, mid: 5e-3, high: 5e-2 }),
    }
}

/// The share of random errors of an odd number of bits, from three on, that a code of single error
/// correction mends wrongly: as many of the odd syndromes as belong to a bit. For (72,64) that is
/// 72 of 128.
pub fn odd_errors_mended_wrongly(bits: u32, check_bits: u32) -> f64 {
    f64::from(bits) / 2.0_f64.powi(i32::try_from(check_bits).unwrap_or(i32::MAX) - 1)
}

/// The share of random errors of an even number of bits, from four on, that it does not notice.
pub fn even_errors_not_noticed(check_bits: u32) -> f64 {
    1.0 / 2.0_f64.powi(i32::try_from(check_bits).unwrap_or(i32::MAX) - 1)
}

/// P(memory that is read all the time and never written, `static_gigabytes` of it, is hit within
/// `years`) without ECC: the one thing of memory that grows with uptime. A reboot sets it to zero.
pub fn latent_corruption(static_gigabytes: f64, years: f64) -> Spread {
    let hit = |rate: f64| -(-rate * TRANSIENT * static_gigabytes * years).exp_m1();
    Spread { low: hit(FAULTS.low), mid: hit(FAULTS.mid), high: hit(FAULTS.high) }
}

impl Mttf {
    /// The estimate in words, with its limits.
    pub fn sentences(&self) -> Vec<String> {
        let years = |spread: &Spread| {
            format!(
                "{} years ({} to {})",
                rounded(spread.mid),
                rounded(spread.low),
                rounded(spread.high)
            )
        };
        let gigabytes = amount(self.gigabytes);
        let mut said = vec![format!(
            "With {gigabytes} GB the mean time to a new fault of DRAM is {}.",
            years(&self.first_fault)
        )];
        match self.ecc {
            Ecc::None => said.push(format!(
                "Without ECC something is corrupted silently once in {}.",
                years(&self.silent)
            )),
            Ecc::SecDed | Ecc::Chipkill => {}
        }
        if let Some(crash) = &self.crash {
            said.push(format!("A crash follows from it once in {}.", years(crash)));
        }
        if let (Some(rate), Some(ten)) = (&self.uncorrected_per_year, &self.ten_years_without) {
            said.push(format!(
                "With ECC {} to {} uncorrected errors per year are detected; ten years pass without one with a probability of {} to {}.",
                rounded(rate.low),
                rounded(rate.high),
                percent(ten.low),
                percent(ten.high)
            ));
            said.push(format!(
                "Of what ECC cannot correct it takes a share for good: once in {}. Defects of processors, which nothing here can see, are likely to exceed that.",
                years(&self.silent)
            ));
        }
        said.push(format!(
            "Read it as an order of magnitude, times or divided by {ORDER_OF_MAGNITUDE:.0}: means of populations in which most machines never see a fault and a few see thousands. It does not say when this server will fail."
        ));
        said.push(
            "Faults of DRAM do not come more often the longer a host is up; patches that are not applied, ageing software and, without ECC, corruption that nobody reads do."
                .to_owned(),
        );
        said
    }
}

/// Two digits, which is one more than is known.
fn rounded(value: f64) -> String {
    if !(value.is_finite() && value > 0.0) {
        return "0".to_owned();
    }
    let exponent = value.log10().floor();
    let unit = 10.0_f64.powf(exponent - 1.0);
    let two = (value / unit).round() * unit;
    match two {
        _ if two >= 10.0 => amount(two),
        _ if two >= 1.0 => format!("{two:.1}"),
        _ if two >= 0.1 => format!("{two:.2}"),
        _ if two >= 0.01 => format!("{two:.3}"),
        _ if two >= 0.001 => format!("{two:.4}"),
        _ => format!("{two:.1e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(value: f64, wanted: f64, share: f64) {
        assert!((value - wanted).abs() <= share * wanted, "{value}, not {wanted}");
    }

    #[test]
    fn the_table_of_the_science_note_is_reproduced() {
        let rows = [
            (8.0, [144.0, 25.0, 4.2], [17.0, 100.0, 570.0], 330.0),
            (16.0, [72.0, 12.5, 2.1], [8.0, 50.0, 290.0], 170.0),
            (64.0, [18.0, 3.1, 0.5], [2.0, 12.0, 72.0], 42.0),
            (256.0, [4.5, 0.8, 0.13], [0.5, 3.1, 18.0], 10.0),
            (1024.0, [1.1, 0.2, 0.03], [0.13, 0.8, 4.5], 2.6),
        ];
        for (gigabytes, fault, silent, crash) in rows {
            let found = mttf(gigabytes, Ecc::None).unwrap();
            near(found.first_fault.high, fault[0], 0.06);
            near(found.first_fault.mid, fault[1], 0.06);
            near(found.first_fault.low, fault[2], 0.09);
            near(found.silent.low, silent[0], 0.06);
            near(found.silent.mid, silent[1], 0.06);
            near(found.silent.high, silent[2], 0.06);
            near(found.crash.unwrap().mid, crash, 0.06);
            assert_eq!(found.uncorrected_per_year, None);
        }
        for (gigabytes, rate, ten) in [
            (64.0, (0.001, 0.02), (0.82, 0.99)),
            (256.0, (0.004, 0.08), (0.44, 0.96)),
            (1024.0, (0.016, 0.33), (0.04, 0.85)),
        ] {
            let found = mttf(gigabytes, Ecc::SecDed).unwrap();
            near(found.uncorrected_per_year.unwrap().low, rate.0, 0.04);
            near(found.uncorrected_per_year.unwrap().high, rate.1, 0.04);
            let without = found.ten_years_without.unwrap();
            assert!((without.low - ten.0).abs() < 0.006, "{without:?}");
            assert!((without.high - ten.1).abs() < 0.006, "{without:?}");
            assert_eq!(found.crash, None);
        }
    }

    #[test]
    fn the_code_of_72_bits_mends_nine_sixteenths_of_odd_errors_wrongly() {
        assert_eq!(odd_errors_mended_wrongly(72, 8), 0.5625);
        assert_eq!(even_errors_not_noticed(8), 1.0 / 128.0);
    }

    #[test]
    fn chipkill_lets_less_through_and_nothing_is_estimated_for_no_memory() {
        let (plain, strong) =
            (mttf(256.0, Ecc::SecDed).unwrap(), mttf(256.0, Ecc::Chipkill).unwrap());
        assert!(strong.silent.mid > 10.0 * plain.silent.mid);
        assert_eq!(mttf(0.0, Ecc::None), None);
        assert_eq!(mttf(f64::NAN, Ecc::None), None);
    }

    #[test]
    fn latent_corruption_grows_with_uptime_and_stays_a_probability() {
        let (one, ten) = (latent_corruption(1.0, 1.0), latent_corruption(1.0, 10.0));
        near(one.mid, 0.45 * 5e-3, 0.01);
        assert!(ten.mid > one.mid && ten.high < 1.0 && ten.low > 0.0);
        assert!(latent_corruption(1e9, 1e9).high <= 1.0);
    }

    #[test]
    fn what_is_said_keeps_to_orders_of_magnitude() {
        let said = mttf(64.0, Ecc::None).unwrap().sentences().join("\n");
        assert!(said.contains("3.1 years (0.52 to 18)"), "{said}");
        assert!(said.contains("order of magnitude, times or divided by 6"), "{said}");
        assert!(said.contains("does not say when this server will fail"), "{said}");
        let said = mttf(256.0, Ecc::SecDed).unwrap().sentences().join("\n");
        assert!(said.contains("0.0041 to 0.082 uncorrected errors per year"), "{said}");
        assert!(said.contains("44 % to 96 %"), "{said}");
    }
}
