//! What is done with each Secret that parcelle makes: made once, copied, kept; its value is in no plan.

use std::collections::BTreeSet;

use serde_json::Value;

use super::action::{Action, Base, FieldChange, Place, Shown, What};
use super::deed::Deed;
use super::reason::{Adopting, Changing, Creating, Holding, Keeping, Refusing};
use super::stops::renamed;
use crate::plan::state::live::{Copy, MissingSource};
use crate::plan::state::made_keys::{self, KeysLacking};
use crate::plan::state::standing::{Index, Standing};
use crate::plan::{Entry, Input, LiveObject};
use crate::render::rules::names::maker_of_secret;
use crate::render::{Generated, SecretRequest, SecretSource, Stage};

/// The action of one requested Secret; `None` for one of a retired app that is not made (any more).
pub(in crate::plan) fn request(input: &Input<'_>, index: &Index<'_>, request: &SecretRequest) -> Option<Action> {
    if index.is_past(input.now, request.app.as_ref()) {
        return None;
    }
    let action = |deed| action(input, request, deed);
    if input.live.settled.contains_key(&request.id) {
        return Some(action(Deed::keep(Keeping::SecretKept)));
    }
    if let Some(why) = input.live.unread.get("v1 Secret") {
        return Some(action(Deed::held(Holding::NotRead { why: why.clone() })));
    }
    if let Some(Copy::NotRead { why }) = input.live.copies.get(&request.id) {
        return Some(action(Deed::held(Holding::SourceNotRead { why: why.clone() })));
    }
    let is_made = matches!(request.source, SecretSource::Generated { .. });
    Some(match index.standing(input, &request.id) {
        Standing::Absent(entry) if is_made && index.is_never_made(request.app.as_ref(), entry) => return None,
        Standing::Absent(entry) => absent(input, request, entry),
        Standing::Terminating => action(Deed::keep(Keeping::Terminating)),
        Standing::Refused(why) => action(Deed::refused(why)),
        Standing::Adopted(live) if !lost_keys(input, request, live).is_empty() => keys_lost(input, request, live),
        Standing::Adopted(live) => {
            let (why, base) = (Adopting::AdoptSaid, base_of(live));
            action(Deed::Adopt { why, base, force: false, take_over: Vec::new(), take_away: Vec::new() })
        }
        Standing::Ours { live, entry } => present(input, request, (live, entry)),
    })
}

fn absent(input: &Input<'_>, request: &SecretRequest, entry: Option<&Entry>) -> Action {
    let known = entry.is_some_and(|entry| entry.uid().is_some());
    let deed = match (&request.source, source_missing(input, request)) {
        (SecretSource::Generated { .. }, _) if known => Deed::refused(Refusing::SecretLost),
        (_, Some(missing)) => return without_source(input, request, missing),
        _ if known => Deed::Create(Creating::DeletedBehindOurBack),
        (SecretSource::Generated { .. }, None) => Deed::Create(Creating::SecretMade),
        (_, None) => Deed::Create(Creating::SecretCopied { source: source_name(request) }),
    };
    let mut action = action(input, request, deed);
    action.changes = keys(request).map(|key| key_change(action.origin.as_ref(), key)).collect();
    action.note = waits(input, request);
    action
}

fn present(input: &Input<'_>, request: &SecretRequest, (live, entry): (&LiveObject, &Entry)) -> Action {
    if let Some(missing) = source_missing(input, request) {
        return without_source(input, request, missing);
    }
    if let Some(Copy::Behind | Copy::Awaits(_)) = input.live.copies.get(&request.id) {
        let source = source_name(request);
        let mut action = action(input, request, change(Changing::CopyFollows { source }, live));
        action.changes = followed(action.origin.as_ref(), request, live);
        action.note = waits(input, request);
        return action;
    }
    // A key that a newer definition asks for is added; those that are there stay as they are.
    let lacking = lacking(input, request, live, Some(entry));
    if !lacking.lost.is_empty() && is_leaving(input, request) {
        return action(input, request, Deed::keep(Keeping::SecretKept));
    }
    if !lacking.lost.is_empty() {
        return keys_lost(input, request, live);
    }
    let written = |key: &&str| [&lacking.new, &lacking.back, &lacking.again].iter().any(|of| of.contains(*key));
    let missing: Vec<_> = keys(request).filter(written).collect();
    if let Some((from, to)) = renamed(input, request.app.as_ref(), entry) {
        let mut action = action(input, request, change(Changing::Renamed { from, to }, live));
        action.changes = missing.into_iter().map(|key| key_change(action.origin.as_ref(), key)).collect();
        return action;
    }
    let odd = input.live.keys.get(&request.id).map(|seen| seen.odd.iter().cloned().collect::<Vec<_>>());
    match odd.filter(|odd| !odd.is_empty() && missing.is_empty()) {
        Some(keys) => return action(input, request, Deed::keep(Keeping::KeysDisagree { keys })),
        None if missing.is_empty() => return action(input, request, Deed::keep(Keeping::SecretKept)),
        None => {}
    }
    let why = if lacking.new.is_empty() {
        Changing::KeysBack { keys: lacking.back.iter().cloned().collect() }
    } else {
        Changing::GardenChanged
    };
    let mut action = action(input, request, change(why, live));
    action.changes = followed_keys(action.origin.as_ref(), &missing, live);
    action
}

