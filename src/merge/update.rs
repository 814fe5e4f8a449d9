//! Updates: the new object and who owns what in it.

use serde_json::Value;

use super::comparison::compare_values;
use super::error::{ApplyError, Operation};
use super::managed::{self, ManagedFieldsEntry};
use super::schema::{Schemas, TypeRef};
use super::write::{decode, drop_unknown_versions, empty_object, finish, schema_of, take, take_over, text, unowned};
use super::{UpdateOptions, normalise, reconcile, reset, validate};

pub(super) fn update(
    schemas: &Schemas,
    before: Option<&Value>,
    mut after: Value,
    options: &UpdateOptions<'_>,
) -> Result<Value, ApplyError> {
    let of = schema_of(schemas, &after)?;
    let sent = after.clone();
    managed::remove(&mut after);
    decode(&of, &mut after).map_err(|message| {
        let kind = text(&after, "kind");
        let version = text(&after, "apiVersion").rsplit('/').next().unwrap_or_default();
        ApplyError::BadRequest(format!("{kind} in version {version:?} cannot be handled as a {kind}: {message}"))
    })?;
    let empty = empty_object(&of, &after);
    let stored = before.unwrap_or(&empty);
    let mut entries = entries_of_update(before, &sent, options.subresource);
    let is_tracked = before.is_none() || !entries.is_empty() || !has_uid(stored);
    let version = text(&sent, "apiVersion").to_owned();
    if is_tracked {
        drop_unknown_versions(schemas, &of, text(&sent, "kind"), &mut entries);
        reconcile::entries(&of, &mut entries);
        own_update(&of, stored, &after, &mut entries, &version, options);
    }
    if !of.is_custom() {
        // What was decoded already can be decoded.
        let _ = normalise::normalise(&of, &mut after, normalise::HeldAs::Stored);
    }
    if !validate::validate(of.table(), of.root(), &after, true).is_empty() {
        // The server stores what does not fit its type, such as an item without its key, and forgets who owns what.
        entries.clear();
    }
    Ok(finish(&of, before, after, entries, options.subresource))
}

/// Gives the updater what changed, takes it from the others.
fn own_update<'e>(
    of: &TypeRef,
    before: &Value,
    after: &Value,
    entries: &mut Vec<ManagedFieldsEntry<'e>>,
    version: &'e str,
    options: &UpdateOptions<'e>,
) {
    let resets = reset::fields(of, after, options.subresource);
    let difference = compare_values(of.table(), of.root(), before, after).without(&resets);
    take_over(entries, &difference);
    let taken = difference.modified.union(&difference.added).difference(unowned());
    if !taken.is_empty() {
        let manager = if options.manager.is_empty() { "unknown" } else { options.manager };
        let mut ours = ManagedFieldsEntry::new(
            manager,
            Operation::Update,
            version,
            options.subresource.unwrap_or_default(),
            taken,
        );
        if let Some(previous) = take(entries, &ours) {
            let union = previous.set().union(&ours.set());
            ours.replace(union);
        }
        ours.time = Some(options.now.into());
        entries.push(ours);
    }
    managed::cap(entries);
}

/// The entries that a request brings, else those that are stored; a subresource never brings its own.
fn entries_of_update<'v>(
    before: Option<&'v Value>,
    sent: &'v Value,
    subresource: Option<&str>,
) -> Vec<ManagedFieldsEntry<'v>> {
    let stored = || before.and_then(managed::read).unwrap_or_default();
    if subresource.is_some() {
        return stored();
    }
    if managed::is_reset(sent) {
        return Vec::new();
    }
    match managed::read(sent) {
        Some(entries) if !entries.is_empty() => entries,
        _ => stored(),
    }
}

fn has_uid(object: &Value) -> bool {
    object.pointer("/metadata/uid").and_then(Value::as_str).is_some_and(|uid| !uid.is_empty())
}
