//! Stories of a cluster's own addresses: what pods may reach, as it is rendered by the program, and what a doctor says of it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::{Value, json};

use crate::command::TestEnvironment;
use crate::sandbox::client_of;
use crate::stories_output::{CLUSTER, GARDEN, OFFER};
use crate::story::rights::put_in_place;

const NETWORK: &str = "    network { nodes \"203.0.113.0/26\"; api-server \"203.0.113.2\"; }\n";

/// An organisation with an app that sends mail, signs in elsewhere, keeps files and a database.
const ORGANISATION: &str = "edition 2026\n\norganisation alpha {\n    title A\n    offer small\n    cluster ada\n    domain alpha.example\n    \
                            app mailer web\n}\n";

const DEFINITION: &str = r#"edition 2026

definition mailer {
    about "Sends mail."
    releases { channel stable 1; release 1 image="docker.io/example/mailer:1.0"; }
    needs {
        postgres db
        bucket files { size 1 GiB; }
        mail smtp
        outward world
        route web { host "${settings.at}"; to web; }
    }
    workload web {
        run-as 1000
        port http 8080
        env URL "${needs.db.url}"
        env KEY "${needs.files.access-key}"
        env SMTP "${needs.smtp.host}"
        resources { cpu 10 millicores; memory 16 MiB; }
    }
}
"#;

const PROVIDES: &str = r#"    provides {
        postgres cloudnative-pg
        bucket s3 { endpoint "https://s3.example.org"; credentials buckets; }
        volume storage-class
        route gateway-api { gateway public; namespace gateways; certificates letsencrypt; }
        mail relay { host smtp.example.org; port 587; }
    }
"#;

/// The cluster with other words in it.
fn cluster(network: &str, provides: &str) -> String {
    let head = CLUSTER.split("    provides {").next().unwrap();
    format!("{head}{provides}{network}}}\n")
}

fn garden(network: &str, provides: &str) -> TestEnvironment {
    let environment = TestEnvironment::new();
    environment.garden([
        ("garden.kdl", GARDEN.to_owned()),
        ("clusters/ada.kdl", cluster(network, provides)),
        ("offers/small.kdl", OFFER.replace("storage 10 GiB", "storage 100 GiB")),
        ("definitions/mailer.kdl", DEFINITION.to_owned()),
        ("organisations/alpha.kdl", ORGANISATION.to_owned()),
    ]);
    environment
}

/// The network policies that are rendered.
fn policies(environment: &TestEnvironment) -> Vec<Value> {
    let said = environment.run(["render", "--format", "json"]);
    assert_eq!(said.code, 0, "{}", said.text());
    let list: Value = serde_json::from_str(&said.stdout).unwrap();
    let items = list["items"].as_array().unwrap().iter();
    items.filter(|item| item["kind"] == "NetworkPolicy").cloned().collect()
}

fn contains(range: &str, address: IpAddr) -> bool {
    let (first, bits) = range.split_once('/').unwrap();
    let bits: u32 = bits.parse().unwrap();
    let as_bits = |address: IpAddr| match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)) << 96, 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    };
    let (first, address) = (as_bits(first.parse().unwrap()), as_bits(address));
    first.1 == address.1 && (bits == 0 || first.0 >> (128 - bits) == address.0 >> (128 - bits))
}

/// The ports at which pods of a policy reach an address that is no pod's.
fn reached(policy: &Value, address: &str) -> Vec<u64> {
    let address: IpAddr = address.parse().unwrap();
    let opens = |peer: &Value| {
        let block = &peer["ipBlock"];
        let except = block["except"].as_array().into_iter().flatten();
        block["cidr"].as_str().is_some_and(|range| contains(range, address))
            && !{ except }.any(|range| contains(range.as_str().unwrap(), address))
    };
    let rules = policy["spec"]["egress"].as_array().into_iter().flatten();
    let open = rules.filter(|rule| match rule["to"].as_array() {
        Some(ends) => ends.iter().any(opens),
        None => true,
    });
    let ports = open.flat_map(|rule| rule["ports"].as_array().cloned().unwrap_or_else(|| vec![json!({"port": 0})]));
    let mut ports: Vec<u64> = ports.map(|port| port["port"].as_u64().unwrap()).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// The ports at which they reach a namespace; 0 for all.
fn reached_namespace(policy: &Value, namespace: &str) -> Vec<u64> {
    let rules = policy["spec"]["egress"].as_array().into_iter().flatten();
    let is_meant = |peer: &Value| peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] == namespace;
    let meant = rules.filter(|rule| rule["to"].as_array().is_some_and(|ends| ends.iter().any(is_meant)));
    let ports = meant.flat_map(|rule| rule["ports"].as_array().cloned().unwrap_or_else(|| vec![json!({"port": 0})]));
    let ports: BTreeSet<u64> = ports.map(|port| port["port"].as_u64().unwrap()).collect();
    ports.into_iter().collect()
}

