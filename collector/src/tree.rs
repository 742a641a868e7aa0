//! A host as one text file: the format of bug reports and of test fixtures.
//!
//! Described in docs/tree-format.md. A directory of real files cannot hold what matters most,
//! attributes whose reading fails with ENODEV or EACCES; this format can.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// First line of every tree.
const HEADER: &str = "//! scrubjay host tree 1";

/// Begins an entry.
const ENTRY: &str = "//- ";

/// A host tree in memory. Paths are relative, without `.` or `..`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    nodes: BTreeMap<String, Node>,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A file with this content.
    File(Vec<u8>),
    /// A directory, although nothing in it may be listed.
    Dir,
    /// Reading it fails with this errno.
    Fails(i32),
}

/// Why a text is not a host tree. Lines count from one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TreeError {
    /// Not a tree at all.
    #[error("line 1: a host tree begins with \"{HEADER}\"")]
    Header,
    /// Text before the first entry.
    #[error("line {line}: text before the first \"//- path\" line")]
    Stray {
        /// Where.
        line: usize,
    },
    /// An entry line that is not understood.
    #[error("line {line}: {why}: \"{text}\"")]
    Entry {
        /// Where.
        line: usize,
        /// What is wrong.
        why: &'static str,
        /// The line.
        text: String,
    },
    /// Content that is not hexadecimal.
    #[error("line {line}: content of a hex entry is not pairs of hexadecimal digits")]
    Hex {
        /// Where the entry begins.
        line: usize,
    },
}

/// Errnos a tree may name. Linux numbers are the same on every architecture scrubjay runs on for
/// these.
const ERRNOS: [(&str, i32); 13] = [
    ("EPERM", 1),
    ("ENOENT", 2),
    ("EINTR", 4),
    ("EIO", 5),
    ("ENXIO", 6),
    ("EAGAIN", 11),
    ("EACCES", 13),
    ("EBUSY", 16),
    ("ENODEV", 19),
    ("EISDIR", 21),
    ("EINVAL", 22),
    ("ELOOP", 40),
    ("EOPNOTSUPP", 95),
];

impl Tree {
    /// An empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a node at a path, replacing what was there. A directory never replaces a file.
    pub fn insert(&mut self, path: impl Into<String>, node: Node) {
        let path = path.into();
        if node == Node::Dir && self.nodes.contains_key(&path) {
            return;
        }
        self.nodes.insert(path, node);
    }

    /// What is at a path; directories implied by what lies below them are found too.
    pub fn get(&self, path: &str) -> Option<&Node> {
        self.nodes.get(path).or_else(|| self.below(path).next().map(|_| &Node::Dir))
    }

    /// The names directly below a directory, in order, with what is there.
    pub fn children(&self, path: &str) -> Vec<(String, &Node)> {
        let mut names: BTreeMap<&str, &Node> = BTreeMap::new();
        for (rest, node) in self.below(path) {
            match rest.split_once('/') {
                Some((name, _)) => names.entry(name).or_insert(&Node::Dir),
                None => names.entry(rest).or_insert(node),
            };
        }
        names.into_iter().map(|(name, node)| (name.to_owned(), node)).collect()
    }

