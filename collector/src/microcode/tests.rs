//! Microcode made for tests, and what becomes of it.

use super::*;
use proptest::prelude::*;

/// A blob of Intel for a processor and those of an extended table.
pub(crate) fn intel_blob(revision: u32, sig: u32, mask: u32, extended: &[(u32, u32)]) -> Vec<u8> {
    let table = if extended.is_empty() { 0 } else { 20 + 12 * extended.len() };
    let (data, total) = (16_u32, u32::try_from(64 + table).unwrap());
    let header = [1, revision, 0x0529_2025, sig, 0, 1, mask, data, total, 0, 0, 0];
    let mut own: Vec<u32> = header.into_iter().chain([7, 8, 9, 0xffff_ffff]).collect();
    own[4] = checksum(&own);
    if !extended.is_empty() {
        let mut table = vec![u32::try_from(extended.len()).unwrap(), 0, 0, 0, 0];
        table.extend(extended.iter().flat_map(|(sig, mask)| [*sig, *mask, 0]));
        table[1] = checksum(&table);
        own.extend(table);
    }
    own.into_iter().flat_map(u32::to_le_bytes).collect()
}

fn checksum(words: &[u32]) -> u32 {
    words.iter().fold(0_u32, |sum, word| sum.wrapping_add(*word)).wrapping_neg()
}

/// A container of AMD: a table of signatures with names, and patches for names.
pub(crate) fn amd_container(table: &[(u32, u16)], patches: &[(u32, u16)]) -> Vec<u8> {
    let entries = u32::try_from(16 * (table.len() + 1)).unwrap();
    let mut bytes: Vec<u8> =
        [0x0041_4d44, 0, entries].into_iter().flat_map(u32::to_le_bytes).collect();
    for (signature, name) in table.iter().chain([&(0, 0)]) {
        bytes.extend(signature.to_le_bytes());
        bytes.extend([0; 8]);
        bytes.extend(u32::from(*name).to_le_bytes());
    }
    for (revision, name) in patches {
        let words = [1, 64, 0x0529_2025, *revision, 0, 0, 0, 0, u32::from(*name)];
        bytes.extend(words.into_iter().flat_map(u32::to_le_bytes));
        bytes.extend([0xaa; 36]);
    }
    bytes
}

