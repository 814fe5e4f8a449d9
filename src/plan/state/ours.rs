//! Which parts of a live value are ours: fields that we apply, or would apply. All others are somebody else's, and neither
//! shown nor kept.
//!
//! A value that stands where our entry in `managedFields` says is as we wrote it. One that stands where we would write is
//! known to people by the garden, and shown unless it may be secret: what others wrote into variables and arguments, and what
//! looks like a secret.

use serde_json::{Map, Value};

use super::own_values::TypeAt;
use super::{owners, path};
use crate::kind;
use crate::merge::TypeRef;
use crate::plan::tell::{list, mask};

/// A place in an object, as far as it is ours.
#[derive(Clone, Copy)]
pub(in crate::plan) struct Ours<'a> {
    /// What we would apply there.
    wanted: Option<&'a Value>,
    held: Held<'a>,
    at: Option<TypeAt<'a>>,
    /// Whether a process is told this: a variable, an argument, a header of a probe.
    is_of_process: bool,
    /// Whether it is in an item of a list that is one value: what somebody adds to such an item counts.
    is_in_item: bool,
}

/// What our entry in `managedFields` has of a place.
#[derive(Clone, Copy)]
enum Held<'a> {
    Nothing,
    Below(&'a Map<String, Value>),
    /// The field itself.
    Leaf,
    /// The field above, as a whole.
    All,
}

/// The part of a value that is ours.
pub(in crate::plan) struct Visible {
    pub(in crate::plan) value: Option<Value>,
    /// How many items of lists in it, and fields of such items, are not ours.
    pub(in crate::plan) others: usize,
}

impl<'a> Ours<'a> {
    /// The root of an object as it is stored, beside what we would apply. `of` is the type of its kind, where that is known.
    pub(in crate::plan) fn of(stored: Option<&'a Value>, wanted: Option<&'a Value>, of: Option<&'a TypeRef>) -> Self {
        let posted = || stored.filter(|stored| kind::SECRET.is_body(stored)).and_then(owners::posted);
        let held = stored.and_then(owners::ours).or_else(posted).and_then(Value::as_object);
        let held = held.map_or(Held::Nothing, Held::Below);
        Self { wanted, held, at: of.map(TypeAt::root), is_of_process: false, is_in_item: false }
    }

