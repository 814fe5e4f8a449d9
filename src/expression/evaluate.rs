//! Values of expressions. Total: what the checker could not know is absent, and what touches it is absent, too.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::budget::{Budget, Meter, work_of_copy, work_of_value};
use super::check::literal_quantity;
use super::operations::{self, add, compare, equal, extreme, member, multiply, subtract};
use super::template::as_text;
use super::tree::{Expr, ExprKind, Function, Operator, Walk};
use super::{Expression, Text, Value};

/// Names with their values, and what evaluation under them may cost together. Cheap to clone: all of it is shared.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    names: Arc<BTreeMap<String, Arc<Value>>>,
    budget: Arc<Budget>,
}

impl Environment {
    pub(crate) fn new() -> Self {
        Self { names: Arc::default(), budget: Arc::new(Budget::of_app()) }
    }

    /// The same names within another budget.
    #[must_use]
    pub(crate) fn within(self, budget: &Arc<Budget>) -> Self {
        Self { budget: Arc::clone(budget), ..self }
    }

    /// What may still be spent.
    pub(crate) fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// With one more name.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: Value) -> Self {
        Arc::make_mut(&mut self.names).insert(name.to_owned(), Arc::new(value));
        self
    }
}

/// A value with the values of the parts that made it: "`settings.office` is `none`".
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ExplainedValue {
    /// The value of the whole.
    pub(crate) value: Value,
    /// Each path and call in it, as written canonically, with its value, in reading order.
    pub(crate) parts: Vec<(String, Value)>,
}

impl ExplainedValue {
    /// The parts as one line: "`settings.office` is `none`, `settings.scale.max` is 3".
    pub(crate) fn parts_line(&self) -> String {
        let parts = self.parts.iter().take(MOST_PARTS);
        let shown = parts.map(|(part, value)| format!("`{part}` is {}", shortened(value)));
        let more = self.parts.len().checked_sub(MOST_PARTS + 1).map(|more| format!("and {} more", more + 1));
        shown.chain(more).collect::<Vec<_>>().join(", ")
    }
}

/// The most parts that a message shows, and the most bytes of each.
const MOST_PARTS: usize = 20;
const LONGEST_PART: usize = 400;

/// A value as a message shows it.
fn shortened(value: &Value) -> String {
    let mut shown = Shortened(String::new());
    if write!(shown, "{value}").is_err() {
        shown.0.push('…');
    }
    shown.0
}

/// Takes so much of a text, and fails then, so that no more of it is made.
struct Shortened(String);

impl std::fmt::Write for Shortened {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let room = LONGEST_PART.saturating_sub(self.0.len());
        let end = text.char_indices().map(|(at, letter)| at + letter.len_utf8()).take_while(|end| *end <= room).last();
        self.0.push_str(&text[..end.unwrap_or(0)]);
        if text.len() <= room { Ok(()) } else { Err(std::fmt::Error) }
    }
}

/// The value of an expression. Under the types it was checked with it is never absent, except where the checker let
/// an optional value pass (inside `has`) or could not know ([`super::Type::Any`]), and where it costs too much.
pub(crate) fn evaluate(expression: &Expression, environment: &Environment) -> Value {
    let meter = environment.budget.meter();
    let value = value(&expression.root, &Locals { environment, meter: &meter, bound: None });
    if environment.budget.settle(&meter, expression.span) { value } else { Value::Absent }
}

/// The value and those of its parts, for messages.
pub(crate) fn evaluate_explained(expression: &Expression, environment: &Environment) -> ExplainedValue {
    let meter = environment.budget.meter();
    let locals = Locals { environment, meter: &meter, bound: None };
    let value = value(&expression.root, &locals);
    let mut parts = Vec::new();
    collect_parts(&expression.root, &locals, &mut parts);
    let sound = environment.budget.settle(&meter, expression.span);
    ExplainedValue { value: if sound { value } else { Value::Absent }, parts }
}

fn collect_parts(tree: &Expr, locals: &Locals, parts: &mut Vec<(String, Value)>) {
    let telling = tree.is_path() || matches!(tree.kind, ExprKind::Call(function, _) if function != Function::Quantity);
    if telling || matches!(tree.kind, ExprKind::Each(..)) {
        // What `has` asked about says more than its answer.
        let shown = match &tree.kind {
            ExprKind::Call(Function::Has, arguments) => &arguments[0],
            _ => tree,
        };
        let name = shown.to_string();
        if !parts.iter().any(|(known, _)| *known == name) {
            parts.push((name, value(shown, locals)));
        }
        return;
    }
    for part in tree.kind.parts() {
        collect_parts(part, locals, parts);
    }
}

