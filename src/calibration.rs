//! A calibration of the engine as a file: what `scrubjay replay --fit` writes and `memory.calibration`
//! names.

use crate::policies::{self, fault::Source};
use anyhow::Context;
use scrubjay_alerts::memory::{Calibration, LEAST_OUTCOMES, Scorecard, UNCALIBRATED_SPREAD};
use scrubjay_storage::sha256;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;

/// The form of the file.
const VERSION: u32 = 1;

/// Where a calibration comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Provenance {
    /// Which history, in words.
    pub(crate) source: String,
    /// The first and the last moment at which something was foretold.
    pub(crate) from: String,
    pub(crate) until: String,
    /// Sticks of which anything was foretold.
    pub(crate) sticks: u64,
    /// Failures in the history, with those of which nothing was foretold.
    pub(crate) all_failures: u64,
    /// A digest of what was foretold and what came.
    pub(crate) outcomes_sha256: String,
}

#[derive(Debug, Serialize)]
struct Written<'a> {
    version: u32,
    made_by: &'a str,
    shift: f64,
    shift_95: f64,
    stretch: f64,
    stretch_95: f64,
    spread: f64,
    outcomes: u32,
    failures: u32,
    sticks: u64,
    all_failures: u64,
    source: &'a str,
    from: &'a str,
    until: &'a str,
    outcomes_sha256: &'a str,
    scorecard_sha256: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    version: Spanned<u32>,
    made_by: String,
    shift: Spanned<f64>,
    shift_95: Spanned<f64>,
    stretch: Spanned<f64>,
    stretch_95: Spanned<f64>,
    spread: Spanned<f64>,
    outcomes: Spanned<u32>,
    failures: Spanned<u32>,
    sticks: u64,
    all_failures: u64,
    source: String,
    from: String,
    until: String,
    outcomes_sha256: String,
    scorecard_sha256: Spanned<String>,
    sha256: Spanned<String>,
}

const HEAD: &str = "\
# A calibration of scrubjay's scorecard by outcomes of one's own: logit p' = shift + stretch * logit p.
# Name it in [memory] calibration. It is not to be edited: sha256 is of all lines above it.
";

/// The file's text.
pub(crate) fn text(calibration: &Calibration, from: &Provenance) -> anyhow::Result<String> {
    let Calibration { shift, stretch, shift_error, stretch_error, outcomes, failures, spread } =
        *calibration;
    let Provenance { source, from, until, sticks, all_failures, outcomes_sha256 } = from;
    let written = Written {
        version: VERSION,
        made_by: concat!("scrubjay ", env!("CARGO_PKG_VERSION")),
        shift,
        shift_95: shift_error,
        stretch,
        stretch_95: stretch_error,
        spread,
        outcomes,
        failures,
        sticks: *sticks,
        all_failures: *all_failures,
        source,
        from,
        until,
        outcomes_sha256,
        scorecard_sha256: scorecard(),
    };
    let body = format!("{HEAD}{}", toml::to_string(&written)?);
    let digest = sha256(body.as_bytes());
    Ok(format!("{body}{LAST}\"{digest}\"\n"))
}

/// What the last line begins with.
const LAST: &str = "sha256 = ";

/// What was corrected: another scorecard needs another correction.
fn scorecard() -> String {
    let rows: Vec<String> =
        Scorecard::provenance().map(|(term, value, _)| format!("{term},{value}\n")).collect();
    sha256(rows.concat().as_bytes()).to_string()
}

/// Writes it where the user said, in one step: whoever reads it meanwhile finds the old one or the new one.
#[expect(clippy::disallowed_methods, reason = "the file that --fit names")]
pub(crate) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let name = path.file_name().context("--fit names no file")?.to_string_lossy();
    let aside = folder.join(format!(".{name}.new"));
    let put = || -> std::io::Result<()> {
        let mut file = std::fs::File::create(&aside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&aside, path)
    };
    put()
        .inspect_err(|_| drop(std::fs::remove_file(&aside)))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Reads one; with it, where it comes from, as a sentence.
pub(crate) fn read(path: &Path) -> anyhow::Result<(Calibration, String)> {
    parse(path, &policies::read(path)?)
}

