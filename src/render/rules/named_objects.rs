//! `adopt KIND NAME` and `field KIND NAME …` name objects that the organisation has: a name misspelled would do nothing.

use crate::finding::{Finding, Findings};
use crate::model::{Life, Organisation};
use crate::render::kdl::no_object;
use crate::render::{ObjectId, OrganisationObjects, State};
use crate::source::Span;

/// Every app of an organisation that runs; what sleeps may have less than it has by day.
pub(in crate::render) fn check(organisation: &Organisation, out: &OrganisationObjects, findings: &mut Findings) {
    let ids = || out.objects.iter().map(|object| &object.id).chain(out.secrets.iter().map(|request| &request.id));
    let awake = |name| matches!(out.states.get(name), None | Some(State::Awake | State::Peak(_)));
    let running = organisation.apps.values().filter(|app| app.life == Life::Running && awake(&app.name));
    let mut found = Vec::new();
    for app in running {
        for adopted in &app.adopt {
            found.extend(missing(ids(), &adopted.kind, &adopted.name, "adopt", adopted.span));
        }
        for decision in &app.fields {
            found.extend(missing(ids(), &decision.kind, &decision.name, "decide about", decision.span));
        }
    }
    found.into_iter().for_each(|finding| findings.push(finding));
}

fn missing<'a>(
    ids: impl Iterator<Item = &'a ObjectId>,
    kind: &str,
    name: &str,
    what: &str,
    span: Span,
) -> Option<Finding> {
    let known: Vec<&str> = ids.filter(|id| *id.kind == *kind).map(|id| &*id.name).collect();
    (!known.contains(&name)).then(|| no_object(kind, name, what, &known, span))
}
