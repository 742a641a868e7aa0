//! Numbers and words as printk writes them. A number is taken only if something that cannot be
//! part of it follows, or the caller says that it may end the line.

/// Decimal digits alone.
pub(super) fn decimal<N: std::str::FromStr>(text: &str) -> Option<N> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

/// Hexadecimal digits alone.
pub(super) fn hexadecimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| u64::from_str_radix(text, 16).ok())?
}

/// `0x` and hexadecimal digits alone.
pub(super) fn prefixed(text: &str) -> Option<u64> {
    hexadecimal(text.strip_prefix("0x")?)
}

/// What comes before and after the end of the leading characters that `of` accepts.
pub(super) fn leading(text: &str, of: fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !of(c)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// A number at the start, decimal, and the rest, which must not be empty.
pub(super) fn leading_decimal<N: std::str::FromStr>(text: &str) -> Option<(N, &str)> {
    let (digits, rest) = leading(text, |c| c.is_ascii_digit());
    Some((decimal(digits)?, rest)).filter(|(_, rest)| !rest.is_empty())
}

/// The same for a number with `0x`.
pub(super) fn leading_prefixed(text: &str) -> Option<(u64, &str)> {
    let (digits, rest) = leading(text.strip_prefix("0x")?, |c| c.is_ascii_hexdigit());
    Some((hexadecimal(digits)?, rest)).filter(|(_, rest)| !rest.is_empty())
}
