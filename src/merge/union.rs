//! What stands beside what is applied although only one of several may be said, and the JSON patch that takes it away.

use serde_json::{Map, Value, json};

use super::element::{Element, ElementKind, Path};
use super::frame::{Frame, FrameStep};
use super::schema::{ListKind, ObjectSchema, TypeId, TypeRef, TypeShape, TypeTable};
use super::typed::{Form, form, same_item};
use super::{ApplyOptions, Schemas, apply};
use crate::kind::unions::Union;

/// Fields that cannot stand beside those that are applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Clash {
    /// What has to go. A discriminator that has to have another value is named too.
    pub(crate) away: Vec<Path>,
    /// What is applied of the same union.
    pub(crate) ours: Vec<Path>,
    /// Whether the server would take both, and what has to go undoes what is applied.
    pub(crate) is_undoing: bool,
    /// The discriminator and the value that what is applied demands of it.
    demand: Option<(Path, &'static str)>,
}

/// What has to go from an object before an apply is taken.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Displacement {
    pub(crate) clashes: Vec<Clash>,
    /// The operations of a JSON patch of the live object: what has to go is removed, what is applied in its place added.
    pub(crate) operations: Vec<Value>,
    /// The live object after the patch.
    pub(crate) patched: Value,
}

/// What has to go from `live` before applying `applied` with force is taken: `None` where nothing stands in its way.
pub(crate) fn displacement(
    schemas: &Schemas,
    live: &Value,
    applied: &Value,
    options: &ApplyOptions<'_>,
) -> Option<Displacement> {
    let of = schemas.of(applied)?;
    // What is not live cannot stand in the way.
    if clashes(&of, live, applied).is_empty() {
        return None;
    }
    let after = apply::apply(schemas, Some(live), applied, &ApplyOptions { force: true, ..*options }).ok()?;
    let clashes = clashes(&of, &after, applied);
    if clashes.is_empty() {
        return None;
    }
    let mut patch = Patch { object: live.clone(), operations: Vec::new() };
    for clash in &clashes {
        patch.solve(clash, &after);
    }
    Some(Displacement { clashes, operations: patch.operations, patched: patch.object })
}

/// Every clash between what is applied and what stands beside it in an object.
pub(super) fn clashes(of: &TypeRef, object: &Value, applied: &Value) -> Vec<Clash> {
    let mut walk = Walk { table: of.table(), found: Vec::new() };
    walk.value(of.root(), Frame::root(), object, applied);
    walk.found
}

/// Whether anything in `there` cannot stand beside what is applied of the same map.
pub(super) fn is_clash(unions: &[Union], there: &Map<String, Value>, applied: &Map<String, Value>) -> bool {
    unions.iter().any(|union| !sides(union, there, applied).is_empty())
}

/// Names of fields (with the key inside of them, of maps) that have to go, and the discriminator that has to move.
#[derive(Default)]
struct Sides<'a> {
    away: Vec<(&'a str, Option<&'a str>)>,
    demand: Option<(&'static str, &'static str)>,
}

impl Sides<'_> {
    fn is_empty(&self) -> bool {
        self.away.is_empty() && self.demand.is_none()
    }
}

fn is_said(map: &Map<String, Value>, name: &str) -> bool {
    map.get(name).is_some_and(|value| !value.is_null())
}

fn sides<'a>(union: &Union, there: &'a Map<String, Value>, applied: &Map<String, Value>) -> Sides<'a> {
    if let Union::Keys(one, other) = union {
        let keys = |said: &str, beside: &'static str| {
            let ours = applied.get(said).and_then(Value::as_object);
            let besides = there.get(beside).and_then(Value::as_object).into_iter().flatten();
            let named = |key: &str| applied.get(beside).is_some_and(|map| map.get(key).is_some());
            let clashing =
                besides.filter(move |(key, _)| ours.is_some_and(|ours| ours.contains_key(*key)) && !named(key));
            clashing.map(move |(key, _)| (beside, Some(key.as_str()))).collect::<Vec<_>>()
        };
        let mut away = keys(one, other);
        away.extend(keys(other, one));
        return Sides { away, demand: None };
    }
    let said = |name: &str| is_said(applied, name);
    let value_of = |name: &str| {
        let value = applied.get(name).filter(|value| !value.is_null()).or_else(|| there.get(name));
        value.and_then(Value::as_str)
    };
    let barred = there.iter().filter(|(name, value)| {
        union.counts(value) && !applied.contains_key(*name) && union.is_barred(name, said, value_of)
    });
    Sides { away: barred.map(|(name, _)| (name.as_str(), None)).collect(), demand: union.demands(said, value_of) }
}

