//! What an agent saw last, as bytes for another process of the same program.
//!
//! The JSON of the API is for others: it leaves out, renames and rounds, and hides what is for nobody
//! but the host's own. Here a [`HostView`] has to arrive as it was sent. Each type lists its fields by
//! name, so that the compiler names whatever a new field still needs here. The bytes are of no use to
//! another version, and begin with what tells versions apart ([`layout`]).
//!
//! Two things stay behind, as no page asks for them and they are larger than all the rest: the
//! changelogs of packages, and what lists say of vulnerabilities that nobody here owes.
//!
//! Whoever reads them trusts nobody: any bytes give a view or none, and no more memory is taken than
//! they are long, but for words of the program, which are kept once (`words`).

mod by_hand;
mod host;
mod judged;
mod kernel;
mod livepatch;
mod memory;
mod plain;
mod words;

use crate::{BootId, Digest, HostView};
use std::time::Duration;

/// What an agent leaves after each pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedPass {
    /// When, where, and how long it holds.
    pub about: PassAbout,
    /// What it saw.
    pub view: HostView,
}

/// What has to be known before a pass is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassAbout {
    /// Where the agent keeps its history: what it saw belongs to that.
    pub state_dir: String,
    /// The boot of the kernel that the agent runs on, whatever host it reads.
    pub boot: BootId,
    /// What the agent was told to do: a digest of its configuration and policy.
    pub settings: Digest,
    /// When the pass ended, by the clock that goes on in sleep, within that boot.
    pub ended_since_boot: Duration,
    /// For how long it speaks for the host.
    pub good_for: Duration,
    /// When the agent was stopped, milliseconds since the Unix epoch, if it was.
    pub stopped_wall_ms: Option<i64>,
}

/// Why bytes are no pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotCarried {
    /// They do not begin as ours do.
    Foreign,
    /// Another version wrote them.
    OtherVersion,
    /// They are cut off, or altered.
    Damaged,
}

impl std::fmt::Display for NotCarried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Foreign => "it is none of scrubjay's",
            Self::OtherVersion => "another version of scrubjay wrote it",
            Self::Damaged => "it is not whole",
        })
    }
}

impl std::error::Error for NotCarried {}

const MAGIC: &[u8; 16] = b"scrubjay pass 1\n";

impl PassAbout {
    /// A pass as bytes. `version` is that of the program.
    pub fn with(&self, view: &HostView, version: &str) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend(layout(version).to_le_bytes());
        self.put(&mut out);
        view.put(&mut out);
        let sum = sum(&out);
        out.extend(sum.to_le_bytes());
        out
    }
}

impl SharedPass {
    /// The pass of these bytes.
    ///
    /// # Errors
    /// If they are of another program or version, or not whole.
    pub fn from_bytes(bytes: &[u8], version: &str) -> Result<Self, NotCarried> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(NotCarried::Foreign)?;
        let (wrote, _) = rest.split_first_chunk::<8>().ok_or(NotCarried::Damaged)?;
        if u64::from_le_bytes(*wrote) != layout(version) {
            return Err(NotCarried::OtherVersion);
        }
        let (whole, told) = bytes.split_last_chunk::<8>().ok_or(NotCarried::Damaged)?;
        if u64::from_le_bytes(*told) != sum(whole) {
            return Err(NotCarried::Damaged);
        }
        let mut from = Cursor(whole.get(MAGIC.len() + 8..).ok_or(NotCarried::Damaged)?);
        let about = Carried::take(&mut from).ok_or(NotCarried::Damaged)?;
        let view = Carried::take(&mut from).ok_or(NotCarried::Damaged)?;
        if from.0.is_empty() { Ok(Self { about, view }) } else { Err(NotCarried::Damaged) }
    }
}