    /// The place of a path in an object that we would apply, with nothing of it applied yet.
    pub(in crate::plan) fn would_be(body: &'a Value, of: Option<&'a TypeRef>, path: &str) -> Self {
        let mut place = Self::of(None, Some(body), of);
        let (pointer, _) = path::pointer(body, path);
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            let item = place.wanted.and_then(Value::as_array).and_then(|items| items.get(token.parse::<usize>().ok()?));
            place = match item {
                Some(item) => place.item(None, item),
                None => place.field(&token),
            };
        }
        place
    }

    /// What we would apply there.
    pub(in crate::plan) fn wanted(self) -> Option<&'a Value> {
        self.wanted
    }

    /// The place of a field, or of a key of a map.
    pub(in crate::plan) fn field(self, name: &str) -> Self {
        let key = format!("f:{name}");
        let held = match self.held {
            Held::Below(fields) => Held::of(fields.get(&key)),
            Held::Leaf if self.at.is_some_and(TypeAt::is_atomic_map) => Held::All,
            Held::All => Held::All,
            Held::Leaf | Held::Nothing => Held::Nothing,
        };
        Self {
            wanted: self.wanted.and_then(|wanted| wanted.get(name)),
            held,
            at: self.at.and_then(|at| at.child(&key)),
            is_of_process: self.is_of_process || is_told_to_a_process(name),
            is_in_item: self.is_in_item,
        }
    }

    /// The place of an item of a list; without keys only an equal one is known again.
    pub(in crate::plan) fn item(self, keys: Option<&[&str]>, item: &Value) -> Self {
        let is_same = |wanted: &&Value| match keys {
            Some(keys) => list::same(keys, wanted, item),
            None => *wanted == item,
        };
        let held = match self.held {
            Held::Below(fields) => Held::of(owners::item_of(fields, item, keys.is_some())),
            Held::Leaf | Held::All => Held::All,
            Held::Nothing => Held::Nothing,
        };
        Self {
            wanted: self.wanted.and_then(Value::as_array).and_then(|items| items.iter().find(is_same)),
            held,
            at: self.at.and_then(|at| at.child("k:")),
            is_of_process: self.is_of_process,
            is_in_item: self.is_in_item || keys.is_none(),
        }
    }

    /// The places of the items of a list whose items have no keys: equal ones are the same; of the others, one that mostly says
    /// what ours says is ours that somebody changed.
    fn items_without_keys(self, items: &[Value]) -> Vec<Self> {
        let mut places: Vec<Self> = items.iter().map(|item| self.item(None, item)).collect();
        let wanted = self.wanted.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if self.is_of_process || wanted.len().saturating_mul(items.len()) > MOST_COMPARED {
            return places;
        }
        let open: Vec<usize> = (0..items.len()).filter(|at| places[*at].wanted.is_none()).collect();
        // In an item that is ours the lists are ours too: as long as nothing comes or goes, each has its place.
        let has_places = self.is_in_item && items.len() == wanted.len();
        let mut pairs: Vec<(u64, usize, &Value)> = Vec::new();
        for (place, wanted) in wanted.iter().enumerate().filter(|(_, one)| one.is_object() && !items.contains(one)) {
            pairs.extend(open.iter().filter_map(|at| {
                let alike = alikeness(wanted, &items[*at]);
                Some((alike.or_else(|| (has_places && *at == place).then_some(0))?, *at, wanted))
            }));
        }
        pairs.sort_by_key(|(alike, at, _)| (std::cmp::Reverse(*alike), *at));
        let mut taken: Vec<&Value> = Vec::new();
        for (_, at, wanted) in pairs {
            if places[at].wanted.is_none() && !taken.iter().any(|other| std::ptr::eq(*other, wanted)) {
                places[at].wanted = Some(wanted);
                taken.push(wanted);
            }
        }
        places
    }

    /// Whether we apply it, or would.
    pub(in crate::plan) fn is_ours(self) -> bool {
        self.wanted.is_some() || !matches!(self.held, Held::Nothing)
    }

    /// The type of what stands there, where it is known.
    pub(super) fn at(self) -> Option<TypeAt<'a>> {
        self.at
    }

    /// Whether all that stands there is as we wrote it.
    fn is_whole(self, value: &Value) -> bool {
        match self.held {
            Held::All => true,
            Held::Leaf => !value.is_object() || self.at.is_some_and(TypeAt::is_atomic_map),
            Held::Below(_) | Held::Nothing => false,
        }
    }

    /// The part of a value that may be shown and kept; `path` is that of the place.
    pub(in crate::plan) fn visible(self, path: &mut String, value: &Value) -> Visible {
        if self.is_whole(value) || self.wanted == Some(value) {
            return Visible { value: Some(value.clone()), others: 0 };
        }
        match value {
            Value::Object(map) => self.visible_map(path, map),
            Value::Array(items) => self.visible_list(path, items),
            scalar if self.is_open(path, scalar) => Visible { value: Some(scalar.clone()), others: 0 },
            _ => Visible { value: None, others: 0 },
        }
    }

    /// Whether a value that others wrote where we would write may be shown.
    fn is_open(self, path: &str, scalar: &Value) -> bool {
        let is_ours = self.wanted.is_some_and(|wanted| !wanted.is_object() && !wanted.is_array());
        is_ours && !self.is_of_process && !mask::looks_secret(path, scalar) && !self.adds_a_secret(scalar)
    }

    /// Whether a text has a line that says a secret and that ours has not.
    fn adds_a_secret(self, scalar: &Value) -> bool {
        let known = self.wanted.and_then(Value::as_str).unwrap_or_default();
        let is_new = |line: &&str| !known.lines().any(|ours| ours == *line);
        scalar.as_str().is_some_and(|text| text.lines().filter(is_new).any(mask::says_a_secret))
    }

    /// Passes every text that is not visible; words that the API itself has are nobody's.
    pub(super) fn each_hidden(self, path: &mut String, value: &Value, each: &mut impl FnMut(String)) {
        if self.is_whole(value) || self.wanted == Some(value) {
            return;
        }
        let end = path.len();
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    path::push_field(path, key);
                    self.field(key).each_hidden(path, value, each);
                    path.truncate(end);
                }
            }
            Value::Array(items) => {
                for (label, place, item) in self.items_of(path, items) {
                    path.push_str(&label);
                    place.each_hidden(path, item, each);
                    path.truncate(end);
                }
            }
            scalar if self.is_open(path, scalar) => {}
            scalar => {
                let text = path::text_of(scalar);
                match self.wanted.and_then(Value::as_str) {
                    // Of a text of ours what was added.
                    Some(ours) => text
                        .lines()
                        .filter(|line| !ours.lines().any(|own| own == *line))
                        .for_each(|line| each(line.to_owned())),
                    None if self.at.is_some_and(|at| at.is_own_word(&text)) => {}
                    None => each(text),
                }
            }
        }
    }

    /// The keys by which the items of a list are told apart; `path` is that of the list.
    fn keys_of(self, path: &str, items: &[Value]) -> Option<&'static [&'static str]> {
        if self.is_in_item {
            return None;
        }
        let name = path.rsplit(['.', ']']).next().unwrap_or_default();
        let ours = self.wanted.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        list::keys(name, ours, items)
    }

    /// The items of a list with their places, and what the path calls them by; `path` is that of the list.
    fn items_of<'v>(self, path: &str, items: &'v [Value]) -> Vec<(String, Self, &'v Value)> {
        let Some(keys) = self.keys_of(path, items) else {
            let places = self.items_without_keys(items);
            return places.into_iter().zip(items).map(|(place, item)| (String::new(), place, item)).collect();
        };
        let item = |item| (list::label(keys, item), self.item(Some(keys), item), item);
        items.iter().map(item).collect()
    }

    fn visible_map(self, path: &mut String, map: &Map<String, Value>) -> Visible {
        let (mut kept, mut others) = (Map::new(), 0);
        let end = path.len();
        for (key, value) in map {
            path::push_field(path, key);
            let part = self.field(key).visible(path, value);
            path.truncate(end);
            let is_added = self.is_in_item && part.value.is_none() && part.others == 0;
            others += part.others + usize::from(is_added);
            part.value.into_iter().for_each(|value| drop(kept.insert(key.clone(), value)));
        }
        let is_ours = !kept.is_empty() || (map.is_empty() && self.wanted.is_some_and(Value::is_object));
        Visible { value: is_ours.then_some(Value::Object(kept)), others }
    }

    /// Of a list the items that are ours; each of the others counts once.
    fn visible_list(self, path: &mut String, items: &[Value]) -> Visible {
        let (mut kept, mut others) = (Vec::new(), 0);
        let end = path.len();
        for (label, place, item) in self.items_of(path, items) {
            path.push_str(&label);
            let part = place.visible(path, item);
            path.truncate(end);
            others += if part.value.is_some() { part.others } else { 1 };
            kept.extend(part.value);
        }
        let is_ours = !kept.is_empty() || (items.is_empty() && self.wanted.is_some_and(Value::is_array));
        Visible { value: is_ours.then_some(Value::Array(kept)), others }
    }
}

