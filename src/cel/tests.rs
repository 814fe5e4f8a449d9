//! Rules as the API server judges them.

use serde_json::{Value as Json, json};

use super::{RuleJudgement, RuleReason, Rules};

/// The judgement of `{"spec": value}` by rules at the place of `spec`.
fn judged(schema: &Json, value: &Json, old: Option<&Json>) -> RuleJudgement {
    let schema = json!({"type": "object", "properties": {"spec": schema}});
    let object = |value: &Json| json!({"apiVersion": "g/v1", "kind": "K", "metadata": {"name": "n"}, "spec": value});
    let rules = Rules::read(&schema).unwrap();
    rules.judge(&object(value), old.map(object).as_ref())
}

/// The errors, as `PATH: MESSAGE`.
fn errors(judgement: &RuleJudgement) -> Vec<String> {
    let errors = judgement.broken.iter();
    errors.map(|broken| format!("{}: {}", broken.path, broken.detail)).collect()
}

/// A schema of these properties with one rule.
fn with_rule(properties: &Json, rule: &str) -> Json {
    json!({"type": "object", "properties": properties, "x-kubernetes-validations": [{"rule": rule, "message": "no"}]})
}

/// Whether a rule holds; its errors and what is left otherwise.
fn holds(properties: &Json, rule: &str, value: &Json, old: Option<&Json>) -> Result<bool, String> {
    let judgement = judged(&with_rule(properties, rule), value, old);
    if let Some(left) = judgement.left.first() {
        return Err(left.why.clone());
    }
    match judgement.broken.as_slice() {
        [] => Ok(true),
        [one] if one.detail == "no" => Ok(false),
        [one, ..] => Err(one.detail.clone()),
    }
}

