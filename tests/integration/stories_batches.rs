//! Stories of gardens that are larger than a batch, through the program: each kind is listed once, what is shown is what is
//! done, and a saved plan is held whole against the clusters before anything is written.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use parcelle::sandbox::{self, ControllerOptions, Handle};
use serde_json::json;

use crate::command::{Output, TestEnvironment};
use crate::sandbox::client_of;
use crate::story::rights;

const UID: &str = "5c0f6f5e-7f59-4f3e-9a51-3f9f0a1f6a13";

/// So many organisations have more objects than are read at once.
const ORGANISATIONS: usize = 14;

struct Ground {
    environment: TestEnvironment,
    handle: Handle,
}

fn organisation(at: usize, title: &str) -> (String, String) {
    let apps: String = (0..4).map(|app| format!("    app static-site www{app}\n")).collect();
    let text = format!(
        "edition 2026\n\norganisation org-{at:02} {{\n    title \"{title}\"\n    cluster ada\n    domain org-{at:02}.example\n\n{apps}}}\n"
    );
    (format!("organisations/org-{at:02}.kdl"), text)
}

impl Ground {
    /// A garden of many organisations, committed, and the cluster that it is for.
    async fn new() -> Self {
        let garden = "edition 2026\n\ngarden grounds {\n    title \"Grounds\"\n    ceiling { cpu 64 cores; memory 256 GiB; storage 8 TiB; }\n}\n";
        let cluster = format!(
            "edition 2026\n\ncluster ada {{\n    title \"Ada\"\n    uid \"{UID}\"\n    timezone \"Europe/Paris\"\n    domain ada.example\n    \
             provides {{\n        volume storage-class {{ class fast; }}\n        \
             route gateway-api {{ gateway public; namespace gateways; certificates letsencrypt; }}\n    }}\n}}\n"
        );
        let environment = TestEnvironment::new();
        environment.garden([("garden.kdl".to_owned(), garden.to_owned()), ("ada.kdl".to_owned(), cluster)]);
        environment.garden((0..ORGANISATIONS).map(|at| organisation(at, "First")));
        environment.commit("a garden");
        let handle = rights::serve_with_policy(sandbox::Options {
            cluster_uid: Some(UID.to_owned()),
            controllers: ControllerOptions { enabled: false, ..ControllerOptions::default() },
            ..sandbox::Options::default()
        });
        let handle = handle.await;
        environment.write("kubeconfig", rights::kubeconfig(&handle, "ada"));
        Self { environment, handle }
    }

    /// Runs the program beside the sandbox, which answers meanwhile.
    fn run(&self, arguments: &[&str]) -> Output {
        tokio::task::block_in_place(|| self.environment.run(arguments))
    }

    /// Runs it, and says which requests it sent.
    fn counted(&self, arguments: &[&str]) -> (Output, BTreeMap<(String, String), u64>) {
        let before = self.handle.stats().requests;
        let output = self.run(arguments);
        let after = self.handle.stats().requests.into_iter();
        let sent = after.map(|(what, count)| (what.clone(), count - before.get(&what).copied().unwrap_or_default()));
        (output, sent.filter(|(_, count)| *count > 0).collect())
    }

    fn rename(&self, at: usize, title: &str) {
        self.environment.garden([organisation(at, title)]);
    }

    fn deployments(&self, namespace: &str) -> Api<DynamicObject> {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("apps", "v1", "Deployment"));
        Api::namespaced_with(client_of(&self.handle.url(), &self.handle.token), namespace, &kind)
    }
}

