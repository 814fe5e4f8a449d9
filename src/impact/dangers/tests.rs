//! Each rule with a case that it finds, and one beside it that it does not.

use serde_json::{Value, json};

use super::*;
use crate::impact::tests::{ADA, Files, LIIIBRE, PAGES, dangers, impact, impact_at, impact_of_plans, replace};
use crate::plan::{Action, Base, Changing, Deed, Deleting, FieldChange, Holding, Refusing, Replacing, Shown, What};
use crate::render::{ObjectId, Stage};

fn base() -> Base {
    Base { uid: "u".to_owned(), resource_version: "1".to_owned(), values_hash: String::new() }
}

fn changed() -> Deed {
    let why = Changing::GardenChanged;
    Deed::Change { why, base: base(), force: false, hand_over: None, take_away: Vec::new() }
}

fn action(
    deed: Deed,
    (version, kind): (&str, &str),
    name: &str,
    app: Option<&str>,
    changes: Vec<FieldChange>,
) -> Action {
    Action {
        id: ObjectId { api_version: version.into(), kind: kind.into(), namespace: "pages".into(), name: name.into() },
        deed,
        what: What::Object,
        app: app.map(|app| Name::new(app).unwrap()),
        stage: Stage::Workload,
        holds_data: false,
        origin: None,
        changes,
        conflicts: Vec::new(),
        causes: Vec::new(),
        verified: true,
        desired_hash: String::new(),
        note: None,
    }
}

fn field(path: &str, before: Value, after: Value) -> FieldChange {
    let shown = |value: Value| (!value.is_null()).then_some(Shown::Value(value));
    FieldChange {
        path: path.to_owned(),
        before: shown(before),
        after: shown(after),
        origin: None,
        drift_by: Vec::new(),
    }
}

/// What an action of `pages` is called beside what its garden says.
fn of_action(action: Action) -> Vec<(String, Level)> {
    let impact = impact_of_plans(|plan| {
        if plan.organisation.as_str() == "pages" {
            plan.actions.push(action.clone());
        }
    });
    impact.dangers.iter().map(|one| (one.rule.clone(), one.level)).collect()
}

fn of_change(kind: (&str, &str), path: &str, before: Value, after: Value) -> Vec<(String, Level)> {
    of_action(action(changed(), kind, "x", Some("www"), vec![field(path, before, after)]))
}

fn found(rules: &[(String, Level)], rule: &str) -> bool {
    rules.iter().any(|(name, _)| name == rule)
}

const DEPLOYMENT: (&str, &str) = ("apps/v1", "Deployment");
const CLAIM: (&str, &str) = ("v1", "PersistentVolumeClaim");
const POLICY: (&str, &str) = ("networking.k8s.io/v1", "NetworkPolicy");
const ROLE: (&str, &str) = ("rbac.authorization.k8s.io/v1", "Role");