fn properties() -> Json {
    let text = json!({"type": "string"});
    json!({
        "n": {"type": "integer"}, "x": {"type": "number"}, "s": text, "t": text, "b": {"type": "boolean"},
        "port": {"x-kubernetes-int-or-string": true},
        "from": {"type": "string", "format": "date-time"}, "wait": {"type": "string", "format": "duration"},
        "raw": {"type": "string", "format": "byte"},
        "namespace": text, "body-size": {"type": "integer"}, "a.b/c": text, "my_field": text,
        "list": {"type": "array", "items": text},
        "set": {"type": "array", "items": text, "x-kubernetes-list-type": "set"},
        "keyed": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
            "items": {"type": "object", "properties": {"k": text, "v": {"type": "integer"}}}},
        "map": {"type": "object", "additionalProperties": text},
        "inner": {"type": "object", "properties": {"a": text, "nullable": {"type": "string", "nullable": true}}},
        "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    })
}

#[test]
fn expressions_have_the_values_of_the_server() {
    let value = json!({
        "n": 3, "x": 2, "s": "añb", "t": "10Gi", "b": true, "port": 80, "from": "2026-01-02T03:04:05Z", "wait": "90m",
        "raw": "aGk=", "namespace": "shop", "body-size": 7, "a.b/c": "y", "my_field": "z",
        "list": ["b", "a", "c"], "set": ["x", "y"], "keyed": [{"k": "one", "v": 1}, {"k": "two", "v": 2}],
        "map": {"k-1": "v", "namespace": "w"}, "inner": {"nullable": null}, "any": {"z": 1},
    });
    let hold = [
        "self.n == 3 && self.x == 2.0 && self.x / 4.0 == 0.5",
        "self.s.size() == 3 && size(self.raw) == 2",
        "self.__namespace__ == 'shop' && self.body__dash__size == 7 && self.a__dot__b__slash__c == 'y' && self.my_field == 'z'",
        "self.map['k-1'] == 'v' && self.map.namespace == 'w' && 'k-1' in self.map && !('q' in self.map)",
        "self.port == 80 && self.port != '80' && type(self.port) == int",
        "!has(self.inner.a) && !has(self.inner.nullable)",
        "self.from < timestamp('2027-01-01T00:00:00Z') && self.from.getFullYear() == 2026",
        "self.wait == duration('1h30m') && string(self.wait) == '5400s'",
        "string(self.from) == '2026-01-02T03:04:05Z'",
        "self.list.all(i, self.list.exists_one(j, i == j)) && self.list.exists(i, i == 'c')",
        "self.list.map(i, i + '!') == ['b!', 'a!', 'c!'] && self.list.filter(i, i > 'a').size() == 2",
        "self.list.map(i, i != 'a', i.upperAscii()) == ['B', 'C']",
        "self.set == ['y', 'x'] && self.list != ['a', 'b', 'c']",
        "self.keyed == [{'k': 'two', 'v': 2}, {'k': 'one', 'v': 1}]",
        "(self.set + ['y', 'z']).size() == 3 && (self.list + ['b']).size() == 4",
        "self.keyed.exists(e, e.k == 'two' && e.v > 1)",
        "self.map.all(k, self.map[k].size() == 1)",
        "self.?inner.?a.orValue('none') == 'none' && self.?n.orValue(0) == 3",
        "self.list[?1].value() == 'a' && !self.list[?9].hasValue() && optional.of(1).hasValue()",
        "self.?inner.optMap(i, 1).orValue(2) == 1 && optional.none().or(optional.of(2)).value() == 2",
        "!has(self.?inner.a)",
        "cel.bind(d, self.n * 2, d + d) == 12",
        "self.list.all(i, v, i >= 0 && v != '') && self.map.exists(k, v, k == 'k-1' && v == 'v')",
        "self.list.transformList(i, v, string(i) + v) == ['0b', '1a', '2c']",
        "self.map.transformMap(k, v, v + v)['k-1'] == 'vv'",
        "self.list.sortBy(i, i) == ['a', 'b', 'c']",
        "self.nothing.x == 1 || true",
        "!(self.nothing.x == 1 && false)",
        "quantity(self.t).isGreaterThan(quantity('9Gi')) && quantity('1Ki') == quantity('1024')",
        "isURL('https://a.example/x') && url('https://a.example:80/x').getPort() == '80' && !isURL('../x')",
        "ip('10.0.0.1').family() == 4 && cidr('10.0.0.0/8').containsIP('10.1.2.3') && !isIP('10.0.0.256')",
        "semver('1.2.3').isLessThan(semver('1.10.0')) && isSemver('1.0.0')",
        "format.dns1123Label().validate('Not_One').hasValue() && !format.dns1123Label().validate('one').hasValue()",
        "math.greatest(1, 5, 3) == 5 && sets.contains([1, 2], [1]) && self.list.join(',') == 'b,a,c'",
        "'%s-%d'.format(['a', 3]) == 'a-3' && 'abc'.find('[b-z]+') == 'bc' && 'a,b'.split(',').size() == 2",
        "!!self.b && !(!!!self.b) && 'a!!b'.size() == 4 && r'\\d--!!'.size() == 6 && self.n!=4",
        "7 % 3 == 1 && -7 / 2 == -3 && 2u + 3u == 5u && int('12') == 12 && bool('true') && double('1.5') == 1.5",
        "self.s.matches('^a.b$') && '12'.matches('^\\\\d+$') && !'é'.matches('^\\\\w$')",
        "'a1b22'.find('[0-9]+') == '1' && 'a1b22'.findAll('\\\\d+') == ['1', '22'] && lists.range(3) == [0, 1, 2]",
        "type(self.list) == list && type(self.n) != string && dyn(self.n) != 'x'",
        "[1, 2, 3].isSorted() && [1, 2].sum() == 3 && self.list.indexOf('c') == 2",
        "self == self && self.any == self.any",
    ];
    for rule in hold {
        assert_eq!(holds(&properties(), rule, &value, None), Ok(true), "{rule}");
        assert_eq!(holds(&properties(), &format!("!({rule})"), &value, None), Ok(false), "not {rule}");
    }
}

#[test]
fn errors_of_the_language_are_told_in_the_words_of_the_server() {
    let value = json!({"n": 3, "list": ["a"], "map": {}, "port": "http"});
    let cases = [
        ("self.s == 'a'", "no such key: s evaluating rule: no"),
        ("self.map['k'] == 'a'", "no such key: k evaluating rule: no"),
        ("self.list[1] == 'a'", "index out of bounds: 1 evaluating rule: no"),
        ("self.n / 0 == 1", "division by zero evaluating rule: no"),
        ("self.n % 0 == 1", "modulus by zero evaluating rule: no"),
        ("self.n + 9223372036854775807 > 0", "integer overflow evaluating rule: no"),
        (
            "self.port > 5",
            "'no such overload': call arguments did not match a supported operator, function or macro signature for rule: no",
        ),
        ("self.list.exists(i, self.s == i)", "no such key: s evaluating rule: no"),
        ("self.list.map(i, self.s + i).size() == 1", "no such key: s evaluating rule: no"),
    ];
    for (rule, wanted) in cases {
        assert_eq!(holds(&properties(), rule, &value, None), Err(wanted.to_owned()), "{rule}");
    }
    let judgement = judged(&with_rule(&properties(), "self.s == 'a'"), &value, None);
    assert_eq!(judgement.broken[0].shown, Some(json!("object")), "the type stands where the value is not looked at");
}

#[test]
fn a_rule_says_where_how_and_why() {
    let schema = json!({"type": "object",
        "properties": {
            "size": {"type": "integer", "x-kubernetes-validations": [
                {"rule": "self < 5", "messageExpression": "'too large by ' + string(self - 4)"},
                {"rule": "self != 7", "messageExpression": "''", "message": " not seven "},
                {"rule": "self != 7"}]},
            "labels": {"type": "object", "additionalProperties": {"type": "string",
                "x-kubernetes-validations": [{"rule": "self != ''", "message": "empty", "reason": "FieldValueRequired"}]}},
        },
        "x-kubernetes-validations": [
            {"rule": "self.size < 5", "message": "m", "reason": "FieldValueForbidden", "fieldPath": ".labels['a.b']"},
            {"rule": "self.size < 5", "message": "m", "reason": "FieldValueDuplicate", "fieldPath": ".size"}]});
    let judgement = judged(&schema, &json!({"size": 7, "labels": {"a.b": "", "c": "x"}}), None);
    assert_eq!(
        errors(&judgement),
        [
            "spec.labels[a.b]: m".to_owned(),
            "spec.size: m".to_owned(),
            "spec.labels[a.b]: empty".to_owned(),
            "spec.size: too large by 3".to_owned(),
            "spec.size: not seven".to_owned(),
            "spec.size: failed rule: self != 7".to_owned(),
        ]
    );
    let reasons: Vec<RuleReason> = judgement.broken.iter().map(|broken| broken.reason).collect();
    let invalid = RuleReason::Invalid;
    assert_eq!(
        reasons,
        [RuleReason::Forbidden, RuleReason::Duplicate, RuleReason::Required, invalid, invalid, invalid]
    );
    assert_eq!(judgement.broken[0].pointer, "/spec/labels/a.b");
    assert_eq!(judgement.broken[0].shown, None);
    assert_eq!(judgement.broken[3].shown, Some(json!(7)));
}

#[test]
fn a_rule_of_the_root_sees_the_name_and_nothing_else_of_metadata() {
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {}}},
        "x-kubernetes-validations": [
            {"rule": "self.metadata.name == 'n' && self.kind == 'K' && self.apiVersion == 'g/v1'"},
            {"rule": "!has(self.metadata.labels)"},
            {"rule": "false", "message": "never", "fieldPath": ".spec"}, {"rule": "false", "message": "never"}]});
    let object =
        json!({"apiVersion": "g/v1", "kind": "K", "metadata": {"name": "n", "labels": {"a": "b"}}, "spec": {}});
    let judgement = Rules::read(&schema).unwrap().judge(&object, None);
    assert_eq!(errors(&judgement), ["spec: never", ": never"]);
}

