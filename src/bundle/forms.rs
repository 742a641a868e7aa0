//! The parts of a bundle that follow from the report: it is made of them when it is written, and they
//! are made again when it is looked at.

use super::files::sum_of;
use scrubjay_exporters::PageError;
use scrubjay_exporters::report as forms;
use scrubjay_model::Report;

/// Name and content of each. `json` is the report as JSON.
pub(crate) fn forms(
    report: &Report,
    json: &str,
) -> Result<Vec<(&'static str, Vec<u8>)>, PageError> {
    let document = forms::document(report, &sum_of(json.as_bytes()).to_string());
    let mut files = vec![
        ("report.md", forms::markdown(&document).into_bytes()),
        ("report.html", forms::html(&document).into_bytes()),
        ("report.pdf", forms::pdf(&document)?),
    ];
    let tables = forms::csv_tables(report)?;
    files.extend(tables.into_iter().map(|(name, text)| (name, text.into_bytes())));
    Ok(files)
}
