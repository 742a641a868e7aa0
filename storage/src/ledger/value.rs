//! Canonical JSON: RFC 8785 for values without fractions. There is one way to write a value, so
//! that a hash of the text is a hash of the value.

use serde::Serialize;
use std::collections::BTreeMap;

/// A value. It has no fractions, of which several texts may be one number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Value {
    Null,
    Flag(bool),
    /// Within what every reader of JSON holds exactly: see [`Value::number`].
    Number(i64),
    Text(String),
    List(Vec<Value>),
    Object(Object),
}

/// Members in the order of their names. Those are ours and ASCII, whose order is the same by bytes
/// and by UTF-16, which RFC 8785 wants.
pub(crate) type Object = BTreeMap<&'static str, Value>;

/// The largest number that a double holds with all smaller ones (RFC 7493).
const MAX_EXACT: u64 = (1 << 53) - 1;

/// Longest text, bytes. What hosts call things is shorter; what is longer says nothing more.
const MAX_TEXT: usize = 1_024;

impl Value {
    /// A number; one that not every reader would hold exactly is written as text.
    fn number(number: i128) -> Self {
        match i64::try_from(number) {
            Ok(exact) if exact.unsigned_abs() <= MAX_EXACT => Self::Number(exact),
            Ok(_) | Err(_) => Self::Text(number.to_string()),
        }
    }

    /// 64 bits, such as an address.
    pub(crate) fn hex(bits: u64) -> Self {
        Self::Text(format!("0x{bits:x}"))
    }

    /// The text that is hashed. serde_json writes it as RFC 8785 wants it: no white space, the
    /// short escapes where there are some, else `\u00xx` with small digits, and only where JSON
    /// demands one.
    pub(crate) fn canonical(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}

impl From<&str> for Value {
    /// Control characters that JSON leaves as they are would act on the terminal that an export is
    /// read in.
    fn from(text: &str) -> Self {
        let tamed =
            |c: char| if c >= ' ' && c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
        let end = text.floor_char_boundary(MAX_TEXT);
        let mut kept: String = text.get(..end).unwrap_or_default().chars().map(tamed).collect();
        if end < text.len() {
            kept.push('…');
        }
        Self::Text(kept)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::number(number.into())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::number(number.into())
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::from(u64::try_from(number).unwrap_or(u64::MAX))
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(value: impl Into<Value>, expect: &str) {
        assert_eq!(value.into().canonical().unwrap(), expect);
    }

    #[test]
    fn it_is_written_as_rfc_8785_wants_it() {
        // Section 3.2.2.2: what is escaped, and how.
        check("\u{20ac}$\u{f}\nA'B\"\\\\\"/", r#""€$\u000f\nA'B\"\\\\\"/""#);
        check("\u{7f}\u{9b}", "\"\u{fffd}\u{fffd}\"");
        check("\u{8}\t\u{c}\r\u{0}\u{1f}\u{2028}é😂", "\"\\b\\t\\f\\r\\u0000\\u001f\u{2028}é😂\"");
        check(vec![Value::Null, true.into(), false.into()], "[null,true,false]");
        check(
            Object::from([("b", 1_u64.into()), ("B", 2_u64.into()), ("a", 3_u64.into())]),
            r#"{"B":2,"a":3,"b":1}"#,
        );
        check(Object::new(), "{}");
        check(Vec::<u64>::new(), "[]");
    }

    #[test]
    fn a_number_that_a_double_does_not_hold_is_a_text() {
        const EDGE: i64 = 9_007_199_254_740_991;
        check(EDGE, "9007199254740991");
        check(-EDGE, "-9007199254740991");
        check(EDGE + 1, "\"9007199254740992\"");
        check(i64::MIN, "\"-9223372036854775808\"");
        check(u64::MAX, "\"18446744073709551615\"");
        check(0_u64, "0");
    }

    #[test]
    fn a_text_without_end_is_cut_at_a_character() {
        let Value::Text(cut) = Value::from("é".repeat(2_000)) else { panic!() };
        assert_eq!(cut, "é".repeat(512) + "…");
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 6, |inner| {
            let name = prop::sample::select(vec!["a", "b", "Z", "seq", "wall_ms"]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
                prop::collection::btree_map(name, inner, 0..5).prop_map(Value::Object),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_text_is_json_of_the_value_and_nothing_but_it(value in value()) {
            let text = value.canonical().unwrap();
            let read: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&read, &serde_json::to_value(&value).unwrap());
            prop_assert!(!text.contains('\n'));
            prop_assert!(!text.chars().any(char::is_control));
        }
    }
}
