//! Server-side apply: the new object and who owns what in it.

use serde_json::Value;

use super::comparison::{Comparison, compare_values};
use super::element::Path;
use super::error::{ApplyError, Operation};
use super::field_set::FieldSet;
use super::managed::{self, ManagedFieldsEntry};
use super::schema::{Schemas, TypeRef};
use super::write::{
    drop_unknown_versions, empty_object, fill_defaults, finish, read_entries, same_without_entries, schema_of, take,
    take_over, text, unowned,
};
use super::{ApplyOptions, last_applied, normalise, prune, quick, reconcile, reset, typed, validate};

/// Who owns what was there before anybody's ownership was recorded.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

pub(super) fn apply(
    schemas: &Schemas,
    live: Option<&Value>,
    applied: &Value,
    options: &ApplyOptions<'_>,
) -> Result<Value, ApplyError> {
    let of = schema_of(schemas, applied)?;
    if applied.pointer("/metadata/managedFields").is_some_and(|entries| !entries.is_null()) {
        return Err(ApplyError::BadRequest("metadata.managedFields must be nil".to_owned()));
    }
    if let Some(live) = live.filter(|live| last_applied::is_heeded(options.manager, live)) {
        return apply_as_kubectl(schemas, &of, live, applied, options);
    }
    if let (Some(live), None) = (live, options.subresource)
        && let quick::QuickResult::Leaves(changed) = quick::look(&of, live, applied, options.manager)
    {
        return write_leaves(schemas, &of, live, applied, &changed, options);
    }
    write_applied(schemas, &of, live, applied, options)
}

/// Fields that kubectl applied before the server kept the books do not conflict with it.
fn apply_as_kubectl(
    schemas: &Schemas,
    of: &TypeRef,
    live: &Value,
    applied: &Value,
    options: &ApplyOptions<'_>,
) -> Result<Value, ApplyError> {
    let mut result = write_applied(schemas, of, Some(live), applied, options);
    if let Err(ApplyError::Conflicts(conflicts)) = result {
        let conflicts = last_applied::remaining(of, live, conflicts);
        result = if conflicts.is_empty() {
            write_applied(schemas, of, Some(live), applied, &ApplyOptions { force: true, ..*options })
        } else {
            Err(ApplyError::Conflicts(conflicts))
        };
    }
    result.map(|mut object| {
        last_applied::record(applied, &mut object);
        object
    })
}

/// Refuses what does not fit its type.
fn check(of: &TypeRef, applied: &Value) -> Result<(), ApplyError> {
    let misfits = validate::validate(of.table(), of.root(), applied, false);
    if misfits.is_empty() {
        return Ok(());
    }
    let message = validate::misfit_message(&misfits);
    Err(ApplyError::Typed(format!("failed to create typed patch object ({}): {message}", describe(applied))))
}

/// Refuses to apply to a stored object that does not fit its type: only one without entries can be such.
fn check_stored(of: &TypeRef, live: &Value) -> Result<(), ApplyError> {
    let misfits = validate::validate(of.table(), of.root(), live, true);
    if misfits.is_empty() {
        return Ok(());
    }
    let why = validate::misfit_message(&misfits);
    let what = format!("failed to convert new object ({}) to smd typed", describe(live));
    Err(ApplyError::Typed(format!("failed to create manager for existing fields: {what}: {why}")))
}

fn write_applied(
    schemas: &Schemas,
    of: &TypeRef,
    stored: Option<&Value>,
    applied: &Value,
    options: &ApplyOptions<'_>,
) -> Result<Value, ApplyError> {
    check(of, applied)?;
    let version = text(applied, "apiVersion");
    let empty = stored.is_none().then(|| empty_object(of, applied));
    let Some(live) = stored.or(empty.as_ref()) else { return Ok(applied.clone()) };
    let mut entries = read_entries(live)?;
    if entries.is_empty() && stored.is_some() {
        check_stored(of, live)?;
        entries.extend(first_owner(of, live, version, options));
    }
    drop_unknown_versions(schemas, of, text(applied, "kind"), &mut entries);
    reconcile::entries(of, &mut entries);
    let (ours, last) = our_entry(of, applied, version, options, &mut entries);

    let mut merged = managed::copy_without(live);
    typed::merge(of.table(), of.root(), &mut merged, applied);
    if let Some(last) = last.as_ref().filter(|last| drops_some(last, &ours)) {
        // With what nobody ever owns: it keeps the structures around it.
        let said = typed::fields_of(of.table(), of.root(), applied);
        let all = entries.iter().fold(said, |all, entry| all.union(&entry.set()));
        merged = prune::prune(of.table(), of.root(), &merged, &last.set(), &all);
    }
    let is_same = same_without_entries(live, &merged);
    let difference = if is_same { Comparison::default() } else { compare_values(of.table(), of.root(), live, &merged) };
    let changed = difference.all();
    let resets = reset::fields(of, applied, options.subresource);
    let conflicts = take_over(&mut entries, &difference.without(&resets));
    if !options.force && !conflicts.is_empty() {
        return Err(ApplyError::Conflicts(conflicts));
    }
    add_ours(&mut entries, ours, last.as_ref(), is_same, options.now);
    if !is_same {
        let decoded = match stored {
            Some(_) => normalise::normalise_changed(of, &mut merged, &changed),
            None => normalise::normalise(of, &mut merged, normalise::HeldAs::Stored),
        };
        decoded.map_err(|message| unreadable(applied, &message))?;
        fill_defaults(of, &mut merged);
    }
    Ok(finish(of, stored, merged, entries, options.subresource))
}

