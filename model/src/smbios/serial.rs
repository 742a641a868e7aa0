//! Which serial numbers name a stick, and which only fill the field.

/// What firmware writes where it has no serial or part number, in lower case and without blanks or
/// punctuation. Each was seen in the tables of a shipped machine, or is in the vendors' templates.
pub const NO_SERIAL: [&str; 26] = [
    "notspecified",
    "notavailable",
    "notprovided",
    "notpresent",
    "notinstalled",
    "noserial",
    "noserialnumber",
    "none",
    "null",
    "na",
    "empty",
    "unknown",
    "undefined",
    "nodimm",
    "nomodule",
    "nomoduleinstalled",
    "tobefilledbyoem",
    "defaultstring",
    "oem",
    "redacted",
    "serial",
    "serialnumber",
    "abcd",
    "123456789",
    "123456789012345678",
    "9876543210",
];

/// What vendors' templates write before a number that only counts slots, in the same form:
/// `SerNum0`, `DimmA1_SerNum`, `PartNum3`, `Array1_PartNumber0`.
const TEMPLATES: [&str; 4] = ["sernum", "serialnumber", "partnum", "partnumber"];

/// Whether a serial (or part) number is one. Placeholders, and numbers made of one digit
/// repeated, name nothing: what bears them is known by its slot alone.
pub fn serial_names_a_stick(serial: &str) -> bool {
    let mut bare = String::new();
    for c in serial.chars().filter(char::is_ascii_alphanumeric) {
        bare.push(c.to_ascii_lowercase());
    }
    let digits = bare.strip_prefix("0x").unwrap_or(&bare);
    let mut characters = digits.chars();
    let Some(first) = characters.next() else { return false };
    // Zeros and Fs are what unwritten memory reads as, the others what templates hold. One
    // character alone is not much of a number either.
    if characters.all(|c| c == first) {
        return false;
    }
    !NO_SERIAL.contains(&bare.as_str()) && !is_template(&bare)
}

/// Whether the text is a template's word with a number behind it, and at most a slot before it.
fn is_template(bare: &str) -> bool {
    TEMPLATES.iter().any(|word| {
        bare.split_once(word).is_some_and(|(before, after)| {
            let slot =
                before.is_empty() || before.starts_with("dimm") || before.starts_with("array");
            slot && after.len() <= 2 && after.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
    })
}