fn named<'p>(policies: &'p [Value], name: &str) -> &'p Value {
    let found = policies.iter().find(|policy| policy["metadata"]["name"] == name);
    found.unwrap_or_else(|| {
        panic!("{name}: {:?}", policies.iter().map(|one| &one["metadata"]["name"]).collect::<Vec<_>>())
    })
}

const INSIDE: &[&str] = &[
    "10.0.0.1",
    "10.96.0.1",
    "172.16.3.4",
    "192.168.178.1",
    "100.64.0.1",
    "100.100.100.200",
    "169.254.169.254",
    "168.63.129.16",
    "127.0.0.1",
    "203.0.113.2",
    "203.0.113.63",
    "::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b::a9fe:a9fe",
    "fd00:ec2::254",
    "fe80::1",
    "fc00::1",
];

#[test]
fn pods_reach_what_lies_outside_at_ports_that_are_said_and_nothing_inside() {
    let environment = garden(NETWORK, PROVIDES);
    let policies = policies(&environment);
    let app = named(&policies, "web--app");
    for inside in INSIDE {
        for policy in policies.iter().filter(|policy| policy["metadata"]["name"] != "default--cluster") {
            assert_eq!(reached(policy, inside), [] as [u64; 0], "{inside}: {policy}");
        }
    }
    for outside in ["93.184.216.34", "203.0.113.64", "2606:2800:220::1"] {
        assert_eq!(reached(app, outside), [443, 587], "{outside}");
    }
    assert_eq!(reached_namespace(app, "gateways"), [443, 8443, 10443]);
    let databases = named(&policies, "default--cluster");
    assert_eq!(reached(databases, "203.0.113.2"), [443, 6443]);
    for other in ["10.96.0.1", "93.184.216.34", "203.0.113.3", "169.254.169.254"] {
        assert_eq!(reached(databases, other), [] as [u64; 0], "{other}");
    }
    assert_eq!(reached_namespace(named(&policies, "default--dns"), "kube-system"), [53]);
    // Every rule that leads out of the namespace says its ports.
    for policy in &policies {
        for rule in policy["spec"]["egress"].as_array().into_iter().flatten() {
            let ends = rule["to"].as_array();
            let inside = ends.is_some_and(|ends| {
                ends.iter().all(|end| end["namespaceSelector"].is_null() && end["ipBlock"].is_null())
            });
            assert!(inside || rule["ports"].is_array(), "{policy}");
        }
    }
    let said = environment.run(["check"]);
    assert!(said.code == 0 && !said.text().contains("W0412"), "{}", said.text());
}

#[test]
fn without_names_private_addresses_are_left_out_and_a_doubt_says_what_stays_open() {
    let environment = garden("", PROVIDES);
    let all = policies(&environment);
    let app = named(&all, "web--app");
    for inside in INSIDE.iter().filter(|inside| !inside.starts_with("203.")) {
        assert_eq!(reached(app, inside), [] as [u64; 0], "{inside}");
    }
    assert_eq!(reached(app, "203.0.113.2"), [443, 587]);
    assert_eq!(reached(named(&all, "default--cluster"), "10.96.0.1"), [443, 6443]);
    let said = environment.run(["check"]);
    assert_eq!(said.code, 0);
    assert!(
        said.text().contains("warning[W0412]: pods on cluster `ada` may reach its nodes and its API server"),
        "{}",
        said.text()
    );
}

