//! Tests of the table: every member is a field, and what is barred.

use super::*;

fn barred(union: Union, ours: &[&str], value: Option<&str>) -> Vec<&'static str> {
    let fields = union.fields().into_iter();
    fields.filter(|field| union.is_barred(field, |name| ours.contains(&name), |_| value)).collect()
}

#[test]
fn what_is_said_bars_the_other_members_and_nothing_where_none_is_said() {
    let peers = Union::OneOf(&["ipBlock", "podSelector namespaceSelector"]);
    assert_eq!(barred(peers, &["podSelector"], None), ["ipBlock"]);
    assert_eq!(barred(peers, &["ipBlock"], None), ["podSelector", "namespaceSelector"]);
    assert_eq!(barred(peers, &["ports"], None), [""; 0]);
}

#[test]
fn a_discriminator_bars_what_its_value_does_not_allow() {
    let union = ROLLING[0];
    assert_eq!(barred(union, &["type"], Some("Recreate")), ["rollingUpdate"]);
    assert_eq!(barred(union, &["type"], Some("RollingUpdate")), [""; 0]);
    assert_eq!(barred(union, &[], Some("Recreate")), [""; 0], "nothing of it is ours");
    let demands = |ours: &[&str], value: &'static str| union.demands(|name| ours.contains(&name), |_| Some(value));
    assert_eq!(demands(&["rollingUpdate"], "Recreate"), Some(("type", "RollingUpdate")));
    assert_eq!(demands(&["rollingUpdate", "type"], "Recreate"), None, "what we say ourselves is for the server");
    assert_eq!(demands(&["rollingUpdate"], "RollingUpdate"), None);
}

#[test]
fn what_undoes_an_object_is_barred_where_it_says_something_and_is_not_ours() {
    let policy = POLICY[0];
    assert_eq!(barred(policy, &["policyTypes"], None), ["podSelector", "ingress", "egress"]);
    assert_eq!(barred(policy, &["policyTypes", "egress", "podSelector"], None), ["ingress"]);
    assert_eq!(barred(policy, &["egress"], None), [""; 0], "what the policy is for is not ours");
    let says = |value: Value| policy.counts(&value);
    assert!(says(serde_json::json!([{}])) && !says(serde_json::json!([])) && !says(serde_json::json!({})));
}

/// Types of the facts that look like a union: fields of which the table knows one and not another.
#[test]
fn every_member_is_a_field_of_its_type_and_no_source_is_left_out() {
    let facts: serde_json::Value = serde_json::from_str(include_str!("../../../schemas/kubernetes/1.36.json")).unwrap();
    for (name, unions) in BUILTIN {
        let of = facts["types"][name]["fields"].as_object().unwrap_or_else(|| panic!("{name} is no type"));
        for field in unions.iter().flat_map(Union::fields) {
            assert!(of.contains_key(field), "{name} has no {field}");
        }
    }
    // In these, every object beside those named is a member.
    for (name, besides) in [
        ("api.core.v1.Volume", &[][..]),
        ("api.core.v1.VolumeProjection", &[]),
        ("api.core.v1.EnvVarSource", &[]),
        ("api.core.v1.EnvFromSource", &[]),
        ("api.core.v1.Probe", &[]),
        ("api.core.v1.LifecycleHandler", &[]),
        ("api.core.v1.PersistentVolumeSpec", &["claimRef", "nodeAffinity"]),
        ("api.autoscaling.v2.MetricSpec", &[]),
        ("api.networking.v1.NetworkPolicyPeer", &[]),
        ("api.networking.v1.IngressBackend", &[]),
    ] {
        let members: Vec<&str> = of_type(name).iter().flat_map(Union::fields).collect();
        let objects = facts["types"][name]["fields"].as_object().unwrap().iter();
        for (field, _) in objects.filter(|(field, of)| of.get("ref").is_some() && !besides.contains(&field.as_str())) {
            assert!(members.contains(&field.as_str()), "{name}.{field} is in no union");
        }
    }
    // Every type that is discriminated by a strategy, or has the shape of a source, is known.
    for (name, of) in facts["types"].as_object().unwrap() {
        let Some(fields) = of["fields"].as_object() else { continue };
        let is_strategy = fields.contains_key("rollingUpdate") && fields.contains_key("type");
        let is_handler = fields.contains_key("httpGet") && fields.contains_key("exec");
        let is_value = fields.contains_key("value") && fields.contains_key("valueFrom");
        let is_client = fields.contains_key("service") && fields.contains_key("url");
        let is_profile = fields.contains_key("localhostProfile");
        if is_strategy || is_handler || is_value || is_client || is_profile {
            assert!(!of_type(name).is_empty(), "{name} has no union");
        }
    }
}

#[test]
fn the_places_of_custom_unions_are_in_the_definitions_that_we_keep() {
    let mut seen = 0;
    for text in [
        include_str!("../../../schemas/kubernetes/custom/cloudnative-pg.json"),
        include_str!("../../../schemas/kubernetes/custom/k8up.json"),
        include_str!("../../../schemas/kubernetes/custom/garage.json"),
    ] {
        let definitions: serde_json::Value = serde_json::from_str(text).unwrap();
        for definition in definitions.as_array().unwrap() {
            let group = definition["spec"]["group"].as_str().unwrap();
            let kind = definition["spec"]["names"]["kind"].as_str().unwrap();
            for (place, _) in of_custom(group, kind) {
                let root = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
                let at = place.split('.').fold(root, |at, name| &at["properties"][name]);
                assert!(at.is_object(), "{kind} has no {place}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 6, "{seen}");
}
