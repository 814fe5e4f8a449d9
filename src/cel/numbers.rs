//! Arithmetic, with the server's errors where a result does not fit.

use kube::core::cel::cel::common::ast::operators;

use super::evaluate::{Answer, Fault, error, no_overload};
use super::values::{Value, from_library};

const OVERFLOW: &str = "integer overflow";
const UNSIGNED_OVERFLOW: &str = "unsigned integer overflow";

/// The negative of a number.
pub(super) fn negated(value: &Value) -> Answer {
    match value {
        Value::Int(value) => value.checked_neg().map(Value::Int).ok_or_else(|| error(OVERFLOW)),
        Value::Double(value) => Ok(Value::Double(-value)),
        _ => Err(no_overload()),
    }
}

/// The result of an operator of arithmetic.
pub(super) fn calculated(operator: &str, one: &Value, two: &Value) -> Answer {
    match (one, two) {
        (Value::Int(one), Value::Int(two)) => int(operator, *one, *two),
        (Value::Uint(one), Value::Uint(two)) => uint(operator, *one, *two),
        (Value::Double(one), Value::Double(two)) => match operator {
            operators::ADD => Ok(Value::Double(one + two)),
            operators::SUBSTRACT => Ok(Value::Double(one - two)),
            operators::MULTIPLY => Ok(Value::Double(one * two)),
            operators::DIVIDE => Ok(Value::Double(one / two)),
            _ => Err(no_overload()),
        },
        (Value::Library(one), Value::Library(two)) => {
            let (one, two) = (one.clone(), two.clone());
            let result = match operator {
                operators::ADD => one + two,
                operators::SUBSTRACT => one - two,
                _ => return Err(no_overload()),
            };
            result.map(from_library).map_err(|failed| match failed {
                kube::core::cel::cel::ExecutionError::UnsupportedBinaryOperator(..) => no_overload(),
                other => Fault::Error(other.to_string()),
            })
        }
        _ => Err(no_overload()),
    }
}

fn int(operator: &str, one: i64, two: i64) -> Answer {
    let result = match operator {
        operators::ADD => one.checked_add(two),
        operators::SUBSTRACT => one.checked_sub(two),
        operators::MULTIPLY => one.checked_mul(two),
        operators::DIVIDE if two == 0 => return Err(error("division by zero")),
        operators::DIVIDE => one.checked_div(two),
        _ if two == 0 => return Err(error("modulus by zero")),
        _ => one.checked_rem(two),
    };
    result.map(Value::Int).ok_or_else(|| error(OVERFLOW))
}

fn uint(operator: &str, one: u64, two: u64) -> Answer {
    let result = match operator {
        operators::ADD => one.checked_add(two),
        operators::SUBSTRACT => one.checked_sub(two),
        operators::MULTIPLY => one.checked_mul(two),
        operators::DIVIDE if two == 0 => return Err(error("division by zero")),
        operators::DIVIDE => one.checked_div(two),
        _ if two == 0 => return Err(error("modulus by zero")),
        _ => one.checked_rem(two),
    };
    result.map(Value::Uint).ok_or_else(|| error(UNSIGNED_OVERFLOW))
}
