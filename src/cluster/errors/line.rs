//! Traces a refusal to the line of the garden that decided the refused field.

use serde_json::Value;

use super::{ApiError, Refusal, StatusCause};
use crate::finding::{Code, Finding};
use crate::name::Name;
use crate::plan::out_of_conflict;
use crate::render::{Object, ObjectId, SecretRequest};
use crate::source::Span;

/// The server refuses a value or a field.
pub(crate) const REFUSED_VALUE: Code = Code::new("E0650");
/// A field that we newly want belongs to somebody else, seen while applying.
pub(crate) const CONFLICT: Code = Code::new("E0651");
/// The server forbids the object: rights, quota, an admission policy.
pub(crate) const FORBIDDEN: Code = Code::new("E0652");
/// The cluster serves no such kind.
pub(crate) const MISSING_KIND: Code = Code::new("E0653");
/// The server refuses the object without naming a field.
pub(crate) const REFUSED_OBJECT: Code = Code::new("E0654");

/// The JSON pointer of a field as the server writes it, as far as our body goes along.
///
/// Keys may hold dots and slashes (`.metadata.labels.app.kubernetes.io/name`), so the body decides where one ends:
/// the longest key that fits. What the body lacks (a required value) ends the pointer at its nearest ancestor.
pub(crate) fn pointer_of(body: &Value, field: &str) -> String {
    let mut pointer = String::new();
    let mut value = body;
    let mut rest = field;
    while let Some((step, next, after)) = step_into(value, rest) {
        pointer.push('/');
        pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
        (value, rest) = (next, after);
    }
    pointer
}

fn step_into<'v, 't>(value: &'v Value, path: &'t str) -> Option<(String, &'v Value, &'t str)> {
    if let Some(inside) = path.strip_prefix('[') {
        let end = end_of_brackets(inside)?;
        let (selector, after) = (&inside[..end], &inside[end + 1..]);
        return match value {
            Value::Array(items) => {
                let at = position_of(items, selector)?;
                Some((at.to_string(), &items[at], after))
            }
            Value::Object(map) => {
                let key = selector.trim_matches('"');
                Some((key.to_owned(), map.get(key)?, after))
            }
            _ => None,
        };
    }
    let path = path.strip_prefix('.').unwrap_or(path);
    let map = value.as_object()?;
    let fits = |key: &&String| {
        path.strip_prefix(key.as_str()).is_some_and(|after| after.is_empty() || after.starts_with(['.', '[', ':']))
    };
    let key = map.keys().filter(fits).max_by_key(|key| key.len())?;
    Some((key.clone(), &map[key], &path[key.len()..]))
}

