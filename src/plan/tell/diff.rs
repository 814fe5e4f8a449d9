//! Two states of one object compared leaf by leaf: the fields that people see in a plan, and of their values those that are
//! ours.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::list;
use super::mask;
use crate::kind;
use crate::merge::{Schemas, TypeRef};
use crate::plan::decide::action::{FieldChange, Place, Shown};
use crate::plan::state::input::AppliedBefore;
use crate::plan::state::ours::{Ours, Visible};
use crate::plan::state::owners;
use crate::plan::state::path;
use crate::render::Origins;
use crate::source::Sources;

/// What a comparison needs to know beside the two states.
pub(in crate::plan) struct Compared<'a> {
    /// The object as it is; absent where it is not there.
    pub(in crate::plan) before: Option<&'a Value>,
    /// The object as it would be.
    pub(in crate::plan) after: &'a Value,
    /// The object as rendered: only what it names is shown where nothing was before, and its fields have origins.
    pub(in crate::plan) wanted: &'a Value,
    /// The lines that decided the rendered values.
    pub(in crate::plan) origins: &'a Origins,
    /// The texts of those lines.
    pub(in crate::plan) sources: &'a Sources,
    /// What we applied before: who holds a field of it drifted it.
    pub(in crate::plan) applied: AppliedBefore<'a>,
    /// The schemas that tell lists of items from values.
    pub(in crate::plan) schemas: &'a Schemas,
}

/// The fields that differ, in order of path.
pub(in crate::plan) fn diff(compared: &Compared<'_>) -> Vec<FieldChange> {
    let of: Option<TypeRef> = compared.schemas.of(compared.wanted);
    let before = Side::of(compared.before, compared, of.as_ref());
    let after = Side::of(Some(compared.after), compared, of.as_ref());
    let secret = kind::SECRET.is_body(compared.after);
    let managers = compared.before.map(owners::others).unwrap_or_default();
    let (path, pointer) = (String::with_capacity(128), String::with_capacity(128));
    let mut walk = Walk { compared, secret, managers, path, pointer, steps: Vec::new(), changes: Vec::new() };
    walk.value(before, after);
    walk.changes.sort_by(|a, b| a.path.cmp(&b.path));
    walk.changes
}

/// One of the two states, at a place.
#[derive(Clone, Copy)]
struct Side<'a> {
    value: Option<&'a Value>,
    ours: Ours<'a>,
}

impl<'a> Side<'a> {
    fn of(value: Option<&'a Value>, compared: &Compared<'a>, of: Option<&'a TypeRef>) -> Self {
        Self { value, ours: Ours::of(value, Some(compared.wanted), of) }
    }

    fn field(self, key: &str) -> Self {
        Self { value: self.value.and_then(|value| value.get(key)), ours: self.ours.field(key) }
    }

    fn items(self) -> &'a [Value] {
        self.value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The item that has the keys of another one.
    fn item(self, keys: &[&str], like: &Value) -> Self {
        let value = self.items().iter().find(|item| list::same(keys, like, item));
        Self { value, ours: self.ours.item(Some(keys), like) }
    }
}

fn is_scalar(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

/// The item as a path names it, given its place in both states.
fn label_of(keys: &[&str], item: &Value, before: Side<'_>, after: Side<'_>) -> String {
    let is_ours = before.ours.is_ours() || after.ours.is_ours();
    if is_ours { list::label(keys, item) } else { list::name_of_others(keys, item) }
}

struct Walk<'a> {
    compared: &'a Compared<'a>,
    secret: bool,
    managers: Vec<owners::OtherManager<'a>>,
    path: String,
    /// The JSON pointer into the rendered object.
    pointer: String,
    steps: Vec<owners::FieldStep<'a>>,
    changes: Vec<FieldChange>,
}

impl<'a> Walk<'a> {
    fn value(&mut self, before: Side<'a>, after: Side<'a>) {
        let wanted = after.ours.wanted();
        match (before.value, after.value) {
            (Some(one), Some(other)) if one == other => {}
            (Some(Value::Object(_)), Some(Value::Object(_))) => self.map(before, after),
            (None, Some(Value::Object(map))) if !map.is_empty() => self.map(before, after),
            (None | Some(Value::Array(_)), Some(Value::Array(_))) => self.list(before, after),
            // What the server fills in beside what was asked for is nobody's news.
            (None, Some(_)) if wanted.is_none() => {}
            (None, None) => {}
            _ => self.leaf(before, after),
        }
    }

    fn map(&mut self, before: Side<'a>, after: Side<'a>) {
        let fields = |side: Side<'a>| side.value.and_then(Value::as_object).into_iter().flat_map(Map::keys);
        let keys: BTreeSet<&'a String> = fields(before).chain(fields(after)).collect();
        for key in keys {
            if self.is_noise(key) {
                continue;
            }
            let (path, pointer) = (self.path.len(), self.pointer.len());
            path::push_field(&mut self.path, key);
            self.pointer.push('/');
            self.pointer.push_str(&path::escape(key));
            self.steps.push(owners::FieldStep::Field(key));
            self.value(before.field(key), after.field(key));
            self.steps.pop();
            self.path.truncate(path);
            self.pointer.truncate(pointer);
        }
    }

