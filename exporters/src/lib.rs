//! How what is known about a host leaves scrubjay: Prometheus text, JSON, HTTP, and pages for
//! people.
//!
//! Everything is computed from [`scrubjay_model::HostView`] or from records of the history, by
//! pure functions: nothing here opens a file or reads a clock. The one exception is [`http`],
//! which owns sockets and is given its clock.

pub mod csv;
pub mod docs;
mod error;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod http;
pub mod json;
pub mod markdown;
pub mod observe;
pub mod openmetrics;
pub mod plugin;
mod printable;
pub mod prometheus;
pub mod push;
pub mod report;
pub mod site;
#[cfg(test)]
mod testing;
pub mod text;

pub use error::PageError;
pub use printable::printable;
