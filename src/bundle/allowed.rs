//! Who may sign: a file of allowed signers as `ssh-keygen` takes it (ALLOWED SIGNERS in its manual).
//!
//! A line is patterns of identities, options, a key. It is read as OpenSSH 9 reads it, so that both
//! say the same of the same file; a line that it would refuse is refused.

use super::keys::{Certificate, PublicKey};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The file.
#[derive(Debug)]
pub(crate) struct AllowedSigners {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    number: usize,
    identities: String,
    namespaces: Option<String>,
    /// Seconds since the Unix epoch.
    valid_after: Option<i64>,
    valid_before: Option<i64>,
    key: PublicKey,
    /// Whether it is the key of an authority, whose certificates count, and not that of a signer.
    is_authority: bool,
}

/// That a key may sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Allowed {
    /// The patterns of the line, or the identity that was asked for.
    pub(crate) identity: String,
    pub(crate) line: usize,
}

/// Why it may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotAllowed {
    /// No line has the key, or none for this identity.
    Key(String),
    /// It may sign, but not for this purpose.
    Namespace(String),
    /// It may sign, but not then.
    Time(String),
}

impl AllowedSigners {
    /// Reads the text of a file. Times without a zone are of this one.
    pub(crate) fn parse(text: &str, zone: &TimeZone) -> Result<Self, String> {
        let mut found = Self { lines: Vec::new() };
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match self::line(number, line, zone) {
                Ok(line) => found.lines.push(line),
                Err(what) => return Err(format!("line {number}: {what}")),
            }
        }
        Ok(found)
    }

    /// Whether a key may sign for a purpose at a moment, as whom. The best line counts.
    pub(crate) fn judge(
        &self,
        key: &PublicKey,
        namespace: &str,
        identity: Option<&str>,
        at_s: i64,
    ) -> Result<Allowed, NotAllowed> {
        let has_key: Vec<&Line> = self.lines.iter().filter(|line| line.is_for(key)).collect();
        if has_key.is_empty() {
            let by = match key.certificate() {
                Some(certificate) => {
                    format!("{key}, with a certificate by {}", certificate.authority)
                }
                None => key.to_string(),
            };
            return Err(NotAllowed::Key(format!("it is by {by}, which is not among them")));
        }
        let is_meant = |line: &&&Line| {
            identity.is_none_or(|identity| matches_list(&line.identities, identity))
        };
        let meant: Vec<&Line> = has_key.iter().filter(is_meant).copied().collect();
        if meant.is_empty() {
            let others: Vec<&str> = has_key.iter().map(|line| line.identities.as_str()).collect();
            return Err(NotAllowed::Key(format!(
                "it is by {key}, which is of {} and not of {}",
                others.join(", "),
                identity.unwrap_or_default()
            )));
        }
        let refusals = meant.into_iter().map(|line| line.judge(key, namespace, identity, at_s));
        let mut refused = None;
        for judged in refusals {
            match judged {
                Ok(allowed) => return Ok(allowed),
                // A line for this purpose says more than one for another.
                Err(why) => match refused {
                    Some(NotAllowed::Time(_)) => {}
                    Some(NotAllowed::Namespace(_) | NotAllowed::Key(_)) | None => {
                        refused = Some(why);
                    }
                },
            }
        }
        Err(refused.unwrap_or_else(|| NotAllowed::Key(format!("it is by {key}"))))
    }
}

impl Line {
    fn is_for(&self, key: &PublicKey) -> bool {
        match key.certificate() {
            Some(certificate) => self.is_authority && self.key == certificate.authority,
            None => !self.is_authority && self.key == *key,
        }
    }

    fn judge(
        &self,
        key: &PublicKey,
        namespace: &str,
        identity: Option<&str>,
        at_s: i64,
    ) -> Result<Allowed, NotAllowed> {
        let number = self.number;
        let certified = match key.certificate() {
            Some(certificate) => Some(self.certified(certificate, identity, at_s)?),
            None => None,
        };
        if let Some(namespaces) = &self.namespaces
            && !matches_list(namespaces, namespace)
        {
            return Err(NotAllowed::Namespace(format!(
                "line {number} allows the key for {namespaces}, and not for {namespace}"
            )));
        }
        if let Some(after) = self.valid_after.filter(|after| at_s < *after) {
            return Err(NotAllowed::Time(format!(
                "line {number} allows the key from {} on, and it is looked at for {}",
                moment(after),
                moment(at_s)
            )));
        }
        if let Some(before) = self.valid_before.filter(|before| at_s > *before) {
            return Err(NotAllowed::Time(format!(
                "line {number} allowed the key until {}, and it is looked at for {}",
                moment(before),
                moment(at_s)
            )));
        }
        let identity = identity.map(str::to_owned).or(certified);
        let identity = identity.unwrap_or_else(|| self.identities.clone());
        Ok(Allowed { identity, line: number })
    }

    /// For whom an authority of this line gave a certificate.
    fn certified(
        &self,
        certificate: &Certificate,
        identity: Option<&str>,
        at_s: i64,
    ) -> Result<String, NotAllowed> {
        let number = self.number;
        let is_meant = |named: &&String| {
            identity.is_none_or(|identity| identity == *named)
                && matches_list(&self.identities, named)
        };
        let named: Vec<&str> =
            certificate.identities.iter().filter(is_meant).map(String::as_str).collect();
        if !certificate.is_of_user || named.is_empty() {
            return Err(NotAllowed::Key(format!(
                "its certificate by the authority of line {number} is for {} and not for a user of {}",
                certificate.identities.join(", "),
                identity.unwrap_or(&self.identities)
            )));
        }
        let at = u64::try_from(at_s).unwrap_or(0);
        if at < certificate.valid_after_s || at >= certificate.valid_before_s {
            let told = |s: u64| i64::try_from(s).map_or_else(|_| "for ever".to_owned(), moment);
            return Err(NotAllowed::Time(format!(
                "its certificate is valid from {} to {}, and it is looked at for {}",
                told(certificate.valid_after_s),
                told(certificate.valid_before_s),
                moment(at_s)
            )));
        }
        Ok(named.join(","))
    }
}

