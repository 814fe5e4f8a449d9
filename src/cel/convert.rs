//! Conversions between types, in the words of the server.

use kube::core::cel::cel::Value as LibraryValue;

use super::evaluate::{Answer, error, no_overload};
use super::values::Value;

/// Whether a value is converted here, and not by the library: what the library alone knows it converts alone.
pub(super) fn is_ours(value: &Value) -> bool {
    !matches!(value, Value::Library(LibraryValue::Opaque(_)) | Value::Url(_))
}

/// Whether a value is the zero of its type.
pub(super) fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) | Value::Int(0) | Value::Uint(0) => true,
        Value::Double(value) => *value == 0.0,
        Value::Text(_) | Value::Bytes(_) | Value::List(_) | Value::Map(_) => value.size() == 0,
        Value::Optional(inner) => inner.is_none(),
        Value::Library(value) => value.is_zero(),
        _ => false,
    }
}

/// A value as another type.
pub(super) fn converted(to: &str, value: &Value) -> Answer {
    match to {
        "string" => text(value).map(|text| Value::text(&text)).ok_or_else(no_overload),
        "int" => int(value),
        "uint" => uint(value),
        "double" => double(value),
        _ => truth(value),
    }
}

fn text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Text(text) => text.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        Value::Double(value) => number(*value),
        Value::Bytes(bytes) => String::from_utf8(bytes.to_vec()).ok()?,
        Value::Library(LibraryValue::Timestamp(time)) => time.to_rfc3339().replace("+00:00", "Z"),
        Value::Library(LibraryValue::Duration(length)) => {
            let nanos = length.num_nanoseconds()?;
            let sign = if nanos < 0 { "-" } else { "" };
            let (whole, part) = (nanos.unsigned_abs() / 1_000_000_000, nanos.unsigned_abs() % 1_000_000_000);
            let part = format!("{part:09}");
            let part = part.trim_end_matches('0');
            let dot = if part.is_empty() { "" } else { "." };
            format!("{sign}{whole}{dot}{part}s")
        }
        _ => return None,
    })
}

fn number(value: f64) -> String {
    match value {
        _ if value.is_nan() => "NaN".to_owned(),
        _ if value.is_infinite() => if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned(),
        _ => value.to_string(),
    }
}

/// The bounds within which a number with a fraction is taken for one without.
const WHOLE: f64 = 9_223_372_036_854_775_807.0;

#[expect(clippy::cast_possible_truncation, reason = "what CEL does, within the bounds")]
fn int(value: &Value) -> Answer {
    match value {
        Value::Int(_) => Ok(value.clone()),
        Value::Uint(value) => i64::try_from(*value).map(Value::Int).map_err(|_| error("integer overflow")),
        Value::Double(value) if value.is_finite() && value.abs() < WHOLE => Ok(Value::Int(*value as i64)),
        Value::Double(_) => Err(error("integer overflow")),
        Value::Text(text) => text
            .parse()
            .map(Value::Int)
            .map_err(|_| error(format!("strconv.ParseInt: parsing {:?}: invalid syntax", &**text))),
        Value::Library(LibraryValue::Timestamp(time)) => Ok(Value::Int(time.timestamp())),
        Value::Library(LibraryValue::Duration(length)) => {
            length.num_nanoseconds().map(Value::Int).ok_or_else(|| error("integer overflow"))
        }
        _ => Err(no_overload()),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what CEL does, within the bounds")]
fn uint(value: &Value) -> Answer {
    let overflow = || error("unsigned integer overflow");
    match value {
        Value::Uint(_) => Ok(value.clone()),
        Value::Int(value) => u64::try_from(*value).map(Value::Uint).map_err(|_| overflow()),
        Value::Double(value) if (0.0..2.0 * WHOLE).contains(value) => Ok(Value::Uint(*value as u64)),
        Value::Double(_) => Err(overflow()),
        Value::Text(text) => text
            .parse()
            .map(Value::Uint)
            .map_err(|_| error(format!("strconv.ParseUint: parsing {:?}: invalid syntax", &**text))),
        _ => Err(no_overload()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "what CEL does")]
fn double(value: &Value) -> Answer {
    match value {
        Value::Double(_) => Ok(value.clone()),
        Value::Int(value) => Ok(Value::Double(*value as f64)),
        Value::Uint(value) => Ok(Value::Double(*value as f64)),
        Value::Text(text) => text
            .parse()
            .map(Value::Double)
            .map_err(|_| error(format!("strconv.ParseFloat: parsing {:?}: invalid syntax", &**text))),
        _ => Err(no_overload()),
    }
}

fn truth(value: &Value) -> Answer {
    match value {
        Value::Bool(_) => Ok(value.clone()),
        Value::Text(text) => match &**text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            other => Err(error(format!("strconv.ParseBool: parsing {other:?}: invalid syntax"))),
        },
        _ => Err(no_overload()),
    }
}
