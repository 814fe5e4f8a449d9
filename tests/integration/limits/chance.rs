//! What a check accepts, an API server takes: apps by chance, near their limits, and names as long as names may be.

use std::collections::BTreeMap;

use kube::api::{Patch, PatchParams};
use kube::discovery::pinned_kind;
use parcelle::sandbox::{self, Options};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use super::{CONTAINER, DEPLOYMENT, METADATA, SERVICE, WORKLOAD, checked, forum, organisation, word};
use crate::sandbox::{Object, client_of, options};
use crate::{sandbox_replay, strict};

/// A line of an app by chance, near its limits.
fn line() -> impl Strategy<Value = String> {
    let length = || prop_oneof![1_usize..4, 14_usize..17, 62_usize..65, 252_usize..255];
    let number = || prop_oneof![-2_i64..3, 65_534_i64..65_538, 2_147_483_646_i64..2_147_483_650, any::<i64>()];
    let words = "[a-zA-Z0-9._/: %-]{0,20}";
    let patch = |around: &'static str| move |inner: String| around.replace('…', &inner);
    prop_oneof![
        (length(), words).prop_map(|(length, text)| format!("env {} {text:?}", "A".repeat(length))),
        (1_usize..80).prop_map(|count| {
            (0..count).fold("also-at".to_owned(), |line, at| format!("{line} x{at}.chance.example"))
        }),
        length().prop_map(|length| format!("ports 3000 {{ name {}; }}", word(length))).prop_map(patch(CONTAINER)),
        (number(), "[a-z0-9-]{1,6}")
            .prop_map(|(port, name)| format!("ports {port} {{ name {name:?}; }}"))
            .prop_map(patch(CONTAINER)),
        (number(), "[a-z0-9-]{1,6}")
            .prop_map(|(port, name)| format!("ports {port} {{ name {name:?}; }}"))
            .prop_map(patch(SERVICE)),
        number().prop_map(|number| format!("replicas {number}")).prop_map(patch(WORKLOAD)),
        number().prop_map(|number| format!("minReadySeconds {number}")).prop_map(patch(WORKLOAD)),
        number().prop_map(|number| format!("terminationGracePeriodSeconds {number}")).prop_map(patch(DEPLOYMENT)),
        words
            .prop_map(|path| format!(
                "volumeMounts {path:?} {{ name v; }}; }}; volumes v {{ emptyDir sizeLimit=\"1Gi\""
            ))
            .prop_map(patch(CONTAINER)),
        (words, words).prop_map(|(key, value)| format!("labels {{ {key:?} {value:?}; }}")).prop_map(patch(METADATA)),
        (words, length())
            .prop_map(|(key, length)| format!("data {{ {key:?} {}; }}", word(length)))
            .prop_map(patch("patch ConfigMap forum-extra { …; }")),
        (1_i64..70, 0_i64..30)
            .prop_map(|(a, b)| format!("schedule \"{a} {b} * * *\""))
            .prop_map(patch("patch CronJob forum-sweep { spec { …; }; }")),
        (number(), number())
            .prop_map(|(least, most)| format!("minReplicas {least}; maxReplicas {most}"))
            .prop_map(patch("patch HorizontalPodAutoscaler forum-many { spec { …; }; }")),
        (words, number())
            .prop_map(|(amount, number)| format!("resources {{ requests cpu={number} memory={amount:?}; }}"))
            .prop_map(patch(CONTAINER)),
    ]
}

fn long_name() -> String {
    format!("o{}", "-x".repeat(31))
}

/// An organisation and apps with names as long as a name may be.
fn long_names() -> (String, String) {
    let apps = format!(
        "    app nextcloud {} {{\n        at {}.long.example\n        scale min=1 max=3\n        backup {{\n            every night \
         at=\"02:30\"\n            keep daily=7\n        }}\n    }}\n    app hedgedoc {}2 {{\n        at b.long.example\n    }}\n    \
         app static-site {} {{\n        at c.long.example\n    }}\n    app forum {} {{\n        at d.long.example\n    }}\n",
        word(63),
        word(63),
        "n".repeat(62),
        "s".repeat(63),
        "f".repeat(63)
    );
    let name = long_name();
    let text = format!(
        "edition 2026\n\norganisation {name} {{\n    title \"Long\"\n    offer sur-mesure\n    cluster ada-lovelace\n    \
         domain long.example\n    contact tech@long.example role=technical\n{apps}}}\n"
    );
    (format!("organisations/{name}.kdl"), text)
}

