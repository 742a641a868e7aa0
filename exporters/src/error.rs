//! Why a page could not be written.

/// A page that could not be written. Nothing a host shows can cause this; it would be a defect.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// A value that JSON cannot hold.
    #[error("cannot write the page as JSON (a defect of scrubjay, please report)")]
    Json(#[from] serde_json::Error),
    /// A table that cannot be written as comma-separated values.
    #[error("cannot write the page as CSV (a defect of scrubjay, please report)")]
    Csv(#[from] ::csv::Error),
    /// The font that is built in.
    #[error("cannot read the font of reports (a defect of scrubjay, please report)")]
    Font,
    /// A report on paper.
    #[error("cannot write the report as PDF: {0} (a defect of scrubjay, please report)")]
    Paper(String),
    /// A family that the Prometheus text format cannot hold.
    #[error("cannot write the metrics page (a defect of scrubjay, please report)")]
    Metrics(#[from] ::prometheus::Error),
}
