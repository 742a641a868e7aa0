//! How numbers, text and collections are carried: see [`super`].

use super::{Carried, Cursor};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

macro_rules! numbers {
    ($($type:ty)*) => {
        $(impl Carried for $type {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend(self.to_le_bytes());
            }

            fn take(from: &mut Cursor<'_>) -> Option<Self> {
                from.array().map(Self::from_le_bytes)
            }
        })*
    };
}

numbers! { u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 f64 }

impl Carried for usize {
    fn put(&self, out: &mut Vec<u8>) {
        u64::try_from(*self).unwrap_or(u64::MAX).put(out);
    }

    fn take(from: &mut Cursor<'_>) -> Option<Self> {
        Self::try_from(u64::take(from)?).ok()
    }
}

impl Carried for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn take(from: &mut Cursor<'_>) -> Option<Self> {
        match from.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Carried for char {
    fn put(&self, out: &mut Vec<u8>) {
        u32::from(*self).put(out);
    }

    fn take(from: &mut Cursor<'_>) -> Option<Self> {
        Self::from_u32(u32::take(from)?)
    }
}

impl Carried for Duration {
    fn put(&self, out: &mut Vec<u8>) {
        self.as_secs().put(out);
        self.subsec_nanos().put(out);
    }

    fn take(from: &mut Cursor<'_>) -> Option<Self> {
        let (seconds, nanos) = (u64::take(from)?, u32::take(from)?);
        (nanos < 1_000_000_000).then(|| Self::new(seconds, nanos))
    }
}

/// How many there are. What has more than 4,294,967,295 of anything does not fit, and is refused when
/// it is read, as the sum tells less than follows.
pub(super) fn put_count(count: usize, out: &mut Vec<u8>) {
    u32::try_from(count).unwrap_or(u32::MAX).put(out);
}

impl Carried for String {
    fn put(&self, out: &mut Vec<u8>) {
        put_count(self.len(), out);
        out.extend(self.as_bytes());
    }

    fn take(from: &mut Cursor<'_>) -> Option<Self> {
        let length = from.count()?;
        std::str::from_utf8(from.bytes(length)?).ok().map(str::to_owned)
    }
}

impl<T: Carried> Carried for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(item) = self {
            item.put(out);
        }
    }

    fn take(from: &mut Cursor<'_>) -> Option<Self> {
        Some(if bool::take(from)? { Some(T::take(from)?) } else { None })
    }
}

impl<T: Carried> Carried for Arc<T> {
    fn put(&self, out: &mut Vec<u8>) {
        T::put(self, out);
    }

    fn take(from: &mut Cursor<'_>) -> Option<Self> {
        T::take(from).map(Self::new)
    }
}

impl<T: Carried> Carried for Box<T> {
    fn put(&self, out: &mut Vec<u8>) {
        T::put(self, out);
    }

    fn take(from: &mut Cursor<'_>) -> Option<Self> {
        T::take(from).map(Self::new)
    }
}

impl<T: Carried> Carried for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_count(self.len(), out);
        for item in self {
            item.put(out);
        }
    }

    fn take(from: &mut Cursor<'_>) -> Option<Self> {
        let count = from.count()?;
        (0..count).map(|_| T::take(from)).collect()
    }
}

impl<T: Carried> Carried for Arc<[T]> {
    fn put(&self, out: &mut Vec<u8>) {
        put_count(self.len(), out);
        for item in self.iter() {
            item.put(out);
        }
    }

    fn take(from: &mut Cursor<'_>) -> Option<Self> {
        Vec::take(from).map(Self::from)
    }
}

impl<T: Carried, const N: usize> Carried for [T; N] {
    fn put(&self, out: &mut Vec<u8>) {
        for item in self {
            item.put(out);
        }
    }

    fn take(from: &mut Cursor<'_>) -> Option<Self> {
        let items: Option<Vec<T>> = (0..N).map(|_| T::take(from)).collect();
        items?.try_into().ok()
    }
}

impl<T: Carried + Ord> Carried for BTreeSet<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_count(self.len(), out);
        for item in self {
            item.put(out);
        }
    }

    fn take(from: &mut Cursor<'_>) -> Option<Self> {
        let count = from.count()?;
        (0..count).map(|_| T::take(from)).collect()
    }
}

impl<K: Carried + Ord, V: Carried> Carried for BTreeMap<K, V> {
    fn put(&self, out: &mut Vec<u8>) {
        put_count(self.len(), out);
        for (key, value) in self {
            key.put(out);
            value.put(out);
        }
    }

    fn take(from: &mut Cursor<'_>) -> Option<Self> {
        let count = from.count()?;
        (0..count).map(|_| Some((K::take(from)?, V::take(from)?))).collect()
    }
}

impl<A: Carried, B: Carried> Carried for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn take(from: &mut Cursor<'_>) -> Option<Self> {
        Some((A::take(from)?, B::take(from)?))
    }
}
