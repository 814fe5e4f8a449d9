//! Tests of whole organisations.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::finding::Findings;
use crate::merge::{Schemas, own_fields};
use crate::model::{Adopt, FieldDecision, Life, Organisation, Retired};
use crate::render::sample::{self, name};
use crate::render::{OrganisationObjects, SecretPiece, SecretSource, State};

mod kdl;

const NOON: &str = "2026-07-01T10:00:00Z";

fn render(change: impl FnOnce(&mut Organisation)) -> OrganisationObjects {
    at(NOON, change)
}

fn at(moment: &str, change: impl FnOnce(&mut Organisation)) -> OrganisationObjects {
    let garden = sample::garden();
    let mut organisation = sample::organisation(&garden);
    change(&mut organisation);
    super::organisation(&garden, &organisation, moment.parse().unwrap())
}

fn cloud(organisation: &mut Organisation) -> &mut crate::model::App {
    organisation.apps.get_mut("cloud").unwrap()
}

fn object<'a>(objects: &'a OrganisationObjects, kind: &str, name: &str) -> &'a Value {
    let found = objects.objects.iter().find(|object| &*object.id.kind == kind && &*object.id.name == name);
    let known: Vec<_> = objects.objects.iter().map(|object| format!("{} {}", object.id.kind, object.id.name)).collect();
    &found.unwrap_or_else(|| panic!("no {kind} {name} among {known:#?}")).body
}

fn container(objects: &OrganisationObjects) -> &Value {
    &object(objects, "Deployment", "cloud-web")["spec"]["template"]["spec"]["containers"][0]
}

fn env(objects: &OrganisationObjects) -> BTreeMap<&str, &Value> {
    let list = container(objects)["env"].as_array().unwrap();
    list.iter().map(|entry| (entry["name"].as_str().unwrap(), entry)).collect()
}

#[test]
fn an_organisation_renders_alike_twice() {
    let bytes = |objects: &OrganisationObjects| format!("{:?} {:?}", objects.objects, objects.secrets);
    assert_eq!(bytes(&render(|_| {})), bytes(&render(|_| {})));
}

#[test]
fn everything_is_there_once() {
    let objects = render(|_| {});
    let names: Vec<_> = objects.objects.iter().map(|object| format!("{} {}", object.id.kind, object.id.name)).collect();
    let expected = [
        "LimitRange default",
        "Namespace alternatiba",
        "NetworkPolicy cloud--app",
        "NetworkPolicy cloud-web--part",
        "NetworkPolicy default--cluster",
        "NetworkPolicy default--deny",
        "NetworkPolicy default--dns",
        "NetworkPolicy default--http01solver",
        "ResourceQuota default",
        "ConfigMap cloud-cron",
        "ConfigMap cloud-office",
        "ConfigMap cloud-upgrade",
        "ConfigMap cloud-web",
        "ServiceAccount cloud",
        "Cluster postgres",
        "Database cloud-db",
        "DatabaseRole cloud-db",
        "Deployment cloud-cache",
        "GarageBucket cloud-files",
        "GarageKey cloud-files",
        "PersistentVolumeClaim cloud-html",
        "Service cloud-cache",
        "Job cloud-upgrade--",
        "Deployment cloud-web",
        "Service cloud-web",
        "Certificate cloud-web",
        "CronJob cloud-cron",
        "HTTPRoute cloud-web",
        "HTTPRoute cloud-web--redirect",
        "HorizontalPodAutoscaler cloud-web",
        "Job cloud-office--",
        "ListenerSet cloud-web",
        "PodDisruptionBudget cloud-web",
    ];
    assert_eq!(names.len(), expected.len(), "{names:#?}");
    for (name, expected) in names.iter().zip(expected) {
        assert!(name.starts_with(expected), "{name} stands where {expected} should");
    }
    let secrets: Vec<_> = objects.secrets.iter().map(|secret| &*secret.id.name).collect();
    assert_eq!(
        secrets,
        [
            "cloud-cache",
            "cloud-cron--files",
            "cloud-db",
            "cloud-instance",
            "cloud-office--files",
            "cloud-smtp",
            "cloud-upgrade--files",
            "cloud-web--files"
        ]
    );
}

