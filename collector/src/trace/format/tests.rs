//! Tests of `format`.

use super::*;
use crate::trace::writer;
use proptest::prelude::*;

const PRINT: &str = "\"pfn %#lx: recovery action for %s: %s\n\", REC->pfn, \
    __print_symbolic(REC->type, { 0, \"reserved kernel page\" }, { 19, \"already poisoned\" }), \
    __print_symbolic((REC->flags & 0x3), { 1, \"a part\" }), \
    __print_symbolic(REC->log, { CXL_EVENT_TYPE_INFO, \"Informational\" }, { 0x2UL, \"Failure\" }), \
    __print_flags(((REC->flags)), \"|\", { ((((1UL))) << (0)), \"MORE\" }, {0x6,\"BOTH\"}, \
    { 8 | (1 << 4), \"UPPER\" } ), REC->flags > 3 ? \"x\" : __print_flags(REC->flags, \" \", { 1, \"second\" })";

fn sample() -> String {
    writer::format(
        "memory_failure_event",
        1347,
        8,
        "unsigned long pfn; int type; __data_loc char[] text; __rel_loc u8[] raw; u8 id[16]; \
         u8 flags; int log;",
        PRINT,
    )
}

#[test]
fn fields_are_where_the_kernel_says() {
    let format = Format::parse(&sample()).unwrap();
    assert_eq!((format.name.as_str(), format.id), ("memory_failure_event", 1347));
    let field = |name: &str| {
        let field = format.field(name).unwrap();
        (field.c_type.as_str(), field.offset, field.size, field.signed, field.storage)
    };
    assert_eq!(field("common_type"), ("unsigned short", 0, 2, false, Storage::Value));
    assert_eq!(field("pfn"), ("unsigned long", 8, 8, false, Storage::Value));
    assert_eq!(field("type"), ("int", 16, 4, true, Storage::Value));
    assert_eq!(field("text"), ("char[]", 20, 4, false, Storage::FromRecord));
    assert_eq!(field("raw"), ("u8[]", 24, 4, false, Storage::FromField));
    assert_eq!(field("id"), ("u8", 28, 16, false, Storage::Array));
    assert_eq!(format.field("nothing"), None);
}

#[test]
fn words_are_those_of_this_kernel() {
    let format = Format::parse(&sample()).unwrap();
    let kinds = format.words_of("type").unwrap();
    assert_eq!(kinds.tell(19).as_deref(), Some("already poisoned"));
    assert_eq!(kinds.tell(20), None);
    // The name of an enumerator is known to the compiler only.
    let log = format.words_of("log").unwrap();
    assert_eq!(log.words, [(2, "Failure".to_owned())]);
    let flags = format.words_of("flags").unwrap();
    assert_eq!(flags.words[0], (1, "MORE".to_owned()));
    assert_eq!(flags.tell(7).as_deref(), Some("MORE|BOTH"));
    assert_eq!(flags.tell(24).as_deref(), Some("UPPER"));
    // Bit 1 alone has no word, and a part of the bits is not the value.
    assert_eq!((flags.tell(3), flags.tell(0)), (None, None));
}

#[test]
fn an_error_says_where_and_what_was_expected() {
    let cases = [
        ("name: ", "nom: ", "line 1: expected `name: ` and a name"),
        ("ID: 1347", "ID: 70000", "line 2: expected a number up to 65535, found \"70000\""),
        ("ID: 1347", "ID: -1", "line 2: expected a number up to 65535"),
        ("format:", "", "line 3: expected `format:`"),
        ("size:2;", "size:;", "line 4: expected `size:` and a number"),
        ("offset:2;", "", "line 5: expected `offset:` and a number"),
        ("signed:1;", "signed:2;", "line 7: expected `signed:0;` or `signed:1;`"),
        ("field:int type", "field:type", "line 10: expected a type and a name"),
        ("field:int type", "int type", "line 10: expected `field:TYPE NAME;`"),
        ("print fmt: ", "print: ", "line 17: expected `field:TYPE NAME;`"),
    ];
    for (from, to, expected) in cases {
        let error = Format::parse(&sample().replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

proptest! {
    /// A format that is cut off lacks fields, or words; neither may be taken for others.
    #[test]
    fn a_part_of_a_format_is_refused_or_says_no_more_than_the_whole(keep in 0.0..1.0_f64) {
        let text = sample();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss,
            clippy::cast_precision_loss, reason = "a part of a short text")]
        let length = (text.len() as f64 * keep) as usize;
        let whole = Format::parse(&text).unwrap();
        if let Ok(part) = Format::parse(&text[..length]) {
            prop_assert_eq!(part.fields, whole.fields);
            for words in part.words {
                prop_assert!(whole.words.contains(&words), "{:?}", words);
            }
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}", at in 0_usize..900, inserted in ".{0,10}") {
        let _ = Format::parse(&text);
        let mut whole = sample();
        whole.insert_str(at.min(whole.len()), &inserted);
        let _ = Format::parse(&whole);
        let _ = print::words(&format!("__print_flags({text}"));
        let _ = print::words(&format!("__print_symbolic(REC->a, {{ {text}"));
        let _ = print::words(&format!("__print_symbolic(REC->a, {{ {}", "(".repeat(5_000)));
    }
}
