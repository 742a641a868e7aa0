//! Lists as CSV.

use super::CveList;
use scrubjay_model::{CveId, CveListForm, CveRank, Severity};

/// What was expected of a table.
const FORM: &str = "CSV whose first line names its columns, among them cve or cveID";
const CELL: &str = "a CVE identifier, yes or no, a severity, and a probability from 0 to 1";

pub(super) fn parse(bytes: &[u8]) -> Result<CveList, &'static str> {
    let mut reader =
        csv::ReaderBuilder::new().comment(Some(b'#')).flexible(true).from_reader(bytes);
    let headers = reader.headers().map_err(|_| FORM)?.clone();
    let column = |names: &[&str]| {
        headers.iter().position(|header| {
            let header = header.trim().trim_start_matches('\u{feff}');
            names.iter().any(|name| header.eq_ignore_ascii_case(name))
        })
    };
    let catalogue = column(&["cveID"]).filter(|_| column(&["cve"]).is_none());
    let cve = column(&["cve"]).or(catalogue).ok_or(FORM)?;
    let form = match (catalogue, column(&["percentile"])) {
        (Some(_), _) => CveListForm::KnownExploited,
        (None, Some(_)) => CveListForm::Epss,
        (None, None) => CveListForm::Table,
    };
    let exploited = column(&["exploited", "kev"]);
    let severity = column(&["severity", "level", "priority"]);
    let epss = column(&["epss"]);
    let live_patch = column(&["live_patch"]);

    let mut list = CveList::new(form);
    for row in reader.records() {
        let row = row.map_err(|_| FORM)?;
        let cell = |column: Option<usize>| {
            column.and_then(|at| row.get(at)).map(str::trim).filter(|text| !text.is_empty())
        };
        let Some(name) = cell(Some(cve)) else { continue };
        let id = CveId::parse(name).ok_or(CELL)?;
        let rank = CveRank {
            exploited: match cell(exploited).map(str::to_ascii_lowercase).as_deref() {
                Some("yes" | "true" | "1") => true,
                Some("no" | "false" | "0") => false,
                Some(_) => return Err(CELL),
                None => form == CveListForm::KnownExploited,
            },
            severity: match cell(severity) {
                Some(word) => Some(Severity::parse(word).ok_or(CELL)?),
                None => None,
            },
            epss_millionths: match cell(epss) {
                Some(text) => Some(millionths(text).ok_or(CELL)?),
                None => None,
            },
        };
        list.take(id, rank);
        if let Some(patch) = cell(live_patch) {
            list.live_patches.entry(patch.to_owned()).or_default().insert(id);
        }
    }
    Ok(list)
}

/// A probability, from its text: digits behind the point, so that no rounding changes it.
fn millionths(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || whole.is_empty() {
        return None;
    }
    let six: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let value =
        whole.parse::<u32>().ok()?.checked_mul(1_000_000)?.checked_add(six.parse().ok()?)?;
    (value <= 1_000_000).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::millionths;

    #[test]
    fn probabilities_are_read_to_the_millionth() {
        for (text, value) in [
            ("0.97565", Some(975_650)),
            ("1", Some(1_000_000)),
            ("1.0", Some(1_000_000)),
            ("0", Some(0)),
            ("0.00000091", Some(0)),
            ("1.1", None),
            ("-0.1", None),
            (".5", None),
            ("NaN", None),
            ("1e-3", None),
        ] {
            assert_eq!(millionths(text), value, "{text}");
        }
    }
}
