//! Ways to edit a saved plan, each with a word that the refusal has to say.

use serde_json::{Value, json};

pub(super) fn place(plan: &Value, organisation: &str) -> usize {
    let all = plan["organisations"].as_array().unwrap();
    all.iter().position(|one| one["organisation"] == organisation).unwrap()
}

/// The first action of an organisation with these words.
pub(super) fn at<'p>(plan: &'p mut Value, organisation: &str, verb: &str, kind: &str) -> &'p mut Value {
    let place = place(plan, organisation);
    let actions = plan["organisations"][place]["actions"].as_array_mut().unwrap();
    let found =
        actions.iter_mut().find(|action| action["verb"] == verb && (kind.is_empty() || action["id"]["kind"] == kind));
    found.unwrap_or_else(|| panic!("no `{verb}` of a {kind} in `{organisation}`"))
}

pub(super) fn actions<'p>(plan: &'p mut Value, organisation: &str) -> &'p mut Vec<Value> {
    let place = place(plan, organisation);
    plan["organisations"][place]["actions"].as_array_mut().unwrap()
}

fn alpha(plan: &mut Value) -> &mut Value {
    let place = place(plan, "alpha");
    &mut plan["organisations"][place]
}

/// A delete of an object that is kept.
fn deletion_of(kept: &Value) -> Value {
    let mut deletion = kept.clone();
    deletion["verb"] = "delete".into();
    deletion["reason"] = json!({"is": "no-longer-asked"});
    deletion["base"] = json!({"uid": "u", "resourceVersion": "1", "valuesHash": ""});
    deletion.as_object_mut().unwrap().remove("desiredHash");
    deletion
}

/// A way to edit a saved plan, and a word that the refusal has to say.
pub(super) type Edit = (&'static str, fn(&mut Value), &'static str);