/// An apply that only gives other values to leaves that its manager owns already, and that are there.
fn write_leaves(
    schemas: &Schemas,
    of: &TypeRef,
    live: &Value,
    applied: &Value,
    changed: &[(Path, &Value)],
    options: &ApplyOptions<'_>,
) -> Result<Value, ApplyError> {
    if changed.is_empty() {
        return Ok(live.clone());
    }
    let mut entries = read_entries(live)?;
    drop_unknown_versions(schemas, of, text(applied, "kind"), &mut entries);
    let same_writer =
        ManagedFieldsEntry::new(options.manager, Operation::Apply, text(applied, "apiVersion"), "", FieldSet::new());
    let ours = take(&mut entries, &same_writer);
    reconcile::entries(of, &mut entries);
    let modified: FieldSet = changed.iter().map(|(path, _)| path.clone()).collect();
    let difference = Comparison { modified, ..Comparison::default() };
    let conflicts = take_over(&mut entries, &difference);
    if !options.force && !conflicts.is_empty() {
        return Err(ApplyError::Conflicts(conflicts));
    }
    entries.extend(ours.map(|mut ours| {
        ours.time = Some(options.now.into());
        ours
    }));
    let mut object = managed::copy_without(live);
    for (path, value) in changed {
        typed::put(of.table(), of.root(), &mut object, path.elements(), value);
    }
    normalise::normalise_changed(of, &mut object, &difference.modified).map_err(|words| unreadable(applied, &words))?;
    fill_defaults(of, &mut object);
    if changed.iter().any(|(path, _)| path.get(&object) != path.get(live)) {
        managed::write(&mut object, entries);
        return Ok(object);
    }
    Ok(finish(of, Some(live), object, entries, None))
}

fn unreadable(applied: &Value, message: &str) -> ApplyError {
    ApplyError::Typed(format!(
        "failed to convert new object ({}) to proper version: unable to convert unstructured object to {}: {message}",
        describe(applied),
        describe_kind(applied)
    ))
}

/// Our entry as it becomes and as it was, the latter taken out. Where nothing changes in it, it is not written anew.
fn our_entry<'e>(
    of: &TypeRef,
    applied: &'e Value,
    version: &'e str,
    options: &ApplyOptions<'e>,
    entries: &mut Vec<ManagedFieldsEntry<'e>>,
) -> (ManagedFieldsEntry<'e>, Option<ManagedFieldsEntry<'e>>) {
    let subresource = options.subresource.unwrap_or_default();
    let mut ours = ManagedFieldsEntry::new(options.manager, Operation::Apply, version, subresource, FieldSet::new());
    let last = take(entries, &ours);
    match last.as_ref().and_then(ManagedFieldsEntry::unchanged) {
        Some(fields) if quick::covers(of, applied, fields) => {
            ours.keep_fields_of(fields);
        }
        _ => {
            let resets = reset::fields(of, applied, options.subresource);
            let said = typed::fields_of(of.table(), of.root(), applied).difference_with_descendants(&resets);
            ours.replace(said.difference(unowned()));
        }
    }
    (ours, last)
}

/// Whether we owned something that we no longer say.
fn drops_some(last: &ManagedFieldsEntry<'_>, ours: &ManagedFieldsEntry<'_>) -> bool {
    let same = matches!((last.unchanged(), ours.unchanged()), (Some(a), Some(b)) if std::ptr::eq(a, b));
    !same && !last.set().is_subset(&ours.set())
}

/// Puts our entry in, unless it owns nothing; its time moves when the object changes.
fn add_ours<'e>(
    entries: &mut Vec<ManagedFieldsEntry<'e>>,
    mut ours: ManagedFieldsEntry<'e>,
    last: Option<&ManagedFieldsEntry<'e>>,
    is_same: bool,
    now: &'e str,
) {
    if ours.is_empty() {
        return;
    }
    ours.time = if is_same { last.and_then(|last| last.time.clone()) } else { Some(now.into()) };
    entries.push(ours);
}

/// An object that nobody's ownership is recorded of belongs to those before the first apply.
fn first_owner<'e>(
    of: &TypeRef,
    live: &Value,
    version: &'e str,
    options: &ApplyOptions<'e>,
) -> Option<ManagedFieldsEntry<'e>> {
    let difference = compare_values(of.table(), of.root(), &empty_object(of, live), live);
    let resets = reset::fields(of, live, options.subresource);
    let set = difference.modified.union(&difference.added).difference_with_descendants(&resets).difference(unowned());
    if set.is_empty() {
        return None;
    }
    let mut entry = ManagedFieldsEntry::new(
        BEFORE_FIRST_APPLY,
        Operation::Update,
        version,
        options.subresource.unwrap_or_default(),
        set,
    );
    entry.time = Some(options.now.into());
    Some(entry)
}

/// `namespace/name; group/version, Kind=kind`, as the server's messages name an object.
fn describe(object: &Value) -> String {
    let metadata =
        |name: &str| object.pointer(&format!("/metadata/{name}")).and_then(Value::as_str).unwrap_or_default();
    format!("{}/{}; {}", metadata("namespace"), metadata("name"), describe_kind(object))
}

fn describe_kind(object: &Value) -> String {
    let version = text(object, "apiVersion");
    let slash = if version.contains('/') { "" } else { "/" };
    format!("{slash}{version}, Kind={}", text(object, "kind"))
}