#[test]
fn transitions_are_judged_where_there_is_something_to_compare_with() {
    let size = json!({"n": {"type": "integer"}});
    let rule = "self.n >= oldSelf.n";
    assert_eq!(holds(&size, rule, &json!({"n": 1}), None), Ok(true));
    assert_eq!(holds(&size, rule, &json!({"n": 1}), Some(&json!({"n": 2}))), Ok(false));
    assert_eq!(holds(&size, rule, &json!({"n": 1}), Some(&Json::Null)), Ok(true));
    let item = json!({"type": "object", "properties": {"k": {"type": "string"}, "v": {"type": "integer"}},
        "x-kubernetes-validations": [{"rule": "self.v >= oldSelf.v", "message": "no"}]});
    let list = |extra: Json| {
        let mut list = json!({"type": "array", "items": item});
        list.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!({"type": "object", "properties": {"list": list}})
    };
    let (new, old) = (json!({"list": [{"k": "b", "v": 1}, {"k": "a", "v": 1}]}), json!({"list": [{"k": "a", "v": 2}]}));
    let keyed = list(json!({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]}));
    assert_eq!(errors(&judged(&keyed, &new, Some(&old))), ["spec.list[1]: no"], "items of one key are compared");
    assert!(errors(&judged(&list(json!({})), &new, Some(&old))).is_empty(), "places tell no items apart");
    let optional = json!({"type": "object", "properties": size, "x-kubernetes-validations": [
        {"rule": "oldSelf.hasValue() || self.n == 1", "message": "starts at one", "optionalOldSelf": true},
        {"rule": "oldSelf.optMap(o, self.n >= o.n).orValue(true)", "message": "no", "optionalOldSelf": true}]});
    assert_eq!(errors(&judged(&optional, &json!({"n": 2}), None)), ["spec: starts at one"]);
    assert_eq!(errors(&judged(&optional, &json!({"n": 2}), Some(&json!({"n": 3})))), ["spec: no"]);
    assert!(errors(&judged(&optional, &json!({"n": 4}), Some(&json!({"n": 3})))).is_empty());
}

