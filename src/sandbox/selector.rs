//! Label and field selectors.

use serde_json::Value;

use super::{
    resources::ServedResource,
    status::Status,
    store::{Key, StoredObject},
};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
    Greater(i64),
    Less(i64),
}

/// Conditions on labels, all of which must hold. Empty matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Labels(Vec<(String, Test)>);

/// Conditions on fields: path, whether it must be equal, value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSelector(Vec<(String, bool, String)>);

/// Both selectors of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    /// Conditions on labels.
    pub(crate) labels: Labels,
    /// Conditions on fields.
    pub(crate) fields: FieldSelector,
}

impl Selector {
    /// Whether nothing is asked.
    pub(crate) fn is_empty(&self) -> bool {
        self.labels.0.is_empty() && self.fields.0.is_empty()
    }

    /// Whether an object is selected.
    pub(crate) fn matches(&self, key: &Key, object: &StoredObject) -> bool {
        self.labels.matches(object) && self.fields.matches(key, object)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Sign(&'static str),
    End,
}

const SIGNS: [&str; 9] = ["==", "!=", "=", "!", "(", ")", ",", ">", "<"];

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        if rest.is_empty() {
            tokens.push(Token::End);
            return tokens;
        }
        if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            tokens.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
            continue;
        }
        let end = rest.find([' ', '\t', '\r', '\n', '=', '!', '(', ')', ',', '>', '<']).unwrap_or(rest.len());
        tokens.push(Token::Word(rest[..end].to_owned()));
        rest = &rest[end..];
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.at]
    }

    fn next(&mut self) -> Token {
        let token = self.tokens[self.at].clone();
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        token
    }

    fn unexpected(&self, expected: &str) -> String {
        let found = match self.peek() {
            Token::Word(word) => word.as_str(),
            Token::Sign(sign) => sign,
            Token::End => "",
        };
        format!("unable to parse requirement: found '{found}', expected: {expected}")
    }

    fn word(&mut self) -> Result<String, String> {
        match self.peek().clone() {
            Token::Word(word) => {
                self.next();
                Ok(word)
            }
            _ => Err(self.unexpected("identifier")),
        }
    }

    /// The value after `=`: may be empty.
    fn value(&mut self) -> Result<String, String> {
        match self.peek() {
            Token::End | Token::Sign(",") => Ok(String::new()),
            _ => self.word(),
        }
    }

    fn set(&mut self) -> Result<Vec<String>, String> {
        if *self.peek() != Token::Sign("(") {
            return Err(self.unexpected("'('"));
        }
        self.next();
        let mut values = Vec::new();
        loop {
            match self.peek().clone() {
                Token::Word(word) => {
                    self.next();
                    values.push(word);
                }
                Token::Sign("," | ")") => values.push(String::new()),
                _ => return Err(self.unexpected("',', ')' or identifier")),
            }
            match self.next() {
                Token::Sign(",") => {}
                Token::Sign(")") => return Ok(values),
                _ => {
                    self.at = self.at.saturating_sub(1);
                    return Err(self.unexpected("',' or ')'"));
                }
            }
        }
    }

    fn number(&mut self) -> Result<i64, String> {
        let word = self.word()?;
        word.parse().map_err(|_| "for 'Gt', 'Lt' operators, the value must be an integer".to_owned())
    }

    fn requirement(&mut self) -> Result<(String, Test), String> {
        if *self.peek() == Token::Sign("!") {
            self.next();
            return Ok((self.word()?, Test::Absent));
        }
        let key = self.word()?;
        let test = match self.peek().clone() {
            Token::End | Token::Sign(",") => Test::Exists,
            Token::Sign("=" | "==") => {
                self.next();
                Test::In(vec![self.value()?])
            }
            Token::Sign("!=") => {
                self.next();
                Test::NotIn(vec![self.value()?])
            }
            Token::Sign(">") => {
                self.next();
                Test::Greater(self.number()?)
            }
            Token::Sign("<") => {
                self.next();
                Test::Less(self.number()?)
            }
            Token::Word(word) if word == "in" => {
                self.next();
                Test::In(self.set()?)
            }
            Token::Word(word) if word == "notin" => {
                self.next();
                Test::NotIn(self.set()?)
            }
            _ => return Err(self.unexpected("in, notin, =, ==, !=, gt, lt")),
        };
        Ok((key, test))
    }
}

impl Labels {
    /// Reads a selector such as `app=web,tier in (a,b),!old`.
    pub(crate) fn parse(text: &str) -> Result<Self, Status> {
        let mut parser = Parser { tokens: tokens(text), at: 0 };
        let mut all = Vec::new();
        if *parser.peek() == Token::End {
            return Ok(Self(all));
        }
        loop {
            all.push(parser.requirement().map_err(Status::bad_request)?);
            match parser.next() {
                Token::End => return Ok(Self(all)),
                Token::Sign(",") => {}
                _ => {
                    parser.at = parser.at.saturating_sub(1);
                    let message = parser.unexpected("',' or 'end of string'");
                    let message = message.replace("unable to parse requirement: ", "");
                    return Err(Status::bad_request(message));
                }
            }
        }
    }