/// What becomes of the keys that a Secret lacks; of one that follows others nothing is lacking that is not made again.
fn lacking(input: &Input<'_>, request: &SecretRequest, live: &LiveObject, entry: Option<&Entry>) -> KeysLacking {
    let SecretSource::Generated { keys } = &request.source else { return KeysLacking::default() };
    let has = |key: &str| made_keys::has_value(&live.body, key);
    // Where the values could not be looked at, what is put together of a key is taken to hold it.
    let by_name = |key: &str| {
        keys.iter().filter(|(joined, _)| has(joined)).any(|(_, how)| match how {
            Generated::Joined(text) => made_keys::parts(text, keys).iter().all(|part| *part == key || has(part)),
            Generated::Random { .. } | Generated::Fixed(_) => false,
        })
    };
    let seen = input.live.keys.get(&request.id);
    let follows = |key: &str| seen.map_or_else(|| by_name(key), |seen| seen.follow.contains(key));
    let remembered = made_keys::of_live(input, entry, keys, live);
    made_keys::lacking(keys, has, |key| made_keys::is_among(&remembered, key), follows)
}

/// Whether the app of a Secret, or its organisation, is retired: it starts no more, so it lacks nothing.
fn is_leaving(input: &Input<'_>, request: &SecretRequest) -> bool {
    let retired = |app| input.desired.retired.contains_key(app);
    input.directives.retired.is_some() || request.app.as_ref().is_some_and(retired)
}

fn lost_keys(input: &Input<'_>, request: &SecretRequest, live: &LiveObject) -> BTreeSet<String> {
    let entry = input.inventory.find(&request.id).map(|(_, entry)| entry);
    lacking(input, request, live, entry).lost
}

/// A Secret that lacks keys which nobody knows any more: refused, and nothing is made in their place.
fn keys_lost(input: &Input<'_>, request: &SecretRequest, live: &LiveObject) -> Action {
    let keys = lost_keys(input, request, live).into_iter().collect();
    let app = request.app.as_ref().filter(|_| input.inventory.find(&request.id).is_some());
    let of = app.map(|app| format!("{}/{app}", input.desired.organisation)).unwrap_or_default();
    action(input, request, Deed::refused(Refusing::KeysLost { keys, app: of }))
}

/// The keys that are written of a Secret that has some of them already.
fn followed_keys(origin: Option<&Place>, written: &[&str], live: &LiveObject) -> Vec<FieldChange> {
    let before = |key: &str| made_keys::has_value(&live.body, key).then_some(Shown::Secret);
    written.iter().map(|key| FieldChange { before: before(key), ..key_change(origin, key) }).collect()
}

/// A copy whose source is not there: refused, with the command that makes it.
fn without_source(input: &Input<'_>, request: &SecretRequest, missing: &[MissingSource]) -> Action {
    let named = |source: &MissingSource| {
        let keys: Vec<&str> = source.keys.iter().map(String::as_str).collect();
        format!("{}/{} (keys {})", source.namespace, source.name, keys.join(", "))
    };
    let source = missing.first().map(named).unwrap_or_default();
    let mut action = action(input, request, Deed::refused(Refusing::SourceMissing { source }));
    action.note = missing.first().map(|source| format!("`{}` makes it", source.command()));
    action
}

/// What a Secret waits for that is put together from others, and who makes that.
fn waits(input: &Input<'_>, request: &SecretRequest) -> Option<String> {
    let Some(Copy::Awaits(missing)) = input.live.copies.get(&request.id) else { return None };
    let wait = |source: &MissingSource| {
        let requested = input.desired.secrets.iter().find(|other| *other.id.name == *source.name);
        let maker = match (requested, maker_of_secret(&input.desired.objects, &source.name)) {
            (Some(_), _) => "which is made for it".to_owned(),
            (None, Some(maker)) => format!("which the {} `{}` makes once it is ready", maker.kind, maker.name),
            (None, None) => format!("which nothing here makes: `{}`", source.command()),
        };
        format!("waits for the {source}, {maker}")
    };
    let waits: Vec<String> = missing.iter().map(wait).collect();
    (!waits.is_empty()).then(|| waits.join("; "))
}

