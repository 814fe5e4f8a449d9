//! Stories of a cluster whose line of a provider leads elsewhere: what apps wrote stays within their reach, whatever is committed,
//! until people say that it was moved. They drive the very `Daemon` of `parcelle run`, over a Git repository and a sandbox.

use std::time::Duration;

use kube::api::{DynamicObject, PostParams};
use parcelle::engine::Event;
use parcelle::git::RawFile;
use parcelle::plan::Verb;
use serde_json::{Value, json};

use crate::stories_loop::{Loop, daemon, files};

const GARAGE: &str =
    "bucket garage { cluster storage; namespace garage; endpoint \"https://s3.old.example\"; address \"10.0.0.7\"; }";
const FORMER: &str = "garage cluster=storage namespace=garage endpoint=https://s3.old.example";

/// An archive with a bucket, and a volume whose size is the definition's own.
const ARCHIVE: &str = r#"edition 2026

definition archive {
    about "An archive."
    single-replica "it locks its files"
    releases {
        channel stable 1
        release 1 image="registry.example/archive:1"
    }
    needs {
        bucket files { size 1 GiB; }
        volume index { size SIZE GiB; }
        postgres db
        route web { host "${settings.at}"; to web; }
    }
    workload web {
        image "${release.image}"
        port http 3000
        run-as 10000
        recreate "its volume can be mounted once"
        volume index at="/index"
        env ENDPOINT "${needs.files.endpoint}"
        env KEY "${needs.files.access-key}"
        env DATABASE "${needs.db.url}"
        ready http path="/"
    }
    test smallest {
        given { at archive.example.org; }
        expect "objects.Deployment.web.spec.replicas == 1"
    }
}
"#;

