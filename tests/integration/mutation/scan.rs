//! The words of a garden's file with their places and roles, as far as mutations ask. Good for well-formed files only.

use std::ops::Range;

/// What a word is to its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// The node's name.
    Name,
    /// An argument, by position.
    Argument(usize),
    /// The key of a property.
    Key,
    /// The value of the property of this key.
    Property(String),
    /// `{` or `}`.
    Brace,
}

/// A word and where it stands.
#[derive(Clone, Debug)]
pub struct Word {
    pub range: Range<usize>,
    pub text: String,
    pub role: Role,
    /// The name of its node.
    pub node: String,
    /// The names of the nodes around, outermost first.
    pub around: Vec<String>,
}

impl Word {
    pub fn is_quoted(&self) -> bool {
        self.text.starts_with('"')
    }

    pub fn is_number(&self) -> bool {
        self.text.bytes().all(|byte| byte.is_ascii_digit())
    }
}

/// All words of a well-formed file, comments left out.
pub fn words(text: &str) -> Vec<Word> {
    let mut scan = Scan { text, words: Vec::new(), around: Vec::new(), node: None, arguments: 0, key: None };
    let mut at = 0;
    while at < text.len() {
        at = scan.step(at);
    }
    scan.words
}

struct Scan<'a> {
    text: &'a str,
    words: Vec<Word>,
    around: Vec<String>,
    node: Option<String>,
    arguments: usize,
    key: Option<String>,
}

impl Scan<'_> {
    fn step(&mut self, at: usize) -> usize {
        let rest = &self.text[at..];
        let first = rest.chars().next().expect("inside the text");
        match first {
            '/' if rest.starts_with("//") => at + rest.find('\n').unwrap_or(rest.len()),
            '\n' | ';' => {
                self.node = None;
                at + 1
            }
            '{' => {
                self.push(at..at + 1, Role::Brace);
                self.around.push(self.node.take().unwrap_or_default());
                at + 1
            }
            '}' => {
                self.node = self.around.pop();
                self.push(at..at + 1, Role::Brace);
                self.node = None;
                at + 1
            }
            blank if blank.is_whitespace() => at + blank.len_utf8(),
            _ => self.word(at),
        }
    }

    fn word(&mut self, at: usize) -> usize {
        let rest = &self.text[at..];
        let length = if let Some(quoted) = rest.strip_prefix('"') {
            quoted.find('"').map_or(rest.len(), |end| end + 2)
        } else {
            rest.find(|c: char| c.is_whitespace() || matches!(c, ';' | '{' | '}' | '=')).unwrap_or(rest.len())
        };
        let range = at..at + length;
        let is_key = self.node.is_some() && rest[length..].starts_with('=');
        let role = match (&self.node, self.key.take()) {
            (None, _) => Role::Name,
            (Some(_), Some(key)) => Role::Property(key),
            (Some(_), None) if is_key => Role::Key,
            (Some(_), None) => {
                self.arguments += 1;
                Role::Argument(self.arguments - 1)
            }
        };
        if role == Role::Name {
            self.node = Some(self.text[range.clone()].to_owned());
            self.arguments = 0;
        }
        if role == Role::Key {
            self.key = Some(self.text[range.clone()].to_owned());
        }
        self.push(range, role);
        at + length + usize::from(is_key)
    }

    fn push(&mut self, range: Range<usize>, role: Role) {
        let node = self.node.clone().unwrap_or_default();
        let text = self.text[range.clone()].to_owned();
        self.words.push(Word { range, text, role, node, around: self.around.clone() });
    }
}
