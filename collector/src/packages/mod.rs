//! What package managers keep on disk: their databases and the changelogs of packages. Parsers take
//! bytes or text; what is read, and where, stands in `sources/packages.rs`.

mod deb_changelog;
pub(crate) mod dpkg;

pub(crate) use deb_changelog::needed;
pub use deb_changelog::{DebianChangelog, debian_changelog};