    fn matches(&self, object: &StoredObject) -> bool {
        self.accepts(|key| object.labels.iter().find(|(label, _)| **label == *key).map(|(_, value)| &**value))
    }

    /// Whether labels are selected, of which `value` gives the value by key.
    pub(crate) fn accepts<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.0.iter().all(|(key, test)| {
            let value = value(key);
            match test {
                Test::Exists => value.is_some(),
                Test::Absent => value.is_none(),
                Test::In(values) => value.is_some_and(|value| values.iter().any(|v| v == value)),
                Test::NotIn(values) => value.is_none_or(|value| values.iter().all(|v| v != value)),
                Test::Greater(than) => number(value).is_some_and(|value| value > *than),
                Test::Less(than) => number(value).is_some_and(|value| value < *than),
            }
        })
    }
}

fn number(value: Option<&str>) -> Option<i64> {
    value?.parse().ok()
}

/// Fields that may be selected besides name and namespace, by resource.
fn selectable(resource: &ServedResource) -> &'static [&'static str] {
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "namespaces") => &["status.phase"],
        ("", "pods") => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        ("", "secrets") => &["type"],
        ("", "services") => &["spec.clusterIP", "spec.type"],
        ("", "nodes") => &["spec.unschedulable"],
        ("", "events") => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        ("apps", "replicasets") => &["status.replicas"],
        ("batch", "jobs") => &["status.successful"],
        _ => &[],
    }
}

impl FieldSelector {
    /// Reads a selector such as `metadata.name=web,status.phase!=Active`, for that resource.
    pub(crate) fn parse(text: &str, resource: &ServedResource) -> Result<Self, Status> {
        let mut all = Vec::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (path, equal, value) = if let Some((path, value)) = part.split_once("!=") {
                (path, false, value)
            } else if let Some((path, value)) = part.split_once("==") {
                (path, true, value)
            } else if let Some((path, value)) = part.split_once('=') {
                (path, true, value)
            } else {
                return Err(Status::bad_request(format!("invalid selector: '{text}'; can't understand '{part}'")));
            };
            let path = path.trim();
            let known = ["metadata.name", "metadata.namespace"].contains(&path)
                || selectable(resource).contains(&path)
                || resource.custom.as_ref().is_some_and(|custom| custom.selectable(&resource.version, path));
            if !known {
                return Err(Status::bad_request(format!("field label not supported: {path}")));
            }
            all.push((path.to_owned(), equal, value.trim().to_owned()));
        }
        Ok(Self(all))
    }

    /// The one name that is asked for, if any.
    pub(crate) fn name(&self) -> Option<&str> {
        self.0.iter().find(|(path, equal, _)| path == "metadata.name" && *equal).map(|(_, _, value)| value.as_str())
    }

    fn matches(&self, key: &Key, object: &StoredObject) -> bool {
        self.0.iter().all(|(path, equal, wanted)| {
            let found = match path.as_str() {
                "metadata.name" => *key.name == **wanted,
                "metadata.namespace" => *key.namespace == **wanted,
                _ => field(object, path) == *wanted,
            };
            found == *equal
        })
    }
}

fn field(object: &StoredObject, path: &str) -> String {
    let body = Value::Object(object.body());
    let pointer = format!("/{}", path.replace('.', "/"));
    match body.pointer(&pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chosen(selector: &str, labels: &Value) -> bool {
        let body = json!({"metadata": {"labels": labels}});
        let stored = StoredObject::new(body.as_object().cloned().unwrap_or_default(), 1);
        Labels::parse(selector).unwrap().matches(&stored)
    }

    #[test]
    fn labels_are_selected_by_equality_and_by_sets() {
        let labels = json!({"a": "1", "b": "x", "n": "7"});
        for selector in
            ["", "a", "a=1", "a==1,b=x", "b in (x, y)", "b notin (z)", "!c", "c!=1", "n>6,n<8", "c notin (1)"]
        {
            assert!(chosen(selector, &labels), "{selector}");
        }
        for selector in ["c", "a=2", "a!=1", "b notin (x,y)", "!a", "b in ()", "n>7", "a="] {
            assert!(!chosen(selector, &labels), "{selector}");
        }
    }

    #[test]
    fn a_bad_selector_is_refused_in_the_words_of_the_server() {
        let status = Labels::parse("half===x").unwrap_err();
        assert_eq!(status.code, 400);
        assert_eq!(status.message, "unable to parse requirement: found '=', expected: identifier");
        for selector in ["a in b", "a in (b", "=", "a b", "a>x", "(a)"] {
            assert!(Labels::parse(selector).is_err(), "{selector}");
        }
    }
}
