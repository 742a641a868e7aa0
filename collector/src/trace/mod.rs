//! What the kernel reports through trace events, decoded as this kernel describes it.
//!
//! `format` reads how events and pages are laid out, `page` takes a page of the ring buffer apart,
//! `decode` makes reports of its records. All of it is pure: texts and bytes in, values out.

mod aggregate;
mod decode;
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