    fn list(&mut self, before: Side<'a>, after: Side<'a>) {
        let name = match self.steps.last() {
            Some(owners::FieldStep::Field(name)) => *name,
            _ => "",
        };
        let (old, new) = (before.items(), after.items());
        let Some(keys) = list::keys(name, old, new).filter(|_| !new.is_empty()) else {
            // A list whose items have no keys is compared as a whole.
            if !old.is_empty() || after.ours.wanted().is_some() {
                let filled = |side: Side<'a>| Side { value: side.value.filter(|_| !side.items().is_empty()), ..side };
                self.leaf(filled(before), filled(after));
            }
            return;
        };
        let counted = self.changes.len();
        for item in new {
            self.item(keys, item, before.item(keys, item), after.item(keys, item));
        }
        for item in old.iter().filter(|item| !new.iter().any(|other| list::same(keys, item, other))) {
            self.item(keys, item, before.item(keys, item), after.item(keys, item));
        }
        // The items are the same, their order is not: in some lists (environment, init containers) it counts.
        if self.changes.len() == counted && !old.is_empty() {
            let order = |side: Side<'a>| {
                let names = side
                    .items()
                    .iter()
                    .map(|item| label_of(keys, item, before.item(keys, item), after.item(keys, item)).into());
                Shown::Value(Value::Array(names.collect()))
            };
            let (one, other) = (order(before), order(after));
            if one != other {
                self.push(Some(one), Some(other));
            }
        }
    }

    fn item(&mut self, keys: &[&str], item: &'a Value, before: Side<'a>, after: Side<'a>) {
        let wanted = self.compared.wanted.pointer(&self.pointer).and_then(Value::as_array);
        let found = wanted.and_then(|items| items.iter().position(|wanted| list::same(keys, wanted, item)));
        let (path, pointer) = (self.path.len(), self.pointer.len());
        self.path.push_str(&label_of(keys, item, before, after));
        // Where nothing is wanted, no pointer leads.
        let step = found.map_or_else(|| "-".to_owned(), |index| index.to_string());
        self.pointer.push('/');
        self.pointer.push_str(&step);
        self.steps.push(owners::FieldStep::Item(item));
        self.value(before, after);
        self.steps.pop();
        self.path.truncate(path);
        self.pointer.truncate(pointer);
    }

    fn leaf(&mut self, before: Side<'a>, after: Side<'a>) {
        // Somebody said a variable's value where ours comes from elsewhere, mostly a Secret.
        let in_place_of_ours = after.value.is_none() && mask::is_value_of_variable(&self.path);
        let shown = |side: Side<'a>, closed: bool| side.value.map(|value| self.shown(side.ours, value, closed));
        // What we render holds no secret; what is live may.
        let (before, after) = (shown(before, in_place_of_ours), shown(after, false));
        let before = match before {
            Some(Shown::Value(value) | Shown::Part { value, .. }) if mask::looks_secret(&self.path, &value) => {
                Some(Shown::Secret)
            }
            before => before,
        };
        self.push(before, after);
    }

    /// A value as far as it is ours and no secret.
    fn shown(&self, ours: Ours<'a>, value: &Value, closed: bool) -> Shown {
        let in_secret =
            self.secret && matches!(self.steps.get(..1), Some([owners::FieldStep::Field("data" | "stringData")]));
        if in_secret || closed {
            return Shown::Secret;
        }
        match ours.visible(&mut self.path.clone(), value) {
            Visible { value: Some(value), others: 0 } => Shown::Value(value),
            Visible { value: Some(value), others } => Shown::Part { value, others },
            Visible { value: None, others } if others > 0 && value.is_array() => {
                Shown::Part { value: Value::Array(Vec::new()), others }
            }
            // Somebody wrote it where ours stands, and it may be a secret.
            Visible { value: None, .. } if is_scalar(value) && ours.wanted().is_some_and(is_scalar) => Shown::Secret,
            Visible { value: None, .. } => Shown::Others,
        }
    }

    fn push(&mut self, before: Option<Shown>, after: Option<Shown>) {
        let drift_by = owners::of(&self.managers, &self.steps, self.compared.applied);
        let origin = self.compared.origins.of(&self.pointer).map(|span| Place::of(self.compared.sources, span));
        self.changes.push(FieldChange { path: self.path.clone(), before, after, origin, drift_by });
    }

    fn is_noise(&self, key: &str) -> bool {
        match self.path.as_str() {
            "" => matches!(key, "status" | "apiVersion" | "kind"),
            "metadata" => matches!(
                key,
                "managedFields"
                    | "resourceVersion"
                    | "generation"
                    | "uid"
                    | "creationTimestamp"
                    | "selfLink"
                    | "name"
                    | "namespace"
            ),
            "metadata.annotations" => {
                matches!(key, crate::plan::NONCE | "kubectl.kubernetes.io/last-applied-configuration")
            }
            _ => false,
        }
    }
}