/// An archive of the form `newc`.
pub(crate) fn cpio(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in files.iter().chain([&("TRAILER!!!", &[][..])]) {
        let (size, length) = (content.len(), name.len() + 1);
        let header =
            format!("070701{}{size:08x}{}{length:08x}{:08x}", "0".repeat(48), "0".repeat(32), 0);
        assert_eq!(header.len(), 110);
        bytes.extend(header.into_bytes());
        bytes.extend(name.as_bytes());
        bytes.push(0);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend(*content);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn found(archive: &[u8], name: &str) -> Wanted {
    let mut walk = Archive::new(name);
    let mut wanted = walk.first();
    for _ in 0..1000 {
        let Wanted::Bytes(offset, length) = wanted else { return wanted };
        let rest =
            usize::try_from(offset).ok().and_then(|at| archive.get(at..)).unwrap_or_default();
        wanted = walk.next(rest.get(..length).unwrap_or(rest));
    }
    panic!("the walk does not end");
}

const NAME: &str = "kernel/x86/microcode/GenuineIntel.bin";

#[test]
fn blobs_follow_each_other_and_fit_by_signature_and_platform() {
    let bytes = [
        intel_blob(0x2b00_0650, 0x806f8, 0x87, &[(0x806f7, 0x87), (0x806f4, 0x01)]),
        intel_blob(0x2c00_0410, 0x806f8, 0x10, &[]),
    ];
    let updates = intel_updates(&bytes.concat()).unwrap();
    assert_eq!((updates[0].revision, updates[0].size), (0x2b00_0650, bytes[0].len()));
    assert_eq!(updates[0].date.as_deref(), Some("2025-05-29"));
    assert_eq!(updates[0].processors, [(0x806f8, 0x87), (0x806f7, 0x87), (0x806f4, 0x01)]);
    let fits = |which: usize, sig, platform| updates[which].fits(sig, platform);
    assert!(fits(0, 0x806f8, 0x80) && !fits(1, 0x806f8, 0x80));
    assert!(!fits(0, 0x806f8, 0x10) && fits(1, 0x806f8, 0x10));
    assert!(fits(0, 0x806f4, 0x01) && !fits(0, 0x806f4, 0x80) && !fits(0, 0x806f9, 0x01));
}

#[test]
fn a_processor_without_platforms_takes_only_what_asks_for_none() {
    let any = intel_updates(&intel_blob(1, 0x0650, 0, &[])).unwrap();
    assert!(any[0].fits(0x0650, 0) && !any[0].fits(0x0650, 1));
}

#[test]
fn a_blob_of_before_the_sizes_has_2048_bytes() {
    let mut words = vec![1, 2, 0x0612_1999, 0x0650, 0, 1, 1, 0, 0, 0, 0, 0];
    words.resize(512, 3);
    words[4] = checksum(&words);
    let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
    let updates = intel_updates(&bytes).unwrap();
    assert_eq!((updates[0].size, updates[0].revision), (2048, 2));
    assert_eq!(intel_updates(&bytes[..2047]).unwrap_err().1, "an update that ends within the file");
}

#[test]
fn what_is_wrong_with_a_blob_is_told_with_its_place() {
    let good = intel_blob(1, 0x806f8, 0x87, &[(0x806f7, 0x87)]);
    let bad = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut second = good.clone();
        change(&mut second);
        intel_updates(&[good.clone(), second].concat()).unwrap_err()
    };
    let at = good.len();
    assert_eq!(bad(&|blob| blob[0] = 2).0, at);
    assert_eq!(bad(&|blob| blob[50] ^= 1), (at, "a correct checksum of header and data"));
    let table = "an extended table with a correct checksum";
    assert_eq!(bad(&|blob| blob[90] ^= 1), (at, table));
    assert_eq!(bad(&|blob| blob[64] = 200), (at, table));
    assert_eq!(bad(&|blob| blob.truncate(70)), (at, "an update that ends within the file"));
    assert_eq!(bad(&|blob| blob.truncate(30)).0, at);
    let sizes = "a size of data that fits into the size of the update";
    assert_eq!(bad(&|blob| blob[28..32].fill(0xff)), (at, sizes));
    assert_eq!(intel_updates(b""), Err((0, "a microcode update")));
}

#[test]
fn patches_are_for_the_processors_that_their_container_names() {
    let bytes = [
        amd_container(&[(0xa0_0f11, 0xa011), (0xa0_0f12, 0xa012)], &[(0x0a00_11de, 0xa011)]),
        amd_container(&[(0xa0_0f10, 0xa011)], &[(0x0a00_1079, 0xa011), (0x0a00_12ff, 0xffff)]),
    ];
    let updates = amd_updates(&bytes.concat()).unwrap();
    let told: Vec<(u32, &[u32])> =
        updates.iter().map(|update| (update.revision, update.processors.as_slice())).collect();
    assert_eq!(
        told,
        [(0x0a00_11de, &[0xa0_0f11][..]), (0x0a00_1079, &[0xa0_0f10]), (0x0a00_12ff, &[])]
    );
    assert_eq!(updates[0].date.as_deref(), Some("2025-05-29"));
}

#[test]
fn what_is_wrong_with_a_container_is_told_with_its_place() {
    let good = amd_container(&[(0xa0_0f11, 0xa011)], &[(1, 0xa011)]);
    let begins = "a container of AMD microcode";
    assert_eq!(amd_updates(b""), Err((0, begins)));
    assert_eq!(amd_updates(b"Microcode"), Err((0, begins)));
    let cut = amd_updates(&good[..good.len() - 1]).unwrap_err();
    assert_eq!(cut, (44, "a patch within the container"));
    assert_eq!(amd_updates(&good[..30]), Err((0, "a table of processors within the container")));
    let short = [&good[..], &[1, 0, 0, 0, 4, 0, 0, 0, 9, 9, 9, 9]].concat();
    assert_eq!(amd_updates(&short), Err((good.len(), "a patch with a header")));
}

#[test]
fn a_date_is_one_of_the_calendar_or_none() {
    assert_eq!(date(0x0529_2025).as_deref(), Some("2025-05-29"));
    assert_eq!(date(0x1231_1999).as_deref(), Some("1999-12-31"));
    for odd in [0, 0x1301_2020, 0x0132_2020, 0x0a01_2020, 0x0101_20a0, u32::MAX] {
        assert_eq!(date(odd), None, "{odd:x}");
    }
}

#[test]
fn microcode_is_found_in_the_archive_that_an_image_begins_with() {
    let archive = cpio(&[("kernel", b""), (NAME, b"blob")]);
    let Wanted::Found(offset, 4) = found(&archive, NAME) else {
        panic!("{:?}", found(&archive, NAME))
    };
    assert_eq!(&archive[usize::try_from(offset).unwrap()..][..4], b"blob");
    let dotted = cpio(&[(".", b""), (&format!("./{NAME}"), b"blob")]);
    assert!(matches!(found(&dotted, NAME), Wanted::Found(_, 4)));
    // A second archive, of ACPI tables or of the other vendor, may come first.
    let second = [cpio(&[("kernel/firmware/acpi/dsdt.aml", b"odd")]), archive.clone()].concat();
    assert!(matches!(found(&second, NAME), Wanted::Found(_, 4)));
    let compressed = [cpio(&[("early_cpio", b"1")]), b"\x1f\x8b\x08 anything".to_vec()].concat();
    assert_eq!(found(&compressed, NAME), Wanted::Missing);
    assert_eq!(found(b"\x28\xb5\x2f\xfd", NAME), Wanted::Missing);
    assert_eq!(found(b"", NAME), Wanted::Missing);
    assert_eq!(found(&archive[..100], NAME), Wanted::Missing);
    assert_eq!(found(&vec![0; 200_000], NAME), Wanted::Missing);
}

#[test]
fn an_archive_without_end_is_given_up() {
    let names: Vec<String> = (0..300).map(|n| format!("file{n}")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    assert!(matches!(
        found(&cpio(&files), NAME),
        Wanted::Broken(_, "a leading archive of at most 256 entries")
    ));
    let mut huge = cpio(&[(NAME, b"")]);
    huge[54..62].copy_from_slice(b"ffffffff");
    assert!(matches!(found(&huge, NAME), Wanted::Broken(0, "microcode of at most 64 MiB")));
    huge[54..62].copy_from_slice(b"+fffffff");
    assert!(matches!(found(&huge, NAME), Wanted::Broken(0, "a cpio header of hexadecimal digits")));
}

proptest! {
    #[test]
    fn no_bytes_upset_a_parser(
        noise in proptest::collection::vec(any::<u8>(), 0..400),
        at in any::<prop::sample::Index>(),
        which in 0_usize..3,
    ) {
        let good = [
            intel_blob(1, 0x806f8, 0x87, &[(0x806f7, 0x87)]),
            amd_container(&[(0xa0_0f11, 0xa011)], &[(1, 0xa011)]),
            cpio(&[("kernel", b""), (NAME, b"blob")]),
        ];
        let mut bytes = good[which].clone();
        let start = at.index(bytes.len());
        let end = bytes.len().min(start + noise.len());
        bytes.splice(start..end, noise.clone());
        for bytes in [&bytes, &noise] {
            let _ = (intel_updates(bytes), amd_updates(bytes), found(bytes, NAME));
        }
    }
}
