//! What a Prometheus-compatible API answers to an instant query, series by series.
//!
//! The text stays where it was received: labels are looked at and not kept, so that an answer over
//! ten thousand hosts costs its own size and no more. Prometheus, Thanos and Mimir say in `warnings`
//! that an answer is not whole, VictoriaMetrics in `isPartial`.

use scrubjay_alerts::fleet::Labels;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// A series: its labels, and its value if that is a number.
pub(super) type Sink<'s> = dyn FnMut(&Labels<'_>, Option<f64>) + 's;

/// What came with the series.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// What the server warns of.
    pub(super) warnings: Vec<String>,
    /// Whether it says that the answer is not whole.
    pub(super) is_partial: bool,
    /// Why there is none.
    pub(super) error: Option<String>,
    /// Whether there were data.
    has_data: bool,
}

/// Reads an answer. Series are handed on as they come; what is in them counts only if all of it can
/// be read.
///
/// # Errors
/// A few words on why it is none.
pub(super) fn read(text: &[u8], sink: &mut Sink<'_>) -> Result<Answer, String> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let answer = reader
        .deserialize_map(Envelope { sink })
        .and_then(|answer| reader.end().map(|()| answer))
        .map_err(|error| no_answer(text, &error))?;
    if answer.error.is_none() && !answer.has_data {
        return Err("it holds no data".to_owned());
    }
    Ok(answer)
}

/// Why a text is no answer. Pages for people, such as those of a proxy that wants a login, are told
/// by their beginning.
fn no_answer(text: &[u8], error: &serde_json::Error) -> String {
    let beginning: String =
        String::from_utf8_lossy(text.get(..text.len().min(200)).unwrap_or_default())
            .split_whitespace()
            .collect::<Vec<&str>>()
            .join(" ");
    let is_json = beginning.starts_with('{');
    if error.is_eof() && is_json {
        return "it ends in the middle: the connection was cut, or a proxy cuts answers".to_owned();
    }
    if is_json {
        return format!("it is no answer to an instant query: {error}");
    }
    if beginning.is_empty() {
        return "it is empty".to_owned();
    }
    let beginning: String = beginning.chars().take(60).collect();
    format!("it is not JSON but begins with \"{beginning}\": is the path of the URL right?")
}

struct Envelope<'s, 'f> {
    sink: &'s mut Sink<'f>,
}

impl<'de> Visitor<'de> for Envelope<'_, '_> {
    type Value = Answer;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer with status and data")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Answer, A::Error> {
        let mut answer = Answer::default();
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            match key.as_ref() {
                "data" => {
                    // Where the status is an error, there may be none.
                    answer.has_data =
                        map.next_value_seed(Data { sink: &mut *self.sink })?.is_some();
                }
                "warnings" => {
                    answer.warnings = map.next_value::<Option<_>>()?.unwrap_or_default();
                }
                "isPartial" => answer.is_partial = map.next_value()?,
                "error" => answer.error = Some(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(answer)
    }
}

struct Data<'s, 'f> {
    sink: &'s mut Sink<'f>,
}

impl<'de> DeserializeSeed<'de> for Data<'_, '_> {
    type Value = Option<()>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<()>, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Data<'_, '_> {
    type Value = Option<()>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("data with a resultType of vector and a result")
    }

