//! Rendering of whole gardens from their files: every object is valid, equal inputs give equal bytes, and a few organisations
//! are compared with what they should be, object by object and origin by origin.
//!
//! `BLESS=1` writes the expectations of `tests/cases/render/` anew; look at the difference before committing it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use parcelle::finding::{Findings, Severity};
use parcelle::model::definition::{self, Definitions, SettingType};
use parcelle::model::{self, Garden};
use parcelle::render::{self, OrganisationObjects, Origins, SecretPiece, SecretSource};
use parcelle::schema;
use parcelle::source::{SourceFile, Sources};
use parcelle::syntax::{self, Document};
use serde_json::{Value, json};

use crate::layout::laid_out;

use crate::strict::Facts;

pub(crate) const DAY: &str = "2026-11-20T12:00:00Z";
pub(crate) const NIGHT: &str = "2026-11-20T23:00:00Z";

/// A garden read from files, and what was found in it.
pub struct Read {
    pub sources: Sources,
    pub garden: Garden,
    pub definitions: Definitions,
    pub findings: Findings,
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn kdl_files(folder: &Path) -> Vec<PathBuf> {
    if folder.is_file() {
        return vec![folder.to_owned()];
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            files.extend(kdl_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "kdl") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Reads a garden below a folder, or one that is written in one file.
pub fn read(root: &Path) -> Read {
    let text = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a readable file");
        let shown = path.strip_prefix(root.parent().unwrap_or(root)).unwrap_or(&path);
        (shown.display().to_string(), text)
    };
    if root.is_dir() {
        let folder = root.file_name().expect("a folder").to_string_lossy();
        return read_texts(kdl_files(root).into_iter().map(text).collect(), &folder);
    }
    read_texts(laid_out(&std::fs::read_to_string(root).expect("a readable file")), "")
}

/// Reads a garden in a folder from texts with their paths.
pub(crate) fn read_texts(texts: Vec<(String, String)>, root: &str) -> Read {
    let (mut sources, mut findings) = (Sources::default(), Findings::default());
    let built_in = definition::built_in(&mut sources);
    let files: Vec<_> = texts.iter().map(|(path, text)| sources.add(SourceFile::new(path, text))).collect();
    let mut parse = |file| syntax::parse(file, &sources.file(file).text, &mut findings);
    let built_in: Vec<Document> = built_in.into_iter().map(&mut parse).collect();
    let documents: Vec<Document> = files.into_iter().map(&mut parse).collect();
    let checked = documents.into_iter().map(|document| schema::check(document, &mut findings));
    let checked = texts.into_iter().map(|(path, _)| path).zip(checked).collect();
    let checked = model::place(checked, root, &mut findings);
    let definitions = definition::load_all(&built_in, &checked, &mut findings);
    let garden = model::build(&checked, &definitions, None, &mut findings).expect("a garden");
    findings.sort();
    Read { sources, garden, definitions, findings }
}

pub(crate) fn errors(read: &Read, findings: &Findings) -> Vec<String> {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    errors
        .map(|one| {
            format!("{} {} {} {:?}", read.sources.locate(one.primary.span), one.code.as_str(), one.title, one.why)
        })
        .collect()
}

pub(crate) fn render_all(garden: &Garden, moment: &str) -> Vec<OrganisationObjects> {
    let moment = moment.parse().expect("a moment");
    garden.organisations.values().map(|organisation| render::organisation(garden, organisation, moment)).collect()
}

#[test]
fn every_object_of_every_garden_passes_strict_validation() {
    let facts = Facts::load();
    let mut seen = 0;
    for root in ["orgs", "tests/cases/baseline"] {
        let read = read(&repository().join(root));
        assert_eq!(errors(&read, &read.findings), [] as [String; 0]);
        for objects in [DAY, NIGHT].iter().flat_map(|moment| render_all(&read.garden, moment)) {
            for object in &objects.objects {
                let built_in = parcelle::merge::Schemas::builtin().of(&object.body).is_some();
                if !built_in && !facts.has_custom() {
                    println!("skipped {} {}: no definitions at ../shared/crds", object.id.kind, object.id.name);
                    continue;
                }
                seen += 1;
                let problems = facts.problems(&object.body);
                assert!(problems.is_empty(), "{:?}:\n{}", object.id, problems.join("\n"));
            }
        }
    }
    assert!(seen > 100, "{seen} objects");
}

#[test]
fn every_object_of_every_garden_breaks_no_rule() {
    for root in ["orgs", "tests/cases/baseline"] {
        let read = read(&repository().join(root));
        let mut findings = Findings::default();
        for organisation in read.garden.organisations.values() {
            render::rules::render(&read.garden, organisation, DAY.parse().unwrap(), &mut findings);
        }
        assert_eq!(errors(&read, &findings), [] as [String; 0], "{root}");
    }
}

#[test]
fn the_tests_of_built_in_definitions_hold() {
    let read = read(&repository().join("orgs"));
    assert!(read.definitions.loaded.values().any(|definition| !definition.tests.is_empty()));
    let mut findings = Findings::default();
    render::rules::tests_of_definitions(&read.definitions, None, &mut findings);
    assert_eq!(errors(&read, &findings), [] as [String; 0]);
}

/// An organisation for each definition, and in it an app at its smallest, at its largest, and for each word of a choice.
fn every_choice(definitions: &Definitions, cluster: &str) -> String {
    let mut text = String::new();
    for (name, definition) in &definitions.loaded {
        let mut apps = vec!["size small".to_owned(), "size huge; storage 1 TiB".to_owned()];
        for (setting, declaration) in definition.settings.iter().filter(|(_, declaration)| !declaration.common) {
            match &declaration.kind {
                SettingType::Choice(words) => apps.extend(words.iter().map(|(word, _)| format!("{setting} {word}"))),
                SettingType::OnOff => apps.extend(["on", "off"].map(|word| format!("{setting} {word}"))),
                SettingType::Reference(_) => apps.push(format!("{setting} sso")),
                SettingType::List(_, words) => apps.push(format!("{setting} {}", words.join(" "))),
                _ => {}
            }
        }
        if definition.single_replica.is_none() {
            apps.push("scale min=2 max=9".to_owned());
        }
        apps.retain(|app| app.contains(' ') && !app.ends_with(' '));
        writeln!(text, "organisation {cluster}-{name} {{\n    title {name}\n    cluster {cluster}")
            .expect("a text takes text");
        writeln!(text, "    domain {name}-{cluster}.example\n    app keycloak sso").expect("a text takes text");
        text.push_str("    defaults { backup { every night; keep daily=7 weekly=4 monthly=6; }; }\n");
        for (number, app) in apps.iter().enumerate() {
            writeln!(text, "    app {name} a{number} {{ {app}; }}").expect("a text takes text");
        }
        text.push_str("}\n");
    }
    text
}

/// A garden with every choice of every definition, on two clusters that meet all needs by other means.
pub(crate) fn every_choice_of_every_definition() -> Read {
    let around = repository().join("tests/cases/render/every-choice.kdl");
    let garden = std::fs::read_to_string(&around).expect("the garden around");
    let definitions = read(&around).definitions;
    let organisations = every_choice(&definitions, "ada") + &every_choice(&definitions, "louise");
    let read = read_texts(laid_out(&(garden + &organisations)), "");
    assert_eq!(errors(&read, &read.findings), [] as [String; 0], "{organisations}");
    read
}

#[test]
fn every_choice_of_every_definition_passes_strict_validation() {
    let (facts, read) = (Facts::load(), every_choice_of_every_definition());
    let mut kinds = std::collections::BTreeSet::new();
    for objects in [DAY, NIGHT].iter().flat_map(|moment| render_all(&read.garden, moment)) {
        for object in objects.objects {
            let row = parcelle::kind::find(object.id.group(), &object.id.kind);
            assert!(row.is_some(), "{} {} has no row in src/kind/table.rs", object.id.api_version, object.id.kind);
            let built_in = parcelle::merge::Schemas::builtin().of(&object.body).is_some();
            if built_in || facts.has_custom() {
                let problems = facts.problems(&object.body);
                assert!(problems.is_empty(), "{:?}:\n{}", object.id, problems.join("\n"));
            }
            kinds.insert(object.id.kind.to_string());
        }
    }
    let of_backups = ["ObjectStore", "ScheduledBackup", "Schedule", "PodConfig"];
    let others = ["PerconaServerMongoDB", "Pooler", "GarageBucket", "Ingress", "HTTPRoute", "Job", "CronJob"];
    for kind in others.into_iter().chain(of_backups) {
        assert!(kinds.contains(kind), "no {kind} among {kinds:?}");
    }
}

#[test]
fn a_garden_rendered_twice_gives_equal_bytes() {
    let bytes = |read: &Read| {
        let mut text = String::new();
        for objects in render_all(&read.garden, DAY) {
            for object in &objects.objects {
                writeln!(text, "{} {:?}", object.body, object.origins).expect("a text takes text");
            }
            writeln!(text, "{:?}", objects.secrets).expect("a text takes text");
        }
        text
    };
    let root = repository().join("orgs");
    let (first, second) = (read(&root), read(&root));
    assert_eq!(bytes(&first), bytes(&second));
}

#[test]
fn no_two_organisations_share_an_object_or_a_bucket() {
    let read = read(&repository().join("orgs"));
    let mut ids = std::collections::BTreeSet::new();
    for objects in render_all(&read.garden, DAY) {
        for object in objects.objects {
            assert!(ids.insert(object.id.clone()), "{:?}", object.id);
            if let Some(alias) = object.body["spec"]["globalAlias"].as_str() {
                let bucket = render::ObjectId { name: alias.into(), namespace: "".into(), ..object.id };
                assert!(ids.insert(bucket.clone()), "{bucket:?}");
            }
        }
    }
}

/// Objects as JSON lines, then the lines that decided their values.
fn shown(read: &Read, objects: &OrganisationObjects) -> String {
    let mut text = String::new();
    for object in &objects.objects {
        let data = if object.holds_data { ", holds data" } else { "" };
        writeln!(text, "## {} {} ({:?}{data})", object.id.kind, object.id.name, object.stage).expect("text");
        writeln!(text, "{:#}", without_labels(&object.body)).expect("text");
        text.push_str(&origins(read, &object.origins));
    }
    for secret in &objects.secrets {
        writeln!(text, "## Secret {} ({})", secret.id.name, secret.secret_type).expect("text");
        match &secret.source {
            SecretSource::Generated { keys } => writeln!(text, "generated {keys:#?}"),
            SecretSource::Copied { namespace, name, keys } => writeln!(text, "copied from {namespace}/{name} {keys:?}"),
            SecretSource::Template { keys } => writeln!(text, "template {keys:#?}"),
        }
        .expect("text");
    }
    text
}

/// Labels are alike everywhere: one test of their own is enough.
fn without_labels(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(metadata) = body["metadata"].as_object_mut() {
        let named = metadata["labels"]["app.kubernetes.io/component"].take();
        metadata.insert("labels".into(), json!(if named.is_null() { "…".into() } else { named }));
    }
    body
}

fn origins(read: &Read, origins: &Origins) -> String {
    let lines = origins.0.iter().map(|(pointer, span)| {
        let pointer = if pointer.is_empty() { "/" } else { pointer };
        format!("{pointer}  {}:{}\n", read.sources.file(span.file).path, read.sources.start(*span).line)
    });
    lines.collect()
}

#[test]
fn organisations_render_to_what_their_cases_say() {
    let folder = repository().join("tests/cases/render");
    for (case, moment) in
        [("static-site", DAY), ("hedgedoc", NIGHT), ("sign-on", DAY), ("ingress", DAY), ("backup", DAY)]
    {
        let read = read(&folder.join(format!("{case}.kdl")));
        assert_eq!(errors(&read, &read.findings), [] as [String; 0], "{case}");
        let all = render_all(&read.garden, moment);
        let text: String = all.iter().map(|objects| shown(&read, objects)).collect();
        let expected = folder.join(format!("{case}.txt"));
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&expected, &text).expect("a writable case");
        }
        let known = std::fs::read_to_string(&expected).unwrap_or_default();
        for (number, (line, known)) in text.lines().zip(known.lines()).enumerate() {
            assert_eq!(line, known, "{case}.txt:{}", number + 1);
        }
        assert_eq!(text.lines().count(), known.lines().count(), "{case}");
    }
}

