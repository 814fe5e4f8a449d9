//! What the types of built-in kinds say: items that a list holds once, whoever said them; words of a closed list; whole
//! numbers that fit in 32 bits.

use serde_json::Value;

use super::{Held, LIMIT, TWICE};
use crate::finding::{Finding, Findings};
use crate::merge::{List, ListKind, ScalarKind, TypeId, TypeRef, TypeShape};
use crate::render::tree::push_escaped;
use crate::schema::suggest::nearest;

/// Whether something was found: the API server reads no further then.
pub(super) fn check(held: &Held, facts: &TypeRef, findings: &mut Findings) -> bool {
    let before = findings.len();
    Walk { held, facts, findings }.value(facts.root(), held.body, &mut String::new());
    findings.len() > before
}

/// The finding about an item that stands a second time; `keys` are the fields that tell items apart, `list` its name.
pub(super) fn finding(held: &Held, item: &str, list: &str, keys: &str, places: (&str, &str)) -> Finding {
    let (kind, name) = (&held.id.kind, &held.id.name);
    let (first, second) = (held.span(places.0), held.span(places.1));
    let title = format!("`{item}` stands twice in `{list}` of {kind} `{name}`");
    let mut finding = Finding::refused(TWICE, title, second);
    if first != second {
        finding = finding.label("said again").also(first, "said here first");
    }
    let why = match keys {
        "" => "each stands there once".to_owned(),
        keys => format!("what stands there is told apart by its {keys}: the API server takes each once"),
    };
    finding.why(why).help("leave one of the two out, or call it otherwise")
}

struct Walk<'a> {
    held: &'a Held<'a>,
    facts: &'a TypeRef,
    findings: &'a mut Findings,
}

impl Walk<'_> {
    fn value(&mut self, id: TypeId, value: &Value, pointer: &mut String) {
        let length = pointer.len();
        match (&self.facts.table().get(id).shape, value) {
            (TypeShape::Map(object), Value::Object(entries)) => {
                for (name, value) in entries {
                    let Some(id) = object.child(name).filter(|id| self.concerns(*id, value)) else { continue };
                    pointer.push('/');
                    push_escaped(pointer, name);
                    self.value(id, value, pointer);
                    pointer.truncate(length);
                }
            }
            (TypeShape::List(list), Value::Array(items)) => {
                self.twins(list, items, pointer);
                for (at, item) in items.iter().enumerate() {
                    if !self.concerns(list.items, item) {
                        continue;
                    }
                    pointer.push('/');
                    pointer.push_str(&at.to_string());
                    self.value(list.items, item, pointer);
                    pointer.truncate(length);
                }
            }
            (_, Value::String(word)) => self.word(word, &self.facts.table().get(id).allowed, pointer),
            (_, Value::Number(number)) => self.number(number, pointer),
            _ => {}
        }
    }

    /// Whether something may be found in a value: a scalar is looked at here already.
    fn concerns(&self, id: TypeId, value: &Value) -> bool {
        let of = self.facts.table().get(id);
        match value {
            Value::Object(_) | Value::Array(_) => true,
            Value::String(word) => {
                !of.allowed.is_empty() && !word.is_empty() && !of.allowed.iter().any(|known| **known == **word)
            }
            Value::Number(number) => {
                matches!(of.shape, TypeShape::Scalar(ScalarKind::SmallInteger))
                    && number.as_i64().is_none_or(|number| i32::try_from(number).is_err())
            }
            Value::Null | Value::Bool(_) => false,
        }
    }

    fn word(&mut self, word: &str, allowed: &[Box<str>], pointer: &str) {
        let (kind, name) = (&self.held.id.kind, &self.held.id.name);
        let field = pointer.rsplit('/').next().unwrap_or_default();
        let title = format!("`{field}` of {kind} `{name}` cannot be `{word}`");
        let known: Vec<String> = allowed.iter().map(|known| format!("`{known}`")).collect();
        let mut finding =
            Finding::refused(LIMIT, title, self.held.span(pointer)).why(format!("it is one of {}", known.join(", ")));
        finding = match nearest(word, allowed.iter().map(|known| &**known)) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding.help("write one of those"),
        };
        self.findings.push(finding);
    }

    fn number(&mut self, number: &serde_json::Number, pointer: &str) {
        let (kind, name) = (&self.held.id.kind, &self.held.id.name);
        let field = pointer.rsplit('/').next().unwrap_or_default();
        let title = format!("`{field}` of {kind} `{name}` cannot be `{number}`");
        let finding = Finding::refused(LIMIT, title, self.held.span(pointer))
            .why(format!("Kubernetes holds whole numbers from {} to {} there", i32::MIN, i32::MAX))
            .help("write a smaller number");
        self.findings.push(finding);
    }

    fn twins(&mut self, list: &List, items: &[Value], pointer: &str) {
        let keys = match &list.kind {
            ListKind::Atomic => return,
            ListKind::Set => None,
            ListKind::Map(keys) => Some(keys),
        };
        if items.len() < 2 {
            return;
        }
        let key_of = |item: &Value| match keys {
            None => text(item),
            Some(keys) => {
                let of = |(key, default): &(Box<str>, Option<Value>)| {
                    item.get(&**key).or(default.as_ref()).map(text).unwrap_or_default()
                };
                keys.iter().map(of).collect::<Vec<_>>().join("/")
            }
        };
        let mut order: Vec<(String, usize)> = items.iter().map(key_of).zip(0..).collect();
        order.sort_unstable();
        let named = keys.map_or_else(String::new, |keys| {
            keys.iter().map(|(key, _)| format!("`{key}`")).collect::<Vec<_>>().join(" and ")
        });
        for pair in order.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            let places = (format!("{pointer}/{}", pair[0].1), format!("{pointer}/{}", pair[1].1));
            let list = pointer.rsplit('/').next().unwrap_or_default();
            let finding = finding(self.held, &pair[1].0, list, &named, (&places.0, &places.1));
            self.findings.push(finding);
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