struct Walk<'t> {
    table: &'t TypeTable,
    found: Vec<Clash>,
}

impl Walk<'_> {
    fn value(&mut self, id: TypeId, at: Frame<'_>, there: &Value, applied: &Value) {
        match (form(self.table, id, applied), there, applied) {
            (Form::List(Some(list)), Value::Array(there), Value::Array(applied)) => {
                let TypeShape::Map(object) = &self.table.get(list.items).shape else { return };
                if !matches!(list.kind, ListKind::Map(_)) || object.atomic {
                    return;
                }
                for item in applied {
                    let Some(other) = there.iter().find(|other| same_item(list, item, other)) else { continue };
                    let step = Frame { above: Some(&at), step: FrameStep::Item(list, item) };
                    self.value(list.items, step, other, item);
                }
            }
            (Form::Map(Some(object)), Value::Object(there), Value::Object(applied)) if !object.atomic => {
                self.map(object, at, there, applied);
            }
            _ => {}
        }
    }

    fn map(&mut self, object: &ObjectSchema, at: Frame<'_>, there: &Map<String, Value>, applied: &Map<String, Value>) {
        for union in object.unions {
            let sides = sides(union, there, applied);
            if !sides.is_empty() {
                self.found.push(clash(union, &at, applied, &sides));
            }
        }
        for (name, value) in applied {
            if let (Some(child), Some(there)) = (object.child(name), there.get(name)) {
                self.value(child, at.field(name), there, value);
            }
        }
    }
}

fn clash(union: &Union, at: &Frame<'_>, applied: &Map<String, Value>, sides: &Sides<'_>) -> Clash {
    let place = Path::from(at.path());
    let field = |name: &str| place.join(Element::field(name));
    let away = sides.away.iter().map(|(name, key)| match key {
        Some(key) => field(name).join(Element::field(key)),
        None => field(name),
    });
    let demand = sides.demand.map(|(name, value)| (field(name), value));
    let ours: Vec<Path> = match union {
        Union::Keys(one, other) => {
            let counterpart = |name: &str| if name == *one { *other } else { *one };
            let keys = sides.away.iter().filter_map(|(name, key)| Some((counterpart(name), (*key)?)));
            keys.map(|(name, key)| field(name).join(Element::field(key))).collect()
        }
        Union::Alone { said, .. } => vec![field(said)],
        Union::OneOf(_) | Union::By { .. } => {
            union.fields().into_iter().filter(|name| is_said(applied, name)).map(field).collect()
        }
    };
    let away = away.chain(demand.iter().map(|(path, _)| path.clone())).collect();
    Clash { away, ours, is_undoing: matches!(union, Union::Alone { .. }), demand }
}

/// A JSON patch while it is put together, with the object as it is after what it has so far.
struct Patch {
    object: Value,
    operations: Vec<Value>,
}

impl Patch {
    fn solve(&mut self, clash: &Clash, after: &Value) {
        let demanded = clash.demand.as_ref().map(|(path, _)| path);
        for path in clash.away.iter().filter(|path| Some(*path) != demanded) {
            self.remove(path);
        }
        for path in &clash.ours {
            let value = path.get(after);
            if let Some(value) = value.filter(|_| path.get(&self.object) != value) {
                self.add(path.elements(), value);
            }
        }
        if let Some((path, value)) = &clash.demand {
            self.add(path.elements(), &json!(value));
        }
    }