pub(super) const EDITS: &[Edit] = &[
    (
        "a deletion of a Deployment that the garden wants",
        |plan| {
            let kept = at(plan, "beta", "keep", "Deployment");
            *kept = deletion_of(kept);
        },
        "Deployment www-web of `beta`: the file says `delete`",
    ),
    (
        "a deletion of what is not in the plan",
        |plan| {
            let mut new = deletion_of(&at(plan, "beta", "keep", "Deployment").clone());
            new["id"]["name"] = "another".into();
            actions(plan, "beta").push(new);
        },
        "Deployment another of `beta`",
    ),
    (
        "a deletion of the namespace",
        |plan| {
            let kept = at(plan, "alpha", "keep", "Namespace");
            *kept = deletion_of(kept);
        },
        "Namespace alpha of `alpha`",
    ),
    (
        "a create made a change",
        |plan| {
            let action = at(plan, "alpha", "create", "Service");
            action["verb"] = "change".into();
            action["reason"] = json!({"is": "garden-changed"});
            action["base"] = json!({"uid": "u", "resourceVersion": "1", "valuesHash": ""});
        },
        "is not there any more",
    ),
    (
        "a change made a replacement",
        |plan| {
            let action = at(plan, "alpha", "change", "Deployment");
            action["verb"] = "replace".into();
            action["reason"] = json!({"is": "immutable", "path": "spec.selector"});
        },
        "`replace`",
    ),
    (
        "a change made an adoption",
        |plan| {
            let action = at(plan, "alpha", "change", "Deployment");
            action["verb"] = "adopt".into();
            action["reason"] = json!({"is": "adopt-said"});
        },
        "`adopt`",
    ),
    (
        "a change that is said to be none",
        |plan| {
            let action = at(plan, "alpha", "change", "ConfigMap");
            action["verb"] = "keep".into();
            action["reason"] = json!({"is": "unchanged"});
        },
        "the plan made anew `change`",
    ),
    (
        "a deletion that is said to be none",
        |plan| {
            let action = at(plan, "alpha", "delete", "ConfigMap");
            action["verb"] = "keep".into();
            action["reason"] = json!({"is": "unchanged"});
        },
        "the plan made anew `delete`",
    ),
    (
        "another reason",
        |plan| at(plan, "alpha", "change", "Deployment")["reason"] = json!({"is": "drift", "by": ["kubectl"]}),
        "drift",
    ),
    (
        "another reason of a deletion",
        |plan| at(plan, "alpha", "delete", "")["reason"] = json!({"is": "superseded", "by": "x"}),
        "takes its place",
    ),
    (
        "another hash of what is wanted",
        |plan| at(plan, "alpha", "create", "Service")["desiredHash"] = "0".repeat(32).into(),
        "desiredHash",
    ),
    (
        "no hash of what is wanted",
        |plan| drop(at(plan, "alpha", "change", "Deployment").as_object_mut().unwrap().remove("desiredHash")),
        "desiredHash",
    ),
    (
        "another hash of what stays",
        |plan| at(plan, "beta", "keep", "Deployment")["desiredHash"] = "0".repeat(32).into(),
        "desiredHash",
    ),
    (
        "another name",
        |plan| at(plan, "alpha", "create", "Service")["id"]["name"] = "web".into(),
        "Service web of `alpha`",
    ),
    ("another kind", |plan| at(plan, "alpha", "create", "Service")["id"]["kind"] = "Secret".into(), "nothing of it"),
    (
        "another version of its API",
        |plan| at(plan, "alpha", "change", "Deployment")["id"]["apiVersion"] = "apps/v1beta1".into(),
        "apiVersion",
    ),
    (
        "another namespace",
        |plan| at(plan, "alpha", "change", "ConfigMap")["id"]["namespace"] = "beta".into(),
        "nothing of it",
    ),
    ("the namespace of everything", |plan| alpha(plan)["namespace"] = "kube-system".into(), "the namespace of `alpha`"),
    ("another cluster", |plan| alpha(plan)["cluster"] = "babbage".into(), "the cluster of `alpha` is `babbage`"),
    (
        "another uid of the cluster",
        |plan| alpha(plan)["clusterUid"] = "another".into(),
        "the uid of cluster `ada-lovelace`",
    ),
    (
        "another hash of what is rendered",
        |plan| alpha(plan)["renderedHash"] = "0".repeat(32).into(),
        "what is rendered for `alpha`",
    ),
    (
        "no hash of what is rendered",
        |plan| drop(alpha(plan).as_object_mut().unwrap().remove("renderedHash")),
        "what is rendered for `alpha`",
    ),
    ("an organisation under another name", |plan| alpha(plan)["organisation"] = "gamma".into(), "gamma"),
    (
        "an action in another organisation",
        |plan| {
            let action = at(plan, "alpha", "create", "Service").clone();
            actions(plan, "beta").push(action);
        },
        "of `beta`",
    ),
    (
        "an action moved to another organisation",
        |plan| {
            let action = at(plan, "alpha", "change", "ConfigMap").clone();
            actions(plan, "alpha").retain(|one| *one != action);
            actions(plan, "beta").push(action);
        },
        "of `beta`",
    ),
    (
        "an action twice",
        |plan| {
            let action = at(plan, "alpha", "change", "ConfigMap").clone();
            actions(plan, "alpha").push(action);
        },
        "stands in the file twice",
    ),
    (
        "an organisation twice",
        |plan| {
            let beta = plan["organisations"][place(plan, "beta")].clone();
            plan["organisations"].as_array_mut().unwrap().push(beta);
        },
        "`beta` stands in it twice",
    ),
    (
        "the plans of two organisations exchanged",
        |plan| {
            let (one, other) = (place(plan, "alpha"), place(plan, "beta"));
            let actions = plan["organisations"][one]["actions"].take();
            plan["organisations"][one]["actions"] = plan["organisations"][other]["actions"].take();
            plan["organisations"][other]["actions"] = actions;
        },
        "nothing of it",
    ),
    ("force", |plan| at(plan, "alpha", "change", "Deployment")["force"] = true.into(), "its force is `true`"),
    (
        "a write beforehand",
        |plan| {
            at(plan, "alpha", "change", "Deployment")["prepare"] =
                json!({"is": "take-away", "fields": ["spec.template"]});
        },
        "prepare",
    ),
    (
        "replicas handed over",
        |plan| {
            at(plan, "alpha", "change", "Deployment")["prepare"] = json!({"is": "hand-over", "replicas": 0});
        },
        "prepare",
    ),
    (
        "the uid of another object",
        |plan| at(plan, "alpha", "change", "Deployment")["base"]["uid"] = "another".into(),
        "was made anew",
    ),
    (
        "another base",
        |plan| at(plan, "alpha", "change", "Deployment")["base"]["valuesHash"] = "0".repeat(32).into(),
        "was changed where the plan writes",
    ),
    ("another stage", |plan| at(plan, "alpha", "create", "Deployment")["stage"] = "ground".into(), "stage"),
    ("another app", |plan| at(plan, "alpha", "change", "Deployment")["app"] = "pads".into(), "its app is `pads`"),
    (
        "data that is said to be none",
        |plan| {
            let actions = actions(plan, "alpha");
            let data = actions.iter_mut().find(|action| action["holdsData"] == true).unwrap();
            data.as_object_mut().unwrap().remove("holdsData");
        },
        "holdsData",
    ),
    (
        "a Secret that is said to be an object",
        |plan| at(plan, "alpha", "create", "Secret")["what"] = "object".into(),
        "its what is",
    ),
    (
        "a diff that tells something else",
        |plan| {
            at(plan, "alpha", "change", "ConfigMap")["changes"][0]["after"] = json!({"value": "harmless"});
        },
        "what the file says of its field",
    ),
    (
        "a diff that leaves something out",
        |plan| at(plan, "alpha", "create", "Deployment")["changes"] = json!([]),
        "fields of it move",
    ),
    ("another line", |plan| at(plan, "alpha", "change", "Deployment")["origin"]["line"] = 1.into(), "its origin is"),
    (
        "another note of a deletion",
        |plan| at(plan, "alpha", "delete", "ConfigMap")["note"] = "nothing is lost".into(),
        "its note is",
    ),
    (
        "data that is kept for less time",
        |plan| alpha(plan)["retired"]["gone"]["until"] = 1.into(),
        "the data of `alpha/gone`",
    ),
    (
        "data that is retired for long",
        |plan| {
            let retired = &mut alpha(plan)["retired"]["gone"];
            let (since, until) = (retired["since"].as_i64().unwrap(), retired["until"].as_i64().unwrap());
            *retired = json!({"since": since - 100_000_000, "until": until - 100_000_000});
        },
        "the data of `alpha/gone`",
    ),
    (
        "an organisation that is retired",
        |plan| alpha(plan)["retiredOrganisation"] = json!({"since": 1, "until": 2}),
        "the data of `alpha`",
    ),
    (
        "a hatch that is not there",
        |plan| {
            alpha(plan)["hatches"] =
                json!([{"word": "env", "about": "A", "origin": {"file": "a.kdl", "line": 1, "column": 1}}]);
        },
        "other hatches",
    ),
    ("another garden", |plan| plan["garden"] = "meadow".into(), "a plan of the garden `meadow`"),
    ("a branch for a commit", |plan| plan["commit"] = "main".into(), "it names no commit, but `main`"),
    ("no commit", |plan| plan["commit"] = "".into(), "it names no commit"),
    ("a commit of another repository", |plan| plan["commit"] = "a".repeat(40).into(), "does not hold its commit"),
    ("another renderer", |plan| plan["rendererHash"] = "0".into(), "another parcelle made it"),
    ("another schema", |plan| plan["schema"] = "parcelle.dev/plan/v2".into(), "its schema is"),
];