/// Where the bracket closes that was opened just before `text`; quoted brackets do not count.
fn end_of_brackets(text: &str) -> Option<usize> {
    let mut quoted = false;
    for (at, character) in text.char_indices() {
        match character {
            '"' => quoted = !quoted,
            ']' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// The item that `0`, `name="app"`, `containerPort=80,protocol="TCP"` or `="value"` selects.
fn position_of(items: &[Value], selector: &str) -> Option<usize> {
    if let Ok(at) = selector.parse::<usize>() {
        return (at < items.len()).then_some(at);
    }
    if let Some(literal) = selector.strip_prefix('=') {
        let wanted: Value = serde_json::from_str(literal).ok()?;
        return items.iter().position(|item| *item == wanted);
    }
    let pairs: Vec<(&str, Value)> = selector
        .split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, literal)| (key.trim(), serde_json::from_str(literal).unwrap_or_else(|_| Value::from(literal))))
        .collect();
    // A key with a default (`protocol`) may be missing in what we sent.
    let agrees = |item: &Value, (key, wanted): &(&str, Value)| item.get(key).is_none_or(|found| found == wanted);
    let agrees_in_one = |item: &Value| pairs.iter().any(|(key, wanted)| item.get(key) == Some(wanted));
    items.iter().position(|item| pairs.iter().all(|pair| agrees(item, pair)) && agrees_in_one(item))
}

/// The findings of a refused object: one a field that the server names, on the line that the field came from.
pub(crate) fn findings(error: &ApiError, object: &Object, organisation: &Name) -> Vec<Finding> {
    let what = format!("{} `{}`", object.id.kind, object.id.name);
    let Some(refusal) = error.refusal() else { return Vec::new() };
    let Some(whole) = object.origins.of("").or_else(|| object.origins.0.values().next().copied()) else {
        return Vec::new();
    };
    let causes = refusal.fields();
    if causes.is_empty() {
        return vec![of_whole(refusal, &what, whole).stops(organisation.clone())];
    }
    let found = causes.iter().map(|cause| {
        let pointer = pointer_of(&object.body, &cause.field);
        let span = object.origins.of(&pointer).unwrap_or(whole);
        of_field(refusal, cause, (&object.id, &what), span).stops(organisation.clone())
    });
    found.collect()
}

/// The finding of a refused Secret: the line that asked for it.
pub(crate) fn finding_of_secret(error: &ApiError, request: &SecretRequest, organisation: &Name) -> Option<Finding> {
    let what = format!("Secret `{}`", request.id.name);
    Some(of_whole(error.refusal()?, &what, request.origin).stops(organisation.clone()))
}

fn of_field(refusal: &Refusal, cause: &StatusCause, (id, what): (&ObjectId, &str), span: Span) -> Finding {
    let field = cause.field.trim_start_matches('.');
    if cause.reason == "FieldManagerConflict" {
        let manager = cause.message.split('"').nth(1).unwrap_or("somebody else");
        return Finding::error(CONFLICT, format!("`{field}` of {what} belongs to `{manager}`"), span)
            .label("asks for this field")
            .why(cause.message.clone())
            .help(out_of_conflict(id, &cause.field));
    }
    let forbidden = refusal.code == 403;
    let code = if forbidden { FORBIDDEN } else { REFUSED_VALUE };
    Finding::error(code, format!("the cluster refuses `{field}` of {what}"), span)
        .label("this decides the refused field")
        .why(cause.message.clone())
        .help("mend the value on this line; nothing of the object was changed")
}

fn of_whole(refusal: &Refusal, what: &str, span: Span) -> Finding {
    let (code, title, help) = match refusal.code {
        403 => (
            FORBIDDEN,
            format!("the cluster forbids {what}"),
            "the server's words name the rule: a quota, an admission policy, or a right that parcelle lacks (`parcelle doctor`)",
        ),
        409 => (
            CONFLICT,
            format!("{what} was changed by somebody else meanwhile"),
            "the next round reads it again and decides anew",
        ),
        _ => (
            REFUSED_OBJECT,
            format!("the cluster refuses {what}"),
            "the server names no field; compare the values on this line with its words",
        ),
    };
    Finding::error(code, title, span).label("asks for this object").why(refusal.message.clone()).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{ObjectId, Origins, Stage};
    use crate::secrets::Tainted;
    use crate::source::FileId;
    use serde_json::json;
    use std::collections::{BTreeMap, BTreeSet};

    fn refusal(body: &Value) -> Refusal {
        Refusal::read(u16::try_from(body["code"].as_u64().unwrap()).unwrap(), Some(body), "", None, &Tainted::default())
    }

    fn deployment() -> Value {
        json!({"spec": {"replicas": 2, "template": {"metadata": {"labels": {"app.kubernetes.io/name": "web"}},
            "spec": {"containers": [{"name": "side"}, {"name": "app", "imag": "x", "ports": [{"containerPort": 80, "name": "p"}]}]}}}})
    }

    #[test]
    fn a_path_of_the_server_becomes_a_pointer_into_our_body() {
        let body = deployment();
        let cases = [
            ("spec.replicas", "/spec/replicas"),
            (".spec.template.spec.containers[name=\"app\"].imag", "/spec/template/spec/containers/1/imag"),
            ("spec.template.spec.containers[1].ports[0].name", "/spec/template/spec/containers/1/ports/0/name"),
            (
                ".spec.template.spec.containers[name=\"app\"].ports[containerPort=80,protocol=\"TCP\"].name",
                "/spec/template/spec/containers/1/ports/0/name",
            ),
            (
                ".spec.template.metadata.labels.app.kubernetes.io/name",
                "/spec/template/metadata/labels/app.kubernetes.io~1name",
            ),
            (
                "spec.template.metadata.labels[app.kubernetes.io/name]",
                "/spec/template/metadata/labels/app.kubernetes.io~1name",
            ),
            ("spec.selector", "/spec"),
            ("metadata.name", ""),
            ("spec.template.spec.containers[7].image", "/spec/template/spec/containers"),
        ];
        for (field, pointer) in cases {
            assert_eq!(pointer_of(&body, field), pointer, "{field}");
        }
    }

    #[test]
    fn a_refused_field_is_a_finding_on_its_line_with_the_servers_words() {
        let at = |start| Span::new(FileId(3), start..start + 1);
        let id = ObjectId {
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            namespace: "t".into(),
            name: "web".into(),
        };
        let origins = Origins(BTreeMap::from([
            (String::new(), at(1)),
            ("/spec/template/spec/containers/1/ports/0".to_owned(), at(9)),
        ]));
        let object = Object {
            id,
            body: deployment(),
            origins,
            by_hand: BTreeSet::new(),
            app: None,
            stage: Stage::Workload,
            holds_data: false,
            once: None,
        };
        let body = json!({"code": 422, "message": "x", "details": {"causes": [
            {"reason": "FieldValueInvalid", "message": "must be no more than 15 characters", "field": "spec.template.spec.containers[1].ports[0].name"}]}});
        let error = ApiError::Refused(Box::new(refusal(&body)));
        let found = findings(&error, &object, &Name::new("cnam").unwrap());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].primary.span, at(9));
        assert_eq!(found[0].why.as_deref(), Some("must be no more than 15 characters"));
        assert_eq!(found[0].code.as_str(), "E0650");
    }

    #[test]
    fn a_refusal_of_the_whole_object_says_what_to_do_next() {
        let id =
            ObjectId { api_version: "v1".into(), kind: "ConfigMap".into(), namespace: "t".into(), name: "web".into() };
        let origins = Origins(BTreeMap::from([(String::new(), Span::new(FileId(3), 1..2))]));
        let object = Object {
            id,
            body: json!({}),
            origins,
            by_hand: BTreeSet::new(),
            app: None,
            stage: Stage::Workload,
            holds_data: false,
            once: None,
        };
        for (status, code) in [(403, "E0652"), (409, "E0651"), (400, "E0654")] {
            let body = json!({"code": status, "message": "no"});
            let error = ApiError::Refused(Box::new(refusal(&body)));
            let found = findings(&error, &object, &Name::new("cnam").unwrap());
            assert_eq!(found.iter().map(|finding| finding.code.as_str()).collect::<Vec<_>>(), [code]);
            assert!(!found[0].help.is_empty(), "{code} says what to do");
        }
    }
}
