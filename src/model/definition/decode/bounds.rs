//! Ranges, patterns, and `min` beside `max`.

use std::collections::BTreeMap;

use super::{BACKWARDS, Decoder, example};
use crate::expression::Value;
use crate::finding::Finding;
use crate::model::Setting;
use crate::model::definition::SettingDeclaration;
use crate::quantity::Quantity;
use crate::schema::scalar::OUT_OF_RANGE;
use crate::source::Span;
use crate::syntax::Value as Written;

impl Decoder<'_> {
    /// `min` is never more than `max`.
    pub(super) fn in_order(
        &mut self,
        declaration: &SettingDeclaration,
        setting: &Setting,
        fields: &BTreeMap<String, Value>,
    ) {
        let (Some(Value::Int(min)), Some(Value::Int(max))) = (fields.get("min"), fields.get("max")) else { return };
        if min <= max {
            return;
        }
        let place = |name: &str| setting.props.get(name).map(|value| value.span);
        let (low, high) = (place("min"), place("max"));
        let mut finding = Finding::error(
            BACKWARDS,
            format!("`{}` has a `min` of {min}, more than its `max` of {max}", declaration.name),
            low.or(high).unwrap_or(setting.span),
        )
        .help(format!("raise `max` to {min} or more, or lower `min`"));
        if let (Some(_), Some(high)) = (low, high) {
            finding = finding.also(high, "the most");
        }
        self.findings.push(finding);
    }

    /// Range and pattern of the value that all arguments make.
    pub(super) fn bounds(
        &mut self,
        declaration: &SettingDeclaration,
        value: Value,
        setting: &Setting,
        args: &[Written],
    ) -> Value {
        let span = match args {
            [] => setting.span,
            [first, .., last] => first.span.to(last.span),
            [only] => only.span,
        };
        self.range(declaration, value, span)
    }

    /// Range and pattern; a value outside is a finding and absent.
    pub(super) fn range(&mut self, declaration: &SettingDeclaration, value: Value, span: Span) -> Value {
        let name = &declaration.name;
        if let (Some((least, most)), Some(measure)) = (declaration.range, measure(&value))
            && !(least..=most).contains(&measure)
        {
            let finding = outside(name, &value, measure, (least, most), span);
            self.findings.push(example(finding, declaration));
            return Value::Absent;
        }
        if let (Some(pattern), Value::Text(text)) = (&declaration.pattern, &value)
            && !pattern.is_match(&text.text)
        {
            let finding = if text.text.is_empty() {
                Finding::error(OUT_OF_RANGE, format!("`{name}` is empty"), span).help("write it, or take the line away")
            } else {
                Finding::error(OUT_OF_RANGE, format!("`{name}` cannot be `{}`", text.text), span)
                    .why(format!("it matches `{}` from start to end", pattern.text))
            };
            self.findings.push(example(finding, declaration));
            return Value::Absent;
        }
        value
    }
}

/// The finding about a value that is too small, too large, too short or too long.
fn outside(name: &str, value: &Value, measure: i64, (least, most): (i64, i64), span: Span) -> Finding {
    let (one, many) = match value {
        Value::Text(_) => (" character", " characters"),
        Value::List(_) => (" entry", " entries"),
        _ => ("", ""),
    };
    let count = |number: i64| format!("{number}{}", if number == 1 { one } else { many });
    let title = match value {
        Value::Text(_) | Value::List(_) if measure == 0 => format!("`{name}` is empty"),
        Value::Text(_) if measure > most => format!("`{name}` is too long: it has {}", count(measure)),
        Value::Text(_) => format!("`{name}` is too short: it has {}", count(measure)),
        Value::List(_) => format!("`{name}` has {}", count(measure)),
        Value::Quantity(quantity) => format!("`{name}` cannot be {quantity}"),
        _ => format!("`{name}` cannot be {measure}"),
    };
    let said = |bound: i64| match value {
        Value::Quantity(quantity) => u64::try_from(bound)
            .map_or_else(|_| bound.to_string(), |amount| Quantity { amount, ..*quantity }.to_string()),
        _ => bound.to_string(),
    };
    let bounds = match most {
        i64::MAX => format!("at least {}", said(least)),
        most => format!("{} to {}", said(least), said(most)),
    };
    let why = match value {
        Value::Text(_) | Value::List(_) => format!("it has {bounds}{many}"),
        _ => format!("it is {bounds}"),
    };
    Finding::error(OUT_OF_RANGE, title, span).why(why)
}

/// What a range measures.
fn measure(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::Quantity(quantity) => i64::try_from(quantity.amount).ok(),
        Value::Text(text) => i64::try_from(text.text.chars().count()).ok(),
        Value::List(items) => i64::try_from(items.len()).ok(),
        _ => None,
    }
}
