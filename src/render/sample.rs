//! A garden by hand, for the unit tests of this module: what the language yields is tested where files are read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::expression::{Template, Value, parse_template};
use crate::finding::Findings;
use crate::model::definition::{
    Data, Definition, Env, File, FileContent, FileFormat, Guarded, Job, Mount, Need, NeedKind, NeedOption, NeedValue,
    Pod, Port, Probe, ProbeKind, Release, Resources, SettingReads, Trigger, Workload,
};
use crate::model::{
    App, Cluster, Deletions, Garden, Grants, Layer, Life, Offer, Organisation, ProviderChoice, Setting,
};
use crate::name::Name;
use crate::quantity::Quantity;
use crate::source::{FileId, Span, Spanned};
use crate::syntax;

/// Where the definition stands.
pub(crate) const DEFINITION: Span = Span { file: FileId(1), start: 1, end: 2 };
/// Where the organisation stands.
pub(crate) const ORGANISATION: Span = Span { file: FileId(2), start: 1, end: 2 };
/// Where the cluster stands.
const CLUSTER: Span = Span { file: FileId(3), start: 1, end: 2 };

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn spanned<T>(value: T) -> Spanned<T> {
    Spanned::new(value, DEFINITION)
}

pub(crate) fn template(text: &str) -> Template {
    let mut findings = Findings::default();
    let template = parse_template(text, DEFINITION, &mut findings);
    assert!(findings.is_empty(), "{text}: {findings:?}");
    template
}

fn always<T>(item: T) -> Guarded<T> {
    Guarded { when: Vec::new(), each: Vec::new(), item }
}

pub(crate) fn quantity(text: &str) -> Quantity {
    let (number, unit) = text.split_once(' ').unwrap();
    Quantity::parse(number, unit).unwrap()
}

/// A setting of the organisation's app, from its line.
pub(crate) fn setting(line: &str) -> (String, Arc<Setting>) {
    let mut findings = Findings::default();
    let document = syntax::parse(FileId(2), line, &mut findings);
    assert!(findings.is_empty(), "{line}: {findings:?}");
    let node = &document.nodes[0];
    (node.name.value.clone(), Arc::new(read(node)))
}

/// The peaks of an app, one a line.
pub(crate) fn peaks(lines: &[&str]) -> Arc<Setting> {
    let one = |line: &&str| {
        let (_, peak) = setting(line);
        (peak.props["from"].text.clone(), Setting::clone(&peak))
    };
    let keyed: BTreeMap<String, Setting> = lines.iter().map(one).collect();
    let first = keyed.values().next().unwrap().clone();
    Arc::new(Setting { children: BTreeMap::from([("peak".to_owned(), keyed)]), ..first })
}

fn read(node: &syntax::Node) -> Setting {
    let text = |written: &syntax::Value| match written.text.parse() {
        Ok(number) => Value::Int(number),
        Err(_) => Value::text(&written.text),
    };
    let props: BTreeMap<String, syntax::Value> =
        node.props.iter().map(|prop| (prop.name.value.clone(), prop.value.clone())).collect();
    let value = match &node.args[..] {
        _ if !props.is_empty() => Value::map(props.iter().map(|(key, value)| (key.clone(), text(value)))),
        [number, unit] => Quantity::parse(&number.text, &unit.text).map_or_else(|| text(number), Value::Quantity),
        [one] => text(one),
        _ => Value::Absent,
    };
    let children =
        node.children.iter().map(|child| (child.name.value.clone(), BTreeMap::from([(String::new(), read(child))])));
    let children = children.collect();
    Setting { span: node.head, layer: Layer::App, args: node.args.clone(), props, children, value }
}

fn need(kind: NeedKind, word: &str, options: &[(&str, &str)]) -> Guarded<Need> {
    let option = |text: &str| NeedOption { value: NeedValue::Template(template(text)), span: DEFINITION };
    let options = options.iter().map(|(key, text)| ((*key).to_owned(), option(text))).collect();
    let keys = if kind == NeedKind::Secret { vec![(spanned("salt".to_owned()), 30)] } else { Vec::new() };
    always(Need { kind, name: spanned(name(word)), options, keys, span: DEFINITION })
}

fn amount(text: &str) -> NeedValue {
    NeedValue::Quantity(quantity(text))
}

fn env(variable: &str, value: &str) -> Guarded<Env> {
    always(Env { name: template(variable), value: template(value) })
}

