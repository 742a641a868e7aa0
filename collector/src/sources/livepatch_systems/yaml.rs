//! The little of YAML that Uptrack writes: block maps and lists, texts with or without quotes, and
//! lists of plain words in brackets. Everything else is not understood, and then nothing of the
//! file is taken.

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Yaml {
    Text(String),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

/// Deepest nesting accepted; Uptrack's files have four levels.
const DEEPEST: usize = 8;

impl Yaml {
    /// The whole of a file, or `None`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let body = line.trim_end().trim_start_matches(' ');
            if body.is_empty() || body.starts_with('#') || (number == 0 && body == "---") {
                continue;
            }
            if body.starts_with('\t') || body == "---" || body == "..." {
                return None;
            }
            let indent = line.len() - line.trim_start_matches(' ').len();
            lines.push(Line { indent, body });
        }
        let mut block = Block { lines: &lines };
        let first = block.lines.first()?;
        let found = block.value(first.indent, DEEPEST)?;
        block.lines.is_empty().then_some(found)
    }

    /// The value of a key; `None` if this is no map or has no such key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, v)| v),
            Self::Text(_) | Self::List(_) => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::List(_) | Self::Map(_) => None,
        }
    }

    /// The items of a list; a key without a value is an empty one.
    pub(super) fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            Self::Text(text) if text.is_empty() => Some(&[]),
            Self::Text(_) | Self::Map(_) => None,
        }
    }

    /// A list of texts.
    pub(super) fn texts(&self) -> Option<Vec<String>> {
        self.list()?.iter().map(|item| item.text().map(str::to_owned)).collect()
    }
}

#[derive(Debug, Clone, Copy)]
struct Line<'t> {
    indent: usize,
    body: &'t str,
}

/// The lines not yet read.
struct Block<'l, 't> {
    lines: &'l [Line<'t>],
}

impl<'t> Block<'_, 't> {
    fn next(&mut self) -> Option<Line<'t>> {
        let (first, rest) = self.lines.split_first()?;
        self.lines = rest;
        Some(*first)
    }

    /// The map or list whose lines begin at that column.
    fn value(&mut self, indent: usize, depth: usize) -> Option<Yaml> {
        let depth = depth.checked_sub(1)?;
        let is_list = item(self.lines.first()?.body).is_some();
        if is_list { self.list(indent, depth) } else { self.map(indent, None, depth) }
    }

    fn list(&mut self, indent: usize, depth: usize) -> Option<Yaml> {
        let mut items = Vec::new();
        while let Some(line) = self.lines.first().copied() {
            let Some(body) = item(line.body).filter(|_| line.indent == indent) else { break };
            self.next();
            let inner = indent + (line.body.len() - body.len());
            if entry(body).is_some() {
                items.push(self.map(inner, Some(body), depth)?);
            } else {
                items.push(scalar(body)?);
            }
        }
        Some(Yaml::List(items))
    }

    /// `first` is a line that began behind the dash of a list.
    fn map(&mut self, indent: usize, first: Option<&'t str>, depth: usize) -> Option<Yaml> {
        let depth = depth.checked_sub(1)?;
        let mut entries: Vec<(String, Yaml)> = Vec::new();
        let mut pending = first;
        loop {
            let body = match pending.take() {
                Some(body) => body,
                None => match self.lines.first().copied() {
                    Some(line) if line.indent == indent && item(line.body).is_none() => {
                        self.next();
                        line.body
                    }
                    _ => break,
                },
            };
            let (key, value) = entry(body)?;
            let key = scalar(key)?.text()?.to_owned();
            if entries.iter().any(|(name, _)| *name == key) {
                return None;
            }
            let value = if value.is_empty() { self.below(indent, depth)? } else { scalar(value)? };
            entries.push((key, value));
        }
        Some(Yaml::Map(entries))
    }

    /// What a key without a value on its line has: lines further in, or a list in its own column.
    fn below(&mut self, indent: usize, depth: usize) -> Option<Yaml> {
        match self.lines.first().copied() {
            Some(line) if line.indent > indent => self.value(line.indent, depth),
            Some(line) if line.indent == indent && item(line.body).is_some() => {
                self.list(indent, depth)
            }
            _ => Some(Yaml::Text(String::new())),
        }
    }
}

/// What stands behind the dash of a list.
fn item(body: &str) -> Option<&str> {
    let rest = body.strip_prefix("- ")?.trim_start();
    (!rest.is_empty()).then_some(rest)
}