#[test]
fn every_object_fits_the_field_facts_of_its_kind() {
    let schemas = Schemas::builtin();
    for object in &render(|_| {}).objects {
        if schemas.of(&object.body).is_some() {
            own_fields(&schemas, &object.body).unwrap_or_else(|error| panic!("{:?}: {error}", object.id));
        }
    }
}

#[test]
fn text_of_a_garden_is_escaped_where_kubelets_expand() {
    let objects = render(|_| {});
    assert_eq!(env(&objects)["TITLE"]["value"], "Alternatiba $$(DB_PASSWORD)");
}

#[test]
fn a_string_with_a_secret_names_a_variable_declared_before() {
    let objects = render(|_| {});
    let env = env(&objects);
    let reference = json!({ "secretKeyRef": { "name": "cloud-db", "key": "password" } });
    assert_eq!(env["NC_dbpassword"]["valueFrom"], reference);
    assert_eq!(env["DATABASE_URL"]["value"], "postgres://cloud_db:$(NC_dbpassword)@postgres-rw");
    assert_eq!(env["REDIS_URL"]["value"], "redis://x:$(PARCELLE_CLOUD_CACHE_PASSWORD)@cloud-cache");
    let order: Vec<_> = container(&objects)["env"].as_array().unwrap().iter().map(|entry| &entry["name"]).collect();
    let place = |name: &str| order.iter().position(|entry| **entry == name).unwrap();
    assert!(place("PARCELLE_CLOUD_CACHE_PASSWORD") < place("REDIS_URL"));
    assert_eq!(env["EMPTY"], &json!({ "name": "EMPTY" }));
}

#[test]
fn a_file_with_a_secret_is_a_template_and_other_files_are_configuration() {
    let objects = render(|_| {});
    let files = objects.secrets.iter().find(|secret| &*secret.id.name == "cloud-web--files").unwrap();
    let SecretSource::Template { keys } = &files.source else { panic!("{files:?}") };
    let pieces = &keys["etc.app.config.yaml"];
    assert!(matches!(&pieces[1], SecretPiece::Secret { from, .. } if &*from.secret == "cloud-db"), "{pieces:?}");
    let map = object(&objects, "ConfigMap", "cloud-web");
    assert_eq!(map["data"], json!({ "etc.apache2.ports.conf": "Listen 8080" }));
}

#[test]
fn pods_change_with_their_files() {
    let hash = |objects: &OrganisationObjects| {
        let template = &object(objects, "Deployment", "cloud-web")["spec"]["template"];
        template["metadata"]["annotations"]["parcelle.dev/files"].as_str().unwrap().to_owned()
    };
    let renamed = render(|organisation| organisation.title = "Other".into());
    assert_ne!(hash(&render(|_| {})), hash(&renamed));
}

#[test]
fn a_setting_is_the_origin_of_what_it_decides() {
    let objects = render(|_| {});
    let origin = |kind: &str, name: &str, pointer: &str| {
        let object = objects.objects.iter().find(|object| &*object.id.kind == kind && &*object.id.name == name);
        object.unwrap().origins.of(pointer).unwrap()
    };
    let storage = sample::setting("storage 120 GiB").1.span;
    assert_eq!(origin("GarageBucket", "cloud-files", "/spec/quotas/maxSize"), storage);
    let scale = sample::setting("scale min=1 max=3").1;
    assert_eq!(origin("HorizontalPodAutoscaler", "cloud-web", "/spec/maxReplicas"), scale.props["max"].span);
    let container = "/spec/template/spec/containers/0";
    assert_eq!(origin("Deployment", "cloud-web", &format!("{container}/env/0/value")), sample::ORGANISATION);
    assert_eq!(origin("Deployment", "cloud-web", &format!("{container}/image")), sample::DEFINITION);
}

