//! `field KIND NAME "path" take|leave` is about objects of its own app, and never about what is protected.

use crate::finding::{Code, Finding, Findings};
use crate::model::{App, FieldDecision, Organisation};
use crate::name::Name;
use crate::policy::protected::{self, ProtectedField};
use crate::render::path::{plain, pointer};
use crate::render::{Object, ObjectId, OrganisationObjects, State};

/// A field that nothing is decided about.
pub(crate) const PROTECTED: Code = Code::new("E0470");
/// An object of another app, or of the organisation itself.
pub(crate) const OF_ANOTHER: Code = Code::new("E0471");
/// A decision about a field that is nobody else's.
pub(crate) const NO_EFFECT: Code = Code::new("W0470");

/// Every decision of every app of an organisation.
pub(in crate::render) fn check(organisation: &Organisation, out: &OrganisationObjects, findings: &mut Findings) {
    for app in organisation.apps.values() {
        for decision in &app.fields {
            objects(app, decision, out, findings);
            let means = |id: &ObjectId| *id.kind == decision.kind && *id.name == decision.name;
            if let Some(secret) = out.secrets.iter().find(|request| means(&request.id)) {
                let field = protected::at_path((secret.id.group(), &secret.id.kind), &plain(&decision.path));
                field.into_iter().for_each(|field| findings.push(of_protected(&secret.id, &field, decision)));
            }
        }
    }
}

fn objects(app: &App, decision: &FieldDecision, out: &OrganisationObjects, findings: &mut Findings) {
    let means = |object: &&Object| *object.id.kind == decision.kind && *object.id.name == decision.name;
    let is_awake = matches!(out.states.get(&app.name), None | Some(State::Awake | State::Peak(_)));
    for object in out.objects.iter().filter(means) {
        if object.app.as_ref() != Some(&app.name) {
            findings.push(of_another(&object.id, object.app.as_ref(), decision));
            continue;
        }
        let kind = (object.id.group(), &*object.id.kind);
        let (at, is_there) = pointer(&object.body, &decision.path);
        let found = if is_there {
            protected::at_pointer(kind, &object.body, &at)
        } else {
            protected::at_path(kind, &plain(&decision.path))
        };
        match found {
            Some(field) => findings.push(of_protected(&object.id, &field, decision)),
            // What stands beside ours and cannot may be taken although nothing of ours is there.
            None if !is_there && !decision.take && is_awake => {
                let why = "the garden asks for nothing there, so nothing can be left out";
                findings.push(no_effect(&object.id, decision, why));
            }
            None => {}
        }
    }
}

/// The finding about a protected field.
pub(crate) fn of_protected(id: &ObjectId, field: &ProtectedField, decision: &FieldDecision) -> Finding {
    let what = if field.field.is_empty() { "all".to_owned() } else { format!("`{}`", field.field) };
    let (done, word) = if decision.take { ("taken by word", "take") } else { ("left to others", "leave") };
    Finding::refused(PROTECTED, format!("{what} of `{} {}` cannot be {done}", id.kind, id.name), decision.span)
        .label(format!("`{word}` means it, or holds it"))
        .why(field.why)
        .help("name the one field that it is about, such as `spec.replicas`, or drop the line; what others wrote there is put right, or taken away by hand in the cluster")
}

/// The finding about an object that is not the app's.
pub(crate) fn of_another(id: &ObjectId, owner: Option<&Name>, decision: &FieldDecision) -> Finding {
    let whose = owner.map_or_else(|| "the organisation itself".to_owned(), |app| format!("the app `{app}`"));
    let help = match owner {
        Some(app) => format!("say it in the app `{app}`"),
        None => "drop the line: nothing is decided about what keeps an organisation together".to_owned(),
    };
    let title = format!("`{} {}` belongs to {whose}", id.kind, id.name);
    Finding::refused(OF_ANOTHER, title, decision.span)
        .why(format!("an app decides about its own objects, and this line stands in `{}`", decision.app))
        .help(help)
}

/// The finding about a decision that changes nothing.
pub(crate) fn no_effect(id: &ObjectId, decision: &FieldDecision, why: &str) -> Finding {
    let (field, word) = (plain(&decision.path), if decision.take { "take" } else { "leave" });
    let title = format!("`{word}` of `{field}` of `{} {}` has no effect", id.kind, id.name);
    Finding::hint(NO_EFFECT, title, decision.span)
        .why(why)
        .help("drop the line, or keep it for when somebody owns the field")
}