#[test]
fn a_database_that_sleeps_is_woken_to_be_backed_up_and_nothing_else_is() {
    let read = read(&repository().join("tests/cases/render/backup.kdl"));
    let at = |moment| {
        let objects = render_all(&read.garden, moment).remove(0);
        let paused = body(&objects, "PerconaServerMongoDB", "atelier-documents")["spec"]["pause"].clone();
        let replicas = body(&objects, "Deployment", "atelier-web")["spec"]["replicas"].clone();
        (paused, replicas, objects.next_change.expect("the time changes it").to_string())
    };
    let (asleep, awake) = (json!(true), json!(false));
    assert_eq!(at(NIGHT), (asleep.clone(), json!(0), "2026-11-21T01:15:00Z".to_owned()));
    assert_eq!(at("2026-11-21T01:15:00Z"), (awake.clone(), json!(0), "2026-11-21T03:30:00Z".to_owned()));
    assert_eq!(at("2026-11-21T03:30:00Z"), (asleep, json!(0), "2026-11-21T05:30:00Z".to_owned()));
    assert_eq!(at(DAY), (awake, json!(1), "2026-11-20T21:00:00Z".to_owned()));
}

/// The organisation of the case about signing in, its text changed.
fn signing_in(change: impl Fn(String) -> String) -> OrganisationObjects {
    let text = std::fs::read_to_string(repository().join("tests/cases/render/sign-on.kdl")).expect("the case");
    let read = read_texts(laid_out(&change(text)), "");
    assert_eq!(errors(&read, &read.findings), [] as [String; 0]);
    render_all(&read.garden, DAY).remove(0)
}

