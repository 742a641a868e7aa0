//! What the kernel reports through trace events, decoded as this kernel describes it.
//!
//! `format` reads how events and pages are laid out, `page` takes a page of the ring buffer apart,
//! `decode` makes reports of its records. All of it is pure: texts and bytes in, values out.
#![cfg_attr(not(test), expect(dead_code, reason = "the reader of the ring buffer comes next"))]

mod decode;
mod format;
mod page;
mod report;
mod text;

#[cfg(test)]
mod writer;
