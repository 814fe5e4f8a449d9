//! `adopt KIND NAME` and `field KIND NAME …` name objects that the organisation has: a name misspelled would do nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::MOST_FINDINGS;
use crate::finding::Findings;
use crate::model::{Life, Organisation};
use crate::render::kdl::no_object;
use crate::render::{OrganisationObjects, State};

/// Every app of an organisation that runs; what sleeps may have less than it has by day.
pub(in crate::render) fn check(organisation: &Organisation, out: &OrganisationObjects, findings: &mut Findings) {
    let awake = |name| matches!(out.states.get(name), None | Some(State::Awake | State::Peak(_)));
    let running = organisation.apps.values().filter(|app| app.life == Life::Running && awake(&app.name));
    let named = running.flat_map(|app| {
        let adopted = app.adopt.iter().map(|adopted| (&adopted.kind, &adopted.name, "adopt", adopted.span));
        let decided = app.fields.iter().map(|field| (&field.kind, &field.name, "decide about", field.span));
        adopted.chain(decided)
    });
    let mut named = named.peekable();
    if named.peek().is_none() {
        return;
    }
    let ids = out.objects.iter().map(|object| &object.id).chain(out.secrets.iter().map(|request| &request.id));
    let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for id in ids {
        names.entry(&id.kind).or_default().insert(&id.name);
    }
    let missing =
        named.filter(|(kind, name, ..)| names.get(kind.as_str()).is_none_or(|of| !of.contains(name.as_str())));
    for (at, (kind, name, what, span)) in missing.enumerate() {
        // Of very many nobody reads which objects are meant.
        let known = names.get(kind.as_str()).filter(|_| at < MOST_FINDINGS);
        let known: Vec<&str> = known.into_iter().flatten().copied().collect();
        findings.push(no_object(kind, name, what, &known, span));
    }
}
