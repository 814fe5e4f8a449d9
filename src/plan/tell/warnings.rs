//! What API servers warn of, as findings: on the line that decided the field that a warning names, else on that of the object.

use serde_json::Value;

use crate::finding::{Code, Finding};
use crate::plan::state::path;
use crate::render::{Object, ObjectId};
use crate::source::Span;

/// An API server takes an object and warns of something.
pub(crate) const WARNED: Code = Code::new("W0650");

/// The finding of a warning about an object; `object` as it was rendered, `fallback` the line where it has none.
pub(crate) fn of(id: &ObjectId, object: Option<&Object>, fallback: Option<Span>, text: &str) -> Option<Finding> {
    let whole = object.and_then(|object| object.origins.of("")).or(fallback)?;
    let field = object.and_then(|object| Some((object, field(&object.body, text)?)));
    let place = if id.namespace.is_empty() { String::new() } else { format!(" in `{}`", id.namespace) };
    let (title, span) = match &field {
        Some((object, field)) => {
            let pointer = path::pointer(&object.body, field).0;
            let title = format!("the API server warns of `{}` of `{id}`{place}", path::plain(field));
            (title, object.origins.of(&pointer).unwrap_or(whole))
        }
        None => (format!("the API server warns of `{id}`{place}"), whole),
    };
    let label = if field.is_some() { "this decides the field" } else { "asks for this object" };
    let finding = Finding::warning(WARNED, title, span).label(label).why(text.to_owned());
    Some(
        finding.help(
            "it is taken all the same; what is warned of may be refused or lost in a later version of the cluster",
        ),
    )
}

/// The field that a warning names, in the forms in which API servers write it:
///
/// | warning | field |
/// |---|---|
/// | `spec.template.spec.containers[0].env[1]: hides previous definition of "A", …` | before the colon |
/// | `unknown field "spec.replicaz"`, `duplicate field "spec.x"` | in quotes |
/// | `would violate PodSecurity "restricted:latest": … (container "app" must set …)` | the container of that name |
fn field(body: &Value, text: &str) -> Option<String> {
    let head = text.split_once(": ").map(|(head, _)| head);
    if let Some(head) = head.filter(|head| is_path(body, head)) {
        return Some(head.to_owned());
    }
    let unknown = ["unknown field \"", "duplicate field \""].iter().find_map(|words| text.strip_prefix(words));
    if let Some(field) = unknown.and_then(|rest| rest.split('"').next()) {
        return Some(field.to_owned());
    }
    container(body, text)
}

/// Whether a text is a path into a body: it begins with a word of it, and goes on as paths do.
fn is_path(body: &Value, text: &str) -> bool {
    let first: &str = text.split(['.', '[']).next().unwrap_or_default();
    let outside = text.split('[').enumerate().all(|(at, part)| {
        let part = if at == 0 { part } else { part.split_once(']').map_or("", |(_, after)| after) };
        !part.contains(char::is_whitespace)
    });
    outside && body.get(first).is_some()
}

/// Where kinds keep what their pods are made of.
const PODS: [&str; 3] = ["spec.template.spec", "spec.jobTemplate.spec.template.spec", "spec"];

/// The container that a text names, where it names one only.
fn container(body: &Value, text: &str) -> Option<String> {
    let mut named = text.split("container \"").skip(1).filter_map(|rest| rest.split('"').next());
    let name = named.next().filter(|first| named.all(|other| other == *first))?;
    PODS.iter().find_map(|pod| {
        ["containers", "initContainers"].iter().find_map(|list| {
            let pointer = format!("/{}/{list}", pod.replace('.', "/"));
            let at = body.pointer(&pointer)?.as_array()?.iter().position(|one| one["name"] == name)?;
            Some(format!("{pod}.{list}[{at}]"))
        })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::render::{Origins, Stage};
    use crate::source::FileId;
    use serde_json::json;

    #[test]
    fn a_warning_stands_on_the_line_of_the_field_that_it_names() {
        let at = |line: usize| Span::new(FileId(1), line..line + 1);
        let containers = "/spec/template/spec/containers";
        let origins = [
            ("", 1),
            (containers, 2),
            ("/spec/template/spec/containers/1", 3),
            ("/spec/template/spec/containers/1/env/0", 4),
            ("/spec/template/spec/nodeSelector/beta.kubernetes.io~1arch", 5),
            ("/spec/replicas", 6),
        ];
        let body = json!({"spec": {"replicas": 1, "template": {"spec": {
            "containers": [{"name": "side"}, {"name": "app", "env": [{"name": "A"}]}],
            "nodeSelector": {"beta.kubernetes.io/arch": "arm64"},
        }}}});
        let id = ObjectId {
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            namespace: "o".into(),
            name: "web".into(),
        };
        let origins = Origins(
            origins.iter().map(|(pointer, line)| ((*pointer).to_owned(), at(*line))).collect::<BTreeMap<_, _>>(),
        );
        let by_hand = BTreeSet::new();
        let object = Object {
            id: id.clone(),
            body,
            origins,
            by_hand,
            app: None,
            stage: Stage::Workload,
            holds_data: false,
            once: None,
        };
        let told = |text: &str| {
            let finding = of(&id, Some(&object), None, text).unwrap();
            assert_eq!((finding.code, finding.why.as_deref()), (WARNED, Some(text)));
            (finding.primary.span.start, finding.title)
        };
        let of_field = |field: &str| format!("the API server warns of `{field}` of `Deployment web` in `o`");
        let field = "spec.template.spec.containers[1].env[0]";
        assert_eq!(
            told(&format!("{field}: hides previous definition of \"A\", which may be dropped")),
            (4, of_field(field))
        );
        assert_eq!(told("spec.template.spec.nodeSelector[beta.kubernetes.io/arch]: deprecated since v1.14").0, 5);
        assert_eq!(told("spec.template.spec.containers[name=\"app\"].image: is odd").0, 3);
        assert_eq!(told("unknown field \"spec.replicas.x\"").0, 6);
        let violates = "would violate PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false (container \"app\" must set securityContext.allowPrivilegeEscalation=false)";
        assert_eq!(told(violates), (3, of_field("spec.template.spec.containers[1]")));
        let both =
            "runAsNonRoot != true (pod or container \"app\" must …), seccompProfile (pod or container \"side\" must …)";
        for text in
            [both, "apps/v1 Deployment is deprecated in v1.99+", "policy: no field of ours", "spec is: no path", ""]
        {
            assert_eq!(told(text), (1, "the API server warns of `Deployment web` in `o`".to_owned()), "{text}");
        }
        assert!(of(&id, None, None, "x").is_none());
        assert_eq!(of(&id, None, Some(at(9)), "x").unwrap().primary.span, at(9));
    }
}
