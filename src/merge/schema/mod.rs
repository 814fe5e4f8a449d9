//! What the merge knows about the fields of a kind: types, list keys, atomic parts, and what the server writes for zero values.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use serde_json::Value;

use crate::kind::unions::Union;

mod builtin;
mod custom;

pub(crate) use custom::SchemaError;

/// The number of a type inside its [`TypeTable`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct TypeId(u32);

/// The types of one source (all built-in kinds, or one version of a custom kind), each stored once.
#[derive(Debug, Default)]
pub(crate) struct TypeTable {
    types: Vec<TypeSchema>,
}

impl TypeTable {
    /// The type with this number.
    pub(crate) fn get(&self, id: TypeId) -> &TypeSchema {
        &self.types[id.0 as usize]
    }

    fn push(&mut self, one: TypeSchema) -> TypeId {
        let id = TypeId(u32::try_from(self.types.len()).unwrap_or(u32::MAX));
        self.types.push(one);
        id
    }
}

/// A type of values, with what its declaration says besides the shape.
#[derive(Debug, Clone)]
pub(crate) struct TypeSchema {
    /// The form of its values.
    pub(crate) shape: TypeShape,
    /// The value that the server puts where none is given (custom kinds).
    pub(crate) default: Option<Value>,
    /// Whether `null` is a value of its own (custom kinds).
    pub(crate) nullable: bool,
    /// The words that may stand there (built-in kinds); none where any may.
    pub(crate) allowed: Vec<Box<str>>,
}

impl From<TypeShape> for TypeSchema {
    fn from(shape: TypeShape) -> Self {
        Self { shape, default: None, nullable: false, allowed: Vec::new() }
    }
}

/// The form of a type's values.
#[derive(Debug, Clone)]
pub(crate) enum TypeShape {
    /// A single value.
    Scalar(ScalarKind),
    List(List),
    /// An object with declared fields, a map, or both.
    Map(ObjectSchema),
    /// Anything: scalars, atomic lists, and maps of anything.
    Any,
}

/// What a single value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScalarKind {
    String,
    /// A whole number of 64 bits.
    Integer,
    /// A whole number of 32 bits.
    SmallInteger,
    Number,
    /// True or false.
    Boolean,
    /// A number or a text, such as a port or a percentage.
    IntOrString,
    /// An amount such as `500m` or `1Gi`, stored canonically in built-in kinds.
    Quantity,
    /// A time with second precision.
    Time,
    /// A time with microsecond precision.
    MicroTime,
    /// Bytes in base64.
    Bytes,
}

/// A list and how its items are told apart.
#[derive(Debug, Clone)]
pub(crate) struct List {
    /// How items are told apart.
    pub(crate) kind: ListKind,
    /// The type of the items.
    pub(crate) items: TypeId,
    /// The key that strategic merge patches use.
    pub(crate) merge_key: Option<Box<str>>,
}

/// How the items of a list are told apart.
#[derive(Debug, Clone)]
pub(crate) enum ListKind {
    /// The list is one value.
    Atomic,
    /// Items are scalars, told apart by their value.
    Set,
    /// Items are objects, told apart by these fields, with the value that an absent one means.
    Map(Vec<(Box<str>, Option<Value>)>),
}

/// An object or map.
#[derive(Debug, Clone, Default)]
pub(crate) struct ObjectSchema {
    /// Whether it is one value (`false`: its fields are owned one by one).
    pub(crate) atomic: bool,
    /// The declared fields by name.
    pub(crate) fields: BTreeMap<Box<str>, FieldSchema>,
    /// The type of what is not declared; `None` refuses undeclared fields.
    pub(crate) values: Option<TypeId>,
    /// Whether undeclared fields are kept as they are rather than pruned (custom kinds).
    pub(crate) preserve_unknown: bool,
    /// Fields of which only one may be said.
    pub(crate) unions: &'static [Union],
}

impl ObjectSchema {
    /// The type of the field or map value with this name, if one is allowed.
    pub(crate) fn child(&self, name: &str) -> Option<TypeId> {
        self.fields.get(name).map(|field| field.of).or(self.values)
    }
}

