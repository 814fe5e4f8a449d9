//! Kubernetes objects and patches written in KDL, with the field names of `kubectl explain`.
//!
//! `object KIND NAME { … }` in a definition is an object of its own; `patch KIND NAME { … }` in an app lies over one that is
//! rendered. Both go through the field facts, and neither may do what parcelle keeps for itself or would weaken a pod.

mod hands;
mod map;
mod unfold;

use super::draft::ObjectDraft;
use super::scope::AppScope;
use super::tree::{ListKeys, Tree, tree};
use super::{custom, naming, pod};
use crate::finding::{Code, Finding, Findings};
use crate::kind::{self, Kind};
use crate::merge::{ListKind, Schemas, TypeRef, TypeShape};
use crate::model::App;
use crate::policy::WritingHatch;
use crate::schema::suggest::nearest;
use crate::source::Span;
use crate::syntax::Node;

/// A kind that may not be written.
pub(crate) const KIND: Code = Code::new("E0603");
/// A patch without an object.
pub(crate) const NO_OBJECT: Code = Code::new("E0607");
/// An object without kind or name.
pub(crate) const HEAD: Code = Code::new("E0608");

/// The objects of an app's definition; what is wrong with them goes to `findings`.
pub(super) fn objects(scope: &AppScope, app: &App, findings: &mut Findings) -> Vec<ObjectDraft> {
    let schemas = custom::facts();
    let mut drafts = Vec::new();
    for guarded in &app.definition.objects {
        for scope in scope.guarded(guarded) {
            drafts.extend(object(schemas, (&scope, app), &guarded.item, findings));
        }
    }
    drafts
}

fn object(
    schemas: &Schemas,
    (scope, app): (&AppScope, &App),
    node: &Node,
    findings: &mut Findings,
) -> Option<ObjectDraft> {
    let (kind, name) = head(Some(scope), node, findings)?;
    let (kind, api) = allowed(&kind, node, findings)?;
    let facts = schemas.kind(api, kind.id.kind);
    let body = map::children(&unfold::unfold(scope, node), facts.as_ref(), findings);
    if !hands::check(&body, kind.id, WritingHatch::Object, node.head, findings) {
        return None;
    }
    let mut body = body.by_hand();
    let metadata = body.take("metadata");
    harden(&mut body, kind, app);
    let mut draft = ObjectDraft::new(api, kind.id.kind, naming::part(kind.id, &app.name, &name), body, node.head);
    draft.component = Some(name);
    if let Some(mut metadata) = metadata {
        draft.annotations = metadata.take("annotations").unwrap_or_default();
        draft.labels = metadata.take("labels").unwrap_or_default();
    }
    Some(draft)
}

/// Kind and name: the two arguments.
fn head(scope: Option<&AppScope>, node: &Node, findings: &mut Findings) -> Option<(String, String)> {
    if let [kind, name] = &node.args[..] {
        let name = scope.map_or_else(|| name.text.clone(), |scope| map::filled(scope, name));
        return Some((kind.text.clone(), name));
    }
    findings.push(
        Finding::error(HEAD, format!("`{}` wants a kind and a name", node.name.value), node.head)
            .help(format!("write `{} Deployment NAME {{ … }}`", node.name.value)),
    );
    None
}

/// A kind that may be written, and the API version in which it is.
fn allowed(name: &str, node: &Node, findings: &mut Findings) -> Option<(&'static Kind, &'static str)> {
    let row = kind::written().find(|(kind, _)| kind.id.kind == name);
    if row.is_none() {
        let span = node.args.first().map_or(node.head, |word| word.span);
        let mut finding = Finding::error(KIND, format!("`{name}` is not a kind that may be written"), span)
            .why("objects are namespaced, of a closed list of kinds, and give nobody rights");
        finding = match nearest(name, kind::written().map(|(kind, _)| kind.id.kind)) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding.help(format!("allowed are {}", names())),
        };
        findings.push(finding);
    }
    row
}

fn names() -> String {
    kind::written().map(|(kind, _)| format!("`{}`", kind.id.kind)).collect::<Vec<_>>().join(", ")
}

/// Fills in what every pod of ours has, under what was written.
fn harden(body: &mut Tree, kind: &Kind, app: &App) {
    if kind.pod_spec.is_empty() {
        return;
    }
    for spec in body.below(kind.pod_spec) {
        let mut whole = tree! {
            "serviceAccountName": app.name.as_str(),
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "securityContext": tree! {
                "runAsNonRoot": true,
                "seccompProfile": tree! { "type": "RuntimeDefault" },
            },
        };
        whole.merge(std::mem::take(spec));
        *spec = whole;
        for list in ["containers", "initContainers"] {
            for container in spec.below(&[list, "[]"]) {
                let mut hardened = tree! { "securityContext": pod::hardened(None, None) };
                hardened.merge(std::mem::take(container));
                *container = hardened;
            }
        }
    }
}

/// Lays `patch KIND NAME { … }` over the object that it names.
pub(super) fn patch(drafts: &mut [ObjectDraft], patch: &Node, findings: &mut Findings) {
    let Some((kind, name)) = head(None, patch, findings) else { return };
    let Some(at) = drafts.iter().position(|draft| draft.kind == kind && draft.name == name) else {
        let span = patch.args.get(1).map_or(patch.head, |word| word.span);
        let of_kind = drafts.iter().filter(|draft| draft.kind == kind);
        let known: Vec<&str> = of_kind.map(|draft| draft.name.as_str()).collect();
        return findings.push(no_object(&kind, &name, "patch", &known, span));
    };
    let draft = &mut drafts[at];
    let facts = custom::facts().kind(draft.api_version, draft.kind);
    let body = map::children(patch, facts.as_ref(), findings);
    // What is refused changes nothing, so that one mistake is told once.
    if !hands::check(&body, draft.group_kind(), WritingHatch::Patch, patch.head, findings) {
        return;
    }
    let mut body = body.by_hand();
    if let Some(mut metadata) = body.take("metadata") {
        draft.annotations.merge(metadata.take("annotations").unwrap_or_default());
        draft.labels.merge(metadata.take("labels").unwrap_or_default());
    }
    draft.body.merge_by(body, &mut Vec::new(), &|path: &[String]| list_keys(facts.as_ref(), path));
}

/// The finding about an object that is not there; `known` are the names of its kind.
pub(super) fn no_object(kind: &str, name: &str, verb: &str, known: &[&str], span: Span) -> Finding {
    let finding = Finding::error(NO_OBJECT, format!("there is no {kind} `{name}` to {verb}"), span);
    match nearest(name, known.iter().copied()) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None if known.is_empty() => finding.help("`parcelle render` shows every object of the app"),
        None => finding.help(format!("of that kind there are: {}", known.join(", "))),
    }
}

/// The keys by which the items of the list at a path are told apart; none where it is replaced as one.
fn list_keys(facts: Option<&TypeRef>, path: &[String]) -> ListKeys {
    let shape = facts.and_then(|facts| facts.at(path.iter().map(String::as_str))).map(|kind| &kind.shape);
    match shape {
        Some(TypeShape::List(list)) => match &list.kind {
            ListKind::Map(keys) => keys.iter().map(|(key, default)| (key.to_string(), default.clone())).collect(),
            ListKind::Atomic | ListKind::Set => Vec::new(),
        },
        _ => Vec::new(),
    }
}