    /// Every path with its node, in order.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.nodes.iter().map(|(path, node)| (path.as_str(), node))
    }

    fn below<'a>(&'a self, path: &str) -> impl Iterator<Item = (&'a str, &'a Node)> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let length = prefix.len();
        self.nodes
            .range(prefix.clone()..)
            .take_while(move |(candidate, _)| candidate.starts_with(&prefix))
            .filter_map(move |(candidate, node)| Some((candidate.get(length..)?, node)))
    }

    /// Reads the text form.
    pub fn parse(text: &str) -> Result<Self, TreeError> {
        let mut lines = (1_usize..).zip(text.split('\n'));
        if lines.next().map(|(_, first)| first.trim_end()) != Some(HEADER) {
            return Err(TreeError::Header);
        }
        let mut tree = Self::new();
        let mut open: Option<OpenEntry<'_>> = None;
        for (line, content) in lines {
            if let Some(entry) = content.strip_prefix(ENTRY) {
                if let Some(done) = open.take() {
                    done.close(&mut tree)?;
                }
                open = Some(OpenEntry::begin(line, entry)?);
            } else if let Some(entry) = &mut open {
                entry.lines.push(content);
            } else if !content.trim().is_empty() && !content.starts_with("//!") {
                return Err(TreeError::Stray { line });
            }
        }
        if let Some(mut last) = open {
            // The text's own final newline ends the last line; it is not a line of content.
            if last.lines.last() == Some(&"") {
                last.lines.pop();
            }
            last.close(&mut tree)?;
        }
        Ok(tree)
    }

    /// Writes the text form; [`Tree::parse`] reads the same tree back.
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEADER}\n");
        for (path, node) in &self.nodes {
            // Writing to a String cannot fail.
            let _ = match node {
                Node::Dir if self.below(path).next().is_some() => Ok(()),
                Node::Dir => writeln!(text, "{ENTRY}dir {path}"),
                Node::Fails(errno) => match ERRNOS.iter().find(|(_, n)| n == errno) {
                    Some((name, _)) => writeln!(text, "{ENTRY}errno={name} {path}"),
                    None => writeln!(text, "{ENTRY}errno={errno} {path}"),
                },
                Node::File(bytes) => write_file(&mut text, path, bytes),
            };
        }
        text
    }
}

fn write_file(text: &mut String, path: &str, bytes: &[u8]) -> std::fmt::Result {
    let plain = std::str::from_utf8(bytes).ok().filter(|content| {
        !content.lines().any(|line| line.starts_with(ENTRY))
            && content.chars().all(|c| c == '\n' || c == '\t' || !c.is_control())
    });
    match plain {
        Some(content) => match content.strip_suffix('\n') {
            Some(lines) => write!(text, "{ENTRY}{path}\n{lines}\n"),
            None if content.is_empty() => writeln!(text, "{ENTRY}noeol {path}"),
            None => write!(text, "{ENTRY}noeol {path}\n{content}\n"),
        },
        None => {
            writeln!(text, "{ENTRY}hex {path}")?;
            for chunk in bytes.chunks(32) {
                for byte in chunk {
                    write!(text, "{byte:02x}")?;
                }
                text.push('\n');
            }
            Ok(())
        }
    }
}

/// An entry whose content lines are still coming.
struct OpenEntry<'t> {
    line: usize,
    path: String,
    form: Form,
    lines: Vec<&'t str>,
}

enum Form {
    Text { final_newline: bool },
    Hex,
    Node(Node),
}

impl<'t> OpenEntry<'t> {
    fn begin(line: usize, entry: &str) -> Result<Self, TreeError> {
        let wrong = |why| TreeError::Entry { line, why, text: entry.to_owned() };
        let mut form = Form::Text { final_newline: true };
        let mut rest = entry.trim_end();
        while let Some((word, after)) = rest.split_once(' ') {
            form = match word {
                "noeol" => Form::Text { final_newline: false },
                "hex" => Form::Hex,
                "dir" => Form::Node(Node::Dir),
                _ => match word.strip_prefix("errno=") {
                    Some(name) => {
                        let number = ERRNOS.iter().find(|(known, _)| *known == name);
                        let number = number.map(|(_, n)| *n).or_else(|| name.parse().ok());
                        Form::Node(Node::Fails(number.ok_or_else(|| wrong("unknown errno"))?))
                    }
                    // Paths may contain blanks: everything from here on is the path.
                    None => break,
                },
            };
            rest = after;
        }
        if !is_relative(rest) {
            return Err(wrong("a path is relative, without empty, \".\" or \"..\" parts"));
        }
        Ok(Self { line, path: rest.to_owned(), form, lines: Vec::new() })
    }