#[test]
fn an_autoscaler_counts_where_there_is_a_range() {
    let objects = render(|_| {});
    assert_eq!(object(&objects, "Deployment", "cloud-web")["spec"].get("replicas"), None);
    let fixed = render(|organisation| {
        let (key, scale) = sample::setting("scale min=2 max=2");
        cloud(organisation).settings.insert(key, scale);
    });
    assert_eq!(object(&fixed, "Deployment", "cloud-web")["spec"]["replicas"], 2);
    assert!(!fixed.objects.iter().any(|object| &*object.id.kind == "HorizontalPodAutoscaler"));
}

#[test]
fn at_night_nothing_runs_and_the_page_answers() {
    let nights = |organisation: &mut Organisation| {
        let (key, nights) = sample::setting("nights asleep from=\"22:00\" to=\"06:30\"");
        cloud(organisation).settings.insert(key, nights);
    };
    let asleep = at("2026-07-01T22:00:00Z", nights);
    assert!(matches!(asleep.states["cloud"], State::Night(_)));
    assert_eq!(object(&asleep, "Deployment", "cloud-web")["spec"]["replicas"], 0);
    assert_eq!(object(&asleep, "Deployment", "cloud-cache")["spec"]["replicas"], 0);
    assert_eq!(object(&asleep, "CronJob", "cloud-cron")["spec"]["suspend"], true);
    let suspended = |start: &str| {
        let jobs = asleep.objects.iter().filter(|object| &*object.id.kind == "Job");
        let mut found = jobs.filter(|object| object.id.name.starts_with(start));
        found.next().map(|object| object.body["spec"]["suspend"].clone())
    };
    assert_eq!(suspended("cloud-office"), Some(json!(true)), "it comes after the workloads");
    assert_eq!(suspended("cloud-upgrade"), Some(Value::Null), "it comes before them");
    let backend = &object(&asleep, "HTTPRoute", "cloud-web")["spec"]["rules"][0]["backendRefs"][0];
    assert_eq!((&backend["name"], &backend["namespace"]), (&json!("teapot"), &json!("gateways")));
    let awake = render(nights);
    assert_eq!(awake.next_change.unwrap().to_string(), "2026-07-01T20:00:00Z");
    let ids =
        |objects: &OrganisationObjects| objects.objects.iter().map(|object| object.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&asleep), ids(&awake), "a night deletes nothing");
    assert_eq!(asleep.contributions, awake.contributions);
}

#[test]
fn a_retired_app_sleeps_and_keeps_its_data() {
    let objects = render(|organisation| {
        let retired = Retired { keep_data: sample::quantity("90 days"), span: sample::ORGANISATION };
        cloud(organisation).life = Life::Retired(retired);
    });
    assert_eq!(objects.retired[&name("cloud")], (90 * 86_400, sample::ORGANISATION));
    assert_eq!(object(&objects, "Database", "cloud-db")["spec"]["databaseReclaimPolicy"], "retain");
    assert_eq!(object(&objects, "Deployment", "cloud-web")["spec"]["replicas"], 0);
}

#[test]
fn a_renamed_app_keeps_the_names_of_its_data() {
    let objects = render(|organisation| {
        let mut app = organisation.apps.remove("cloud").unwrap();
        app.was = Some(crate::source::Spanned::new(name("cloud"), sample::ORGANISATION));
        app.name = name("files");
        organisation.apps.insert(name("files"), app);
    });
    for kind in ["PersistentVolumeClaim", "Database", "GarageBucket"] {
        let found = objects.objects.iter().find(|object| &*object.id.kind == kind).unwrap();
        assert!(found.id.name.starts_with("cloud-"), "{:?}", found.id);
    }
    object(&objects, "Deployment", "files-web");
}