fn body<'a>(objects: &'a OrganisationObjects, kind: &str, name: &str) -> &'a Value {
    let found = objects.objects.iter().find(|object| &*object.id.kind == kind && &*object.id.name == name);
    &found.unwrap_or_else(|| panic!("no {kind} {name}")).body
}

#[test]
fn the_secret_of_a_client_is_made_once_and_read_on_both_ends() {
    let objects = signing_in(|text| text);
    let secret = |name: &str| &objects.secrets.iter().find(|secret| &*secret.id.name == name).expect(name).source;
    let SecretSource::Generated { keys } = secret("pads-login") else { panic!("it is made") };
    assert!(keys.contains_key("client-secret"));

    let SecretSource::Template { keys } = secret("sso-configure--files") else { panic!("files of the job") };
    let [SecretPiece::Secret { from, .. }] = &keys["secrets.client-pads"][..] else { panic!("{keys:?}") };
    assert_eq!((&*from.secret, &*from.key), ("pads-login", "client-secret"));

    let env = &body(&objects, "Deployment", "pads-web")["spec"]["template"]["spec"]["containers"][0]["env"];
    let variable = env.as_array().expect("a list").iter().find(|one| one["name"] == "CMD_OAUTH2_CLIENT_SECRET");
    assert_eq!(variable.expect("it is there")["valueFrom"]["secretKeyRef"]["name"], "pads-login");

    // What plans show holds the place of the secret only.
    let realm = body(&objects, "ConfigMap", "sso-configure")["data"]["config.realm.json"].as_str().expect("a text");
    let realm: Value = serde_json::from_str(realm).expect("JSON");
    let client = realm["clients"].as_array().expect("a list").iter().find(|client| client["clientId"] == "pads");
    assert_eq!(client.expect("it is there")["secret"], "$(file:UTF-8:/secrets/client-pads)");
}