#[test]
fn every_rule_has_a_name_of_its_own() {
    let mut names: Vec<&str> =
        RULES.iter().map(|rule| rule.name).chain(garden::RULES.iter().map(|(name, _)| *name)).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn data_that_goes() {
    let deed = |why| Deed::Delete { why, base: base(), reclaim: None };
    let mut volume = action(
        deed(Deleting::Retired { app: Name::new("www").unwrap(), since: 0 }),
        CLAIM,
        "www-notes",
        Some("www"),
        vec![],
    );
    assert!(!found(&of_action(volume.clone()), "data-goes"), "it holds none");
    volume.holds_data = true;
    assert!(found(&of_action(volume.clone()), "data-goes"));
    volume.id.kind = "Secret".into();
    assert!(!found(&of_action(volume), "data-goes"), "a key is no data of people");
}

#[test]
fn room_that_shrinks() {
    let path = "spec.resources.requests.storage";
    assert!(found(&of_change(CLAIM, path, json!("20Gi"), json!("10Gi")), "shrinks"));
    assert!(!found(&of_change(CLAIM, path, json!("20Gi"), json!("30Gi")), "shrinks"));
    assert!(!found(&of_change(CLAIM, path, json!("1024Mi"), json!("1Gi")), "shrinks"), "the same in other words");
    let bucket = ("garage.rajsingh.info/v1beta1", "GarageBucket");
    assert!(found(&of_change(bucket, "spec.quotas.maxSize", json!("2Gi"), json!("1Gi")), "shrinks"));
}

#[test]
fn data_that_is_to_lie_elsewhere() {
    let of = |before: Value, after: Value| {
        let mut claim = action(changed(), CLAIM, "x", Some("www"), vec![field("spec.storageClassName", before, after)]);
        claim.holds_data = true;
        of_action(claim)
    };
    assert!(found(&of(json!("fast"), json!("slow")), "store-moves"));
    assert!(!found(&of(Value::Null, json!("slow")), "store-moves"), "it was said nowhere");
}

#[test]
fn backups_that_go_to_another_place() {
    let schedule = ("k8up.io/v1", "Schedule");
    assert!(found(
        &of_change(schedule, "spec.backend.s3.bucket", json!("a/volumes"), json!("b/volumes")),
        "backup-moves"
    ));
    let later = impact(|files| replace(files, LIIIBRE, "02:30", "03:30"));
    assert!(!dangers(&later).contains(&"backup-moves"), "{:?}", dangers(&later));
}

#[test]
fn copies_to_none() {
    assert!(found(&of_change(DEPLOYMENT, "spec.replicas", json!(2), json!(0)), "to-zero"));
    assert!(!found(&of_change(DEPLOYMENT, "spec.replicas", json!(2), json!(1)), "to-zero"));
    let patched = impact(|files| {
        replace(files, PAGES, "version 1;", "version 1; patch Deployment www-worker { spec { replicas 0; }; };");
    });
    assert!(dangers(&patched).contains(&"to-zero") && dangers(&patched).contains(&"hatch"), "{:?}", dangers(&patched));
    let paused = impact(|files| replace(files, PAGES, "version 1;", "version 1; state paused;"));
    assert!(!dangers(&paused).contains(&"to-zero"), "{:?}", dangers(&paused));
}

#[test]
fn a_network_that_lets_more_through() {
    let inside =
        json!({"to": [{"podSelector": {"matchLabels": {"parcelle.dev/app": "sso"}}}], "ports": [{"port": 8080}]});
    let outside = json!({"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 443}, {"port": 25}]});
    let narrower = json!({"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 443}]});
    let namespace = json!({"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "mail"}}}]});
    let of = |before: &[&Value], after: &[&Value]| of_change(POLICY, "spec.egress", json!(before), json!(after));
    let level = |rules: Vec<(String, Level)>| {
        rules.into_iter().find(|(name, _)| name == "network-wider").map(|(_, level)| level)
    };
    assert_eq!(level(of(&[&inside], &[&inside, &outside])), Some(Level::Danger));
    assert_eq!(level(of(&[&inside], &[&inside, &namespace])), Some(Level::Doubt));
    assert_eq!(level(of(&[&narrower], &[&outside])), Some(Level::Danger), "a port more");
    assert_eq!(level(of(&[&outside], &[&narrower])), None);
    assert_eq!(level(of(&[&outside], &[&outside, &inside])), None, "its own organisation");
    assert_eq!(level(of(&[], &[&json!({"ports": [{"port": 1}]})])), Some(Level::Danger), "everybody");
}

#[test]
fn what_a_new_app_talks_to_is_part_of_it() {
    let impact = impact(|files| replace(files, PAGES, "app page blog", "app page third\n    app page blog"));
    assert!(!dangers(&impact).contains(&"network-wider"), "{:?}", impact.dangers);
}

#[test]
fn rights_that_grow() {
    let rule = |verbs: Value| json!([{"apiGroups": [""], "resources": ["pods"], "verbs": verbs}]);
    assert!(found(&of_change(ROLE, "rules", rule(json!(["get"])), rule(json!(["get", "delete"]))), "rights-wider"));
    assert!(!found(&of_change(ROLE, "metadata.labels[a]", json!("b"), json!("c")), "rights-wider"));
    let both = json!([{"verbs": ["get"]}, {"verbs": ["list"]}]);
    assert!(!found(&of_change(ROLE, "rules", both, json!([{"verbs": ["get"]}])), "rights-wider"), "one less");
}

#[test]
fn pods_that_reach_the_machine() {
    let security = "spec.template.spec.containers[name=web].securityContext";
    let of = |path: &str, before: Value, after: Value| found(&of_change(DEPLOYMENT, path, before, after), "privileged");
    assert!(of(&format!("{security}.privileged"), json!(false), json!(true)));
    assert!(!of(&format!("{security}.privileged"), json!(true), json!(false)));
    assert!(of(security, json!({"runAsUser": 33}), json!({"runAsUser": 0})));
    assert!(!of(security, json!({"runAsUser": 33}), json!({"runAsUser": 34})));
    assert!(of("spec.template.spec.hostNetwork", Value::Null, json!(true)));
    let volume = "spec.template.spec.volumes[name=a]";
    assert!(of(volume, Value::Null, json!({"name": "a", "hostPath": {"path": "/"}})));
    assert!(!of(volume, Value::Null, json!({"name": "a", "emptyDir": {}})));
}

#[test]
fn addresses_that_people_may_be_sent_to() {
    let realm =
        |addresses: Value| json!(json!({"clients": [{"clientId": "a", "redirectUris": addresses}]}).to_string());
    let of = |before: Value, after: Value| {
        let rules = of_change(("v1", "ConfigMap"), "data[config.realm.json]", realm(before), realm(after));
        rules.into_iter().find(|(name, _)| name == "sign-on-wider").map(|(_, level)| level)
    };
    let one = json!(["https://a.example/back"]);
    assert_eq!(of(one.clone(), json!(["https://a.example/back", "https://b.example/back"])), Some(Level::Doubt));
    assert_eq!(of(one.clone(), json!(["https://*"])), Some(Level::Danger));
    assert_eq!(of(json!(["https://a.example/back", "https://b.example/back"]), one), None);
}

#[test]
fn objects_that_are_made_anew() {
    let deed = |why| Deed::Replace { why, base: base() };
    let anew = deed(Replacing::Immutable { path: "spec.selector".to_owned() });
    assert!(found(&of_action(action(anew, DEPLOYMENT, "x", Some("www"), vec![])), "made-anew"));
    let rerun = deed(Replacing::Rerun { who: "pierre".to_owned(), of: None });
    assert!(!found(&of_action(action(rerun, ("batch/v1", "Job"), "x", Some("www"), vec![])), "made-anew"));
}

#[test]
fn several_releases_at_once() {
    let path = "metadata.labels[app.kubernetes.io/version]";
    let (impact, _) = impact_at(
        "2026-11-20T11:00:00Z",
        |files| replace(files, PAGES, "version 1", "version 2"),
        |plan| {
            for change in plan.actions.iter_mut().flat_map(|action| &mut action.changes) {
                if change.path == path {
                    change.after = Some(Shown::Value(json!("3")));
                }
            }
        },
    );
    assert!(dangers(&impact).contains(&"several-releases"), "{:?}", dangers(&impact));
}

#[test]
fn hatches_that_are_new() {
    let new = impact(|files| replace(files, PAGES, "version 1;", "version 1; env DEBUG on;"));
    assert!(dangers(&new).contains(&"hatch"), "{:?}", dangers(&new));
    let none = impact(|files| replace(files, PAGES, "storage 20 GiB; scale", "storage 25 GiB; scale"));
    assert!(!dangers(&none).contains(&"hatch"), "{:?}", dangers(&none));
}

#[test]
fn a_host_that_leads_elsewhere() {
    let moved = impact(|files| {
        replace(
            files,
            PAGES,
            "app page blog { storage 20 GiB; }",
            "app page blog { storage 20 GiB; at www.pages.example; }",
        );
        replace(files, PAGES, "version 1;", "version 1; at old.pages.example;");
    });
    assert!(dangers(&moved).contains(&"host-moves"), "{:?}", dangers(&moved));
    let new = impact(|files| replace(files, PAGES, "version 1;", "version 1; also-at w3.pages.example;"));
    assert!(!dangers(&new).contains(&"host-moves"), "{:?}", dangers(&new));
}

#[test]
fn brakes_that_are_looser_and_people_that_change() {
    let edit = |from: &'static str, to: &'static str| move |files: &mut Files| replace(files, "garden.kdl", from, to);
    assert!(dangers(&impact(edit("at-most=20", "at-most=40"))).contains(&"brake-looser"));
    assert!(dangers(&impact(edit("keep-data 30 days", "keep-data 2 days"))).contains(&"brake-looser"));
    assert!(!dangers(&impact(edit("at-most=20", "at-most=10"))).contains(&"brake-looser"));
    assert!(!dangers(&impact(edit("keep-data 30 days", "keep-data 10 weeks"))).contains(&"brake-looser"));
    let more = "    people {\n        person ada email=ada@indiehosters.example in=operators\n";
    assert!(dangers(&impact(edit("    people {\n", more))).contains(&"people"));
    assert!(dangers(&impact(edit("waiting 24 hours", "waiting 48 hours"))).contains(&"consent"));
    assert_eq!(dangers(&impact(edit("title \"IndieHosters\"", "title \"Indie\""))), Vec::<&str>::new());
}

#[test]
fn an_offer_that_reaches_most_organisations() {
    let gateway = impact(|files| replace(files, ADA, "gateway public;", "gateway other;"));
    assert!(dangers(&gateway).contains(&"reaches-many"), "{:?}", dangers(&gateway));
    let image = impact(|files| replace(files, ADA, "postgis:17-3.6", "postgis:17-3.7"));
    assert!(!dangers(&image).contains(&"reaches-many"), "three of four have a database, and that is few");
}

#[test]
fn what_is_refused_or_held() {
    let refused = action(Deed::refused(Refusing::Conflict), DEPLOYMENT, "x", Some("www"), vec![]);
    assert!(found(&of_action(refused), "refused"));
    let held = |why| of_action(action(Deed::held(why), DEPLOYMENT, "x", Some("www"), vec![]));
    assert!(found(&held(Holding::OverBudget { would: 30, allowed: 20 }), "held"));
    assert!(!found(&held(Holding::Hold { why: "the congress".to_owned() }), "held"), "the garden says it");
}

#[test]
fn what_one_rule_finds_is_bounded() {
    let mut found = BTreeMap::new();
    let mut hosts = garden::Hosts::default();
    let organisation = Name::new("cnam").unwrap();
    for at in 0..3 * MOST {
        let organisation = Some(&organisation);
        let mut hits = Hits { tally: &mut found, rule: "hatch", told_above: false, organisation, hosts: &mut hosts };
        hits.doubt(None, format!("hatch {at}"), None);
    }
    assert_eq!(found.len(), MOST + 1);
}
