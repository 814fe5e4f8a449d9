//! Arithmetic, with the server's errors where a result does not fit.

use kube::core::cel::cel::common::ast::operators;

use super::evaluate::{Evaluated, EvaluationFault, error, no_overload};
use super::values::{CelValue, from_library};

const OVERFLOW: &str = "integer overflow";
const UNSIGNED_OVERFLOW: &str = "unsigned integer overflow";

/// The negative of a number.
pub(super) fn negated(value: &CelValue) -> Evaluated {
    match value {
        CelValue::Int(value) => value.checked_neg().map(CelValue::Int).ok_or_else(|| error(OVERFLOW)),
        CelValue::Double(value) => Ok(CelValue::Double(-value)),
        _ => Err(no_overload()),
    }
}

/// The result of an operator of arithmetic.
pub(super) fn calculated(operator: &str, one: &CelValue, two: &CelValue) -> Evaluated {
    match (one, two) {
        (CelValue::Int(one), CelValue::Int(two)) => int(operator, *one, *two),
        (CelValue::Uint(one), CelValue::Uint(two)) => uint(operator, *one, *two),
        (CelValue::Double(one), CelValue::Double(two)) => match operator {
            operators::ADD => Ok(CelValue::Double(one + two)),
            operators::SUBSTRACT => Ok(CelValue::Double(one - two)),
            operators::MULTIPLY => Ok(CelValue::Double(one * two)),
            operators::DIVIDE => Ok(CelValue::Double(one / two)),
            _ => Err(no_overload()),
        },
        (CelValue::Library(one), CelValue::Library(two)) => {
            let (one, two) = (one.clone(), two.clone());
            let result = match operator {
                operators::ADD => one + two,
                operators::SUBSTRACT => one - two,
                _ => return Err(no_overload()),
            };
            result.map(from_library).map_err(|failed| match failed {
                kube::core::cel::cel::ExecutionError::UnsupportedBinaryOperator(..) => no_overload(),
                other => EvaluationFault::Error(other.to_string()),
            })
        }
        _ => Err(no_overload()),
    }
}

/// The arithmetic of whole numbers of one type, which never wraps.
macro_rules! whole {
    ($name:ident, $number:ty, $made:path, $overflow:expr) => {
        fn $name(operator: &str, one: $number, two: $number) -> Evaluated {
            let result = match operator {
                operators::ADD => one.checked_add(two),
                operators::SUBSTRACT => one.checked_sub(two),
                operators::MULTIPLY => one.checked_mul(two),
                operators::DIVIDE if two == 0 => return Err(error("division by zero")),
                operators::DIVIDE => one.checked_div(two),
                _ if two == 0 => return Err(error("modulus by zero")),
                _ => one.checked_rem(two),
            };
            result.map($made).ok_or_else(|| error($overflow))
        }
    };
}

whole!(int, i64, CelValue::Int, OVERFLOW);
whole!(uint, u64, CelValue::Uint, UNSIGNED_OVERFLOW);