    fn remove(&mut self, path: &Path) {
        let Some((parent, name)) = last_field(path.elements()) else { return };
        let Some(pointer) = pointer(&self.object, parent) else { return };
        let inside = self.object.pointer_mut(&pointer).and_then(Value::as_object_mut);
        if inside.and_then(|inside| inside.remove(name)).is_some() {
            self.operations.push(json!({ "op": "remove", "path": format!("{pointer}/{}", token(name)) }));
        }
    }

    /// Adds a field; what it stands in is added with it, where that is not there.
    fn add(&mut self, path: &[Element], value: &Value) {
        let Some((parent, name)) = last_field(path) else { return };
        let Some(pointer) = pointer(&self.object, parent) else {
            return self.add(parent, &json!({ name: value }));
        };
        if let Some(inside) = self.object.pointer_mut(&pointer).and_then(Value::as_object_mut) {
            inside.insert(name.to_owned(), value.clone());
            let path = format!("{pointer}/{}", token(name));
            self.operations.push(json!({ "op": "add", "path": path, "value": value }));
        }
    }
}

fn last_field(path: &[Element]) -> Option<(&[Element], &str)> {
    let (last, parent) = path.split_last()?;
    Some((parent, last.as_field()?))
}

/// The JSON pointer to what a path selects, where it is there.
fn pointer(object: &Value, path: &[Element]) -> Option<String> {
    let mut pointer = String::new();
    let mut at = object;
    for element in path {
        let child = Path::from(vec![element.clone()]).get(at)?;
        let token = match element.step() {
            ElementKind::Field(name) => token(name),
            _ => at.as_array()?.iter().position(|item| std::ptr::eq(item, child))?.to_string(),
        };
        pointer.push('/');
        pointer.push_str(&token);
        at = child;
    }
    Some(pointer)
}

