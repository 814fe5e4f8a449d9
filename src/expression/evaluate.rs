//! Values of expressions. Total: what the checker could not know is absent, and what touches it is absent, too.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::check::literal_quantity;
use super::template::as_text;
use super::tree::{Expr, ExprKind, Function, Operator, Walk};
use super::{Expression, Text, Value};
use crate::quantity::Quantity;

/// Names with their values. Cheap to clone: the values are shared.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Environment {
    names: Arc<BTreeMap<String, Arc<Value>>>,
}

impl Environment {
    pub(crate) fn new() -> Self {
        Self::default()
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
        let shown: Vec<String> = self.parts.iter().map(|(part, value)| format!("`{part}` is {value}")).collect();
        shown.join(", ")
    }
}

/// The value of an expression. Under the types it was checked with it is never absent, except where the checker let
/// an optional value pass (inside `has`) or could not know ([`super::Type::Any`]).
pub(crate) fn evaluate(expression: &Expression, environment: &Environment) -> Value {
    value(&expression.root, &Locals { environment, bound: None })
}

/// The value and those of its parts, for messages.
pub(crate) fn evaluate_explained(expression: &Expression, environment: &Environment) -> ExplainedValue {
    let locals = Locals { environment, bound: None };
    let mut parts = Vec::new();
    collect_parts(&expression.root, &locals, &mut parts);
    ExplainedValue { value: value(&expression.root, &locals), parts }
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

    /// A path without copying what it passes through.
    fn path(&self, tree: &Expr) -> Option<&Value> {
        match &tree.kind {
            ExprKind::Name(name) => self.find(name),
            ExprKind::Field(of, name) => match self.path(of)? {
                Value::Map(entries) => entries.get(&**name),
                _ => None,
            },
            ExprKind::Index(of, at) => match (self.path(of)?, value(at, self)) {
                (Value::Map(entries), Value::Text(key)) => entries.get(&*key.text),
                (Value::List(items), Value::Int(at)) => usize::try_from(at).ok().and_then(|at| items.get(at)),
                _ => None,
            },
            _ => None,
        }
    }
}

fn value(tree: &Expr, locals: &Locals) -> Value {
    match &tree.kind {
        ExprKind::Bool(value) => Value::Bool(*value),
        ExprKind::Int(value) => Value::Int(*value),
        ExprKind::Text(text) => Value::text(text),
        ExprKind::List(items) => Value::List(items.iter().map(|item| value(item, locals)).collect()),
        ExprKind::Name(_) => locals.path(tree).cloned().unwrap_or(Value::Absent),
        ExprKind::Field(..) | ExprKind::Index(..) if tree.is_path() => {
            locals.path(tree).cloned().unwrap_or(Value::Absent)
        }
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
    if left == Value::Absent || right == Value::Absent {
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

/// Equality of meaning: where a text came from does not count.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Text(a), Value::Text(b)) => a.text == b.text,
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((k, a), (l, b))| k == l && equal(a, b))
        }
        // An amount against the spelling that rendered objects have.
        (Value::Quantity(quantity), Value::Text(text)) | (Value::Text(text), Value::Quantity(quantity)) => {
            quantity.canonical() == *text.text
        }
        (left, right) => left == right,
    }
}

fn compare(operator: Operator, left: &Value, right: &Value) -> Value {
    let order = match (left, right) {
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.text.cmp(&b.text),
        (Value::Quantity(a), Value::Quantity(b)) if a.dimension == b.dimension => a.amount.cmp(&b.amount),
        _ => return Value::Absent,
    };
    Value::Bool(match operator {
        Operator::Less => order.is_lt(),
        Operator::AtMost => order.is_le(),
        Operator::More => order.is_gt(),
        _ => order.is_ge(),
    })
}

