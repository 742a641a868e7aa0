//! What is reported of a host over a period, to somebody who was not there.
//!
//! A report says of each thing what was seen, by which policy that was good or bad, and what nobody
//! saw. It is made from the history alone, so that the same history and the same questions give the
//! same report.

mod assemble;
mod clip;
mod errors;
mod exposures;
mod issued;
mod open;
mod parts;
mod policy;
mod recompute;
mod summary;
mod to_do;

pub use assemble::{ReportInputs, assemble_report};
pub use errors::ErrorsKnown;
pub use exposures::{
    ClassOfExposures, Deadline, ReportedExposure, classes_of_exposures, reported_exposures,
};
pub use issued::IssuedReport;
pub use parts::{
    LedgerRange, Report, ReportPeriod, ReportSummary, ReportedAck, ReportedAlert,
    ReportedAvailability, ReportedCoverage, ReportedErrors, ReportedFact, ReportedFigure,
    ReportedGap, ReportedHost, ReportedMonth, ReportedPage, ReportedPatches, ReportedSaid,
    ReportedSource, ReportedStick, SaidBy,
};
pub use policy::{CountsFromWhen, CveClass, ExceptionScope, PatchDeadlines, PatchException};
pub use recompute::{Disagreement, disagreements};
