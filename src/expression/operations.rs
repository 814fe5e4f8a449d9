//! What operators yield for values; what has no meaning is absent.

use super::budget::work_of_value;
use super::tree::{Function, Operator};
use super::{Text, Value};
use crate::quantity::Quantity;

/// What an operator costs: a comparison goes through both texts, a sum copies them.
pub(super) fn work(operator: Operator, left: &Value, right: &Value) -> u64 {
    match operator {
        Operator::Plus => work_of_value(left) + work_of_value(right),
        Operator::In => work_of_value(right),
        Operator::Minus | Operator::Times | Operator::And | Operator::Or => 1,
        _ => work_of_value(left).min(work_of_value(right)),
    }
}

/// Equality of meaning: where a text came from does not count.
pub(super) fn equal(left: &Value, right: &Value) -> bool {
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

pub(super) fn compare(operator: Operator, left: &Value, right: &Value) -> Value {
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

pub(super) fn member(element: &Value, container: &Value) -> Value {
    match (element, container) {
        (element, Value::List(items)) => Value::Bool(items.iter().any(|item| equal(item, element))),
        (Value::Text(key), Value::Map(entries)) => Value::Bool(entries.contains_key(&*key.text)),
        _ => Value::Absent,
    }
}

pub(super) fn add(left: Value, right: Value) -> Value {
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
pub(super) fn subtract(left: &Value, right: &Value) -> Value {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => Value::Int(a.saturating_sub(*b)),
        (Value::Quantity(a), Value::Quantity(b)) if a.dimension == b.dimension => {
            Value::Quantity(Quantity { amount: a.amount.saturating_sub(b.amount), ..*a })
        }
        _ => Value::Absent,
    }
}

pub(super) fn multiply(left: &Value, right: &Value) -> Value {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => Value::Int(a.saturating_mul(*b)),
        (Value::Quantity(amount), Value::Int(factor)) | (Value::Int(factor), Value::Quantity(amount)) => {
            Value::Quantity(amount.times(u64::try_from(*factor).unwrap_or(0)))
        }
        _ => Value::Absent,
    }
}

pub(super) fn extreme(function: Function, values: &[Value]) -> Value {
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
