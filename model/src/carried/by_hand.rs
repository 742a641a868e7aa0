//! What cannot be listed field by field: generic types, those that keep their form to themselves, and
//! those of which a part stays behind. See [`super`].

use super::{Carried, Cursor, choices};
use crate::{
    BootId, Changelog, ControllerKey, CveId, CveLists, DebVersion, InstalledPackage, ModuleKey,
    NonValue, Origin, Present, Probability, Reading, RpmVersion, Section, Simulated,
};
use std::collections::BTreeMap;
use std::sync::Arc;

choices! {
    NonValue { 1 Absent(a), 2 Unreadable(a, b), 3 Malformed(a, b) }
}

impl<T: Carried> Carried for Reading<T> {
    fn put(&self, out: &mut Vec<u8>) {
        if let Self::Value(value) = self {
            out.push(0);
            value.put(out);
        }
        if let Some(non_value) = self.non_value() {
            non_value.put(out);
        }
    }

    fn take(from: &mut Cursor<'_>) -> Option<Self> {
        if from.0.first() == Some(&0) {
            from.byte()?;
            return T::take(from).map(Self::Value);
        }
        NonValue::take(from).map(Self::from)
    }
}

impl<T: Carried> Carried for Section<T> {
    fn put(&self, out: &mut Vec<u8>) {
        let Self { reading, report } = self;
        reading.put(out);
        report.put(out);
    }

    fn take(from: &mut Cursor<'_>) -> Option<Self> {
        Some(Self { reading: Carried::take(from)?, report: Carried::take(from)? })
    }
}

impl Carried for Present {
    fn put(&self, out: &mut Vec<u8>) {
        // A byte, so that a number of them takes room.
        out.push(1);
    }

    fn take(from: &mut Cursor<'_>) -> Option<Self> {
        (from.byte()? == 1).then_some(Self)
    }
}

impl Carried for CveLists {
    fn put(&self, out: &mut Vec<u8>) {
        let Self { files, ranks: _, live_patches } = self;
        files.put(out);
        live_patches.put(out);
    }

    fn take(from: &mut Cursor<'_>) -> Option<Self> {
        let (files, live_patches) = (Carried::take(from)?, Carried::take(from)?);
        Some(Self { files, ranks: BTreeMap::new(), live_patches })
    }
}

impl Carried for InstalledPackage {
    fn put(&self, out: &mut Vec<u8>) {
        let Self { name, version, arch, installed_unix_s, changelog } = self;
        name.put(out);
        version.put(out);
        arch.put(out);
        installed_unix_s.put(out);
        changelog.as_ref().map(|_| Present).put(out);
    }

    fn take(from: &mut Cursor<'_>) -> Option<Self> {
        Some(Self {
            name: Carried::take(from)?,
            version: Carried::take(from)?,
            arch: Carried::take(from)?,
            installed_unix_s: Carried::take(from)?,
            changelog: Reading::<Present>::take(from)?.map(|_| Arc::new(Changelog::default())),
        })
    }
}

/// Types that are as good as their text. Text that is none of theirs is refused.
macro_rules! texts {
    ($($type:ident $write:expr, $read:expr;)*) => {
        $(impl Carried for $type {
            fn put(&self, out: &mut Vec<u8>) {
                let write: fn(&Self) -> String = $write;
                write(self).put(out);
            }

            fn take(from: &mut Cursor<'_>) -> Option<Self> {
                let read: fn(&str) -> Option<Self> = $read;
                read(&String::take(from)?)
            }
        })*
    };
}

texts! {
    Origin |origin| origin.as_str().to_owned(), |text| Some(Self::new(text));
    ControllerKey |key| key.as_str().to_owned(), |text| Some(Self::from_stored(text));
    ModuleKey |key| key.as_str().to_owned(), |text| Some(Self::from_stored(text));
    Simulated |mark| mark.as_str().to_owned(), |text| Some(Self::parse(text));
    DebVersion ToString::to_string, |text| Self::parse(text).ok();
    RpmVersion ToString::to_string, |text| Self::parse(text).ok();
    CveId ToString::to_string, Self::parse;
    BootId |id| id.as_str().to_owned(), |text| match text {
        "unknown" => Some(Self::unknown()),
        id => Self::parse(id),
    };
}

impl Carried for Probability {
    fn put(&self, out: &mut Vec<u8>) {
        self.value().put(out);
    }

    fn take(from: &mut Cursor<'_>) -> Option<Self> {
        Self::new(f64::take(from)?)
    }
}
