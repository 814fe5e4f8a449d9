//! Two states of one object compared leaf by leaf: the fields that people see in a plan.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::list;
use super::mask;
use crate::kind;
use crate::plan::decide::action::{FieldChange, Place, Shown};
use crate::plan::state::input::AppliedBefore;
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
}

/// The fields that differ, in order of path.
pub(in crate::plan) fn diff(compared: &Compared<'_>) -> Vec<FieldChange> {
    let secret = kind::SECRET.is_body(compared.after);
    let managers = compared.before.map(owners::others).unwrap_or_default();
    let (path, pointer) = (String::with_capacity(128), String::with_capacity(128));
    let mut walk = Walk { compared, secret, managers, path, pointer, steps: Vec::new(), changes: Vec::new() };
    walk.value(compared.before, Some(compared.after), Some(compared.wanted));
    walk.changes.sort_by(|a, b| a.path.cmp(&b.path));
    walk.changes
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
    fn value(&mut self, before: Option<&'a Value>, after: Option<&'a Value>, wanted: Option<&'a Value>) {
        match (before, after) {
            (Some(before), Some(after)) if before == after => {}
            (Some(Value::Object(before)), Some(Value::Object(after))) => {
                self.map(Some(before), after, wanted.and_then(Value::as_object));
            }
            (None, Some(Value::Object(after))) if !after.is_empty() => {
                self.map(None, after, wanted.and_then(Value::as_object));
            }
            (Some(Value::Array(before)), Some(Value::Array(after))) => self.list(before, after, wanted),
            (None, Some(Value::Array(after))) => self.list(&[], after, wanted),
            // What the server fills in beside what was asked for is nobody's news.
            (None, Some(_)) if wanted.is_none() => {}
            (None, None) => {}
            _ => self.leaf(before, after),
        }
    }

    fn map(
        &mut self,
        before: Option<&'a Map<String, Value>>,
        after: &'a Map<String, Value>,
        wanted: Option<&'a Map<String, Value>>,
    ) {
        let keys: BTreeSet<&'a String> = before.into_iter().flat_map(Map::keys).chain(after.keys()).collect();
        for key in keys {
            if self.is_noise(key) {
                continue;
            }
            let (path, pointer) = (self.path.len(), self.pointer.len());
            path::push_field(&mut self.path, key);
            self.pointer.push('/');
            self.pointer.push_str(&path::escape(key));
            self.steps.push(owners::FieldStep::Field(key));
            let wanted = wanted.and_then(|wanted| wanted.get(key));
            self.value(before.and_then(|before| before.get(key)), after.get(key), wanted);
            self.steps.pop();
            self.path.truncate(path);
            self.pointer.truncate(pointer);
        }
    }

    fn list(&mut self, before: &'a [Value], after: &'a [Value], wanted: Option<&'a Value>) {
        let name = match self.steps.last() {
            Some(owners::FieldStep::Field(name)) => *name,
            _ => "",
        };
        let Some(keys) = list::keys(name, before, after).filter(|_| !after.is_empty()) else {
            return self.plain_list(before, after, wanted.is_some());
        };
        let counted = self.changes.len();
        for item in after {
            let before = before.iter().find(|other| list::same(keys, item, other));
            self.item(keys, item, before, Some(item), wanted);
        }
        for item in before.iter().filter(|item| !after.iter().any(|other| list::same(keys, item, other))) {
            self.item(keys, item, Some(item), None, wanted);
        }
        // The items are the same, their order is not: in some lists (environment, init containers) it counts.
        if self.changes.len() == counted && !before.is_empty() {
            let order = |items: &[Value]| {
                Shown::Value(Value::Array(items.iter().map(|item| list::label(keys, item).into()).collect()))
            };
            let (one, other) = (order(before), order(after));
            if one != other {
                self.push(Some(one), Some(other));
            }
        }
    }

    fn item(
        &mut self,
        keys: &[&str],
        item: &'a Value,
        before: Option<&'a Value>,
        after: Option<&'a Value>,
        wanted: Option<&'a Value>,
    ) {
        let found = wanted
            .and_then(Value::as_array)
            .and_then(|items| items.iter().enumerate().find(|(_, wanted)| list::same(keys, wanted, item)));
        let (path, pointer) = (self.path.len(), self.pointer.len());
        self.path.push_str(&list::label(keys, item));
        if let Some((index, _)) = found {
            self.pointer.push('/');
            self.pointer.push_str(&index.to_string());
        }
        self.steps.push(owners::FieldStep::Item(item));
        self.value(before, after, found.map(|(_, wanted)| wanted));
        self.steps.pop();
        self.path.truncate(path);
        self.pointer.truncate(pointer);
    }

    /// A list whose items have no keys: item by item where only items of the same places differ, else as a whole.
    fn plain_list(&mut self, before: &'a [Value], after: &'a [Value], wanted: bool) {
        if before.is_empty() && !wanted {
            return;
        }
        let show = |items: &[Value]| (!items.is_empty()).then(|| Value::Array(items.to_vec()));
        let (before, after) = (show(before), show(after));
        self.leaf_of(before.as_ref(), after.as_ref());
    }

    fn leaf(&mut self, before: Option<&Value>, after: Option<&Value>) {
        self.leaf_of(before, after);
    }

    fn leaf_of(&mut self, before: Option<&Value>, after: Option<&Value>) {
        let masked =
            self.secret && matches!(self.steps.get(..1), Some([owners::FieldStep::Field("data" | "stringData")]));
        // Somebody said a variable's value where ours comes from elsewhere, mostly a Secret.
        let in_place_of_ours = after.is_none() && mask::is_value_of_variable(&self.path);
        let show = |value: Option<&Value>, foreign: bool| {
            value.map(|value| match () {
                () if masked => Shown::Secret,
                () if foreign && (in_place_of_ours || mask::looks_secret(&self.path, value)) => Shown::Secret,
                () => Shown::Value(value.clone()),
            })
        };
        // What we render holds no secret; what others wrote over it may.
        let (before, after) = (show(before, true), show(after, false));
        self.push(before, after);
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
