//! What package managers keep on disk: their databases and the changelogs of packages. Parsers take
//! bytes or text; what is read, and where, stands in `sources/packages.rs`.

pub mod apk;
mod deb_changelog;
pub(crate) mod dpkg;
pub(crate) mod files;
mod found;
mod lines;
mod moment;
pub mod pacman;
pub mod rpm;
mod rpm_changelog;
pub(crate) mod rpm_header;
pub mod sqlite;

pub(crate) use deb_changelog::needed;
pub use deb_changelog::{DebianChangelog, debian_changelog};
pub use found::{FoundPackage, FoundPackages};