fn moment(unix_s: i64) -> String {
    Timestamp::from_second(unix_s).map_or_else(|_| unix_s.to_string(), |at| at.to_string())
}

fn line(number: usize, line: &str, zone: &TimeZone) -> Result<Line, String> {
    let (identities, rest) = match line.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').ok_or("a quote does not end")?,
        None => line.split_once([' ', '\t']).ok_or("there is no key")?,
    };
    let rest = rest.trim_start();
    // A key may stand there at once; else options do.
    let (options, key) = match PublicKey::parse(rest) {
        Some(key) => ("", key),
        None => {
            let (options, key) = split_options(rest)?;
            (options, PublicKey::parse(key).ok_or("there is no key that can be read")?)
        }
    };
    options_of(number, identities, options, key, zone)
}

fn options_of(
    number: usize,
    identities: &str,
    options: &str,
    key: PublicKey,
    zone: &TimeZone,
) -> Result<Line, String> {
    let mut line = Line {
        number,
        identities: identities.to_owned(),
        namespaces: None,
        valid_after: None,
        valid_before: None,
        key,
        is_authority: false,
    };
    for (name, value) in each_option(options)? {
        let twice = || format!("the option {name} is there twice");
        let needs = || format!("the option {name} needs a value in quotes");
        match name.to_ascii_lowercase().as_str() {
            "cert-authority" => line.is_authority = true,
            "namespaces" => {
                let value = value.ok_or_else(needs)?;
                if line.namespaces.replace(value.to_owned()).is_some() {
                    return Err(twice());
                }
            }
            "valid-after" => {
                let at = time(value.ok_or_else(needs)?, zone)?;
                if line.valid_after.replace(at).is_some() {
                    return Err(twice());
                }
            }
            "valid-before" => {
                let at = time(value.ok_or_else(needs)?, zone)?;
                if line.valid_before.replace(at).is_some() {
                    return Err(twice());
                }
            }
            _ => return Err(format!("the option {name} is not known")),
        }
    }
    if let (Some(after), Some(before)) = (line.valid_after, line.valid_before)
        && before <= after
    {
        return Err("valid-before is not after valid-after".to_owned());
    }
    Ok(line)
}

/// Options end at the first blank that is not in quotes.
fn split_options(text: &str) -> Result<(&str, &str), String> {
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ' ' | '\t' if !quoted => {
                return text.split_at_checked(at).ok_or_else(|| "there is no key".to_owned());
            }
            _ => {}
        }
    }
    Err(if quoted { "a quote does not end".to_owned() } else { "there is no key".to_owned() })
}

/// Each option with its value, without the quotes.
fn each_option(text: &str) -> Result<Vec<(&str, Option<&str>)>, String> {
    let mut options = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(['=', ',']).unwrap_or(rest.len());
        let (name, after) = rest.split_at_checked(end).unwrap_or_default();
        let Some(value) = after.strip_prefix('=') else {
            options.push((name, None));
            rest = after.strip_prefix(',').unwrap_or(after);
            continue;
        };
        let value = value.strip_prefix('"').ok_or(format!("the value of {name} has no quotes"))?;
        let (value, after) = value.split_once('"').ok_or("a quote does not end")?;
        options.push((name, Some(value)));
        rest = match after.strip_prefix(',') {
            Some(after) => after,
            None if after.is_empty() => after,
            None => return Err(format!("{name} is followed by something that is no comma")),
        };
    }
    Ok(options)
}

/// YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with Z for UTC.
fn time(text: &str, zone: &TimeZone) -> Result<i64, String> {
    let refuse = || format!("\"{text}\" is no time: YYYYMMDD[HHMM[SS]][Z] is");
    let (digits, zone) = match text.strip_suffix(['Z', 'z']) {
        Some(digits) => (digits, &TimeZone::UTC),
        None => (text, zone),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refuse());
    }
    let full = match digits.len() {
        8 => format!("{digits}000000"),
        12 => format!("{digits}00"),
        14 => digits.to_owned(),
        _ => return Err(refuse()),
    };
    let civil = DateTime::strptime("%Y%m%d%H%M%S", &full).map_err(|_| refuse())?;
    let at = civil.to_zoned(zone.clone()).map_err(|_| refuse())?;
    Ok(at.timestamp().as_second())
}

/// OpenSSH's lists of patterns: `*` and `?` stand for something, `!` before one takes away what it
/// matches.
fn matches_list(patterns: &str, text: &str) -> bool {
    let mut found = false;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if matches(pattern, text) => return false,
            Some(_) => {}
            None => found |= matches(pattern, text),
        }
    }
    found
}

/// Linear but for a step back to the last `*`.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
                continue;
            }
            Some(b'?') => {
                (p, t) = (p + 1, t + 1);
                continue;
            }
            Some(wanted) if wanted == byte => {
                (p, t) = (p + 1, t + 1);
                continue;
            }
            Some(_) | None => {}
        }
        let Some((at, from)) = star else { return false };
        star = Some((at, from + 1));
        (p, t) = (at + 1, from + 1);
    }
    pattern.get(p..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests;