/// The environment and the names that walks bind, innermost first.
#[derive(Clone, Copy)]
struct Locals<'a> {
    environment: &'a Environment,
    meter: &'a Meter,
    bound: Option<&'a Bound<'a>>,
}

struct Bound<'a> {
    name: &'a str,
    value: &'a Value,
    outer: Option<&'a Bound<'a>>,
}

impl Locals<'_> {
    fn find(&self, name: &str) -> Option<&Value> {
        let mut next = self.bound;
        while let Some(bound) = next {
            if bound.name == name {
                return Some(bound.value);
            }
            next = bound.outer;
        }
        self.environment.names.get(name).map(|value| &**value)
    }

    /// A copy of what a path leads to.
    fn copied(&self, tree: &Expr) -> Value {
        let found = self.path(tree);
        found.filter(|value| self.meter.spend(work_of_copy(value))).cloned().unwrap_or(Value::Absent)
    }

    /// A path without copying what it passes through.
    fn path(&self, tree: &Expr) -> Option<&Value> {
        match &tree.kind {
            ExprKind::Name(name) => self.find(name),
            ExprKind::Field(of, name) => match self.path(of)? {
                Value::Map(entries) => entries.get(&**name),
                _ => None,
            },
            ExprKind::Index(of, at) => match (self.path(of)?, value(at, self)) {
                (Value::Map(_), Value::Text(key)) if !self.meter.spend_text(key.text.len()) => None,
                (Value::Map(entries), Value::Text(key)) => entries.get(&*key.text),
                (Value::List(items), Value::Int(at)) => usize::try_from(at).ok().and_then(|at| items.get(at)),
                _ => None,
            },
            _ => None,
        }
    }
}

fn value(tree: &Expr, locals: &Locals) -> Value {
    if !locals.meter.spend(1) {
        return Value::Absent;
    }
    match &tree.kind {
        ExprKind::Bool(value) => Value::Bool(*value),
        ExprKind::Int(value) => Value::Int(*value),
        ExprKind::Text(text) if locals.meter.spend_text(text.len()) => Value::text(text),
        ExprKind::Text(_) => Value::Absent,
        ExprKind::List(items) => Value::List(items.iter().map(|item| value(item, locals)).collect()),
        ExprKind::Name(_) => locals.copied(tree),
        ExprKind::Field(..) | ExprKind::Index(..) if tree.is_path() => locals.copied(tree),
        ExprKind::Field(of, name) => value(of, locals).field(name),
        ExprKind::Index(of, at) => element(&value(of, locals), &value(at, locals)),
        ExprKind::Not(of) => match value(of, locals) {
            Value::Bool(value) => Value::Bool(!value),
            _ => Value::Absent,
        },
        ExprKind::Binary(operator, left, right) => binary(*operator, left, right, locals),
        ExprKind::Choose(condition, yes, no) => match value(condition, locals) {
            Value::Bool(true) => value(yes, locals),
            Value::Bool(false) => value(no, locals),
            _ => Value::Absent,
        },
        ExprKind::Call(function, arguments) => call(*function, arguments, locals),
        ExprKind::Each(walk, of, name, body) => each(*walk, &value(of, locals), name, body, locals),
    }
}

fn element(of: &Value, at: &Value) -> Value {
    match (of, at) {
        (Value::List(items), Value::Int(at)) => {
            usize::try_from(*at).ok().and_then(|at| items.get(at)).cloned().unwrap_or(Value::Absent)
        }
        (Value::Map(_), Value::Text(key)) => of.field(&key.text),
        _ => Value::Absent,
    }
}

fn binary(operator: Operator, left: &Expr, right: &Expr, locals: &Locals) -> Value {
    let left = value(left, locals);
    if let Operator::And | Operator::Or = operator {
        // `false && …` and `true || …` are decided by the one side that is known, whichever it is.
        let decided = Value::Bool(operator == Operator::Or);
        if left == decided {
            return decided;
        }
        let right = value(right, locals);
        return match (&left, &right) {
            (Value::Bool(_), Value::Bool(_)) => right,
            _ if right == decided => decided,
            _ => Value::Absent,
        };
    }
    let right = value(right, locals);
    if left == Value::Absent || right == Value::Absent || !locals.meter.spend(operations::work(operator, &left, &right))
    {
        return Value::Absent;
    }
    match operator {
        Operator::Equal => Value::Bool(equal(&left, &right)),
        Operator::Unequal => Value::Bool(!equal(&left, &right)),
        Operator::Less | Operator::AtMost | Operator::More | Operator::AtLeast => compare(operator, &left, &right),
        Operator::In => member(&left, &right),
        Operator::Plus => add(left, right),
        Operator::Minus => subtract(&left, &right),
        Operator::Times => multiply(&left, &right),
        Operator::And | Operator::Or => Value::Absent,
    }
}

