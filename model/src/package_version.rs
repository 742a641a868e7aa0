//! Versions of packages, ordered as the package managers order them.
//!
//! Names of kernel ABIs are no versions and must not be compared: `6.12.90+deb13-amd64` names a
//! kernel, and which of two such names is newer only the versions of their packages tell.

use serde::{Serialize, Serializer};
use std::cmp::Ordering;
use std::fmt;
use std::iter::Peekable;

/// A version as dpkg writes it: `[epoch:]upstream[-revision]` (deb-version(7)).
///
/// Versions that dpkg holds for the same are equal, however they are written: `1.0` and `1.00-0`.
#[derive(Debug, Clone)]
pub struct DebVersion {
    text: String,
    epoch: u64,
    /// Bytes of `text` before the upstream version, and those before the revision's hyphen.
    upstream: (usize, usize),
}

/// A version as RPM writes it: `[epoch:]version[-release]` (rpm-version(7)).
#[derive(Debug, Clone)]
pub struct RpmVersion {
    text: String,
    epoch: u64,
    version: (usize, usize),
}

/// Why a text is no version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionFault {
    /// It is empty, or nothing follows the epoch.
    Empty,
    /// What stands before the colon is no number.
    Epoch,
    /// It holds a character that no version may hold.
    Character,
}

impl DebVersion {
    /// Takes a version as it stands in `Version:` of a package.
    pub fn parse(text: &str) -> Result<Self, VersionFault> {
        let (epoch, upstream) = split(text, |c| "-.+:~".contains(c))?;
        Ok(Self { text: text.to_owned(), epoch, upstream })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn parts(&self) -> (&str, &str) {
        parts(&self.text, self.upstream)
    }
}

impl RpmVersion {
    /// Takes a version with its epoch, if it has one, and its release.
    pub fn parse(text: &str) -> Result<Self, VersionFault> {
        let (epoch, version) = split(text, |c| "-._+%{}~^".contains(c))?;
        Ok(Self { text: text.to_owned(), epoch, version })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn parts(&self) -> (&str, &str) {
        parts(&self.text, self.version)
    }
}

/// The epoch, and where what follows it begins and ends before the last hyphen.
fn split(
    text: &str,
    may_hold: impl Fn(char) -> bool,
) -> Result<(u64, (usize, usize)), VersionFault> {
    let (epoch, begin) = match text.split_once(':') {
        Some((epoch, _)) => {
            let digits = !epoch.is_empty() && epoch.bytes().all(|byte| byte.is_ascii_digit());
            let number = epoch.parse().ok().filter(|_| digits).ok_or(VersionFault::Epoch)?;
            (number, epoch.len() + 1)
        }
        None => (0, 0),
    };
    let rest = text.get(begin..).unwrap_or_default();
    if !rest.chars().all(|c| c.is_ascii_alphanumeric() || may_hold(c)) {
        return Err(VersionFault::Character);
    }
    let end = rest.rfind('-').unwrap_or(rest.len());
    if end == 0 {
        return Err(VersionFault::Empty);
    }
    Ok((epoch, (begin, begin + end)))
}

/// What is before the last hyphen, and what is behind it.
fn parts(text: &str, (begin, end): (usize, usize)) -> (&str, &str) {
    let version = text.get(begin..end).unwrap_or_default();
    (version, text.get(end + 1..).unwrap_or_default())
}

impl Ord for DebVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        let ((upstream, revision), (others, others_revision)) = (self.parts(), other.parts());
        let by_epoch = self.epoch.cmp(&other.epoch);
        // Without a revision it is that of revision 0, as nothing and zeros are the same.
        by_epoch
            .then_with(|| compare_deb(upstream, others))
            .then_with(|| compare_deb(revision, others_revision))
    }
}

impl Ord for RpmVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        let ((version, release), (others, others_release)) = (self.parts(), other.parts());
        let by_epoch = self.epoch.cmp(&other.epoch);
        by_epoch.then_with(|| compare_rpm(version, others)).then_with(|| {
            match (release, others_release) {
                ("", "") => Ordering::Equal,
                ("", _) => Ordering::Less,
                (_, "") => Ordering::Greater,
                (release, others) => compare_rpm(release, others),
            }
        })
    }
}