#[test]
fn an_app_reaches_what_signs_people_in_and_nobody_else_does() {
    let objects = signing_in(|text| {
        text.replace("        sign-on sso\n    }\n\n    app rocket-chat", "    }\n\n    app rocket-chat")
    });
    let reaches = |app: &str| {
        let rules = body(&objects, "NetworkPolicy", &format!("{app}--app"))["spec"]["egress"].clone();
        let to_sso = |rule: &Value| rule["to"][0]["podSelector"]["matchLabels"]["parcelle.dev/app"] == "sso";
        rules.as_array().expect("rules").iter().find(|rule| to_sso(rule)).map(|rule| rule["ports"][0]["port"].clone())
    };
    assert_eq!(reaches("chat"), Some(json!(8080)));
    assert_eq!(reaches("pads"), None, "it signs nobody in by sso here");
}

#[test]
fn an_app_that_is_retired_is_no_client_any_more() {
    let configured = |objects: &OrganisationObjects| {
        let job = objects.objects.iter().find(|object| object.id.name.starts_with("sso-configure--"));
        let realm = body(objects, "ConfigMap", "sso-configure")["data"]["config.realm.json"].clone();
        (job.expect("the job").id.name.clone(), realm.as_str().expect("a text").contains("\"chat\""))
    };
    let before = configured(&signing_in(|text| text));
    let after = configured(&signing_in(|text| text.replace("app rocket-chat chat", "retired app rocket-chat chat")));
    assert!(before.1 && !after.1);
    assert_ne!(before.0, after.0, "another file is another job");
}