fn call(function: Function, arguments: &[Expr], locals: &Locals) -> Value {
    let first = &arguments[0];
    match function {
        Function::Has => Value::Bool(value(first, locals) != Value::Absent),
        Function::Quantity => literal_quantity(first).map_or(Value::Absent, Value::Quantity),
        Function::Size => size(&value(first, locals), locals.meter),
        Function::Lower => match value(first, locals) {
            Value::Text(text) if locals.meter.spend_text(text.text.len()) => {
                Value::Text(Text { text: text.text.to_lowercase().into(), ..text })
            }
            _ => Value::Absent,
        },
        Function::Join => join(&value(first, locals), &value(&arguments[1], locals), locals.meter),
        Function::Hash => {
            let values: Vec<Value> = arguments.iter().map(|argument| value(argument, locals)).collect();
            let work = values.iter().map(work_of_value).sum();
            if locals.meter.spend(work) { hash(values.into_iter()) } else { Value::Absent }
        }
        Function::Min | Function::Max => {
            let values: Vec<Value> = arguments.iter().map(|argument| value(argument, locals)).collect();
            if !locals.meter.spend(values.iter().map(work_of_value).sum()) {
                return Value::Absent;
            }
            match &values[..] {
                [Value::List(items)] => extreme(function, items),
                values => extreme(function, values),
            }
        }
    }
}

fn size(of: &Value, meter: &Meter) -> Value {
    let count = match of {
        Value::Text(text) if !meter.spend_text(text.text.len()) => return Value::Absent,
        Value::List(items) => items.len(),
        Value::Map(entries) => entries.len(),
        Value::Text(text) => text.text.chars().count(),
        _ => return Value::Absent,
    };
    Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

fn join(list: &Value, separator: &Value, meter: &Meter) -> Value {
    let (Value::List(items), Value::Text(separator)) = (list, separator) else { return Value::Absent };
    let mut whole = Text { text: "".into(), from_garden: separator.from_garden };
    let mut joined = String::new();
    for (at, item) in items.iter().enumerate() {
        let Some(text) = as_text(item) else { return Value::Absent };
        if !meter.spend_text(text.text.len() + separator.text.len()) {
            return Value::Absent;
        }
        if at > 0 {
            joined.push_str(&separator.text);
        }
        joined.push_str(&text.text);
        whole.from_garden |= text.from_garden;
    }
    whole.text = joined.into();
    Value::Text(whole)
}

/// The first ten hexadecimal characters of the SHA-256 of the values as canonical JSON.
fn hash(values: impl Iterator<Item = Value>) -> Value {
    let json: serde_json::Value = values.map(|value| value.to_json()).collect();
    let digest = ring::digest::digest(&ring::digest::SHA256, json.to_string().as_bytes());
    let mut text = String::new();
    for byte in &digest.as_ref()[..5] {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
    }
    Value::text(&text)
}

fn each(walk: Walk, of: &Value, name: &str, body: &Expr, locals: &Locals) -> Value {
    let keys: Vec<Value>;
    let elements: &[Value] = match of {
        Value::List(items) => items,
        Value::Map(entries) => {
            keys = entries.keys().map(|key| Value::garden_text(key)).collect();
            &keys
        }
        _ => return Value::Absent,
    };
    // The rest of a walk that costs too much is nothing.
    let results = elements.iter().map_while(|element| {
        let bound = Bound { name, value: element, outer: locals.bound };
        locals.meter.spend(1).then(|| value(body, &Locals { bound: Some(&bound), ..*locals }))
    });
    let results: Vec<Value> = results.collect();
    match walk {
        Walk::Map => Value::List(results),
        Walk::Filter => Value::List(
            elements
                .iter()
                .zip(&results)
                .filter(|(_, keep)| **keep == Value::Bool(true))
                .map(|(e, _)| e.clone())
                .collect(),
        ),
        Walk::Exists | Walk::All => decide(walk == Walk::Exists, &results),
    }
}

/// `exists` is decided by one true, `all` by one false; otherwise one absent leaves it absent.
fn decide(decisive: bool, results: &[Value]) -> Value {
    if results.contains(&Value::Bool(decisive)) {
        Value::Bool(decisive)
    } else if results.iter().all(|result| matches!(result, Value::Bool(_))) {
        Value::Bool(!decisive)
    } else {
        Value::Absent
    }
}
