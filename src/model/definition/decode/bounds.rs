//! Ranges, patterns, and `min` beside `max`.

use std::collections::BTreeMap;

use super::{BACKWARDS, Decoder, example};
use crate::expression::Value;
use crate::finding::Finding;
use crate::model::Setting;
use crate::model::definition::SettingDeclaration;
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
            let what = match &value {
                Value::Text(_) => "characters ",
                Value::List(_) => "entries ",
                _ => "",
            };
            let title = format!("`{name}` has {what}{measure}, outside {least} to {most}");
            let title = if what.is_empty() { format!("`{name}` cannot be {measure}") } else { title };
            let bounds = if most == i64::MAX { format!("{least} or more") } else { format!("{least} to {most}") };
            self.findings.push(Finding::error(OUT_OF_RANGE, title, span).why(format!("it is {what}{bounds}")));
            return Value::Absent;
        }
        if let (Some(pattern), Value::Text(text)) = (&declaration.pattern, &value)
            && !pattern.is_match(&text.text)
        {
            let finding = Finding::error(OUT_OF_RANGE, format!("`{name}` cannot be `{}`", text.text), span)
                .why(format!("it matches `{}` from start to end", pattern.text));
            self.findings.push(example(finding, declaration));
            return Value::Absent;
        }
        value
    }
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
