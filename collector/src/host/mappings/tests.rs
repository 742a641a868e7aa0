//! The text and the kernel's answers, and lines of every ill.

use super::*;
use proptest::prelude::*;
use rustix::fs::{CWD, Mode};

fn told(text: &str) -> Result<Vec<(u64, String, bool)>, MappingFailure> {
    let mut told = Vec::new();
    printed(text.as_bytes(), &mut |mapped| {
        let name = String::from_utf8_lossy(mapped.name).into_owned();
        told.push((mapped.inode, name, mapped.shared));
    })
    .map(|count| assert_eq!(usize::try_from(count).unwrap(), told.len()))?;
    Ok(told)
}

const TEXT: &str = "\
55d0a2c00000-55d0a2c28000 r--p 00000000 fe:01 1311 /usr/sbin/nginx
55d0a2c28000-55d0a2d28000 r-xp 00028000 fe:01 1311 /usr/sbin/nginx
7f0a00000000-7f0a00021000 rwxp 00000000 00:00 0
7f0a10000000-7f0a10001000 r-xs 00000000 00:01 2049                       /memfd:jit (deleted)
7f0a20000000-7f0a20100000 r-xp 00000000 fe:01 4711                       /usr/lib/libssl.so.3 (deleted)
7f0a30000000-7f0a30100000 r-xp 00000000 fe:01 4712                       /usr/lib/a\\012b \\134.so
7ffd00000000-7ffd00002000 r-xp 00000000 00:00 0                          [vdso]
";

#[test]
fn executable_mappings_of_files_are_told() {
    assert_eq!(
        told(TEXT).unwrap(),
        [
            (1311, "/usr/sbin/nginx".to_owned(), false),
            (2049, "/memfd:jit (deleted)".to_owned(), true),
            (4711, "/usr/lib/libssl.so.3 (deleted)".to_owned(), false),
            // A line feed is escaped, a backslash is not.
            (4712, "/usr/lib/a\nb \\134.so".to_owned(), false),
        ]
    );
    assert_eq!(told("").unwrap(), []);
}

#[test]
fn a_line_that_is_no_mapping_is_told() {
    for line in ["x", "1-2 r-xp 0 fe:01 no /a", "1 r-xp 0 fe:01 1 /a", "1-2 rx 0 fe:01 1 /a"] {
        assert_eq!(told(line), Err(MappingFailure::Line(line.as_bytes().to_vec())), "{line}");
    }
}

#[test]
fn the_kernel_answers_what_it_prints() {
    let own = |reader: &mut MappingReader| {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(CWD, "/proc/self/maps", flags, Mode::empty()).unwrap();
        let mut told = Vec::new();
        reader
            .of_file(file, &mut |mapped| {
                told.push((mapped.inode, mapped.name.to_vec(), mapped.shared))
            })
            .unwrap();
        told
    };
    let mut asked = MappingReader::default();
    let found = own(&mut asked);
    if asked.reads_text {
        println!("skipped: this kernel has no PROCMAP_QUERY (Linux 6.11)");
        return;
    }
    assert!(!found.is_empty());
    assert_eq!(found, own(&mut MappingReader::of_text()));
}

proptest! {
    #[test]
    fn no_text_upsets_the_reader(
        noise in proptest::collection::vec(any::<u8>(), 0..60),
        at in any::<prop::sample::Index>(),
    ) {
        let mut text = TEXT.as_bytes().to_vec();
        let start = at.index(text.len());
        let end = text.len().min(start + noise.len());
        text.splice(start..end, noise.clone());
        for text in [&text, &noise] {
            let _ = printed(text, &mut |mapped| drop(mapped.name.to_vec()));
        }
    }
}