fn member(element: &Value, container: &Value) -> Value {
    match (element, container) {
        (element, Value::List(items)) => Value::Bool(items.iter().any(|item| equal(item, element))),
        (Value::Text(key), Value::Map(entries)) => Value::Bool(entries.contains_key(&*key.text)),
        _ => Value::Absent,
    }
}

fn add(left: Value, right: Value) -> Value {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => Value::Int(a.saturating_add(b)),
        (Value::Text(a), Value::Text(b)) => Value::Text(Text {
            text: format!("{}{}", a.text, b.text).into(),
            from_garden: a.from_garden || b.from_garden,
        }),
        (Value::Quantity(a), Value::Quantity(b)) if a.dimension == b.dimension => {
            Value::Quantity(Quantity { amount: a.amount.saturating_add(b.amount), ..a })
        }
        (Value::List(mut a), Value::List(b)) => {
            a.extend(b);
            Value::List(a)
        }
        _ => Value::Absent,
    }
}

/// Amounts stop at nothing.
fn subtract(left: &Value, right: &Value) -> Value {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => Value::Int(a.saturating_sub(*b)),
        (Value::Quantity(a), Value::Quantity(b)) if a.dimension == b.dimension => {
            Value::Quantity(Quantity { amount: a.amount.saturating_sub(b.amount), ..*a })
        }
        _ => Value::Absent,
    }
}

fn multiply(left: &Value, right: &Value) -> Value {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => Value::Int(a.saturating_mul(*b)),
        (Value::Quantity(amount), Value::Int(factor)) | (Value::Int(factor), Value::Quantity(amount)) => {
            Value::Quantity(amount.times(u64::try_from(*factor).unwrap_or(0)))
        }
        _ => Value::Absent,
    }
}

fn call(function: Function, arguments: &[Expr], locals: &Locals) -> Value {
    let first = &arguments[0];
    match function {
        Function::Has => Value::Bool(value(first, locals) != Value::Absent),
        Function::Quantity => literal_quantity(first).map_or(Value::Absent, Value::Quantity),
        Function::Size => size(&value(first, locals)),
        Function::Lower => match value(first, locals) {
            Value::Text(text) => Value::Text(Text { text: text.text.to_lowercase().into(), ..text }),
            _ => Value::Absent,
        },
        Function::Join => join(&value(first, locals), &value(&arguments[1], locals)),
        Function::Hash => hash(arguments.iter().map(|argument| value(argument, locals))),
        Function::Min | Function::Max => {
            let values: Vec<Value> = arguments.iter().map(|argument| value(argument, locals)).collect();
            match &values[..] {
                [Value::List(items)] => extreme(function, items),
                values => extreme(function, values),
            }
        }
    }
}

fn size(of: &Value) -> Value {
    let count = match of {
        Value::List(items) => items.len(),
        Value::Map(entries) => entries.len(),
        Value::Text(text) => text.text.chars().count(),
        _ => return Value::Absent,
    };
    Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

fn join(list: &Value, separator: &Value) -> Value {
    let (Value::List(items), Value::Text(separator)) = (list, separator) else { return Value::Absent };
    let mut whole = Text { text: "".into(), from_garden: separator.from_garden };
    let mut joined = String::new();
    for (at, item) in items.iter().enumerate() {
        let Some(text) = as_text(item) else { return Value::Absent };
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

fn extreme(function: Function, values: &[Value]) -> Value {
    let better = if function == Function::Min { Operator::Less } else { Operator::More };
    let mut best: Option<&Value> = None;
    for next in values {
        match best.map(|best| compare(better, next, best)) {
            None | Some(Value::Bool(true)) => best = Some(next),
            Some(Value::Bool(false)) => {}
            Some(_) => return Value::Absent,
        }
    }
    best.cloned().unwrap_or(Value::Absent)
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
    let results = elements.iter().map(|element| {
        let bound = Bound { name, value: element, outer: locals.bound };
        value(body, &Locals { environment: locals.environment, bound: Some(&bound) })
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
