//! Server-side apply on JSON values, exactly as a Kubernetes API server does it, without a server.
//!
//! Pure: no kube types, no clock, no IO. [`Schemas`] says what the fields of a kind are, [`apply`] and [`update`] give the
//! object that a server would store after an apply or after any other write, with its `managedFields`.
//!
//! What is not here: admission, validation beyond types, allocation of addresses, and what controllers write.

mod apply;
mod comparison;
mod defaults;
mod element;
mod error;
mod field_set;
mod frame;
mod last_applied;
mod managed;
mod normalise;
mod patch;
mod prune;
mod quantity;
mod quick;
mod reconcile;
mod reset;
mod scale;
mod schema;
mod text;
mod typed;
mod union;
mod update;
mod validate;
mod write;

pub(crate) use element::{Element, ElementKind, Path};
pub(crate) use error::{ApplyError, FieldManagerConflict};
pub use field_set::FieldSet;
pub use patch::json_merge_patch;
pub(crate) use patch::strategic_merge_patch;
pub use quantity::canonical_quantity;
pub(crate) use scale::{scale_of, write_scale};
pub use schema::Schemas;
pub(crate) use schema::{List, ListKind, ObjectSchema, ScalarKind, TypeId, TypeRef, TypeShape, TypeTable};
pub(crate) use union::{Clash, Displacement, displacement};

use serde_json::Value;

/// How [`apply`] is asked for.
#[derive(Debug, Clone, Copy)]
pub struct ApplyOptions<'a> {
    /// The field manager.
    pub manager: &'a str,
    /// Whether fields that others own with other values are taken from them.
    pub force: bool,
    /// The subresource that is written (`status`, `scale`), `None` for the object itself.
    pub subresource: Option<&'a str>,
    /// The time to record, as in `2026-11-21T22:00:00Z`.
    pub now: &'a str,
}

/// How [`update`] is asked for.
#[derive(Debug, Clone, Copy)]
pub struct UpdateOptions<'a> {
    /// The field manager; the server uses the first part of the user agent, or `unknown`, when none is given.
    pub manager: &'a str,
    /// The subresource that is written (`status`, `scale`), `None` for the object itself.
    pub subresource: Option<&'a str>,
    /// The time to record, as in `2026-11-21T22:00:00Z`.
    pub now: &'a str,
}

/// The object after a server-side apply, with its new `managedFields`.
///
/// `live` is the stored object, `None` when the apply creates it. `applied` is the body of the request as it was sent (messages
/// name the namespace that it says); on creation the caller fills in `metadata.namespace` afterwards. The result keeps the live `uid`, `resourceVersion`,
/// `generation` and so on; the caller gives new ones. When nothing changes, the result equals `live`, times included.
///
/// # Errors
/// Conflicts without `force`, bodies that do not fit the schema, kinds that are not known.
pub fn apply(
    schemas: &Schemas,
    live: Option<&Value>,
    applied: &Value,
    options: &ApplyOptions<'_>,
) -> Result<Value, ApplyError> {
    apply::apply(schemas, live, applied, options)
}

/// The object after a create, an update or a patch that is no apply, with its new `managedFields`.
///
/// `before` is the stored object, `None` on creation; `after` the whole object as the client wants it (for a patch: the
/// patched object). Defaults are filled in and values made canonical. Ownership of what changed moves to the manager.
/// When nothing changes, the result equals `before`, times included.
///
/// # Errors
/// Values that a built-in kind cannot hold, kinds that are not known.
pub fn update(
    schemas: &Schemas,
    before: Option<&Value>,
    after: Value,
    options: &UpdateOptions<'_>,
) -> Result<Value, ApplyError> {
    update::update(schemas, before, after, options)
}

/// Whether applying `applied` as `manager` would change anything: the no-op test of the loop.
///
/// `false` means that our entry in `managedFields` covers exactly our fields, that every value is live already, and that
/// nothing stands beside one that only one of several may be.
pub fn would_change(schemas: &Schemas, live: &Value, applied: &Value, manager: &str) -> bool {
    let Some(of) = schemas.of(applied) else { return true };
    if let quick::QuickResult::Leaves(changed) = quick::look(&of, live, applied, manager)
        && changed.is_empty()
    {
        return false;
    }
    if !union::clashes(&of, live, applied).is_empty() {
        return true;
    }
    // With the time that is recorded, entries keep their order: a later one alone would be no change to speak of.
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    let ours = entries.into_iter().flatten().find(|entry| is_apply_entry(entry, manager));
    let now = ours.and_then(|entry| entry.get("time")).and_then(Value::as_str).unwrap_or("1970-01-01T00:00:00Z");
    let options = ApplyOptions { manager, force: true, subresource: None, now };
    !apply(schemas, Some(live), applied, &options).is_ok_and(|after| after == *live)
}

/// Returns the object as the server holds it once it has read it: amounts canonical, empty values gone, defaults of
/// built-in kinds filled in. Kinds without a schema stay as they are.
///
/// # Errors
/// A value that its type cannot hold, in the server's words.
pub(crate) fn decoded(schemas: &Schemas, object: &Value) -> Result<Value, String> {
    let mut object = object.clone();
    if let Some(of) = schemas.of(&object) {
        write::decode(&of, &mut object)?;
    }
    Ok(object)
}

/// What `manager` owns by applying, `None` when it has no such entry (or one that cannot be read).
pub(crate) fn owned(live: &Value, manager: &str) -> Option<FieldSet> {
    let entries = live.pointer("/metadata/managedFields")?.as_array()?;
    let ours = entries.iter().find(|entry| is_apply_entry(entry, manager))?;
    FieldSet::from_fields_v1(ours.get("fieldsV1")?).ok()
}

/// The paths of every field at or below a path of an object, as its applier would own them.
pub(crate) fn leaves_below(schemas: &Schemas, object: &Value, path: &Path) -> Vec<Path> {
    let Some(of) = schemas.of(object) else { return Vec::new() };
    let fields = typed::fields_of(of.table(), of.root(), object);
    let below = path.elements().iter().try_fold(&fields, |fields, element| Some(fields.child(element)?.1));
    let paths = below.map(FieldSet::paths).unwrap_or_default();
    paths.into_iter().map(|leaf| Path::from([path.elements(), leaf.elements()].concat())).collect()
}

/// Whether an entry is that of `manager` for applying the object itself.
fn is_apply_entry(entry: &Value, manager: &str) -> bool {
    entry["manager"] == manager && entry["operation"] == "Apply" && entry.get("subresource").is_none()
}

/// The fields that applying this object would own.
///
/// # Errors
/// A body that does not fit the schema, a kind that is not known.
pub fn own_fields(schemas: &Schemas, applied: &Value) -> Result<FieldSet, ApplyError> {
    let of = write::schema_of(schemas, applied)?;
    let misfits = validate::validate(of.table(), of.root(), applied, false);
    if !misfits.is_empty() {
        return Err(ApplyError::Typed(validate::misfit_message(&misfits)));
    }
    let all = typed::fields_of(of.table(), of.root(), applied);
    Ok(all.difference_with_descendants(&reset::fields(&of, applied, None)).difference(write::unowned()))
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod zeros;