#[test]
fn what_is_as_it_was_is_not_judged_again() {
    let rule = json!([{"rule": "self.all(i, i != 'bad')", "message": "bad"}]);
    let text = json!({"type": "string", "x-kubernetes-validations": [{"rule": "self != 'bad'", "message": "item"}]});
    let list = |kind: &str| {
        json!({"type": "object", "properties": {"n": {"type": "integer"},
            "list": {"type": "array", "x-kubernetes-list-type": kind, "items": text, "x-kubernetes-validations": rule}}})
    };
    let value = |n: i64, list: &[&str]| json!({"n": n, "list": list});
    let judgement = judged(&list("atomic"), &value(2, &["bad"]), Some(&value(1, &["bad"])));
    assert_eq!((errors(&judgement), judgement.as_before.len()), (vec![], 2), "told as warnings");
    let judgement = judged(&list("atomic"), &value(1, &["bad", "b"]), Some(&value(1, &["bad"])));
    assert_eq!(errors(&judgement), ["spec.list: bad", "spec.list[0]: item"], "a list that is one value changed");
    let mut plain = list("atomic");
    plain["properties"]["list"].as_object_mut().unwrap().remove("x-kubernetes-list-type");
    let judgement = judged(&plain, &value(1, &["bad", "b"]), Some(&value(1, &["bad"])));
    assert_eq!(errors(&judgement), ["spec.list: bad"], "by its place the item is as it was");
    let transition = with_rule(&json!({"n": {"type": "integer"}}), "self.n > oldSelf.n");
    assert_eq!(errors(&judged(&transition, &json!({"n": 1}), Some(&json!({"n": 1})))), ["spec: no"]);
    let keyed = json!({"type": "object", "properties": {"keyed": properties()["keyed"]}, "x-kubernetes-validations": [
        {"rule": "false", "message": "no"}]});
    let of = |keys: [&str; 2]| json!({"keyed": [{"k": keys[0]}, {"k": keys[1]}]});
    assert!(errors(&judged(&keyed, &of(["a", "b"]), Some(&of(["b", "a"])))).is_empty(), "keyed items in another order");
    assert_eq!(errors(&judged(&keyed, &of(["a", "b"]), Some(&of(["b", "c"])))), ["spec: no"]);
}

