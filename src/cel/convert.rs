//! Conversions between types, in the words of the server.

use kube::core::cel::cel::Value as LibraryValue;

use super::evaluate::{Evaluated, error, no_overload};
use super::values::CelValue;

/// Whether a value is converted here, and not by the library: what the library alone knows it converts alone.
pub(super) fn is_ours(value: &CelValue) -> bool {
    !matches!(value, CelValue::Library(LibraryValue::Opaque(_)) | CelValue::Url(_))
}

/// Whether a value is the zero of its type.
pub(super) fn is_zero(value: &CelValue) -> bool {
    match value {
        CelValue::Null | CelValue::Bool(false) | CelValue::Int(0) | CelValue::Uint(0) => true,
        CelValue::Double(value) => *value == 0.0,
        CelValue::Text(_) | CelValue::Bytes(_) | CelValue::List(_) | CelValue::Map(_) => value.size() == 0,
        CelValue::Optional(inner) => inner.is_none(),
        CelValue::Library(value) => value.is_zero(),
        _ => false,
    }
}

/// A value as another type.
pub(super) fn converted(to: &str, value: &CelValue) -> Evaluated {
    match to {
        "string" => text(value).map(|text| CelValue::text(&text)).ok_or_else(no_overload),
        "int" => int(value),
        "uint" => uint(value),
        "double" => double(value),
        _ => truth(value),
    }
}

fn text(value: &CelValue) -> Option<String> {
    Some(match value {
        CelValue::Text(text) => text.to_string(),
        CelValue::Bool(value) => value.to_string(),
        CelValue::Int(value) => value.to_string(),
        CelValue::Uint(value) => value.to_string(),
        CelValue::Double(value) => number(*value),
        CelValue::Bytes(bytes) => String::from_utf8(bytes.to_vec()).ok()?,
        CelValue::Library(LibraryValue::Timestamp(time)) => time.to_rfc3339().replace("+00:00", "Z"),
        CelValue::Library(LibraryValue::Duration(length)) => {
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
fn int(value: &CelValue) -> Evaluated {
    match value {
        CelValue::Int(_) => Ok(value.clone()),
        CelValue::Uint(value) => i64::try_from(*value).map(CelValue::Int).map_err(|_| error("integer overflow")),
        CelValue::Double(value) if value.is_finite() && value.abs() < WHOLE => Ok(CelValue::Int(*value as i64)),
        CelValue::Double(_) => Err(error("integer overflow")),
        CelValue::Text(text) => text
            .parse()
            .map(CelValue::Int)
            .map_err(|_| error(format!("strconv.ParseInt: parsing {:?}: invalid syntax", &**text))),
        CelValue::Library(LibraryValue::Timestamp(time)) => Ok(CelValue::Int(time.timestamp())),
        CelValue::Library(LibraryValue::Duration(length)) => {
            length.num_nanoseconds().map(CelValue::Int).ok_or_else(|| error("integer overflow"))
        }
        _ => Err(no_overload()),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what CEL does, within the bounds")]
fn uint(value: &CelValue) -> Evaluated {
    let overflow = || error("unsigned integer overflow");
    match value {
        CelValue::Uint(_) => Ok(value.clone()),
        CelValue::Int(value) => u64::try_from(*value).map(CelValue::Uint).map_err(|_| overflow()),
        CelValue::Double(value) if (0.0..2.0 * WHOLE).contains(value) => Ok(CelValue::Uint(*value as u64)),
        CelValue::Double(_) => Err(overflow()),
        CelValue::Text(text) => text
            .parse()
            .map(CelValue::Uint)
            .map_err(|_| error(format!("strconv.ParseUint: parsing {:?}: invalid syntax", &**text))),
        _ => Err(no_overload()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "what CEL does")]
fn double(value: &CelValue) -> Evaluated {
    match value {
        CelValue::Double(_) => Ok(value.clone()),
        CelValue::Int(value) => Ok(CelValue::Double(*value as f64)),
        CelValue::Uint(value) => Ok(CelValue::Double(*value as f64)),
        CelValue::Text(text) => text
            .parse()
            .map(CelValue::Double)
            .map_err(|_| error(format!("strconv.ParseFloat: parsing {:?}: invalid syntax", &**text))),
        _ => Err(no_overload()),
    }
}

fn truth(value: &CelValue) -> Evaluated {
    match value {
        CelValue::Bool(_) => Ok(value.clone()),
        CelValue::Text(text) => match &**text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(CelValue::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(CelValue::Bool(false)),
            other => Err(error(format!("strconv.ParseBool: parsing {other:?}: invalid syntax"))),
        },
        _ => Err(no_overload()),
    }
}