/// The same out of a text that was read.
pub(crate) fn parse(path: &Path, text: &str) -> anyhow::Result<(Calibration, String)> {
    let source = Source { path, text };
    let wrong = |span: Range<usize>, why: String| anyhow::anyhow!("{}", source.fault(span, why));
    let found: Read =
        toml::from_str(text).map_err(|error| anyhow::anyhow!("{}", source.syntax(&error)))?;
    let Read {
        version,
        made_by,
        shift,
        shift_95,
        stretch,
        stretch_95,
        spread,
        outcomes,
        failures,
        sticks,
        all_failures,
        source: of,
        from,
        until,
        outcomes_sha256,
        scorecard_sha256,
        sha256: told,
    } = found;
    if *version.get_ref() != VERSION {
        let why = format!("is of another form than {VERSION}, which this version reads");
        return Err(wrong(version.span(), why));
    }
    let again = "make it anew with scrubjay replay --fit";
    let body = text.rfind(LAST).and_then(|last| text.get(..last)).unwrap_or_default();
    if sha256(body.as_bytes()).to_string() != *told.get_ref() {
        let why = format!("the lines above were changed since they were written: {again}");
        return Err(wrong(told.span(), why));
    }
    if *scorecard_sha256.get_ref() != scorecard() {
        let why = format!("corrects another scorecard than that of this version: {again}");
        return Err(wrong(scorecard_sha256.span(), why));
    }
    for number in [&shift, &shift_95, &stretch, &stretch_95] {
        if !number.get_ref().is_finite() {
            return Err(wrong(number.span(), "must be a number".to_owned()));
        }
    }
    if *stretch.get_ref() <= 0.0 {
        return Err(wrong(stretch.span(), "must be more than 0".to_owned()));
    }
    if !(1.0..=UNCALIBRATED_SPREAD).contains(spread.get_ref()) {
        return Err(wrong(spread.span(), format!("must be from 1 to {UNCALIBRATED_SPREAD}")));
    }
    if *failures.get_ref() < LEAST_OUTCOMES || failures.get_ref() > outcomes.get_ref() {
        let why = format!("must be from {LEAST_OUTCOMES} to the number of outcomes");
        return Err(wrong(failures.span(), why));
    }
    let origin = format!(
        "{} ({made_by}): {} weeks of {sticks} sticks from {from} to {until}, {} of {all_failures} failures \
         foretold, outcomes {outcomes_sha256}; from {of}",
        path.display(),
        outcomes.get_ref(),
        failures.get_ref(),
    );
    let calibration = Calibration {
        shift: shift.into_inner(),
        stretch: stretch.into_inner(),
        shift_error: shift_95.into_inner(),
        stretch_error: stretch_95.into_inner(),
        outcomes: outcomes.into_inner(),
        failures: failures.into_inner(),
        spread: spread.into_inner(),
    };
    Ok((calibration, origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> (Calibration, String) {
        let calibration = Calibration {
            shift: -0.75,
            stretch: 0.9,
            shift_error: 0.25,
            stretch_error: 0.125,
            outcomes: 4_000,
            failures: 57,
            spread: 1.3,
        };
        let from = Provenance {
            source: "a \"log\": 7 rows".to_owned(),
            from: "2025-01-01".to_owned(),
            until: "2026-01-01".to_owned(),
            sticks: 400,
            all_failures: 70,
            outcomes_sha256: sha256(b"").to_string(),
        };
        let text = text(&calibration, &from).unwrap();
        (calibration, text)
    }

    #[expect(clippy::disallowed_methods, reason = "a folder of the test")]
    fn read_back(text: &str) -> Result<Calibration, String> {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("own.toml");
        write(&path, text).unwrap();
        let left: Vec<_> = std::fs::read_dir(home.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "nothing is left beside it");
        let (calibration, origin) = read(&path).map_err(|error| format!("{error:#}"))?;
        assert!(origin.contains("4000 weeks of 400 sticks from 2025-01-01"), "{origin}");
        Ok(calibration)
    }

    #[test]
    fn what_is_written_is_read_back_as_it_was() {
        let (calibration, text) = made();
        assert_eq!(read_back(&text), Ok(calibration));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let (_, text) = made();
        let wrong = |from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            read_back(&text.replace(from, to)).unwrap_err()
        };
        let changed = wrong("shift = -0.75", "shift = 9.75");
        assert!(changed.contains("own.toml:") && changed.contains("were changed"), "{changed}");
        assert!(wrong("version = 1", "version = 2").contains("own.toml:3:11: is of another form"));
        assert!(wrong("failures = 57", "failures = \"many\"").contains("invalid type"));
        assert!(wrong("sticks", "stones").contains("unknown field"));
        let cut = text.split_once("outcomes =").unwrap().0;
        assert!(read_back(cut).unwrap_err().contains("missing field"));
        // Whoever seals what cannot be is refused as well.
        let sealed = |from: &str, to: &str| {
            let body = text.replace(from, to);
            let body = body.get(..body.rfind(LAST).unwrap()).unwrap();
            let digest = sha256(body.as_bytes());
            read_back(&format!("{body}{LAST}\"{digest}\"\n")).unwrap_err()
        };
        assert!(sealed("failures = 57", "failures = 19").contains("must be from 20"));
        assert!(sealed("spread = 1.3", "spread = 9.0").contains("must be from 1 to 3"));
        assert!(sealed("stretch = 0.9", "stretch = -1.0").contains("must be more than 0"));
        assert!(sealed("shift = -0.75", "shift = nan").contains("must be a number"));
        let card = scorecard();
        assert!(sealed(&card, &card.replace('a', "b")).contains("another scorecard"));
    }
}