/// Runs of what are no digits and runs of digits in turn, as dpkg compares them.
fn compare_deb(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.bytes().peekable(), b.bytes().peekable());
    while a.peek().is_some() || b.peek().is_some() {
        loop {
            // A digit and the end both end a run.
            let next = |bytes: &mut Peekable<_>| bytes.next_if(|byte: &u8| !byte.is_ascii_digit());
            let (left, right) = (next(&mut a), next(&mut b));
            if left.is_none() && right.is_none() {
                break;
            }
            let order = weight(left).cmp(&weight(right));
            if order.is_ne() {
                return order;
            }
        }
        let order = number(&mut a).cmp(&number(&mut b));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// A tilde is before the end, the end is before letters, and these are before all else.
fn weight(byte: Option<u8>) -> (u8, u8) {
    match byte {
        Some(b'~') => (0, 0),
        None => (1, 0),
        Some(byte) if byte.is_ascii_alphabetic() => (2, byte),
        Some(byte) => (3, byte),
    }
}

/// Digits without leading zeros: of two numbers the one with more of them is larger. It takes no
/// more memory than they do, and has no largest value.
fn number(bytes: &mut Peekable<impl Iterator<Item = u8>>) -> (usize, Vec<u8>) {
    while bytes.next_if_eq(&b'0').is_some() {}
    let digits = run(bytes, |byte| byte.is_ascii_digit());
    (digits.len(), digits)
}

fn run(bytes: &mut Peekable<impl Iterator<Item = u8>>, is_of_it: fn(&u8) -> bool) -> Vec<u8> {
    let mut run = Vec::new();
    while let Some(byte) = bytes.next_if(is_of_it) {
        run.push(byte);
    }
    run
}

/// Runs of letters and runs of digits, as RPM compares them; what is between them only parts them.
fn compare_rpm(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    let (mut a, mut b) = (a.bytes().peekable(), b.bytes().peekable());
    loop {
        for bytes in [&mut a, &mut b] {
            let parts = |byte: &u8| !byte.is_ascii_alphanumeric() && !b"~^".contains(byte);
            while bytes.next_if(parts).is_some() {}
        }
        let (left, right) = (a.peek().copied(), b.peek().copied());
        match (left, right) {
            // A tilde is before everything, also before the end.
            (Some(b'~'), Some(b'~')) | (Some(b'^'), Some(b'^')) => {
                a.next();
                b.next();
                continue;
            }
            (Some(b'~'), _) => return Ordering::Less,
            (_, Some(b'~')) => return Ordering::Greater,
            // A caret is after the end, and before everything else.
            (Some(b'^'), None) => return Ordering::Greater,
            (None, Some(b'^')) => return Ordering::Less,
            (Some(b'^'), Some(_)) => return Ordering::Less,
            (Some(_), Some(b'^')) => return Ordering::Greater,
            (None, None) => return Ordering::Equal,
            (Some(_), None) => return Ordering::Greater,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), Some(_)) => {}
        }
        let is_number = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_digit());
        let order = match (is_number(left), is_number(right)) {
            (true, true) => number(&mut a).cmp(&number(&mut b)),
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => {
                let letters = |byte: &u8| byte.is_ascii_alphabetic();
                run(&mut a, letters).cmp(&run(&mut b, letters))
            }
        };
        if order.is_ne() {
            return order;
        }
    }
}

macro_rules! ordered_text {
    ($version:ident) => {
        impl PartialOrd for $version {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }
        impl PartialEq for $version {
            fn eq(&self, other: &Self) -> bool {
                self.cmp(other).is_eq()
            }
        }
        impl Eq for $version {}
        impl fmt::Display for $version {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.text)
            }
        }
        impl Serialize for $version {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.text)
            }
        }
    };
}

ordered_text!(DebVersion);
ordered_text!(RpmVersion);

impl fmt::Display for VersionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "no version",
            Self::Epoch => "what stands before the colon is no number",
            Self::Character => "a character that no version has",
        })
    }
}

impl std::error::Error for VersionFault {}

#[cfg(test)]
mod tests;