/// What tells the layouts of two builds apart: the version, and the names of all types, fields and
/// variants in their order.
fn layout(version: &str) -> u64 {
    let names = [
        RECORDS,
        host::RECORDS,
        host::CHOICES,
        judged::RECORDS,
        judged::CHOICES,
        kernel::RECORDS,
        kernel::CHOICES,
        livepatch::RECORDS,
        livepatch::CHOICES,
        memory::RECORDS,
        memory::CHOICES,
        by_hand::CHOICES,
    ];
    let version = fnv(FNV_BEGIN, version.as_bytes());
    names.into_iter().fold(version, |sum, names| fnv(sum, names.as_bytes()))
}

/// A sum that notices a file that was cut off or half written; it is no proof against anybody.
fn sum(bytes: &[u8]) -> u64 {
    fnv(FNV_BEGIN, bytes)
}

const FNV_BEGIN: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a.
fn fnv(begin: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(begin, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

/// What can be carried.
pub(crate) trait Carried: Sized {
    /// Adds it to the bytes.
    fn put(&self, out: &mut Vec<u8>);
    /// Takes it from them; `None` if they are not of it.
    fn take(from: &mut Cursor<'_>) -> Option<Self>;
}

/// The bytes that are left.
pub(crate) struct Cursor<'b>(&'b [u8]);

impl Cursor<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn bytes(&mut self, length: usize) -> Option<&[u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    /// How many things follow; each of them takes a byte at least.
    fn count(&mut self) -> Option<usize> {
        let count = usize::try_from(u32::from_le_bytes(self.array()?)).ok()?;
        (count <= self.0.len()).then_some(count)
    }
}

/// Types with fields, in the order in which they are carried.
macro_rules! records {
    ($($type:ident { $($field:ident),* $(,)? })*) => {
        pub(super) const RECORDS: &str = stringify!($($type { $($field)* })*);
        $(impl $crate::carried::Carried for $type {
            fn put(&self, out: &mut Vec<u8>) {
                let Self { $($field),* } = self;
                $($crate::carried::Carried::put($field, out);)*
            }

            fn take(from: &mut $crate::carried::Cursor<'_>) -> Option<Self> {
                Some(Self { $($field: $crate::carried::Carried::take(from)?),* })
            }
        })*
    };
}

/// Enums, each variant with its number. Numbers may change: the layout does then.
macro_rules! choices {
    ($($type:ident {
        $($tag:literal $variant:ident $(($($item:ident),*))? $({ $($field:ident),* })?),* $(,)?
    })*) => {
        pub(super) const CHOICES: &str =
            stringify!($($type { $($tag $variant $(($($item)*))? $({ $($field)* })?)* })*);
        $(impl $crate::carried::Carried for $type {
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant $(($($item),*))? $({ $($field),* })? => {
                        out.push($tag);
                        $($($crate::carried::Carried::put($item, out);)*)?
                        $($($crate::carried::Carried::put($field, out);)*)?
                    })*
                }
            }

            fn take(from: &mut $crate::carried::Cursor<'_>) -> Option<Self> {
                match from.byte()? {
                    $($tag => Some(Self::$variant
                        $(($($crate::carried::taken!(from $item)),*))?
                        $({ $($field: $crate::carried::Carried::take(from)?),* })?
                    ),)*
                    _ => None,
                }
            }
        })*
    };
}

/// Takes something that stands at a place rather than under a name.
macro_rules! taken {
    ($from:ident $item:ident) => {
        $crate::carried::Carried::take($from)?
    };
}

/// Types that give a number or bytes a meaning, whatever they are.
macro_rules! wrappers {
    ($($type:ident)*) => {
        $(impl $crate::carried::Carried for $type {
            fn put(&self, out: &mut Vec<u8>) {
                $crate::carried::Carried::put(&self.0, out);
            }

            fn take(from: &mut $crate::carried::Cursor<'_>) -> Option<Self> {
                Some(Self($crate::carried::Carried::take(from)?))
            }
        })*
    };
}

pub(crate) use {choices, records, taken, wrappers};

records! {
    PassAbout { state_dir, boot, settings, ended_since_boot, good_for, stopped_wall_ms }
}

#[cfg(test)]
mod tests;