/// A garden in which `alpha` has an archive, on a cluster with these lines of providers.
fn garden(bucket: &str, postgres: &str, size: u32) -> Vec<RawFile> {
    let mut files = files();
    files.retain(|file| file.path != "organisations/beta.kdl" && file.path != "organisations/alpha.kdl");
    let cluster = files.iter_mut().find(|file| file.path == "ada.kdl").unwrap();
    let text = String::from_utf8(cluster.bytes.to_vec()).unwrap();
    let text =
        text.replace("postgres cloudnative-pg { storage-class fast; }", &format!("{postgres}\n        {bucket}"));
    cluster.bytes = text.into_bytes().into();
    let file = |path: &str, text: &str| RawFile {
        path: path.to_owned(),
        blob: text.to_owned(),
        bytes: text.as_bytes().to_vec().into(),
    };
    files.push(file("archive.kdl", &ARCHIVE.replace("SIZE", &size.to_string())));
    files.push(file(
        "organisations/alpha.kdl",
        "edition 2026\n\norganisation alpha {\n    title \"alpha\"\n    cluster ada-lovelace\n    domain alpha.example\n\n    app archive papers\n}\n",
    ));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

const PLAIN: &str = "postgres cloudnative-pg { storage-class fast; }";

fn of_bucket(bucket: &str) -> Vec<RawFile> {
    garden(bucket, PLAIN, 3)
}

impl Loop {
    async fn data(&self, api_version: &str, kind: &str, name: &str) -> Option<Value> {
        let found: Option<DynamicObject> = self.api(api_version, kind, "alpha").get_opt(name).await.unwrap();
        found.map(|found| found.data)
    }

    /// Whether the archive may reach the Garage.
    async fn reaches_garage(&self) -> bool {
        let policy = self.data("networking.k8s.io/v1", "NetworkPolicy", "papers--app").await.unwrap();
        policy["spec"]["egress"].to_string().contains("10.0.0.7/32")
    }

    async fn has_bucket(&self) -> bool {
        let api = "garage.rajsingh.info/v1beta1";
        self.data(api, "GarageBucket", "papers-files").await.is_some()
            && self.data(api, "GarageKey", "papers-files").await.is_some()
            && self.data("v1", "Secret", "papers-files").await.is_some()
    }

    async fn endpoint(&self) -> String {
        let deployment = self.data("apps/v1", "Deployment", "papers-web").await.unwrap();
        let env = deployment["spec"]["template"]["spec"]["containers"][0]["env"].as_array().unwrap().clone();
        env.iter().find(|env| env["name"] == "ENDPOINT").unwrap()["value"].as_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_leads_elsewhere_changes_nothing_while_data_lies_where_it_led() {
    let mut this = Loop::begun_with(&of_bucket(GARAGE)).await;
    assert!(this.reaches_garage().await && this.has_bucket().await);
    let others = [
        "bucket s3 { endpoint \"https://s3.new.example\"; credentials buckets; }".to_owned(),
        GARAGE.replace("cluster storage", "cluster other"),
        GARAGE.replace("namespace garage", "namespace elsewhere"),
        GARAGE.replace("s3.old", "s3.new"),
        // Said of another store than the one that it was.
        format!(
            "bucket s3 {{ endpoint \"https://s3.new.example\"; credentials buckets; moved-from \"{}\"; }}",
            FORMER.replace("old", "older")
        ),
    ];
    for other in &others {
        let told = this.pushed(&of_bucket(other)).await;
        let found: Vec<&String> = told.findings.iter().filter(|found| found.starts_with('E')).collect();
        assert_eq!(found.len(), 1, "{other}: {found:?}");
        assert!(
            found[0].starts_with("E0438 the data of 1 app on `ada-lovelace` lies in `garage "),
            "{other}: {found:?}"
        );
        assert_eq!(told.writes, Vec::<String>::new(), "{other}");
        let told = this.turn(Event::Resync).await.unwrap();
        assert_eq!(told.writes, Vec::<String>::new(), "{other}");
        assert!(this.reaches_garage().await && this.has_bucket().await, "{other}");
    }
    // Another process, with a clone of its own, knows the same.
    let next = Box::new(daemon(&this.handle, this.folder.path(), "another-mirror"));
    Box::pin(std::mem::replace(&mut this.daemon, next).close()).await;
    let told = this.turn(Event::Resync).await.unwrap();
    assert!(told.findings.iter().any(|found| found.starts_with("E0438 ")), "{:?}", told.findings);
    assert_eq!(told.writes, Vec::<String>::new());
    // The way back is the line as it was.
    let told = this.pushed(&of_bucket(GARAGE)).await;
    assert_eq!((told.findings, told.writes, told.open), (Vec::new(), Vec::new(), false));
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_moved_is_gone_on_with_and_what_they_left_is_kept() {
    let mut this = Loop::begun_with(&of_bucket(GARAGE)).await;
    let moved = of_bucket(&format!(
        "bucket s3 {{ endpoint \"https://s3.new.example\"; credentials buckets; moved-from \"{FORMER}\"; }}"
    ));
    // The credentials are not there yet: the app goes on with what it had, its policies included.
    let told = this.pushed(&moved).await;
    assert!(told.open && !told.findings.iter().any(|found| found.starts_with("E0438")), "{:?}", told.findings);
    let refused: Vec<_> = told.plans[0]
        .actions
        .iter()
        .filter(|action| action.verb() == Verb::Refused)
        .map(|action| &*action.id.name)
        .collect();
    assert_eq!(refused, ["papers-files--s3"]);
    assert_eq!(told.writes, Vec::<String>::new());
    assert!(this.reaches_garage().await && this.has_bucket().await);
    assert_eq!(this.endpoint().await, "https://s3.old.example");

    let source: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "buckets--alpha--papers--files" },
        "stringData": { "access-key": "a", "secret-key": "b" },
    }))
    .unwrap();
    this.api("v1", "Secret", "parcelle-system").create(&PostParams::default(), &source).await.unwrap();
    let told = this.turn(Event::Resync).await.unwrap();
    this.until_calm().await;
    assert!(!told.open, "{:?}", told.findings);
    assert_eq!(this.endpoint().await, "https://s3.new.example");
    assert!(!this.reaches_garage().await && this.has_bucket().await, "what was left is kept, with its key");
    // Nothing leads back to the Garage without a word.
    let told = this.pushed(&of_bucket(GARAGE)).await;
    assert!(told.findings.iter().any(|found| found.starts_with("E0438 ")), "{:?}", told.findings);
    assert_eq!(told.writes, Vec::<String>::new());
    // With it, the bucket that was kept is the one.
    let back = GARAGE.replace("; }", "; moved-from \"s3 endpoint=https://s3.new.example\"; }");
    let told = this.pushed(&of_bucket(&back)).await;
    assert!(!told.findings.iter().any(|found| found.starts_with('E')), "{:?}", told.findings);
    this.until_calm().await;
    assert_eq!(this.endpoint().await, "https://s3.old.example");
    assert!(this.reaches_garage().await && this.has_bucket().await);
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_that_is_held_keeps_what_its_policies_let_it_reach() {
    let mut this = Loop::begun_with(&of_bucket(GARAGE)).await;
    let other = GARAGE.replace("s3.old", "s3.new").replace("10.0.0.7", "10.0.0.8");
    let moved = of_bucket(&other.replace("; }", &format!("; moved-from \"{FORMER}\"; }}")));
    let mut held = moved.clone();
    let alpha = held.iter_mut().find(|file| file.path == "organisations/alpha.kdl").unwrap();
    let text = String::from_utf8(alpha.bytes.to_vec()).unwrap();
    alpha.bytes =
        text.replace("app archive papers", "app archive papers { hold \"after the fair\"; }").into_bytes().into();
    let told = this.pushed(&held).await;
    assert_eq!((told.writes, told.open), (Vec::new(), false), "{:?}", told.findings);
    assert!(this.reaches_garage().await);
    let told = this.pushed(&moved).await;
    assert_eq!(told.writes, ["Change NetworkPolicy papers--app", "Change Deployment papers-web"]);
    assert!(!this.reaches_garage().await);
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_store_under_another_address_goes_on_by_word() {
    let mut this = Loop::begun_with(&of_bucket(GARAGE)).await;
    let renamed = GARAGE.replace("s3.old", "s3.new").replace("; }", &format!("; moved-from \"{FORMER}\"; }}"));
    let told = this.pushed(&of_bucket(&renamed)).await;
    assert_eq!((told.findings, told.open), (Vec::new(), false));
    assert_eq!(told.writes, ["Change Deployment papers-web"]);
    assert!(this.has_bucket().await);
    this.until_calm().await;
    // The word may go once it is applied.
    let told = this.pushed(&of_bucket(&GARAGE.replace("s3.old", "s3.new"))).await;
    assert_eq!((told.findings, told.writes, told.open), (Vec::new(), Vec::new(), false));
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_volume_whose_size_is_the_definitions_own_does_not_shrink() {
    let mut this = Loop::begun_with(&garden(GARAGE, PLAIN, 3)).await;
    let told = this.pushed(&garden(GARAGE, PLAIN, 2)).await;
    assert_eq!(told.findings, ["E0407 the volume `index` of `alpha/papers` cannot shrink from 3 GiB to 2 GiB"]);
    assert_eq!(told.writes, Vec::<String>::new());
    let told = this.pushed(&garden(GARAGE, PLAIN, 4)).await;
    assert_eq!(
        (told.findings, told.writes),
        (Vec::new(), vec!["Change PersistentVolumeClaim papers-index".to_owned()])
    );
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_says_which_databases_stop_for_another_image() {
    let image = |image: &str| {
        let line =
            format!("postgres cloudnative-pg {{ storage-class fast; image \"ghcr.io/cloudnative-pg/{image}\"; }}");
        garden(GARAGE, &line, 3)
    };
    let mut this = Loop::begun_with(&image("postgis:17.2-3.5-bookworm")).await;
    let told = this.pushed(&image("postgresql:17.2-bookworm")).await;
    assert!(told.findings.iter().any(|found| found.starts_with("E0439 ")), "{:?}", told.findings);
    assert_eq!(told.writes, Vec::<String>::new());
    for (to, says) in [
        ("postgis:17.4-3.5-bookworm", "the servers restart: the database of `alpha` cannot be reached for a moment"),
        ("postgis:19.1-3.6-bookworm", "the database of `alpha` stop until the data is carried over to the new version"),
    ] {
        let told = this.pushed(&image(to)).await;
        let cluster = told.plans[0].actions.iter().find(|action| &*action.id.kind == "Cluster").unwrap();
        assert_eq!(cluster.note.as_deref(), Some(says));
        let is_major = to.contains("19.1");
        assert_eq!(told.findings.iter().any(|found| found.starts_with("W0438 ")), is_major, "{:?}", told.findings);
        assert_eq!(told.writes, ["Change Cluster postgres"]);
        this.until_calm().await;
    }
    this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_that_goes_takes_kinds_of_every_version_of_their_group_with_it() {
    let this = Loop::begun_with(&of_bucket(GARAGE)).await;
    assert!(this.has_bucket().await);
    let client = crate::sandbox::client_of(&this.handle.url(), &this.handle.token);
    let namespaces: kube::Api<k8s_openapi::api::core::v1::Namespace> = kube::Api::all(client);
    namespaces.delete("alpha", &kube::api::DeleteParams::default()).await.unwrap();
    for _ in 0..100 {
        if namespaces.get_opt("alpha").await.unwrap().is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let api = "garage.rajsingh.info/v1beta1";
    for kind in ["GarageBucket", "GarageKey"] {
        assert_eq!(this.data(api, kind, "papers-files").await, None, "{kind}");
    }
    this.ended().await;
}
