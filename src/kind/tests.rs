use std::collections::BTreeSet;

use serde_json::json;

use super::*;

#[test]
fn every_kind_has_one_row() {
    let ids: BTreeSet<GroupKind> = KINDS.iter().map(|row| row.id).collect();
    assert_eq!(ids.len(), KINDS.len());
}

/// `object`, `patch`, `adopt` and `field` name kinds without their groups.
#[test]
fn a_kind_that_a_garden_may_name_is_alone_with_its_name() {
    let twice: BTreeSet<&str> =
        KINDS.iter().filter(|row| named(row.id.kind) != Some(row)).map(|row| row.id.kind).collect();
    assert_eq!(twice, BTreeSet::from(["Backup", "Event"]), "neither is ever rendered");
    assert!(written().all(|(row, _)| !twice.contains(row.id.kind)));
}

#[test]
fn versions_are_of_the_group_of_their_row() {
    for (row, api_version) in written() {
        assert_eq!(group_of(api_version), row.id.group, "{:?}", row.id);
    }
    for (row, watched) in KINDS.iter().filter_map(|row| Some((row, row.watched?))) {
        assert_eq!(group_of(watched.api_version), row.id.group, "{:?}", row.id);
    }
}

#[test]
fn a_kind_of_another_group_shares_nothing_but_the_name() {
    for (api_version, kind) in [
        ("cluster.x-k8s.io/v1beta1", "Cluster"),
        ("k8s.mariadb.com/v1alpha1", "Database"),
        ("batch.volcano.sh/v1alpha1", "Job"),
        ("serving.knative.dev/v1", "Service"),
        ("secrets.example/v1", "Secret"),
        ("s3.aws.upbound.io/v1beta1", "Bucket"),
    ] {
        assert_eq!(facts(group_of(api_version), kind), &UNKNOWN, "{api_version} {kind}");
        assert_eq!(facts_of_body(&json!({ "apiVersion": api_version, "kind": kind })), &UNKNOWN);
    }
    assert!(!SECRET.is_of("secrets.example/v1", "Secret") && SECRET.is_of("v1", "Secret"));
    let body = json!({ "apiVersion": "apps.example/v1", "kind": "Deployment" });
    assert!(!DEPLOYMENT.is_body(&body));
}

#[test]
fn what_nothing_renders_or_judges_has_no_row() {
    for (group, kind) in [
        ("mongodbcommunity.mongodb.com", "MongoDBCommunity"),
        ("objectbucket.io", "ObjectBucketClaim"),
        ("objectstorage.k8s.io", "Bucket"),
    ] {
        assert!(find(group, kind).is_none(), "{kind}");
    }
}

#[test]
fn an_unknown_kind_may_hold_data_and_goes_by_what_was_recorded_of_it() {
    let unknown = facts("example.org", "Thing");
    assert!(unknown.may_hold_data() && !unknown.holds_data());
    assert_eq!((unknown.stage, unknown.name_limit), (Stage::Edge, 63));
    assert_eq!((unknown.departs(false), unknown.departs(true)), (Departure::Edge, Departure::Data));
}

#[test]
fn what_holds_data_says_what_its_deletion_leaves() {
    let silent: Vec<_> = KINDS.iter().filter(|row| row.holds_data() && row.on_delete.is_none()).collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn what_is_inside_a_database_holds_data_too() {
    for (group, kind) in [("postgresql.cnpg.io", "DatabaseRole"), ("garage.rajsingh.info", "GarageKey")] {
        assert!(facts(group, kind).holds_data(), "{kind}");
    }
}

#[test]
fn a_stateful_set_holds_data_where_it_makes_its_claims() {
    let holds = |spec| facts("apps", "StatefulSet").holds_data_in(&json!({ "spec": spec }));
    assert!(holds(json!({ "volumeClaimTemplates": [{}] })));
    assert!(!holds(json!({ "volumeClaimTemplates": [] })) && !holds(json!({})));
}

#[test]
fn what_runs_pods_counts_as_gone_only_with_them() {
    let is_foreground = |row: &&Kind| row.propagation == Propagation::Foreground;
    let servers = [POSTGRES_CLUSTER, PERCONA_MONGODB, GroupKind::new("k8s.mariadb.com", "MariaDB")];
    let with_pods = KINDS.iter().filter(|row| row.id != POD && !row.pod_spec.is_empty());
    for row in with_pods.chain(servers.map(GroupKind::facts)) {
        assert!(is_foreground(&row), "{:?}", row.id);
    }
    assert_eq!(KINDS.iter().filter(is_foreground).count(), 6 + servers.len());
}

#[test]
fn data_departs_after_everything_else_and_from_the_inside_out() {
    let departs = |group, kind| facts(group, kind).departs(facts(group, kind).holds_data());
    let order = [
        departs("gateway.networking.k8s.io", "HTTPRoute"),
        departs("apps", "Deployment"),
        departs("batch", "Job"),
        departs("", "ConfigMap"),
        departs("postgresql.cnpg.io", "Pooler"),
        departs("postgresql.cnpg.io", "Database"),
        departs("postgresql.cnpg.io", "Cluster"),
        departs("", "PersistentVolumeClaim"),
        facts("", "Secret").departs(true),
        departs("", "Namespace"),
    ];
    assert!(order.is_sorted_by(|a, b| a < b), "{order:?}");
}