/// Applies every object of an organisation as a plan does, and says what the server refuses.
async fn refused(
    client: &kube::Client,
    kinds: &mut BTreeMap<String, kube::api::ApiResource>,
    body: &Value,
) -> Option<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (api_version, kind) = (text(&body["apiVersion"]), text(&body["kind"]));
    let key = format!("{api_version} {kind}");
    if !kinds.contains_key(&key) {
        let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
        let gvk = kube::api::GroupVersionKind::gvk(group, version, &kind);
        let (resource, _) = pinned_kind(client, &gvk).await.unwrap();
        kinds.insert(key.clone(), resource);
    }
    let namespace = text(&body["metadata"]["namespace"]);
    let api: kube::Api<Object> = match namespace.as_str() {
        "" => kube::Api::all_with(client.clone(), &kinds[&key]),
        namespace => kube::Api::namespaced_with(client.clone(), namespace, &kinds[&key]),
    };
    let params =
        PatchParams { field_validation: Some(kube::api::ValidationDirective::Strict), ..PatchParams::apply("t") };
    let answer = api.patch(&text(&body["metadata"]["name"]), &params, &Patch::Apply(body)).await;
    answer.err().map(|error| format!("{key} {}: {error}", body["metadata"]["name"]))
}

/// What a check accepts, an API server takes at a strict apply: of the repository's gardens, and of apps by chance.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_check_accepts_the_server_takes() {
    // The whole definitions of the operators, where they are at hand: they refuse more than those that are reduced.
    let whole = strict::shared().map(|shared| shared.join("crds")).filter(|folder| folder.is_dir());
    let handle = sandbox::serve(Options { definitions: whole.is_none(), ..options() }).await.unwrap();
    if let Some(folder) = whole {
        let address = handle.address.to_string();
        tokio::task::spawn_blocking(move || sandbox_replay::define(&folder, &address)).await.unwrap();
    }
    let client = client_of(&handle.url(), &handle.token);
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let apps: Vec<String> = (0..250)
        .map(|_| {
            let lines = prop::collection::vec(line(), 1..4).new_tree(&mut runner).unwrap();
            proptest::strategy::ValueTree::current(&lines).join("\n")
        })
        .collect();
    let mut files = vec![forum()];
    files.extend(apps.iter().enumerate().map(|(at, lines)| {
        let name = format!("chance-{at}");
        organisation(&name, &lines.replace("chance.example", &format!("{name}.example")), "")
    }));
    files.push(long_names());
    let checked = checked(&files);
    let of_long: Vec<String> = super::errors(&checked)
        .map(|finding| super::told(&checked, finding))
        .filter(|told| told.contains(&long_name()))
        .collect();
    assert_eq!(of_long, [] as [String; 0], "names as long as names may be are taken");
    assert!(checked.objects.contains_key(long_name().as_str()));
    let (mut kinds, mut wrong, mut taken) = (BTreeMap::new(), Vec::new(), 0);
    for packed in checked.objects.values() {
        let objects = packed.open();
        // The namespace first.
        let (ground, rest): (Vec<_>, Vec<_>) =
            objects.objects.iter().partition(|object| &*object.id.kind == "Namespace");
        for object in ground.into_iter().chain(rest) {
            taken += 1;
            wrong.extend(refused(&client, &mut kinds, &object.body).await);
        }
    }
    assert!(wrong.is_empty(), "refused although accepted:\n{}", wrong.join("\n"));
    let accepted = checked.objects.len();
    assert!((25..240).contains(&accepted) && taken > 1_000, "{accepted} accepted, {taken} objects");
    // A server refuses what is beyond, too: the test would see a difference.
    let body = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "namespace": "default"},
        "spec": {"ports": [{"port": 70_000}]}});
    assert!(refused(&client, &mut kinds, &body).await.is_some());
}
