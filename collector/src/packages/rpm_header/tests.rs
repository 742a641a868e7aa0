//! Headers made here, whole and spoiled.

use super::*;
use proptest::prelude::*;

/// A value of a tag.
pub(in crate::packages) enum Tagged<'t> {
    Text(&'t str),
    Texts(&'t [&'t str]),
    Numbers(&'t [u32]),
    Bytes(&'t [u8]),
}

/// A header with these tags.
pub(in crate::packages) fn header(tags: &[(u32, Tagged<'_>)]) -> Vec<u8> {
    let (mut entries, mut data) = (Vec::new(), Vec::new());
    for (tag, value) in tags {
        let (kind, count, bytes) = match value {
            Tagged::Text(text) => (STRING, 1, [text.as_bytes(), b"\0"].concat()),
            Tagged::Texts(texts) => {
                let bytes = texts.iter().flat_map(|text| [text.as_bytes(), b"\0"].concat());
                (STRING_ARRAY, texts.len(), bytes.collect())
            }
            Tagged::Numbers(numbers) => {
                while data.len() % 4 != 0 {
                    data.push(0);
                }
                let bytes = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
                (INT32, numbers.len(), bytes)
            }
            Tagged::Bytes(bytes) => (CHAR, bytes.len(), bytes.to_vec()),
        };
        let offset = u32::try_from(data.len()).unwrap();
        for number in [*tag, kind, offset, u32::try_from(count).unwrap()] {
            entries.extend(number.to_be_bytes());
        }
        data.extend(bytes);
    }
    let count = u32::try_from(tags.len()).unwrap().to_be_bytes();
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    [&count[..], &length[..], &entries, &data].concat()
}

/// The header of a kernel with a changelog of two entries.
pub(in crate::packages) fn kernel(name: &str) -> Vec<u8> {
    header(&[
        (tag::NAME, Tagged::Text(name)),
        (tag::VERSION, Tagged::Text("5.14.0")),
        (tag::RELEASE, Tagged::Text("70.el9")),
        (tag::ARCH, Tagged::Text("x86_64")),
        (tag::INSTALL_TIME, Tagged::Numbers(&[1_700_000_000])),
        (tag::CHANGELOG_TIME, Tagged::Numbers(&[200, 100])),
        (
            tag::CHANGELOG_NAME,
            Tagged::Texts(&[
                "J <j@example.org> [5.14.0-70.el9]",
                "J <j@example.org> [5.14.0-1.el9]",
            ]),
        ),
        (tag::CHANGELOG_TEXT, Tagged::Texts(&["- a fix {CVE-2024-0002}", "- none"])),
        (tag::DIR_INDEXES, Tagged::Numbers(&[0])),
        (tag::BASE_NAMES, Tagged::Texts(&["vmlinuz"])),
        (tag::DIR_NAMES, Tagged::Texts(&["/lib/modules/5.14.0-70.el9.x86_64/"])),
    ])
}

fn read(bytes: &[u8]) -> Result<FoundPackage, NonValue> {
    Header::parse(bytes).map_err(|odd| odd.of("db", "it")).and_then(|header| header.package("db"))
}

#[test]
fn a_package_is_told_with_its_kernel_and_its_changelog() {
    let found = read(&kernel("kernel-core")).unwrap();
    let package = &found.package;
    assert_eq!((package.name.as_str(), package.version.as_str()), ("kernel-core", "5.14.0-70.el9"));
    assert_eq!(package.arch.as_deref(), Some("x86_64"));
    assert_eq!(package.installed_unix_s, Reading::Value(1_700_000_000));
    let release: BTreeSet<String> = ["5.14.0-70.el9.x86_64".to_owned()].into();
    assert_eq!((&found.images, &found.module_folders), (&release, &release));
    let log = package.changelog.value().unwrap();
    let entries: Vec<(&str, usize)> =
        log.entries.iter().map(|entry| (entry.version.as_str(), entry.cves.len())).collect();
    assert_eq!(entries, [("5.14.0-70.el9", 1), ("5.14.0-1.el9", 0)]);
}

#[test]
fn what_is_not_there_is_absent_and_no_number() {
    let found = read(&header(&[
        (tag::NAME, Tagged::Text("a")),
        (tag::VERSION, Tagged::Text("1")),
        (tag::RELEASE, Tagged::Text("2")),
        (tag::EPOCH, Tagged::Numbers(&[3])),
    ]))
    .unwrap();
    assert_eq!(found.package.version.as_str(), "3:1-2");
    assert!(found.package.installed_unix_s.is_absent());
    assert!(found.package.changelog.is_absent());
    assert_eq!((found.built_unix_s, found.package.arch), (None, None));
}

#[test]
fn a_tag_that_is_there_twice_has_what_was_added_last() {
    let found = read(&header(&[
        (tag::NAME, Tagged::Text("a")),
        (tag::VERSION, Tagged::Text("1")),
        (tag::RELEASE, Tagged::Text("2")),
        (tag::RELEASE, Tagged::Text("3")),
    ]));
    assert_eq!(found.unwrap().package.version.as_str(), "1-3");
}

#[test]
fn a_changelog_with_a_part_missing_costs_only_itself() {
    let tags = |texts: &'static [&'static str]| {
        header(&[
            (tag::NAME, Tagged::Text("a")),
            (tag::VERSION, Tagged::Text("1")),
            (tag::RELEASE, Tagged::Text("2")),
            (tag::CHANGELOG_TIME, Tagged::Numbers(&[2, 1])),
            (tag::CHANGELOG_NAME, Tagged::Texts(&["J [1-2]", "J [1-1]"])),
            (tag::CHANGELOG_TEXT, Tagged::Texts(texts)),
        ])
    };
    assert!(read(&tags(&["a", "b"])).unwrap().package.changelog.value().is_some());
    for texts in [&["a"][..], &["a", "b", "c"]] {
        let changelog = read(&tags(texts)).unwrap().package.changelog;
        assert!(matches!(changelog, Reading::Malformed(..)), "{changelog:?}");
    }
}

#[test]
fn what_is_cut_or_has_more_behind_it_is_no_header() {
    let whole = kernel("kernel-core");
    for length in 0..whole.len() {
        assert!(read(&whole[..length]).is_err(), "{length}");
    }
    assert!(read(&[&whole[..], b"\0"].concat()).is_err());
    // Its name is known from the beginning.
    let beginning = Header::beginning(&whole[..whole.len() / 2 + 40]).unwrap();
    assert_eq!(beginning.name(), Some("kernel-core"));
}

#[test]
fn a_package_without_a_name_or_version_is_malformed() {
    for missing in [tag::NAME, tag::VERSION, tag::RELEASE] {
        let tags = [tag::NAME, tag::VERSION, tag::RELEASE];
        let tags = tags.into_iter().filter(|tag| *tag != missing);
        let tags: Vec<_> = tags.map(|tag| (tag, Tagged::Text("1"))).collect();
        assert!(matches!(read(&header(&tags)), Err(NonValue::Malformed(..))), "{missing}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes);
        if let Some(header) = Header::beginning(&bytes) {
            let _ = (header.name(), header.package("db"));
        }
    }

    #[test]
    fn no_flipped_bits_panic(flips in proptest::collection::vec((any::<prop::sample::Index>(), 0..8_u8), 1..6)) {
        let mut bytes = kernel("kernel-core");
        for (at, bit) in flips {
            let length = bytes.len();
            bytes[at.index(length)] ^= 1 << bit;
        }
        if let Ok(found) = read(&bytes) {
            prop_assert!(!found.package.name.is_empty() || bytes != kernel("kernel-core"));
        }
    }
}