impl<'a> Held<'a> {
    /// What `fieldsV1` has of a place, given what stands there.
    fn of(fields: Option<&'a Value>) -> Self {
        match fields.and_then(Value::as_object) {
            None => Self::Nothing,
            Some(fields) if fields.is_empty() => Self::Leaf,
            Some(fields) => Self::Below(fields),
        }
    }
}

/// So many pairs of items are compared for what they have in common.
const MOST_COMPARED: usize = 4096;

/// In how many of a thousand parts an item says what ours says; nothing where that is half of them or less.
fn alikeness(ours: &Value, item: &Value) -> Option<u64> {
    let (same, all) = in_common(ours, Some(item));
    (same * 2 > all).then(|| same * 1000 / all)
}

/// How many of the parts of a value stand in another one in their places, and how many it has.
fn in_common(ours: &Value, other: Option<&Value>) -> (u64, u64) {
    let sum =
        |parts: &mut dyn Iterator<Item = (u64, u64)>| parts.fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
    match ours {
        Value::Object(map) if !map.is_empty() => {
            sum(&mut map.iter().map(|(key, value)| in_common(value, other.and_then(|other| other.get(key)))))
        }
        Value::Array(items) if !items.is_empty() => {
            sum(&mut items.iter().enumerate().map(|(at, item)| in_common(item, other.and_then(|other| other.get(at)))))
        }
        scalar => (u64::from(other == Some(scalar)), 1),
    }
}

