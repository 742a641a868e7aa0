//! `Packages.db`, rpm's own database (its `lib/backend/ndb/rpmpkg.c`), which SUSE uses.
//!
//! Little-endian: a header of 32 bytes; pages of 4096 bytes with slots of 16, each the number of a
//! package and the blocks of 16 bytes where it is; and there, framed and with an Adler-32 checksum,
//! the header of the package. Names are in none of these, so of each package the beginning is read.

use super::Wanted;
use crate::packages::found::FoundPackages;
use crate::packages::moment::{ATTEMPTS, Moment};
use crate::packages::rpm_header::Header;
use crate::reader::{ReadAt, Reader, malformed};
use scrubjay_model::{NonValue, Reading};

const HEADER: usize = 32;
const PAGE: u64 = 4096;
const SLOT: usize = 16;
const BLOCK: u64 = 16;
/// Bytes before and behind a package.
const HEAD: usize = 16;
const TAIL: usize = 12;
/// In as much of a package its name is found: entries take 1 to 2 KiB, and the name is the first of
/// its data but one.
const BEGINNING: usize = 4096;
/// Most bytes of a package accepted, as rpm has it.
const BLOB_LIMIT: u64 = 256 << 20;

/// What `take` finds in the database at one moment.
pub(super) fn read<T>(
    reader: &Reader<'_>,
    path: &str,
    take: &mut dyn FnMut(&ReadAt<'_>, &Moment) -> Result<T, NonValue>,
) -> Reading<T> {
    for _ in 0..ATTEMPTS {
        reader.forget(path);
        match attempt(reader, path, take) {
            Ok(Some(found)) => return reader.noted(found),
            Ok(None) => {}
            Err(why) => return reader.noted(Err(why)),
        }
    }
    reader.torn(path)
}

/// What was found, or that the database was written meanwhile.
fn attempt<T>(
    reader: &Reader<'_>,
    path: &str,
    take: &mut dyn FnMut(&ReadAt<'_>, &Moment) -> Result<T, NonValue>,
) -> Result<Option<Result<T, NonValue>>, NonValue> {
    let file = reader.open(path).into_result()?;
    let before = Moment::of(&file, HEADER)?;
    let found = take(&file, &before);
    Ok(before.lasts(reader, &file)?.then_some(found))
}

/// The packages with names that are wanted.
pub(super) fn packages(
    file: &ReadAt<'_>,
    before: &Moment,
    wanted: &Wanted<'_>,
) -> Result<FoundPackages, NonValue> {
    let path = file.path();
    let mut found = FoundPackages::new(path);
    found.total = each_package(file, before, wanted, &mut |header| {
        found.add(header.and_then(|header| header.package(path)));
    })?;
    Ok(found)
}

/// Where a package is.
struct Slot {
    package: u32,
    offset: u64,
    length: u64,
}

/// Gives the header of each package with a name that is wanted, or what is wrong with it; how many
/// packages there are.
pub(in crate::packages) fn each_package(
    file: &ReadAt<'_>,
    before: &Moment,
    wanted: &Wanted<'_>,
    each: &mut dyn FnMut(Result<Header<'_>, NonValue>),
) -> Result<usize, NonValue> {
    let path = file.path();
    let header = &before.header;
    let pages = (header.get(..8) == Some(b"RpmP\0\0\0\0")).then(|| u32_at(header, 12)).flatten();
    let pages = pages.ok_or_else(|| malformed(path, "an rpmdb of ndb, version 0", header))?;
    let slots_end = u64::from(pages) * PAGE;
    if slots_end > before.stamp.length {
        return Err(malformed(path, "as many slots as its header says", header));
    }
    let mut total = 0;
    for page in 0..u64::from(pages) {
        let bytes = file.at(page * PAGE, 4096)?;
        // The header takes the place of the first two slots.
        let slots = bytes.get(if page == 0 { HEADER } else { 0 }..).unwrap_or_default();
        for slot in slots.chunks(SLOT) {
            if slot.get(..4) != Some(b"Slot") {
                return Err(malformed(path, "a slot", slot));
            }
            let Some(slot) = place(slot, slots_end, before.stamp.length)
                .map_err(|()| malformed(path, "a slot with a place in the file", slot))?
            else {
                continue;
            };
            total += 1;
            take(file, &slot, wanted, each)?;
        }
    }
    Ok(total)
}

/// Takes a slot apart; one that is free has no place.
fn place(slot: &[u8], slots_end: u64, length: u64) -> Result<Option<Slot>, ()> {
    let numbers = u32_at(slot, 4).zip(u32_at(slot, 8)).zip(u32_at(slot, 12));
    let ((package, block), count) = numbers.ok_or(())?;
    if block == 0 {
        return Ok(None);
    }
    let slot = Slot { package, offset: u64::from(block) * BLOCK, length: u64::from(count) * BLOCK };
    let fits = slot.offset >= slots_end
        && slot.length >= u64::try_from(HEAD + TAIL).unwrap_or(u64::MAX)
        && slot.length <= BLOB_LIMIT
        && slot.offset.saturating_add(slot.length) <= length
        && package != 0;
    fits.then_some(Some(slot)).ok_or(())
}

/// Reads a package if it is wanted.
fn take(
    file: &ReadAt<'_>,
    slot: &Slot,
    wanted: &Wanted<'_>,
    each: &mut dyn FnMut(Result<Header<'_>, NonValue>),
) -> Result<(), NonValue> {
    let path = file.path();
    let length = usize::try_from(slot.length).unwrap_or(usize::MAX);
    let beginning = file.at(slot.offset, length.min(HEAD + BEGINNING))?;
    let is_head =
        beginning.get(..4) == Some(b"BlbS") && u32_at(&beginning, 4) == Some(slot.package);
    if !is_head {
        each(Err(malformed(path, "a package where its slot says", &beginning)));
        return Ok(());
    }
    let data = beginning.get(HEAD..).unwrap_or_default();
    if Header::beginning(data).and_then(|header| header.name()).is_some_and(|name| !wanted(name)) {
        return Ok(());
    }
    let bytes = file.at(slot.offset, length)?;
    let Some(data) = unframed(&bytes) else {
        each(Err(malformed(path, "a package with its checksum", &beginning)));
        return Ok(());
    };
    match Header::parse(data) {
        // Its name was further behind than others have it.
        Ok(header) if header.name().is_some_and(|name| !wanted(name)) => {}
        Ok(header) => each(Ok(header)),
        Err(odd) => each(Err(odd.of(path, &format!("package {}", slot.package)))),
    }
    Ok(())
}

/// The package between its head and tail, if both fit it.
fn unframed(bytes: &[u8]) -> Option<&[u8]> {
    let (framed, tail) = bytes.split_at_checked(bytes.len().checked_sub(TAIL)?)?;
    let length = u32_at(bytes, 12)?;
    let whole = u32_at(tail, 4) == Some(length) && tail.get(8..) == Some(b"BlbE");
    let sums = u32_at(tail, 0) == Some(adler32(framed));
    framed.get(HEAD..)?.get(..usize::try_from(length).ok()?).filter(|_| whole && sums)
}

/// RFC 1950, section 8.2.
fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (mut a, mut b) = (1_u32, 0_u32);
    // As many bytes as cannot make the sums overflow.
    for part in bytes.chunks(5552) {
        for byte in part {
            a += u32::from(*byte);
            b += a;
        }
        a %= MODULUS;
        b %= MODULUS;
    }
    b << 16 | a
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let part = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(part.try_into().ok()?))
}

#[cfg(test)]
pub(crate) mod tests;