fn token(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merge::{UpdateOptions, update, would_change};

    const NOW: &str = "2026-01-01T00:00:00Z";
    const OPTIONS: ApplyOptions<'_> = ApplyOptions { manager: "parcelle", force: true, subresource: None, now: NOW };

    /// What ours is when somebody has patched it, and what then has to go before it is applied again.
    fn after(applied: &Value, patch: &Value) -> (Value, Option<Displacement>) {
        let schemas = Schemas::builtin();
        let live = apply::apply(&schemas, None, applied, &OPTIONS).unwrap();
        let changed = crate::merge::strategic_merge_patch(&schemas, live.clone(), patch).unwrap();
        let by = UpdateOptions { manager: "kubectl-edit", subresource: None, now: NOW };
        let live = update(&schemas, Some(&live), changed, &by).unwrap();
        let found = displacement(&schemas, &live, applied, &OPTIONS);
        (live, found)
    }

    fn deployment(spec: Value) -> Value {
        let mut object = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" },
            "spec": { "selector": { "matchLabels": { "a": "b" } } } });
        object["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        object
    }

    fn pods(container: Value) -> Value {
        let mut container = container;
        container["name"] = "app".into();
        json!({ "template": { "metadata": { "labels": { "a": "b" } }, "spec": { "containers": [container] } } })
    }

    fn away(displacement: &Displacement) -> Vec<String> {
        displacement.clashes.iter().flat_map(|clash| &clash.away).map(ToString::to_string).collect()
    }

    #[test]
    fn a_value_in_place_of_a_source_goes_and_the_source_comes_back_in_one_patch() {
        let source = json!({ "secretKeyRef": { "name": "s", "key": "k" } });
        let ours =
            deployment(pods(json!({ "env": [{ "name": "Z", "value": "1" }, { "name": "A", "valueFrom": source }] })));
        let theirs = pods(json!({ "env": [{ "name": "A", "value": "x", "valueFrom": null }] }));
        let (_, found) = after(&ours, &json!({ "spec": theirs }));
        let found = found.unwrap();
        assert_eq!(away(&found), [r#".spec.template.spec.containers[name="app"].env[name="A"].value"#]);
        let at = "/spec/template/spec/containers/0/env/1";
        assert_eq!(
            found.operations,
            [
                json!({ "op": "remove", "path": format!("{at}/value") }),
                json!({ "op": "add", "path": format!("{at}/valueFrom"), "value": source }),
            ]
        );
    }

    #[test]
    fn a_rolling_update_goes_with_the_type_that_it_came_with() {
        let ours = deployment(json!({ "strategy": { "type": "Recreate" } }));
        let theirs = json!({ "spec": { "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1 } } } });
        let (_, found) = after(&ours, &theirs);
        assert_eq!(
            found.unwrap().operations,
            [
                json!({ "op": "remove", "path": "/spec/strategy/rollingUpdate" }),
                json!({ "op": "add", "path": "/spec/strategy/type", "value": "Recreate" }),
            ]
        );
    }

    #[test]
    fn what_we_say_of_one_type_sets_the_type_that_somebody_moved() {
        let ours = deployment(json!({ "strategy": { "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } } }));
        let theirs = json!({ "spec": { "strategy": { "type": "Recreate", "rollingUpdate": null } } });
        let (_, found) = after(&ours, &theirs);
        let found = found.unwrap();
        assert_eq!(away(&found), [".spec.strategy.type"]);
        assert_eq!(
            found.operations[1],
            json!({ "op": "add", "path": "/spec/strategy/type", "value": "RollingUpdate" })
        );
    }

    #[test]
    fn several_unions_of_several_managers_are_one_patch() {
        let probe = json!({ "httpGet": { "path": "/", "port": 80, "scheme": "HTTP" } });
        let mut spec = pods(json!({ "readinessProbe": probe }));
        spec["template"]["spec"]["volumes"] = json!([{ "name": "v", "emptyDir": {} }]);
        let ours = deployment(spec);
        let mut theirs = pods(json!({ "readinessProbe": { "httpGet": null, "exec": { "command": ["true"] } } }));
        theirs["template"]["spec"]["volumes"] =
            json!([{ "name": "v", "emptyDir": null, "hostPath": { "path": "/etc" } }]);
        let (live, found) = after(&ours, &json!({ "spec": theirs }));
        let found = found.unwrap();
        assert_eq!(found.clashes.len(), 2);
        let pod = &found.patched["spec"]["template"]["spec"];
        assert_eq!(pod["volumes"], json!([{ "name": "v", "emptyDir": {} }]));
        assert_eq!(pod["containers"][0]["readinessProbe"]["httpGet"], probe["httpGet"]);
        assert_eq!(pod["containers"][0]["readinessProbe"].get("exec"), None);
        assert!(would_change(&Schemas::builtin(), &live, &ours, "parcelle"));
    }

    #[test]
    fn a_key_goes_from_the_map_in_which_it_is_not_ours() {
        let ours =
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "c" }, "data": { "a/b": "1" } });
        let (_, found) = after(&ours, &json!({ "data": null, "binaryData": { "a/b": "MQ==", "c": "MQ==" } }));
        assert_eq!(
            found.unwrap().operations,
            [
                json!({ "op": "remove", "path": "/binaryData/a~1b" }),
                json!({ "op": "add", "path": "/data", "value": { "a/b": "1" } }),
            ]
        );
    }

    #[test]
    fn what_others_say_where_we_say_nothing_stays() {
        let ours = deployment(pods(json!({ "image": "a" })));
        let theirs =
            pods(json!({ "env": [{ "name": "A", "value": "x" }], "livenessProbe": { "exec": { "command": ["a"] } } }));
        assert_eq!(after(&ours, &json!({ "spec": theirs })).1, None);
    }

    #[test]
    fn a_sibling_that_the_server_takes_beside_ours_counts_as_a_change() {
        let ours = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "s" },
            "spec": { "type": "ClusterIP", "ports": [{ "port": 80, "protocol": "TCP" }] } });
        let (live, found) = after(&ours, &json!({ "spec": { "externalName": "example.org" } }));
        assert!(would_change(&Schemas::builtin(), &live, &ours, "parcelle"));
        assert_eq!(away(&found.unwrap()), [".spec.externalName"]);
    }
}
