//! What the kernel reports through trace events, decoded as this kernel describes it.
//!
//! `format` reads how events and pages are laid out, `page` takes a page of the ring buffer apart,
//! `decode` makes reports of its records, `aggregate` keeps those together that belong together,
//! `loss` counts what is missing. All of that is pure: texts and bytes in, values out. `instance`
//! sets up a trace buffer of our own, `reader` empties it, and `feed` is what the agent sees of it.

mod aggregate;
pub(crate) mod decode;
mod extlog;
mod feed;
mod format;
mod instance;
mod loss;
mod page;
mod reader;
mod refusal;
mod report;
mod text;

pub use feed::{Batch, EventFeed, FeedOptions, OnStop};
pub use refusal::FeedRefusal;

#[cfg(test)]
mod writer;
