//! The table of tables: where each begins, and from the statement that made it, its columns.

use super::record::SqliteValue;
use super::{Fault, Table, damaged};

/// A row of the table of tables that is about a table.
pub(super) struct Entry<'r> {
    pub(super) name: &'r str,
    root: u32,
    sql: &'r str,
}

/// Takes a row: kind, name, table, first page, statement.
pub(super) fn entry(row: &[SqliteValue]) -> Option<Entry<'_>> {
    let [kind, name, _, root, sql] = row else { return None };
    let root = u32::try_from(root.integer()?).ok().filter(|root| *root > 0)?;
    (kind.text()? == "table").then_some(Entry { name: name.text()?, root, sql: sql.text()? })
}

impl Entry<'_> {
    /// The table.
    pub(super) fn table(&self) -> Result<Table, Fault> {
        let Some(parts) = parts(self.sql) else {
            return damaged("a statement CREATE TABLE name (columns)", self.sql);
        };
        let mut table = Table { root: self.root, columns: Vec::new(), number_column: None };
        let mut integers = Vec::new();
        for part in &parts {
            let (name, quoted) = match part.first() {
                Some(Token::Name(name)) => (name, true),
                Some(Token::Word(name)) => (name, false),
                Some(Token::Mark(_)) | None => continue,
            };
            let words: Vec<String> = part.iter().map(Token::upper).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            if !quoted && is_constraint(words.first()) {
                // PRIMARY KEY (id), PRIMARY KEY ("id" AUTOINCREMENT)
                let named = words.windows(4).find_map(|four| match four {
                    ["PRIMARY", "KEY", "(", named] => Some(*named),
                    _ => None,
                });
                // A key of several columns is none of them.
                let alone = named.filter(|_| !words.contains(&","));
                let column = |at: &&usize| {
                    let name = table.columns.get(**at).map(|name| name.to_uppercase());
                    name.is_some() && name.as_deref() == alone
                };
                table.number_column = integers.iter().find(column).copied().or(table.number_column);
                continue;
            }
            // Only the very word INTEGER makes a primary key another name for the row's number.
            let is_integer =
                words.get(1) == Some(&"INTEGER") && words.get(2).is_none_or(|word| *word != "(");
            if is_integer {
                integers.push(table.columns.len());
                let key = words.windows(2).position(|two| two == ["PRIMARY", "KEY"]);
                // A defect of early versions that is kept: not where it is sorted downwards.
                let number = key.filter(|at| words.get(at + 2) != Some(&"DESC"));
                if number.is_some() {
                    table.number_column = Some(table.columns.len());
                }
            }
            table.columns.push(name.clone());
        }
        Ok(table)
    }
}

fn is_constraint(word: Option<&&str>) -> bool {
    let constraints = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"];
    word.is_some_and(|word| constraints.contains(word))
}

/// What a statement is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A name in quotes of whichever kind.
    Name(String),
    /// A word or a number.
    Word(String),
    /// Any other character.
    Mark(char),
}

impl Token {
    fn upper(&self) -> String {
        match self {
            Self::Name(text) | Self::Word(text) => text.to_uppercase(),
            Self::Mark(mark) => mark.to_string(),
        }
    }
}

/// What is between the commas of the outermost parentheses.
fn parts(sql: &str) -> Option<Vec<Vec<Token>>> {
    let mut parts = vec![Vec::new()];
    let mut depth = 0_u32;
    for token in tokens(sql)? {
        match (&token, depth) {
            (Token::Mark('('), _) => depth += 1,
            (Token::Mark(')'), 0) => return None,
            (Token::Mark(')'), 1) => return Some(parts),
            (Token::Mark(')'), _) => depth -= 1,
            (Token::Mark(','), 1) => {
                parts.push(Vec::new());
                continue;
            }
            (Token::Mark(_) | Token::Name(_) | Token::Word(_), _) => {}
        }
        let opens = token == Token::Mark('(') && depth == 1;
        if depth > 0 && !opens {
            parts.last_mut()?.push(token);
        }
    }
    None
}

fn tokens(sql: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let after = rest.get(first.len_utf8()..)?;
        rest = if first.is_whitespace() {
            after
        } else if rest.starts_with("--") {
            after.split_once('\n').map_or("", |(_, rest)| rest)
        } else if rest.starts_with("/*") {
            after.split_once("*/").map_or("", |(_, rest)| rest)
        } else if let Some(close) = closing(first) {
            let (name, rest) = quoted(after, close)?;
            tokens.push(Token::Name(name));
            rest
        } else if is_word(first) {
            let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
            let (word, rest) = rest.split_at_checked(end)?;
            tokens.push(Token::Word(word.to_owned()));
            rest
        } else {
            tokens.push(Token::Mark(first));
            after
        };
    }
    Some(tokens)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

fn closing(open: char) -> Option<char> {
    match open {
        '"' | '`' | '\'' => Some(open),
        '[' => Some(']'),
        _ => None,
    }
}

/// A name up to its closing quote, which is written twice where it is in the name.
fn quoted(text: &str, close: char) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once(close)?;
        name.push_str(part);
        rest = after;
        match after.strip_prefix(close).filter(|_| close != ']') {
            Some(after) => {
                name.push(close);
                rest = after;
            }
            None => return Some((name, rest)),
        }
    }
}
