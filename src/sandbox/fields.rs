//! What the sandbox asks of the structured merge: schemas of all kinds, unknown fields.

use serde_json::{Map, Value};

use crate::merge::{ApplyError, Schemas, TypeId, TypeRef, TypeShape};

use super::{custom, resources::ServedResource, status::Status};

/// Field facts of all kinds served.
#[derive(Debug)]
pub(crate) struct Fields {
    schemas: Schemas,
}

impl Fields {
    /// Facts of the built-in kinds and of these definitions.
    pub(crate) fn new(definitions: &[Value]) -> Self {
        let mut schemas = Schemas::builtin();
        for definition in definitions {
            if let Err(error) = schemas.add_crd(definition) {
                tracing::warn!(%error, "a definition has a schema that cannot be read");
            }
        }
        Self { schemas }
    }

    /// The schemas for the merge.
    pub(crate) fn schemas(&self) -> &Schemas {
        &self.schemas
    }

    /// Removes what the kind does not know and returns the paths, sorted.
    pub(crate) fn prune(&self, resource: &ServedResource, object: &mut Value) -> Vec<String> {
        let mut gone = if let Some(custom) = &resource.custom {
            let mut gone = custom::prune(custom.schema(&resource.version), object);
            if let (Some(kind), Some(metadata)) = (self.schemas.kind("v1", "ConfigMap"), object.get_mut("metadata")) {
                let below = kind.at(["metadata"]).map(|known| &known.shape);
                if let (Some(TypeShape::Map(known)), Value::Object(fields)) = (below, metadata) {
                    for (name, value) in fields.iter_mut() {
                        if let Some(id) = known.child(name) {
                            prune_at(&kind, id, value, &format!("metadata.{name}"), &mut gone);
                        }
                    }
                    fields.retain(|name, _| {
                        let stays = known.child(name).is_some();
                        if !stays {
                            gone.push(format!("metadata.{name}"));
                        }
                        stays
                    });
                }
            }
            gone
        } else {
            let mut gone = Vec::new();
            let kind = self.schemas.kind(&resource.api_version(), &resource.kind);
            if let Some(kind) = kind {
                prune_at(&kind, kind.root(), object, "", &mut gone);
            }
            gone
        };
        gone.sort();
        gone
    }
}

fn prune_at(kind: &TypeRef, id: TypeId, value: &mut Value, path: &str, gone: &mut Vec<String>) {
    match (&kind.table().get(id).shape, value) {
        (TypeShape::Map(known), Value::Object(fields)) => {
            if known.preserve_unknown {
                return;
            }
            let joined = |name: &str| {
                if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
            };
            fields.retain(|name, value| {
                let Some(id) = known.child(name) else {
                    gone.push(joined(name));
                    return false;
                };
                prune_at(kind, id, value, &joined(name), gone);
                true
            });
        }
        (TypeShape::List(list), Value::Array(items)) => {
            for (place, item) in items.iter_mut().enumerate() {
                prune_at(kind, list.items, item, &format!("{path}[{place}]"), gone);
            }
        }
        _ => {}
    }
}

/// The answer to an apply that the merge refuses.
pub(crate) fn refused_apply(error: &ApplyError) -> Status {
    match error {
        ApplyError::Conflicts(conflicts) => {
            let causes: Vec<Value> = conflicts
                .iter()
                .map(|conflict| {
                    serde_json::json!({
                        "reason": "FieldManagerConflict",
                        "message": conflict.message(),
                        "field": conflict.path.to_string(),
                    })
                })
                .collect();
            Status {
                code: 409,
                reason: "Conflict",
                message: error.to_string(),
                details: Some(serde_json::json!({"causes": causes})),
            }
        }
        ApplyError::Typed(message) => Status::untyped(message.clone()),
        ApplyError::BadRequest(message) => Status::bad_request(message.clone()),
        ApplyError::UnknownKind { .. } => Status::no_such_resource(),
    }
}

/// The answer to another write that the merge refuses.
pub(crate) fn refused_update(resource: &ServedResource, error: &ApplyError) -> Status {
    match error {
        ApplyError::Typed(message) => Status::bad_request(format!(
            "{kind} in version {:?} cannot be handled as a {kind}: {message}",
            resource.version,
            kind = resource.kind
        )),
        other => refused_apply(other),
    }
}

/// The member of an object as a map, made when it is absent or something else.
pub(crate) fn section<'a>(object: &'a mut Value, name: &str) -> &'a mut Map<String, Value> {
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    if !object[name].is_object() {
        object[name] = Value::Object(Map::new());
    }
    object[name].as_object_mut().expect("made an object above")
}