fn writes(sent: &BTreeMap<(String, String), u64>) -> Vec<(&str, u64)> {
    let written = sent.iter().filter(|((verb, _), _)| !["get", "list", "watch"].contains(&verb.as_str()));
    written.filter(|((_, what), _)| what != "leases.coordination.k8s.io").map(|((_, what), n)| (&**what, *n)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_garden_larger_than_a_batch_is_listed_once_and_applied_whole() {
    let ground = Ground::new().await;
    let (applied, _) = ground.counted(&["apply", "--yes", "--no-wait"]);
    assert_eq!(applied.code, 0, "{}", applied.text());
    let objects = ground.handle.stats().objects;
    assert!(objects > 550, "{objects} objects fit in one batch");

    let (planned, sent) = ground.counted(&["plan", "--exit-code"]);
    assert_eq!(planned.code, 0, "{}", planned.text());
    assert!(
        planned.stdout.contains(&format!("Nothing changes in {ORGANISATIONS} organisations.")),
        "{}",
        planned.stdout
    );
    assert_eq!(writes(&sent), [], "a plan writes nothing, and asks nothing of what is as it should be");
    let lists: Vec<_> = sent.iter().filter(|((verb, _), _)| verb == "list").collect();
    assert!(lists.len() > 5, "{lists:?}");
    // Inventories are ConfigMaps too; a list of more than 500 objects has further pages.
    let most = |what: &str| if what == "configmaps" { 3 } else { 2 };
    assert!(lists.iter().all(|((_, what), count)| **count <= most(what)), "{lists:?}");

    let (again, sent) = ground.counted(&["apply", "--yes", "--no-wait"]);
    assert_eq!(again.code, 0, "{}", again.text());
    assert!(again.stdout.contains("Nothing was written"), "{}", again.stdout);
    assert_eq!(writes(&sent), []);
    let status = ground.run(&["status", "--format", "json"]);
    let statuses: Vec<serde_json::Value> = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(statuses.len(), ORGANISATIONS);
    ground.handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_is_held_whole_against_the_clusters_before_the_first_write() {
    let ground = Ground::new().await;
    assert_eq!(ground.run(&["apply", "--yes", "--no-wait"]).code, 0);
    ground.rename(1, "Second");
    ground.rename(12, "Second");
    ground.environment.commit("two titles");
    let file = ground.environment.path("garden").join("plan.json").display().to_string();
    let planned = ground.run(&["plan", "--save", &file]);
    assert!(planned.stdout.contains("in 2 of 14 organisations; 12 unchanged."), "{}", planned.stdout);
    let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "whoever may read the garden's clusters may read a plan, and nobody else");

    // A file that broke off is no plan, whatever of it is whole.
    let text = std::fs::read_to_string(&file).unwrap();
    let torn = ground.environment.path("garden").join("torn.json").display().to_string();
    std::fs::write(&torn, &text[..text.len() - 4]).unwrap();
    let (refused, sent) = ground.counted(&["apply", "--plan", &torn, "--yes"]);
    assert_eq!((refused.code, writes(&sent)), (2, vec![]), "{}", refused.text());
    assert!(refused.stderr.contains("it breaks off"), "{}", refused.stderr);

    // Of the last organisation something moved: nothing of the first is written either.
    let plan: serde_json::Value = serde_json::from_str(&text).unwrap();
    let last = plan["organisations"].as_array().unwrap().iter().find(|one| one["organisation"] == "org-12").unwrap();
    let changed = last["actions"].as_array().unwrap().iter().find(|action| action["verb"] == "change").unwrap();
    let (api, kind) = (changed["id"]["apiVersion"].as_str().unwrap(), changed["id"]["kind"].as_str().unwrap());
    let (name, path) = (changed["id"]["name"].as_str().unwrap(), changed["changes"][0]["path"].as_str().unwrap());
    assert_eq!((api, kind), ("v1", "Namespace"), "{name} {path}");
    let namespaces: Api<DynamicObject> = Api::all_with(
        client_of(&ground.handle.url(), &ground.handle.token),
        &ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", kind)),
    );
    let annotations = json!({"metadata": {"annotations": {"parcelle.dev/title": "Somebody's"}}});
    namespaces.patch(name, &PatchParams::default(), &Patch::Merge(annotations)).await.unwrap();
    ground.handle.keep_sent();
    let stale = ground.run(&["apply", "--plan", &file, "--yes"]);
    let sent = ground.handle.keep_sent();
    let written = sent.iter().find(|one| !["get", "list"].contains(&one.verb) && !one.address.contains("dryRun=All"));
    assert_eq!((stale.code, written), (1, None), "{}", stale.text());
    assert!(stale.stderr.contains("was changed where the plan writes"), "{}", stale.stderr);

    // Planned anew it is done, exactly, and nothing else is looked at for writing.
    assert_eq!(ground.run(&["plan", "--save", &file]).code, 0);
    let (applied, sent) = ground.counted(&["apply", "--plan", &file, "--yes"]);
    assert_eq!(applied.code, 0, "{}", applied.text());
    assert!(writes(&sent).iter().all(|(what, _)| ["namespaces", "configmaps"].contains(what)), "{sent:?}");
    assert!(ground.deployments("org-01").list(&kube::api::ListParams::default()).await.is_ok());
    let (again, _) = ground.counted(&["plan", "--exit-code"]);
    assert_eq!(again.code, 0, "{}", again.text());
    ground.handle.shutdown().await;
}