/// Whether a field by its name is what a process is told: variables, arguments, commands, headers.
fn is_told_to_a_process(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let ends = ["env", "environment", "args", "arguments", "command"];
    ends.iter().any(|end| name.ends_with(end)) || name.contains("header")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merge::Schemas;
    use serde_json::json;

    fn visible(stored: &Value, wanted: &Value) -> (Value, usize) {
        let of = Schemas::builtin().of(stored);
        let found = Ours::of(Some(stored), Some(wanted), of.as_ref()).visible(&mut String::new(), stored);
        (found.value.unwrap_or_default(), found.others)
    }

    #[test]
    fn of_an_object_the_fields_that_we_would_apply_are_visible_and_what_others_told_a_process_is_not() {
        let wanted = json!({"spec": {"replicas": 1, "paused": false, "containers": [
            {"name": "app", "args": ["a", "b"], "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
        ]}});
        let stored = json!({"spec": {"replicas": 5, "paused": false, "minReadySeconds": 3, "containers": [
            {"name": "app", "args": ["a", "--token=x"], "tty": true, "env": [
                {"name": "A", "value": "typed"}, {"name": "B", "value": "2"}, {"name": "T", "value": "theirs"}]},
            {"name": "side", "args": ["--key=x"]},
        ]}});
        let expected = json!({"spec": {"replicas": 5, "paused": false, "containers": [
            {"name": "app", "args": ["a"], "env": [{"name": "A"}, {"name": "B", "value": "2"}]},
        ]}});
        assert_eq!(visible(&stored, &wanted), (expected, 3));
    }

    #[test]
    fn what_our_entry_holds_is_visible_although_nothing_asks_for_it() {
        let stored = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"managedFields": [
                {"manager": "parcelle", "operation": "Apply", "fieldsV1": {"f:spec": {
                    "f:selector": {}, "f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"app\"}": {
                        ".": {}, "f:name": {}, "f:args": {}, "f:resources": {},
                        "f:env": {"k:{\"name\":\"A\"}": {".": {}, "f:name": {}, "f:value": {}}}}}}}}}},
                {"manager": "parcelle", "operation": "Update", "fieldsV1": {"f:spec": {"f:paused": {}}}}]},
            "spec": {"paused": true, "selector": {"matchLabels": {"a": "b"}}, "template": {"spec": {"containers": [
                {"name": "app", "args": ["x"], "resources": {"limits": {"cpu": "1"}}, "tty": true, "env": [
                    {"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}]}}}});
        let (found, _) = visible(&stored, &Value::Null);
        let expected = json!({"selector": {"matchLabels": {"a": "b"}}, "template": {"spec": {"containers": [
            {"name": "app", "args": ["x"], "env": [{"name": "A", "value": "1"}]}]}}});
        assert_eq!(found, json!({ "spec": expected }));
    }

    #[test]
    fn items_that_cannot_be_told_apart_are_known_by_being_equal() {
        let wanted = json!({"env": [{"name": "A", "value": "1"}], "hosts": ["a", "b"]});
        let stored =
            json!({"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "x"}], "hosts": ["a", "x", "y"]});
        assert_eq!(visible(&stored, &wanted), (json!({"env": [{"name": "A", "value": "1"}], "hosts": ["a"]}), 3));
    }

    #[test]
    fn of_a_list_that_is_one_value_ours_is_shown_as_it_is_now_and_what_others_put_in_is_counted() {
        let rule = |port: u64, app: &str| {
            let from = json!([{"podSelector": {"matchLabels": {"app": app, "part": "web", "of": "garden"}}}]);
            json!({"from": from, "ports": [{"port": port, "protocol": "TCP"}]})
        };
        let wanted = json!({"spec": {"ingress": [rule(80, "a"), rule(25, "b")], "hosts": ["a", "b"]}});
        let of = |ingress: Value| visible(&json!({"spec": {"ingress": ingress, "hosts": ["x"]}}), &wanted);
        let shown = |ingress: Value| json!({"spec": {"ingress": ingress}});
        let theirs = json!({"from": [{"ipBlock": {"cidr": "192.0.2.7/32"}}]});
        assert_eq!(of(json!([rule(8080, "a"), rule(25, "b")])), (shown(json!([rule(8080, "a"), rule(25, "b")])), 1));
        assert_eq!(of(json!([theirs, rule(25, "b"), theirs])), (shown(json!([rule(25, "b")])), 3));
        let mut widened = rule(80, "a");
        widened["from"]
            .as_array_mut()
            .unwrap()
            .push(json!({"namespaceSelector": {"matchLabels": {"their": "canary"}}}));
        widened["ports"][0]["endPort"] = 99.into();
        assert_eq!(of(json!([widened, rule(25, "b")])), (shown(json!([rule(80, "a"), rule(25, "b")])), 3));
        assert_eq!(of(json!([theirs])), (Value::Null, 2));
    }

    #[test]
    fn an_item_of_others_that_is_like_ours_in_form_alone_is_theirs() {
        let rule =
            |to: &str, path: &str| json!({"backendRefs": [{"name": to, "port": 80}], "matches": [{"path": path}]});
        let wanted = json!({"rules": [rule("ours", "/")]});
        let live = json!({"rules": [rule("canary", "canary"), rule("ours", "/x")]});
        assert_eq!(visible(&live, &wanted), (json!({"rules": [rule("ours", "/x")]}), 1));
        let header = |value: &str| json!([{"a": 1, "b": 2, "c": 3, "requestHeaderModifier": {"set": [{"name": "X", "value": value}]}}]);
        let (shown, others) = visible(&json!({"rules": header("canary")}), &json!({"rules": header("ours")}));
        assert!(!shown.to_string().contains("canary") && others > 0, "{shown}");
    }

    #[test]
    fn a_line_that_says_a_secret_closes_a_text_of_others() {
        let wanted = json!({"data": {"ini": "port=1\npassword=$(DB)\n"}});
        let of = |text: &str| visible(&json!({"data": {"ini": text}}), &wanted).0;
        assert_eq!(of("port=2\npassword=$(DB)\n"), json!({"data": {"ini": "port=2\npassword=$(DB)\n"}}));
        assert_eq!(of("port=1\npassword=hunter2\n"), Value::Null);
    }
}
