//! Expressions of admission policies: over plain JSON by name, without a schema.
//!
//! kube has an evaluator for these too; it reads the keys of labels as names of fields, so that it finds none with a dot or a
//! slash, and counts no cost.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::PER_CALL_LIMIT;
use super::evaluate::{Evaluated, Evaluation, EvaluationFault, MOST_WORK, NameScope};
use super::patterns::Patterns;
use super::program::Program;
use super::values::{CelValue, ListValue, MapKey, Order};

/// An expression of an admission policy, compiled when it is first evaluated.
#[derive(Debug)]
pub(crate) struct AdmissionExpression(Arc<Program>);

/// The names that an expression may use, each with its value.
pub(crate) type AdmissionNames<'a> = [(&'static str, &'a Json)];

impl AdmissionExpression {
    pub(crate) fn new(source: &str) -> Self {
        Self(Program::new(source))
    }

    /// Whether the expression holds; why it cannot be evaluated.
    pub(crate) fn holds(&self, names: &AdmissionNames<'_>) -> Result<bool, String> {
        match self.evaluated(names)? {
            CelValue::Bool(truth) => Ok(truth),
            _ => Err("it is neither true nor false".to_owned()),
        }
    }

    /// The text that the expression gives; `None` where it gives none.
    pub(crate) fn text(&self, names: &AdmissionNames<'_>) -> Option<String> {
        match self.evaluated(names) {
            Ok(CelValue::Text(text)) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            _ => None,
        }
    }

    fn evaluated(&self, names: &AdmissionNames<'_>) -> Result<CelValue, String> {
        let compiled = self.0.compiled(None)?;
        let mut patterns = Patterns::default();
        let mut run = Evaluation::new(PER_CALL_LIMIT, MOST_WORK, &mut patterns);
        let answer = in_scope(names, None, &mut |scope| run.value(&compiled.tree, scope));
        answer.map_err(|fault| match fault {
            EvaluationFault::Error(why) | EvaluationFault::Left(why) => why,
            EvaluationFault::CallLimit => "it costs more than one call may".to_owned(),
        })
    }
}

/// Evaluates with these names around.
fn in_scope(
    names: &AdmissionNames<'_>,
    outer: Option<&NameScope<'_>>,
    evaluate: &mut dyn FnMut(&NameScope<'_>) -> Evaluated,
) -> Evaluated {
    let Some(((name, value), rest)) = names.split_first() else {
        let none = NameScope { name: "", value: Ok(CelValue::Null), outer: None };
        return evaluate(outer.unwrap_or(&none));
    };
    let scope = NameScope { name, value: Ok(plain(value)), outer };
    in_scope(rest, Some(&scope), evaluate)
}

/// A value of JSON as it is, whatever a schema would say of it.
fn plain(json: &Json) -> CelValue {
    match json {
        Json::Null => CelValue::Null,
        Json::Bool(value) => CelValue::Bool(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => CelValue::Int(value),
            (None, Some(value)) => CelValue::Uint(value),
            (None, None) => CelValue::Double(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => CelValue::text(text),
        Json::Array(items) => {
            let items = items.iter().map(plain).collect();
            CelValue::List(Arc::new(ListValue { items, order: Order::default() }))
        }
        Json::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| (MapKey::Text(key.as_str().into()), plain(value)));
            CelValue::Map(Arc::new(fields.collect::<BTreeMap<_, _>>()))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(source: &str, object: &Json) -> Result<bool, String> {
        AdmissionExpression::new(source).holds(&[("object", object), ("oldObject", &Json::Null)])
    }

    #[test]
    fn keys_of_maps_are_plain_texts() {
        let object =
            json!({"metadata": {"labels": {"parcelle.dev/garden": "seeds"}}, "spec": {"list": [1, 2.5, true]}});
        for source in [
            "'parcelle.dev/garden' in object.metadata.labels",
            "object.metadata.labels['parcelle.dev/garden'] == 'seeds'",
            "has(object.metadata.labels) && !has(object.metadata.annotations)",
            "object.metadata.labels.exists(key, key.endsWith('/garden'))",
            "oldObject == null",
            "size(object.spec.list) == 3 && object.spec.list[0] == 1",
        ] {
            assert_eq!(holds(source, &object), Ok(true), "{source}");
        }
        assert_eq!(holds("'garden' in object.metadata.labels", &object), Ok(false));
    }

    #[test]
    fn what_has_no_answer_says_why() {
        let object = json!({"metadata": {}});
        assert_eq!(holds("object.metadata.labels['x'] == 'y'", &object), Err("no such key: labels".to_owned()));
        assert_eq!(holds("oldObject.metadata.name == 'y'", &object), Err("no such overload".to_owned()));
        assert_eq!(holds("object.metadata", &object), Err("it is neither true nor false".to_owned()));
        assert_eq!(holds("authorizer.group('').check()", &object), Err("`authorizer` is not known here".to_owned()));
        assert!(holds("object.", &object).is_err_and(|why| why.starts_with("it is no expression")));
    }

    #[test]
    fn a_message_is_a_text() {
        let names = json!({"name": "x"});
        let text = |source: &str| AdmissionExpression::new(source).text(&[("request", &names)]);
        assert_eq!(text("'namespace ' + request.name"), Some("namespace x".to_owned()));
        assert_eq!(text("1"), None);
    }
}