#[test]
fn what_a_provider_has_at_a_private_address_is_let_through_there_alone() {
    let provides = PROVIDES
        .replace("port 587;", "port 587; address \"10.20.0.25\";")
        .replace("https://s3.example.org\"", "http://10.20.0.9:9000\"")
        .replace("letsencrypt;", "letsencrypt; address \"192.168.7.1\"; ports 8444;");
    let network = "    network { nodes \"203.0.113.0/26\"; api-server \"10.20.0.2\" port=16443; name-servers \"169.254.20.10\"; }\n";
    let all = policies(&garden(network, &provides));
    let app = named(&all, "web--app");
    assert_eq!(reached(app, "10.20.0.25"), [587]);
    assert_eq!(reached(app, "10.20.0.9"), [9000]);
    assert_eq!(reached(app, "192.168.7.1"), [443, 8444]);
    assert_eq!(reached_namespace(app, "gateways"), [443, 8444]);
    assert_eq!(reached(app, "93.184.216.34"), [443], "mail goes to its relay alone");
    for inside in ["10.20.0.24", "10.20.0.26", "192.168.7.2", "10.20.0.2", "169.254.20.10"] {
        assert_eq!(reached(app, inside), [] as [u64; 0], "{inside}");
    }
    assert_eq!(reached(named(&all, "default--cluster"), "10.20.0.2"), [443, 16443]);
    assert_eq!(reached(named(&all, "default--dns"), "169.254.20.10"), [53]);

    let provides = PROVIDES.replace("smtp.example.org", "postfix.mailing.svc.cluster.local");
    let all = policies(&garden(network, &provides));
    assert_eq!(reached_namespace(named(&all, "web--app"), "mailing"), [587]);
}

/// A node with its status, which is written by itself.
async fn put_node(admin: &kube::Client, node: &Value) {
    put_in_place(admin, node.clone()).await;
    let name = node["metadata"]["name"].as_str().unwrap();
    let nodes = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Node"));
    let status = Patch::Merge(json!({"status": node["status"]}));
    let api: Api<DynamicObject> = Api::all_with(admin.clone(), &nodes);
    api.patch_status(name, &PatchParams::default(), &status).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_doctor_compares_the_addresses_of_nodes_and_of_the_api_server_with_the_file() {
    let environment = garden(NETWORK, PROVIDES);
    environment.commit("a garden");
    let _sandbox = environment.sandbox(&["--state", "none"]);
    let kubeconfig = kube::config::Kubeconfig::from_yaml(&environment.read("kubeconfig")).unwrap();
    let server = kubeconfig.clusters[0].cluster.clone().unwrap().server.unwrap();
    let admin = client_of(&server, "admintoken");
    let address = |kind: &str, address: &str| json!({"type": kind, "address": address});
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "status": {"addresses": [
        address("Hostname", "n1"), address("InternalIP", "10.0.0.5"), address("ExternalIP", "203.0.113.5")]}});
    let slice = |address: &str, port: u16| {
        json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": "kubernetes", "namespace": "default", "labels": {"kubernetes.io/service-name": "kubernetes"}},
            "addressType": "IPv4", "endpoints": [{"addresses": [address]}], "ports": [{"name": "https", "port": port}]})
    };
    put_node(&admin, &node).await;
    put_in_place(&admin, slice("203.0.113.2", 6443)).await;
    let said = environment.run(["doctor"]).text();
    assert!(!said.contains("E0494") && !said.contains("W0412") && !said.contains("W0490"), "{said}");

    let mut other = node;
    other["metadata"]["name"] = "n2".into();
    other["status"]["addresses"][2]["address"] = "203.0.113.200".into();
    put_node(&admin, &other).await;
    put_in_place(&admin, slice("203.0.113.9", 7443)).await;
    let doctor = environment.run(["doctor"]);
    let said = doctor.text();
    assert_eq!(doctor.code, 1, "{said}");
    assert!(
        said.contains("error[E0494]: the file of cluster `ada` does not name all addresses of its nodes"),
        "{said}"
    );
    assert!(said.contains("pods may reach `203.0.113.200` of node `n2`"), "{said}");
    assert!(said.contains("nodes \"203.0.113.0/26\" \"203.0.113.200/32\""), "{said}");
    assert!(
        said.contains("error[E0494]: the file of cluster `ada` does not name all addresses of its API server"),
        "{said}"
    );
    assert!(said.contains("show `203.0.113.9` at port 7443"), "{said}");
    assert!(said.contains("port=7443"), "{said}");

    environment.garden([("clusters/ada.kdl", cluster("", PROVIDES))]);
    let said = environment.run(["doctor"]).text();
    assert!(
        said.contains("warning[W0412]: the file of cluster `ada` does not name all addresses of its nodes"),
        "{said}"
    );
    assert!(said.contains("write `network { nodes \"203.0.113.200/32\" \"203.0.113.5/32\"; }`"), "{said}");
}