fn pod() -> Pod {
    let file = |path: &str, content: FileContent, format| {
        always(File { path: template(path), format, content, mode: None, span: DEFINITION })
    };
    let data = Data::Map(vec![
        ("title".into(), Data::Leaf(template("${org.title}"))),
        ("password".into(), Data::Leaf(template("${needs.db.password}"))),
    ]);
    Pod {
        image: template("${release.image}"),
        run: Vec::new(),
        run_as: Some(33),
        root_because: None,
        writable_because: None,
        scratch: vec![template("/tmp")],
        env: vec![
            env("TITLE", "${org.title}"),
            env("NC_dbhost", "${needs.db.host}"),
            env("NC_dbpassword", "${needs.db.password}"),
            env("DATABASE_URL", "postgres://${needs.db.user}:${needs.db.password}@${needs.db.host}"),
            env("REDIS_URL", "redis://x:${needs.cache.password}@${needs.cache.host}"),
            env("BUCKET", "${needs.files.bucket}"),
            env("EMPTY", ""),
        ],
        files: vec![
            file("/etc/apache2/ports.conf", FileContent::Text(template("Listen 8080")), FileFormat::Text),
            file("/etc/app/config.yaml", FileContent::Data(data), FileFormat::Yaml),
        ],
        volumes: vec![always(Mount {
            need: spanned(name("html")),
            loops: 0,
            at: template("/var/www/html"),
            sub: None,
            read_only: false,
        })],
        resources: Resources {
            cpu: Some(amount("250 millicores")),
            cpu_limit: Some(amount("2 cores")),
            memory: Some(amount("512 MiB")),
            memory_limit: Some(amount("2 GiB")),
        },
    }
}

fn workload() -> Workload {
    let kind = ProbeKind::Http { path: template("/status.php"), port: None, host: Some(template("${settings.at}")) };
    Workload {
        name: spanned(name("web")),
        pod: pod(),
        ports: vec![always(Port { name: spanned("http".to_owned()), number: 8080, udp: false })],
        replicas: Some((template("${settings.scale.min}"), template("${settings.scale.max}"))),
        stateful: false,
        recreate: false,
        ready: Some(Probe { kind, period: 10, timeout: 5, failures: 3, span: DEFINITION }),
        alive: None,
        started: None,
        span: DEFINITION,
    }
}

pub(crate) fn definition() -> Definition {
    let job = |word: &str, trigger| {
        let run = ["php", "-f", "/var/www/html/cron.php"].map(template).to_vec();
        let deadline = crate::model::definition::DEFAULT_DEADLINE;
        always(Job {
            name: spanned(name(word)),
            was: None,
            trigger,
            deadline,
            pod: Pod { run, ..pod() },
            span: DEFINITION,
        })
    };
    let office = template("${settings.office}").as_hole().unwrap().clone();
    Definition {
        name: name("nextcloud"),
        was: BTreeSet::new(),
        about: String::new(),
        docs: None,
        settings: BTreeMap::new(),
        releases: BTreeMap::new(),
        channels: BTreeMap::new(),
        needs: vec![
            need(NeedKind::Postgres, "db", &[]),
            need(NeedKind::Redis, "cache", &[]),
            need(NeedKind::Bucket, "files", &[("size", "${settings.storage}")]),
            need(NeedKind::Volume, "html", &[("size", "10 GiB"), ("shared", "on")]),
            need(NeedKind::Mail, "smtp", &[]),
            need(
                NeedKind::Route,
                "web",
                &[("host", "${settings.at}"), ("to", "web"), ("body-size", "10 GiB"), ("timeout", "1 hour")],
            ),
            need(NeedKind::Secret, "instance", &[]),
        ],
        workloads: vec![always(workload())],
        jobs: vec![
            job("cron", Trigger::Every(template("*/5 * * * *"))),
            job("office", Trigger::OnChange(vec![office])),
            job("upgrade", Trigger::OnUpgrade),
        ],
        objects: Vec::new(),
        rules: Vec::new(),
        sign_on: None,
        tests: Vec::new(),
        single_replica: None,
        one_address: None,
        reads: SettingReads::default(),
        receives: None,
        span: DEFINITION,
        uses: BTreeSet::new(),
        written: Arc::new(crate::syntax::Node {
            name: spanned("definition".to_owned()),
            note: None,
            args: Vec::new(),
            props: Vec::new(),
            children: Vec::new(),
            span: DEFINITION,
            head: DEFINITION,
        }),
    }
}