#[test]
fn rules_below_all_of_and_of_embedded_objects_are_judged() {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"},
            "template": {"type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true,
                "x-kubernetes-validations": [{"rule": "self.kind == 'Pod' && self.metadata.name != ''", "message": "pods"}]}},
        "allOf": [{"x-kubernetes-validations": [{"rule": "self.n > 1", "message": "one"}]},
            {"properties": {"n": {"x-kubernetes-validations": [{"rule": "self > 2", "message": "two"}]}}}]});
    let value = json!({"n": 1, "template": {"apiVersion": "v1", "kind": "Job", "metadata": {"name": "x"}}});
    assert_eq!(errors(&judged(&schema, &value, None)), ["spec: one", "spec.n: two", "spec.template: pods"]);
}

/// Whether judging ends with what is left, and says why.
fn left(rule: &str) -> String {
    holds(
        &json!({"s": {"type": "string"}, "list": {"type": "array", "items": {"type": "string"}}}),
        rule,
        &json!({"s": "a", "list": ["a"]}),
        None,
    )
    .expect_err(rule.get(..60).unwrap_or(rule))
}

#[test]
fn hostile_rules_are_left_to_the_server() {
    let cases = [
        ("nonsense(self.s)".to_owned(), "not known here"),
        ("self.s.nonsense()".to_owned(), "not known here"),
        ("unknown == 1".to_owned(), "not known here"),
        ("self.s ==".to_owned(), "no expression"),
        (")(".to_owned(), "no expression"),
        ("K{a: 1} == self".to_owned(), "makes a message"),
        ("self.s".to_owned(), "neither true nor false"),
        ("self.s.matches('(?=a)')".to_owned(), "pattern"),
        ("self.s.matches('((a{1000}){1000}){1000}')".to_owned(), "pattern"),
        (format!("{}true{}", "(".repeat(5000), ")".repeat(5000)), "nests too deeply"),
        ("- -self.s.size() > 0".to_owned(), "negative"),
        (format!("1{} > 0", " + 1".repeat(3000)), "nests too deeply"),
        (format!("{}true", "true ? ".repeat(1000)), "nests too deeply"),
        (format!("self{} == 1", ".a".repeat(4000)), "nests too deeply"),
        (format!("self.s == '{}'", "x".repeat(20_000)), "longer than"),
        (format!("{}1{} == 1", "[".repeat(60), "]".repeat(60)), "nests too deeply"),
        ("self.list.all(a, self.list.all(b, self.list.all(c, self.list.all(d, a == b))))".to_owned(), "cost"),
    ];
    for (rule, wanted) in cases {
        let short: String = rule.chars().take(60).collect();
        let why = left(&rule);
        assert!(why.contains(wanted), "{short}: {why}");
    }
}

#[test]
fn an_evaluation_ends_where_that_of_the_server_would() {
    let item = json!({"type": "string", "maxLength": 5});
    let list = json!({"type": "array", "maxItems": 100, "items": item});
    let many: Vec<String> = (0..2000).map(|at| at.to_string()).collect();
    let nested = |rule: &str| {
        json!({"type": "object", "properties": {"list": list}, "x-kubernetes-validations": [
        {"rule": rule, "message": "no"}, {"rule": "false", "message": "not reached"}]})
    };
    let judgement =
        judged(&nested("self.list.all(i, self.list.all(j, i.size() + j.size() > 0))"), &json!({"list": many}), None);
    assert_eq!(
        errors(&judgement),
        [
            "spec: 'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: no"
        ]
    );
    assert!(judgement.broken[0].over_budget);
    let rules: Vec<Json> =
        (0..40).map(|_| json!({"rule": "self.list.all(i, self.list.exists(j, i == j))", "message": "no"})).collect();
    let all = json!({"type": "object", "properties": {"list": list}, "x-kubernetes-validations": rules});
    let judgement = judged(&all, &json!({"list": &many[..500]}), None);
    assert_eq!(
        errors(&judgement),
        ["spec: validation failed due to running out of cost budget, no further validation rules will be run"]
    );
}