/// A declared field of an object.
#[derive(Debug, Clone)]
pub(crate) struct FieldSchema {
    pub(crate) of: TypeId,
    /// What the server writes when the value is empty or absent.
    pub(crate) empty: Empty,
}

/// What the server of built-in kinds writes for an empty or absent value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Empty {
    /// An empty value vanishes: `""`, `0`, `false`, `[]`, `{}` of maps.
    #[default]
    Vanishes,
    /// An empty value stays as it is given; absent stays absent.
    Stays,
    /// Always written: `""`, `0` or `false` when absent.
    Zero,
    /// Always written: `null` when absent.
    Null,
    /// An object that is always written: `{}` when absent.
    Object,
}

/// The schema of one kind in one version.
#[derive(Clone)]
pub struct TypeRef {
    table: Arc<TypeTable>,
    root: TypeId,
    custom: bool,
    status: bool,
}

impl TypeRef {
    /// The table that [`TypeId`]s of this schema refer to.
    pub(crate) fn table(&self) -> &TypeTable {
        &self.table
    }

    /// The type of the whole object.
    pub(crate) fn root(&self) -> TypeId {
        self.root
    }

    /// Whether the kind comes from a CRD: nothing is made canonical and no empty value vanishes.
    pub(crate) fn is_custom(&self) -> bool {
        self.custom
    }

    /// Whether the kind has a `status` subresource, so that writes to the object leave the status alone.
    pub(crate) fn has_status_subresource(&self) -> bool {
        self.status
    }

    /// The type at a path of field names; list items are passed by `[]`.
    pub(crate) fn at<'p>(&self, path: impl IntoIterator<Item = &'p str>) -> Option<&TypeSchema> {
        let id = path.into_iter().try_fold(self.root, |id, name| match &self.table.get(id).shape {
            TypeShape::Map(object) => object.child(name),
            TypeShape::List(list) if name == "[]" => Some(list.items),
            _ => None,
        })?;
        Some(self.table.get(id))
    }
}

impl fmt::Debug for TypeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypeRef").field("root", &self.root).field("custom", &self.custom).finish_non_exhaustive()
    }
}

/// The schemas of many kinds. Cloning is cheap for the built-in part and shares every custom kind.
#[derive(Clone, Debug)]
pub struct Schemas {
    builtin: &'static Kinds,
    custom: Kinds,
}

/// Schemas by `(apiVersion, kind)`.
type Kinds = BTreeMap<(String, String), TypeRef>;

static BUILTIN: LazyLock<Kinds> = LazyLock::new(builtin::parse);

impl Schemas {
    /// The built-in kinds of Kubernetes 1.36, from facts compiled into the program and parsed once.
    pub fn builtin() -> Self {
        Self { builtin: &BUILTIN, custom: BTreeMap::new() }
    }

    /// The schema of a kind, `None` when it is not known.
    pub(crate) fn kind(&self, api_version: &str, kind: &str) -> Option<TypeRef> {
        let key = (api_version.to_owned(), kind.to_owned());
        self.custom.get(&key).or_else(|| self.builtin.get(&key)).cloned()
    }

    /// The schema of an object by its own `apiVersion` and `kind`.
    pub fn of(&self, object: &Value) -> Option<TypeRef> {
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        self.kind(text("apiVersion")?, text("kind")?)
    }

    /// Adds (or replaces) every version of a `CustomResourceDefinition`.
    ///
    /// # Errors
    /// When the object is no definition or a schema in it has no structure. Nothing is added then.
    pub(crate) fn add_crd(&mut self, definition: &Value) -> Result<(), SchemaError> {
        let kinds = custom::parse(definition)?;
        self.remove_crd(definition);
        self.custom.extend(kinds);
        Ok(())
    }

    /// Forgets every version of a `CustomResourceDefinition`.
    pub(crate) fn remove_crd(&mut self, definition: &Value) {
        let group = definition.pointer("/spec/group").and_then(Value::as_str).unwrap_or_default();
        let kind = definition.pointer("/spec/names/kind").and_then(Value::as_str).unwrap_or_default();
        self.custom
            .retain(|(version, known), _| known != kind || version.split_once('/').is_none_or(|(of, _)| of != group));
    }
}

#[cfg(test)]
mod tests;