fn cluster() -> Cluster {
    let lines = [
        ("postgres", "cloudnative-pg { storage-class fast; instances 2; }"),
        ("redis", "valkey"),
        ("bucket", "garage { cluster storage; namespace garage; endpoint \"https://s3.indiehosters.example\"; }"),
        ("volume", "storage-class { class fast; shared-class shared; }"),
        ("route", "gateway-api { gateway public; namespace gateways; certificates letsencrypt; page teapot; }"),
        ("mail", "relay { host smtp.indiehosters.example; port 587; credentials smtp-relay; }"),
    ];
    let provides = lines.into_iter().map(|(need, line)| {
        let (provider, options) = setting(line);
        let choice = ProviderChoice {
            need: Spanned::new(need.to_owned(), CLUSTER),
            provider: Spanned::new(provider, CLUSTER),
            options: (*options).clone(),
        };
        (need.to_owned(), choice)
    });
    let provides: BTreeMap<String, ProviderChoice> = provides.collect();
    Cluster {
        namespaces: BTreeMap::from(["cnpg-system", "garage", "gateways"].map(|name| (name.to_owned(), CLUSTER))),
        name: name("ada-lovelace"),
        title: "Ada Lovelace, k0s".into(),
        uid: Spanned::new("5c0f6f5e-7f59-4f3e-9a51-3f9f0a1f6a11".into(), CLUSTER),
        timezone: "Europe/Paris".into(),
        complete: true,
        domain: Some("ada.indiehosters.example".into()),
        claims: crate::model::ClusterClaims::default(),
        network: crate::model::ClusterNetwork::default(),
        provides,
        span: CLUSTER,
    }
}

pub(crate) fn app() -> App {
    let release = Release {
        version: "33".into(),
        image: "docker.io/library/nextcloud:33.0.7-apache".into(),
        after: Some("32".into()),
        span: DEFINITION,
    };
    let settings = ["storage 120 GiB", "scale min=1 max=3", "office onlyoffice", "nights awake"];
    App {
        name: name("cloud"),
        definition: Arc::new(definition()),
        release: Arc::new(release),
        settings: settings.into_iter().map(setting).collect(),
        layers: BTreeMap::new(),
        life: Life::Running,
        hosts: vec![Spanned::new("cloud.alternatiba.example".to_owned(), ORGANISATION)],
        hold: None,
        was: None,
        adopt: Vec::new(),
        fields: Vec::new(),
        env: BTreeMap::new(),
        patches: Vec::new(),
        span: ORGANISATION,
    }
}

/// A garden without organisations.
pub(crate) fn garden() -> Garden {
    Garden {
        name: name("indiehosters"),
        title: "IndieHosters".into(),
        span: CLUSTER,
        people: BTreeMap::new(),
        consent: crate::model::Consent::default(),
        reviewer: crate::model::Reviewer::default(),
        ceiling: None,
        deletions: Deletions {
            undeclared_at_most: 20,
            undeclared_percent: 10,
            keep_data: quantity("30 days"),
            span: None,
        },
        hold: None,
        pin: None,
        rollback: None,
        clusters: BTreeMap::from([(name("ada-lovelace"), Arc::new(cluster()))]),
        offers: BTreeMap::new(),
        definitions: BTreeMap::new(),
        organisations: BTreeMap::new(),
        broken: BTreeSet::new(),
        stopped: BTreeMap::new(),
        judgement: crate::model::Judgement::default(),
        awaited: BTreeMap::new(),
        undecided: BTreeSet::new(),
        unreadable: BTreeSet::new(),
    }
}

/// An organisation with one app of everything.
pub fn organisation(garden: &Garden) -> Organisation {
    let grant = |text: &str| Some(Spanned::new(quantity(text), CLUSTER));
    let offer = Offer {
        only: BTreeSet::new(),
        name: name("liiibre"),
        grants: Grants { cpu: grant("4 cores"), memory: grant("16 GiB"), storage: grant("200 GiB") },
        allows: BTreeSet::new(),
        defaults: BTreeMap::new(),
        sound: true,
        complete: true,
        apps: BTreeMap::new(),
        span: CLUSTER,
    };
    Organisation {
        name: name("alternatiba"),
        title: "Alternatiba $(DB_PASSWORD)".into(),
        note: None,
        grants: offer.grants.clone(),
        offer: Some(Arc::new(offer)),
        cluster: garden.clusters.values().next().unwrap().clone(),
        domain: Some(Spanned::new("alternatiba.example".into(), ORGANISATION)),
        timezone: "Europe/Paris".into(),
        delegates: Vec::new(),
        contacts: Vec::new(),
        hold: None,
        retired: None,
        apps: BTreeMap::from([(name("cloud"), app())]),
        retired_needs: BTreeMap::new(),
        file: FileId(2),
        span: ORGANISATION,
    }
}