/// The keys of a Secret that is written anew: those that come, stay and go, by name.
fn followed(origin: Option<&Place>, request: &SecretRequest, live: &LiveObject) -> Vec<FieldChange> {
    let data = live.body.get("data").and_then(Value::as_object);
    let is_there = |key: &str| data.is_none_or(|data| data.contains_key(key));
    let written = keys(request)
        .map(|key| FieldChange { before: is_there(key).then_some(Shown::Secret), ..key_change(origin, key) });
    let gone = data.into_iter().flat_map(|data| data.keys()).filter(|key| keys(request).all(|other| other != *key));
    let gone = gone.map(|key| FieldChange { before: Some(Shown::Secret), after: None, ..key_change(origin, key) });
    let mut changes: Vec<FieldChange> = written.chain(gone).collect();
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    changes
}

fn change(why: Changing, live: &LiveObject) -> Deed {
    Deed::Change { why, base: base_of(live), force: false, hand_over: None, take_away: Vec::new() }
}

/// The values of a Secret are in no plan, nor is a hash of them.
fn base_of(live: &LiveObject) -> Base {
    Base { uid: live.uid.clone(), resource_version: live.resource_version.clone(), values_hash: String::new() }
}

fn key_change(origin: Option<&Place>, key: &str) -> FieldChange {
    let path = if key.contains('.') { format!("data[{key}]") } else { format!("data.{key}") };
    FieldChange { path, before: None, after: Some(Shown::Secret), origin: origin.cloned(), drift_by: Vec::new() }
}

fn keys(request: &SecretRequest) -> Box<dyn Iterator<Item = &str> + '_> {
    match &request.source {
        SecretSource::Generated { keys } => Box::new(keys.keys().map(String::as_str)),
        SecretSource::Copied { keys, .. } => Box::new(keys.values().map(String::as_str)),
        SecretSource::Template { keys } => Box::new(keys.keys().map(String::as_str)),
    }
}

/// From what a Secret is copied, as people say it.
fn source_name(request: &SecretRequest) -> String {
    match &request.source {
        SecretSource::Copied { namespace, name, .. } => format!("{namespace}/{name}"),
        SecretSource::Template { .. } => "the Secrets it is put together from".to_owned(),
        SecretSource::Generated { .. } => String::new(),
    }
}

fn source_missing<'a>(input: &'a Input<'_>, request: &SecretRequest) -> Option<&'a [MissingSource]> {
    match input.live.copies.get(&request.id) {
        Some(Copy::SourceMissing(missing)) => Some(missing),
        _ => None,
    }
}

fn action(input: &Input<'_>, request: &SecretRequest, deed: Deed) -> Action {
    Action {
        id: request.id.clone(),
        deed,
        what: What::Secret,
        app: request.app.clone(),
        stage: stage(request),
        holds_data: matches!(request.source, SecretSource::Generated { .. }),
        origin: Some(Place::of(input.sources, request.origin)),
        changes: Vec::new(),
        conflicts: Vec::new(),
        causes: Vec::new(),
        verified: true,
        desired_hash: String::new(),
        note: None,
    }
}

/// A file that draws from other Secrets waits for those that a database or a bucket brings.
fn stage(request: &SecretRequest) -> Stage {
    match request.source {
        SecretSource::Template { .. } => Stage::Upgrade,
        SecretSource::Generated { .. } | SecretSource::Copied { .. } => Stage::Configuration,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::ObjectId;
    use crate::source::{FileId, Span};
    use serde_json::json;

    #[test]
    fn keys_of_a_secret_that_come_and_go_are_named_and_no_value_is() {
        let id = ObjectId { api_version: "v1".into(), kind: "Secret".into(), namespace: "o".into(), name: "s".into() };
        let keys = ["new", "stays"].map(|key| (key.to_owned(), Vec::new()));
        let request = SecretRequest {
            id,
            source: SecretSource::Template { keys: keys.into_iter().collect() },
            labels: std::collections::BTreeMap::new(),
            secret_type: "Opaque".to_owned(),
            app: None,
            origin: Span::new(FileId(0), 0..0),
        };
        let live = LiveObject::new(json!({"data": {"gone.txt": "CANARY", "stays": "CANARY"}}));
        let changes = followed(None, &request, &live);
        let told: Vec<(&str, bool, bool)> =
            changes.iter().map(|change| (&*change.path, change.before.is_some(), change.after.is_some())).collect();
        assert_eq!(told, [("data.new", false, true), ("data.stays", true, true), ("data[gone.txt]", true, false)]);
        assert!(!format!("{changes:?}").contains("CANARY"));
    }
}