/// Key and value of a line `key: value`; quoted keys are not used.
fn entry(body: &str) -> Option<(&str, &str)> {
    if body.starts_with(['\'', '"', '[', '{']) {
        return None;
    }
    let (key, value) = match body.split_once(": ") {
        Some((key, value)) => (key, value.trim_start()),
        None => (body.strip_suffix(':')?, ""),
    };
    (!key.is_empty()).then_some((key, value))
}

fn scalar(text: &str) -> Option<Yaml> {
    if let Some(rest) = text.strip_prefix('\'') {
        let inner = rest.strip_suffix('\'')?;
        // A quote within is written twice.
        let single = inner.replace("''", "");
        return (!single.contains('\'')).then(|| Yaml::Text(inner.replace("''", "'")));
    }
    if let Some(rest) = text.strip_prefix('"') {
        let inner = rest.strip_suffix('"')?;
        return (!inner.contains(['"', '\\'])).then(|| Yaml::Text(inner.to_owned()));
    }
    if let Some(rest) = text.strip_prefix('[') {
        let inner = rest.strip_suffix(']')?.trim();
        if inner.is_empty() {
            return Some(Yaml::List(Vec::new()));
        }
        let items: Option<Vec<Yaml>> =
            inner.split(',').map(|word| scalar_word(word.trim())).collect();
        return items.map(Yaml::List);
    }
    if text == "{}" {
        return Some(Yaml::Map(Vec::new()));
    }
    if text == "null" || text == "~" {
        return Some(Yaml::Text(String::new()));
    }
    plain(text)
}

fn scalar_word(text: &str) -> Option<Yaml> {
    if text.starts_with(['[', '{']) || text.is_empty() { None } else { scalar(text) }
}

fn plain(text: &str) -> Option<Yaml> {
    const SIGNS: [char; 16] =
        ['&', '*', '!', '|', '>', '%', '@', '`', '{', '}', '[', ']', ',', '#', '?', '-'];
    let odd = text.starts_with(SIGNS) || text.contains(": ") || text.contains(" #");
    (!odd && !text.ends_with(':')).then(|| Yaml::Text(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(text: &str) -> Yaml {
        Yaml::Text(text.to_owned())
    }

    #[test]
    fn maps_lists_and_lists_of_maps_are_read() {
        let file = "\
---
# a comment
Plan:
- Command: Install
  ID: r9hrmw28
  EffectiveKernel:
    Release: 5.15.0-89-generic
    Version: '#99-Ubuntu SMP it''s'
- {}
Installed: [a, 'b']
Empty:
None: []
";
        let yaml = Yaml::parse(file).unwrap();
        let plan = yaml.get("Plan").unwrap().list().unwrap();
        assert_eq!(plan[0].get("ID"), Some(&text("r9hrmw28")));
        let kernel = plan[0].get("EffectiveKernel").unwrap();
        assert_eq!(kernel.get("Version"), Some(&text("#99-Ubuntu SMP it's")));
        assert_eq!(plan[1], Yaml::Map(Vec::new()));
        assert_eq!(yaml.get("Installed").unwrap().texts().unwrap(), ["a", "b"]);
        assert_eq!(yaml.get("Empty").unwrap().texts().unwrap(), [""; 0]);
        assert_eq!(yaml.get("None").unwrap().list().unwrap(), []);
        assert_eq!(yaml.get("Plan").unwrap().text(), None);
        assert_eq!(yaml.get("Absent"), None);
    }

    #[test]
    fn lists_may_be_further_in_than_their_key() {
        let yaml = Yaml::parse("a:\n  - x\n  - y\nb: z").unwrap();
        assert_eq!(yaml.get("a").unwrap().texts().unwrap(), ["x", "y"]);
        assert_eq!(yaml.get("b"), Some(&text("z")));
    }

    #[test]
    fn what_uptrack_does_not_write_is_not_understood() {
        for odd in [
            "",
            "a",
            "a: &x b",
            "a: |\n  text",
            "a: !!python/object b",
            "a: b\n  folded: c",
            "a: [b, [c]]",
            "a: {b: c}",
            "a: 'b",
            "a: \"b\\n\"",
            "a: 'it's'",
            "a: 1\na: 2",
            "\ta: 1",
            "a: 1\n---\nb: 2",
            "- a\nb: c",
            "a:\n    b: c\n  d: e",
        ] {
            assert_eq!(Yaml::parse(odd), None, "{odd:?}");
        }
        let deep: String = (0..20).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
        assert_eq!(Yaml::parse(&deep), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "([ ]{0,4}(- )?([a-c]: ?)?['\"\\[\\]{},#]?[a-c]{0,3}['\"\\]]?\n){0,12}") {
            let _ = Yaml::parse(&text);
        }

        #[test]
        fn no_noise_panics(text in any::<String>()) {
            let _ = Yaml::parse(&text);
        }
    }
}
