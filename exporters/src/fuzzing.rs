//! What the fuzz targets in `tests/fuzz` feed with arbitrary bytes: none may panic, loop, or take more
//! memory than its input warrants, and what a module promises of its answers is asserted here.

pub use crate::http::fuzzing::Server;

use crate::http::WebConfig;
use crate::printable;

/// A web configuration up to the first NUL, then what the files hold that it names.
pub fn web_config(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (text, held) = bytes.split_at(end);
    let Ok(config) = WebConfig::parse(&String::from_utf8_lossy(text)) else { return };
    assert!(config.files().len() <= 3, "more files than a configuration names");
    if let Ok(setup) = config.setup(&|_| Ok(held.to_vec())) {
        assert!(!setup.protects_less_than(&setup), "a setup protects less than itself");
    }
}

/// Any text, as it is printed of a host: nothing of it acts on a terminal.
pub fn escaped_text(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let shown = printable(&text);
    assert!(!shown.chars().any(char::is_control), "a text acts on a terminal: {shown:?}");
}

/// What the server answers to these bytes: nothing, or answers of HTTP that are no fault of its own.
pub fn http(server: &Server, bytes: &[u8]) {
    let answer = server.answer(bytes);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."), "no answer of HTTP");
    let status = answer.get(9..12).unwrap_or_default();
    assert!(status != b"500", "a fault of the server: {}", String::from_utf8_lossy(&answer));
}
