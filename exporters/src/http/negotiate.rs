//! Which form of the metrics page a request asks for (RFC 9110, 12.4 and 12.5).

use axum::http::{HeaderMap, HeaderName, header};

/// The form of a metrics page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) format: Format,
    pub(super) gzip: bool,
}

impl Form {
    pub(super) const ALL: [Self; 4] = [
        Self { format: Format::Classic, gzip: false },
        Self { format: Format::Classic, gzip: true },
        Self { format: Format::OpenMetrics, gzip: false },
        Self { format: Format::OpenMetrics, gzip: true },
    ];

    /// One bit of four.
    pub(super) fn bit(self) -> u8 {
        match (self.format, self.gzip) {
            (Format::Classic, false) => 1,
            (Format::Classic, true) => 2,
            (Format::OpenMetrics, false) => 4,
            (Format::OpenMetrics, true) => 8,
        }
    }
}

/// The format of a metrics page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// The Prometheus text format, 0.0.4.
    Classic,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

/// The form asked for. Who asks for none that we have gets the classic text: a scraper that is shown
/// something can say what it does not like of it.
pub(super) fn form(headers: &HeaderMap) -> Form {
    Form { format: format(headers), gzip: gzip(headers) }
}

fn format(headers: &HeaderMap) -> Format {
    let mut classic = Weighed::default();
    let mut open = Weighed::default();
    for Element { name, parameters, weight } in elements(headers, &header::ACCEPT) {
        let version = parameter(parameters, "version");
        match name.as_str() {
            "application/openmetrics-text" if version.is_none_or(|version| version == "1.0.0") => {
                open.take(2, weight);
            }
            // Later versions of the text format can be read as the first one.
            "text/plain" => classic.take(2, weight),
            "text/*" => classic.take(1, weight),
            "application/*" => open.take(1, weight),
            "*/*" => {
                classic.take(0, weight);
                open.take(0, weight);
            }
            _ => {}
        }
    }
    // Where both are as good, who named it wants it.
    let named = open.specific == 2 && open.weight == classic.weight;
    if open.weight > 0 && (open.weight > classic.weight || named) {
        Format::OpenMetrics
    } else {
        Format::Classic
    }
}

fn gzip(headers: &HeaderMap) -> bool {
    let mut gzip = Weighed::default();
    let mut identity = Weighed::default();
    for Element { name, parameters: _, weight } in elements(headers, &header::ACCEPT_ENCODING) {
        match name.as_str() {
            "gzip" | "x-gzip" => gzip.take(2, weight),
            "identity" => identity.take(2, weight),
            "*" => gzip.take(0, weight),
            _ => {}
        }
    }
    gzip.weight > 0 && gzip.weight >= identity.weight
}

/// What the most specific element that names something says of it.
#[derive(Debug, Default)]
struct Weighed {
    specific: u8,
    /// In thousandths; 0 is "not at all", and what was not named.
    weight: u16,
}

impl Weighed {
    fn take(&mut self, specific: u8, weight: u16) {
        if specific > self.specific {
            *self = Self { specific, weight };
        } else if specific == self.specific {
            self.weight = self.weight.max(weight);
        }
    }
}

/// An element of a list.
struct Element<'a> {
    name: String,
    parameters: &'a str,
    weight: u16,
}

fn elements<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = Element<'a>> + use<'a> {
    let lines = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|element| {
        let (name, parameters) = element.split_once(';').unwrap_or((element, ""));
        let weight = parameter(parameters, "q").map_or(1000, thousandths);
        Element { name: name.trim().to_ascii_lowercase(), parameters, weight }
    })
}

fn parameter<'a>(parameters: &'a str, wanted: &str) -> Option<&'a str> {
    parameters.split(';').find_map(|one| {
        let (name, value) = one.split_once('=')?;
        name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().trim_matches('"'))
    })
}

/// A weight in thousandths; what is none is taken for "not at all".
fn thousandths(text: &str) -> u16 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = part.bytes().all(|b| b.is_ascii_digit()) && part.len() <= 3;
    match (whole, digits) {
        ("1", true) => 1000,
        ("0", true) => format!("{part:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn asked(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn the_format_is_the_one_that_is_liked_best() {
        use Format::{Classic, OpenMetrics};
        assert_eq!(format(&HeaderMap::new()), Classic);
        for (accept, expected) in [
            ("*/*", Classic),
            ("text/html, */*;q=0.1", Classic),
            ("text/plain", Classic),
            ("application/openmetrics-text", OpenMetrics),
            ("application/openmetrics-text; version=1.0.0; charset=utf-8", OpenMetrics),
            ("Application/OpenMetrics-Text;Version=\"1.0.0\"", OpenMetrics),
            // Versions that we do not speak.
            ("application/openmetrics-text;version=0.0.1", Classic),
            ("application/openmetrics-text;version=2.0.0", Classic),
            ("application/openmetrics-text;q=0", Classic),
            ("application/openmetrics-text;q=0, */*", Classic),
            ("application/openmetrics-text;q=0.5,text/plain", Classic),
            ("application/openmetrics-text;q=0.5,text/plain;q=0.5", OpenMetrics),
            ("text/plain;q=0.4,application/openmetrics-text;q=0.401", OpenMetrics),
            ("text/plain;q=nonsense,application/openmetrics-text;q=0.001", OpenMetrics),
            ("application/*, text/plain;q=0.9", OpenMetrics),
            ("text/plain;q=0, */*;q=0.1", OpenMetrics),
            // What Prometheus 2 and 3 send.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;\
                 version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                OpenMetrics,
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
                 application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;\
                 escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
                OpenMetrics,
            ),
            ("text/plain;version=0.0.4;q=0.6,application/openmetrics-text;q=0.5", Classic),
        ] {
            assert_eq!(format(&asked(header::ACCEPT, accept)), expected, "{accept}");
        }
    }

    #[test]
    fn compressed_is_what_may_be() {
        assert!(!gzip(&HeaderMap::new()));
        for (accept, expected) in [
            ("gzip", true),
            ("deflate, gzip;q=0.5", true),
            ("*", true),
            ("gzip;q=0, *", false),
            ("gzip;q=0", false),
            ("br", false),
            ("identity", false),
            ("identity, gzip;q=0.5", false),
            ("identity;q=0.5, gzip", true),
            ("gzip;q=2", false),
        ] {
            assert_eq!(gzip(&asked(header::ACCEPT_ENCODING, accept)), expected, "{accept}");
        }
    }
}