#[test]
fn a_job_is_named_by_what_it_is_about() {
    let job = |objects: &OrganisationObjects, part: &str| {
        let found = objects.objects.iter().find(|object| &*object.id.kind == "Job" && object.id.name.contains(part));
        found.unwrap().id.name.to_string()
    };
    let before = render(|_| {});
    let after = render(|organisation| {
        let (key, office) = sample::setting("office none");
        cloud(organisation).settings.insert(key, office);
    });
    assert_ne!(job(&before, "office"), job(&after, "office"));
    assert_eq!(job(&before, "upgrade"), job(&after, "upgrade"));
}

#[test]
fn every_pod_is_hardened() {
    for object in &render(|_| {}).objects {
        let pod = match &*object.id.kind {
            "Deployment" | "Job" => &object.body["spec"]["template"]["spec"],
            "CronJob" => &object.body["spec"]["jobTemplate"]["spec"]["template"]["spec"],
            _ => continue,
        };
        assert_eq!(pod["automountServiceAccountToken"], false, "{:?}", object.id);
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
        let context = &pod["containers"][0]["securityContext"];
        assert_eq!(context["capabilities"]["drop"], json!(["ALL"]));
        assert_eq!(context["allowPrivilegeEscalation"], false);
        assert_eq!(context["readOnlyRootFilesystem"], true);
    }
}

#[test]
fn the_quota_is_the_ceiling_and_what_is_put_beside_it() {
    let objects = render(|_| {});
    let quota = object(&objects, "ResourceQuota", "default");
    // Two database servers of 10 GiB beside the 200 GiB of the offer.
    assert_eq!(quota["spec"]["hard"]["requests.storage"], "220Gi");
    let overhead = quota["metadata"]["annotations"]["parcelle.dev/overhead"].as_str().unwrap();
    assert!(overhead.contains("storage 20 GiB"), "{overhead}");
}

#[test]
fn only_what_was_asked_for_may_connect() {
    let objects = render(|_| {});
    let web = object(&objects, "NetworkPolicy", "cloud-web--part");
    let from = json!({ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "gateways" } } });
    assert_eq!(web["spec"]["ingress"], json!([{ "from": [from], "ports": [{ "port": 8080, "protocol": "TCP" }] }]));
    let deny = object(&objects, "NetworkPolicy", "default--deny");
    assert_eq!(deny["spec"], json!({ "policyTypes": ["Ingress", "Egress"] }));
}

#[test]
fn what_is_adopted_or_decided_about_is_there() {
    let garden = sample::garden();
    let mut organisation = sample::organisation(&garden);
    let app = cloud(&mut organisation);
    let span = app.span;
    for name in ["cloud-web", "cloud-wbe"] {
        let (kind, name) = ("Deployment".to_owned(), name.to_owned());
        app.adopt.push(Adopt { kind: kind.clone(), name: name.clone(), span });
        let path = "spec.replicas".to_owned();
        app.fields.push(FieldDecision { app: app.name.clone(), kind, name, path, take: true, span });
    }
    app.adopt.push(Adopt { kind: "Namespace".to_owned(), name: "another".to_owned(), span });
    let mut findings = Findings::default();
    let allowance = &mut super::RenderAllowance::of_organisation();
    super::with_findings(&garden, &organisation, NOON.parse().unwrap(), allowance, &mut findings);
    let told: Vec<_> =
        findings.iter().map(|finding| (finding.code.as_str(), &*finding.title, &*finding.help[0])).collect();
    let meant = "did you mean `cloud-web`?";
    let own = format!("of that kind there are: {}", organisation.name);
    let expected = [
        ("E0607", "there is no Deployment `cloud-wbe` to adopt", meant),
        ("E0607", "there is no Namespace `another` to adopt", &*own),
        ("E0607", "there is no Deployment `cloud-wbe` to decide about", meant),
    ];
    assert_eq!(told, expected);
}
