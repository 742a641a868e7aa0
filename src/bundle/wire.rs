//! How SSH writes numbers and strings: four bytes of length, most significant first, and the bytes
//! (RFC 4251, 5).

/// Takes values off the front of some bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wire<'a>(&'a [u8]);

/// Bytes that are not what is expected; it says what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotThere(pub(super) &'static str);

impl<'a> Wire<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], NotThere> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(NotThere(what))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self, what: &'static str) -> Result<u8, NotThere> {
        self.bytes(1, what)?.first().copied().ok_or(NotThere(what))
    }

    pub(super) fn number(&mut self, what: &'static str) -> Result<u32, NotThere> {
        let bytes = self.bytes(4, what)?;
        Ok(u32::from_be_bytes(bytes.try_into().map_err(|_| NotThere(what))?))
    }

    pub(super) fn long(&mut self, what: &'static str) -> Result<u64, NotThere> {
        let bytes = self.bytes(8, what)?;
        Ok(u64::from_be_bytes(bytes.try_into().map_err(|_| NotThere(what))?))
    }

    /// What was taken since: the bytes before what another, of the same bytes, has left.
    pub(super) fn until(self, later: Self) -> &'a [u8] {
        let taken = self.0.len().saturating_sub(later.0.len());
        self.0.get(..taken).unwrap_or_default()
    }

    pub(super) fn string(&mut self, what: &'static str) -> Result<&'a [u8], NotThere> {
        let length = usize::try_from(self.number(what)?).map_err(|_| NotThere(what))?;
        self.bytes(length, what)
    }

    pub(super) fn text(&mut self, what: &'static str) -> Result<&'a str, NotThere> {
        std::str::from_utf8(self.string(what)?).map_err(|_| NotThere(what))
    }

    /// A number that is not negative, as its bytes without the leading zero, filled up with zeros to
    /// a length.
    pub(super) fn fixed(&mut self, length: usize, what: &'static str) -> Result<Vec<u8>, NotThere> {
        let number = self.string(what)?;
        // One more byte at the front says that the first bit is no sign.
        let number = number.strip_prefix(&[0]).unwrap_or(number);
        let fill = length.checked_sub(number.len()).ok_or(NotThere(what))?;
        let mut fixed = vec![0; fill];
        fixed.extend_from_slice(number);
        Ok(fixed)
    }

    pub(super) fn end(self, what: &'static str) -> Result<(), NotThere> {
        if self.0.is_empty() { Ok(()) } else { Err(NotThere(what)) }
    }
}

/// Appends a string.
pub(super) fn put(into: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    into.extend_from_slice(&length.to_be_bytes());
    into.extend_from_slice(bytes);
}

/// Appends a number that is not negative, given by its bytes.
pub(super) fn put_number(into: &mut Vec<u8>, bytes: &[u8]) {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let bytes = bytes.get(zeros..).unwrap_or_default();
    let mut number = Vec::with_capacity(bytes.len() + 1);
    if bytes.first().is_some_and(|first| *first >= 0x80) {
        number.push(0);
    }
    number.extend_from_slice(bytes);
    put(into, &number);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(one: Vec<u8>, other: Vec<u8>) {
            let mut bytes = Vec::new();
            put(&mut bytes, &one);
            put(&mut bytes, &other);
            let mut wire = Wire::new(&bytes);
            prop_assert_eq!(wire.string("one").unwrap(), &one[..]);
            prop_assert_eq!(wire.string("other").unwrap(), &other[..]);
            prop_assert!(wire.end("nothing more").is_ok());
        }

        #[test]
        fn a_number_keeps_its_value_whatever_its_first_bits_are(number: [u8; 32]) {
            let mut bytes = Vec::new();
            put_number(&mut bytes, &number);
            prop_assert_eq!(Wire::new(&bytes).fixed(32, "it").unwrap(), number);
        }

        #[test]
        fn no_bytes_are_too_odd_to_look_at(bytes: Vec<u8>) {
            let mut wire = Wire::new(&bytes);
            while wire.string("one").is_ok() && wire.end("more").is_err() {}
            let _ = Wire::new(&bytes).fixed(32, "it");
        }
    }
}
