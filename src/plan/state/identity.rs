//! Which object is which: an API version may move, the object stays the same.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::render::ObjectId;

/// What makes two ids the same object: group, kind, namespace and name, whatever the version of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Identity<'a> {
    /// The API group; empty for the core group.
    pub(crate) group: &'a str,
    pub(crate) kind: &'a str,
    /// The namespace; empty for cluster-scoped kinds.
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
}

impl ObjectId {
    /// What stays the same when the version of the API moves.
    pub(crate) fn identity(&self) -> Identity<'_> {
        Identity { group: self.group(), kind: &self.kind, namespace: &self.namespace, name: &self.name }
    }
}

impl fmt::Display for ObjectId {
    /// As people say it: `Deployment cloud-web`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind, self.name)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written<'a> {
    api_version: std::borrow::Cow<'a, str>,
    kind: std::borrow::Cow<'a, str>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    namespace: std::borrow::Cow<'a, str>,
    name: std::borrow::Cow<'a, str>,
}

impl Serialize for ObjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written {
            api_version: (&*self.api_version).into(),
            kind: (&*self.kind).into(),
            namespace: (&*self.namespace).into(),
            name: (&*self.name).into(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        Ok(Self {
            api_version: written.api_version.into(),
            kind: written.kind.into(),
            namespace: written.namespace.into(),
            name: written.name.into(),
        })
    }
}