#[test]
fn what_grows_without_end_is_not_made() {
    let text = "x".repeat(100_000);
    let value = json!({"s": text, "t": "a", "list": ["a"]});
    for rule in [
        "self.s.replace('', self.s) == ''",
        "lists.range(1000000000).size() > 0",
        "lists.range(5000).distinct().size() > 0",
        "lists.range(1000).map(i, 'a').join(self.s) != ''",
        "lists.range(3000).all(i, 'a'.matches('(' + string(i) + '{1000}){100}') || true)",
        "cel.bind(a, self.s + self.s, cel.bind(b, a + a + a + a, cel.bind(c, b + b + b + b, (c + c + c + c) != '')))",
    ] {
        let why = holds(&properties(), rule, &value, None).expect_err(rule);
        assert!(why.contains("cost") || why.contains("cannot be read"), "{rule}: {why}");
    }
    for rule in ["'%.999999999f'.format([1.5]) == ''", "quantity('1e999999999').sign() > 0"] {
        assert!(holds(&properties(), rule, &value, None).expect_err(rule).contains("too"), "{rule}");
    }
    let many: Vec<Json> =
        (0..3000).map(|at| json!({"rule": format!("self.s.size() > {at} || '{}' == ''", "y".repeat(200))})).collect();
    let schema = json!({"type": "object", "properties": {"s": {"type": "string"}}, "x-kubernetes-validations": many});
    let rules = Rules::read(&json!({"type": "object", "properties": {"spec": schema}})).unwrap();
    assert!(rules.root.properties["spec"].rules.iter().filter(|rule| rule.program.is_refused()).count() > 1000);
}

#[test]
fn fields_that_no_schema_knows_count_where_objects_are_compared() {
    let open = json!({"open": {"type": "object", "x-kubernetes-preserve-unknown-fields": true,
        "properties": {"a": {"type": "string"}}}});
    let rule = "self.open == oldSelf.open";
    let value = |more: i64| json!({"open": {"a": "x", "more": more}});
    assert_eq!(holds(&open, rule, &value(1), Some(&value(1))), Ok(true));
    assert_eq!(holds(&open, rule, &value(2), Some(&value(1))), Ok(false));
}

#[test]
fn large_values_are_not_copied_or_compared_without_end() {
    let deep = (0..60).fold(json!({"type": "string"}), |inner, _| json!({"type": "array", "items": inner}));
    let value = (0..60).fold(json!("x"), |inner, _| json!([inner]));
    assert_eq!(holds(&json!({"deep": deep}), "self.deep == self.deep", &json!({"deep": value}), None), Ok(true));
    let wide: Vec<Json> = (0..20_000).map(|at| json!({"k": at.to_string(), "v": at})).collect();
    let keyed = json!({"keyed": properties()["keyed"]});
    let why = holds(&keyed, "self.keyed == self.keyed", &json!({"keyed": wide}), None).unwrap_err();
    assert!(why.contains("cost limit exceeded"), "{why}");
}

#[test]
fn the_rules_of_the_operators_are_all_understood() {
    let repository = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = [repository.join("../shared/crds"), repository.join("../../shared/crds")];
    let Some(files) = beside.iter().find_map(|folder| std::fs::read_dir(folder).ok()) else { return };
    let mut count = 0;
    for file in files.flatten() {
        let definition: Json = serde_json::from_str(&std::fs::read_to_string(file.path()).unwrap()).unwrap();
        for version in definition["spec"]["versions"].as_array().unwrap() {
            let rules = Rules::read(&version["schema"]["openAPIV3Schema"]);
            count += rules.map_or(0, |rules| rules.root.compile_all(&file.path().display().to_string()));
        }
    }
    assert!(count > 200, "{count}");
}

impl super::nodes::RuleNode {
    /// Compiles every rule, and counts them.
    fn compile_all(&self, file: &str) -> usize {
        for rule in &self.rules {
            if let Err(why) = rule.program.compiled(Some(&self.limits)) {
                panic!("{file}: {}: {why}", rule.text);
            }
        }
        let below =
            self.properties.values().chain(self.items.as_deref()).chain(self.values.as_deref()).chain(&self.all_of);
        self.rules.len() + below.map(|node| node.compile_all(file)).sum::<usize>()
    }
}