    fn close(self, tree: &mut Tree) -> Result<(), TreeError> {
        let joined = self.lines.join("\n");
        let node = match self.form {
            Form::Node(node) => node,
            Form::Text { final_newline: true } if self.lines.is_empty() => Node::File(Vec::new()),
            Form::Text { final_newline: true } => Node::File(format!("{joined}\n").into_bytes()),
            Form::Text { final_newline: false } => Node::File(joined.into_bytes()),
            Form::Hex => Node::File(from_hex(&joined).ok_or(TreeError::Hex { line: self.line })?),
        };
        tree.insert(self.path, node);
        Ok(())
    }
}

/// Whether a path stays below the root whatever it is joined to.
pub(crate) fn is_relative(path: &str) -> bool {
    path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
        && !path.contains('\0')
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text
        .chars()
        .filter(|c| !c.is_ascii_whitespace())
        .map(|c| c.to_digit(16))
        .collect::<Option<_>>()?;
    digits
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(high * 16 + low).ok(),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_tree_holds_files_directories_and_failures() {
        let tree = Tree::parse(
            "//! scrubjay host tree 1\n\
             //! captured by hand\n\
             //- proc/uptime\n\
             1.00 2.00\n\
             //- noeol sys/label\n\
             //- noeol sys/a b/name\n\
             x\n\
             //- sys/newline\n\
             \n\
             //- dir sys/empty\n\
             //- errno=ENODEV sys/rate\n\
             //- hex sys/raw\n\
             00ff 0a\n",
        )
        .unwrap();
        assert_eq!(tree.get("proc/uptime"), Some(&Node::File(b"1.00 2.00\n".to_vec())));
        assert_eq!(tree.get("sys/label"), Some(&Node::File(Vec::new())));
        assert_eq!(tree.get("sys/a b/name"), Some(&Node::File(b"x".to_vec())));
        assert_eq!(tree.get("sys/newline"), Some(&Node::File(b"\n".to_vec())));
        assert_eq!(tree.get("sys/rate"), Some(&Node::Fails(19)));
        assert_eq!(tree.get("sys/raw"), Some(&Node::File(vec![0, 255, 10])));
        assert_eq!(tree.get("sys"), Some(&Node::Dir));
        assert_eq!(tree.get("sy"), None);
        let names: Vec<String> = tree.children("sys").into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a b", "empty", "label", "newline", "rate", "raw"]);
    }

    #[test]
    fn mistakes_name_their_line() {
        let error = |text: &str| Tree::parse(text).unwrap_err().to_string();
        assert_eq!(error(""), "line 1: a host tree begins with \"//! scrubjay host tree 1\"");
        assert_eq!(
            error("//! scrubjay host tree 1\nx\n"),
            "line 2: text before the first \"//- path\" line"
        );
        assert!(error("//! scrubjay host tree 1\n//- /etc/passwd\n").starts_with("line 2: a path"));
        assert!(error("//! scrubjay host tree 1\n//- a/../b\n").starts_with("line 2: a path"));
        assert!(error("//! scrubjay host tree 1\n//- hex a\n0g\n").starts_with("line 2: content"));
        assert!(error("//! scrubjay host tree 1\n//- errno=EX a\n").contains("unknown errno"));
    }

    fn node() -> impl Strategy<Value = Node> {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..80).prop_map(Node::File),
            "[ -~\n/]{0,60}".prop_map(|text| Node::File(text.into_bytes())),
            Just(Node::Dir),
            (1_i32..130).prop_map(Node::Fails),
        ]
    }

    proptest! {
        /// What is written is read back, whatever the content.
        #[test]
        fn text_form_is_lossless(
            nodes in proptest::collection::btree_map("[a-c]{1,3}", node(), 0..6)
        ) {
            let mut tree = Tree::new();
            for (path, node) in nodes {
                tree.insert(path, node);
            }
            prop_assert_eq!(Tree::parse(&tree.to_text()), Ok(tree));
        }

        /// No text makes the parser panic.
        #[test]
        fn any_text_is_survived(text in "\\PC{0,200}", body in "(//- |hex |dir |a|\n|errno=|/){0,40}") {
            let _ = Tree::parse(&text);
            let _ = Tree::parse(&format!("{HEADER}\n{body}"));
        }
    }
}