    fn visit_none<E>(self) -> Result<Option<()>, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<()>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<()>, D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<()>, A::Error> {
        let mut result = None;
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            match key.as_ref() {
                "resultType" => {
                    let kind: Cow<'_, str> = map.next_value()?;
                    if kind != "vector" {
                        let error = format!("its result is a {kind} and not a vector");
                        return Err(serde::de::Error::custom(error));
                    }
                }
                "result" => {
                    map.next_value_seed(Series { sink: &mut *self.sink })?;
                    result = Some(());
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(result)
    }
}

struct Series<'s, 'f> {
    sink: &'s mut Sink<'f>,
}

impl<'de> DeserializeSeed<'de> for Series<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Series<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of series")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(one) = seq.next_element::<One<'de>>()? {
            // NaN is how arithmetic over nothing ends; it is no number, and neither is a histogram.
            let value = one.value.and_then(|(_, text)| text.parse::<f64>().ok());
            (self.sink)(&one.metric.0, value.filter(|value| value.is_finite()));
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct One<'a> {
    #[serde(borrow)]
    metric: Metric<'a>,
    #[serde(borrow, default)]
    value: Option<(IgnoredAny, Cow<'a, str>)>,
}

/// The labels of a series.
struct Metric<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Metric<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Metric<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the labels of a series")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut labels = Vec::with_capacity(8);
                while let Some((Text(key), Text(value))) = map.next_entry()? {
                    labels.push((key, value));
                }
                Ok(Metric(labels))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// A text that is borrowed where it has no escapes: `Cow` alone is always copied by serde.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn series(text: &str) -> Result<(Answer, Vec<String>), String> {
        let mut seen = Vec::new();
        let answer = read(text.as_bytes(), &mut |labels, value| {
            let labels: Vec<String> =
                labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
            seen.push(format!("{} {value:?}", labels.join(",")));
        })?;
        Ok((answer, seen))
    }

    const WHOLE: &str = r#"{"status":"success","data":{"resultType":"vector","result":[
        {"metric":{"__name__":"up","instance":"a\"b:1"},"value":[1795500120.5,"1"]},
        {"metric":{},"value":[1795500120,"NaN"]},
        {"metric":{"instance":"c"},"value":[1795500120,"+Inf"]},
        {"value":[1795500120,"2.5e3"],"metric":{"instance":"d"}},
        {"metric":{"instance":"e"},"histogram":[1795500120,{"count":"3"}]}
    ],"stats":{"a":[1]}},"infos":["x"]}"#;

    #[test]
    fn series_are_read_whatever_order_their_parts_have_and_what_is_no_number_is_none() {
        let (answer, seen) = series(WHOLE).unwrap();
        assert_eq!((answer.warnings.len(), answer.is_partial, answer.error), (0, false, None));
        assert_eq!(
            seen,
            [
                "__name__=up,instance=a\"b:1 Some(1.0)",
                " None",
                "instance=c None",
                "instance=d Some(2500.0)",
                "instance=e None",
            ]
        );
    }

    #[test]
    fn what_is_not_whole_says_so() {
        let data = r#""data":{"resultType":"vector","result":[]}"#;
        let thanos =
            format!(r#"{{"status":"success",{data},"warnings":["store 10.0.0.7 is gone"]}}"#);
        assert_eq!(series(&thanos).unwrap().0.warnings, ["store 10.0.0.7 is gone"]);
        let victoria = format!(r#"{{"status":"success","isPartial":true,{data}}}"#);
        assert!(series(&victoria).unwrap().0.is_partial);
        let error = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
        assert_eq!(series(error).unwrap().0.error.as_deref(), Some("parse error"));
        let error = r#"{"status":"error","data":null,"error":"too many samples"}"#;
        assert_eq!(series(error).unwrap().0.error.as_deref(), Some("too many samples"));
    }

    #[test]
    fn what_is_no_answer_is_told_from_one() {
        for (text, why) in [
            ("", "it is empty"),
            ("<html>\n<title>Sign in</title>", "begins with \"<html> <title>Sign in"),
            ("{\"status\":\"success\",\"data\":{\"resultType\":\"vec", "ends in the middle"),
            ("{\"status\":\"success\"}", "holds no data"),
            ("[1,2]", "not JSON"),
            (r#"{"data":{"resultType":"matrix","result":[]}}"#, "a matrix and not a vector"),
            (r#"{"data":{"resultType":"vector","result":{"a":1}}}"#, "no answer to an instant"),
            (r#"{"data":{"resultType":"vector"}}"#, "holds no data"),
            (r#"{"data":{"resultType":"vector","result":[{"value":[1,"1"]}]}}"#, "metric"),
            (r#"{"data":{"resultType":"vector","result":[]}} {"#, "no answer"),
        ] {
            let error = series(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
