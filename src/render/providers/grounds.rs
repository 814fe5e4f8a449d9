//! What an organisation's final objects are judged by: what its cluster file names, and what its own apps have.

use super::{BackupTarget, option, option_text, reach};
use crate::kind;
use crate::model::{App, EnvValue, Organisation, definition};
use crate::name::Name;
use crate::policy::{AppGrounds, ClusterGrounds, Grounds, Owned};
use crate::render::OrganisationObjects;
use crate::render::pod::file_key;
use crate::render::scope::{TextPart, for_kubelet};

/// How much of an organisation's name begins the names of its buckets, whose rest may be cut.
const BUCKET_PREFIX: usize = 40;

/// Everything that the objects of an organisation may name.
pub(crate) fn grounds(organisation: &Organisation, objects: &OrganisationObjects) -> Grounds {
    let mut grounds = Grounds {
        namespace: organisation.name.to_string(),
        apps: organisation.apps.values().map(|app| (app.name.to_string(), of_app(app))).collect(),
        whole: Owned::default(),
        cluster: of_cluster(organisation),
    };
    let mut add = |app: Option<&str>, list: fn(&mut Owned) -> &mut std::collections::BTreeSet<String>, name: String| {
        if let Some(app) = app.and_then(|app| grounds.apps.get_mut(app)) {
            list(&mut app.owned).insert(name.clone());
        }
        list(&mut grounds.whole).insert(name);
    };
    for request in &objects.secrets {
        add(request.app.as_ref().map(Name::as_str), |owned| &mut owned.secrets, request.id.name.to_string());
    }
    for app in organisation.apps.values() {
        declared(app).into_iter().for_each(|secret| add(Some(app.name.as_str()), |owned| &mut owned.secrets, secret));
    }
    for object in &objects.objects {
        let app = object.app.as_ref().map(Name::as_str);
        let name = || object.id.name.to_string();
        let id = &object.id;
        if id.is(kind::DEPLOYMENT) || id.is(kind::STATEFUL_SET) {
            add(app, |owned| &mut owned.workloads, format!("{}/{}", id.kind, id.name));
        } else if id.is(kind::CONFIG_MAP) {
            add(app, |owned| &mut owned.config_maps, name());
        } else if id.is(kind::PERSISTENT_VOLUME_CLAIM) {
            add(app, |owned| &mut owned.claims, name());
        } else if id.is(kind::SERVICE) {
            add(app, |owned| &mut owned.services, name());
        } else if id.is(kind::LISTENER_SET) {
            add(app, |owned| &mut owned.listener_sets, name());
        } else if id.is(kind::GARAGE_BUCKET) {
            add(app, |owned| &mut owned.buckets, name());
        } else if id.is(kind::GARAGE_KEY)
            && let Some(secret) = object.body.pointer("/spec/secretTemplate/name").and_then(|name| name.as_str())
        {
            add(app, |owned| &mut owned.secrets, secret.to_owned());
        }
    }
    grounds
}

fn of_app(app: &App) -> AppGrounds {
    let said = |name: &str| match &app.env.get(name)?.value {
        EnvValue::Text(text) => Some(for_kubelet(&[TextPart::Garden(text.clone())], |_| String::new())),
        EnvValue::Secret(_) => None,
    };
    let definition = &app.definition;
    // Nothing else is written by hand.
    let has_hands = !app.env.is_empty() || !app.patches.is_empty() || !definition.objects.is_empty();
    let written = Some(definition).filter(|_| has_hands);
    let variables = written.into_iter().flat_map(|definition| definition::sender_variables(definition).into_keys());
    let files = written.into_iter().flat_map(|definition| definition::sender_files(definition));
    AppGrounds {
        hosts: app.hosts.iter().map(|host| host.value.clone()).collect(),
        names: std::iter::once(&app.name)
            .chain(app.was.as_ref().map(|was| &was.value))
            .map(ToString::to_string)
            .collect(),
        owned: Owned::default(),
        senders: variables.map(|name| (name.to_owned(), said(name))).collect(),
        sender_files: files.map(file_key).collect(),
    }
}

/// The Secrets that lines of an app name as the organisation's own.
fn declared(app: &App) -> Vec<String> {
    let in_env = app.env.values().filter_map(|value| match &value.value {
        EnvValue::Secret(secret) => Some(secret.secret.to_string()),
        EnvValue::Text(_) => None,
    });
    in_env.chain(definition::secrets_named(app).into_iter().map(|named| named.secret.text.clone())).collect()
}

fn of_cluster(organisation: &Organisation) -> ClusterGrounds {
    let provides = &organisation.cluster.provides;
    let choice = |need: &str, provider: &str| provides.get(need).filter(|choice| choice.provider.value == provider);
    let text = |need: &str, provider: &str, name: &str| {
        let choice = choice(need, provider)?;
        Some(option_text(choice, name)?.0.to_owned())
    };
    let together = |need: &str, provider: &str, name: &str| {
        let namespace = text(need, provider, "namespace").unwrap_or_default();
        choice(need, provider).map(|_| (text(need, provider, name).unwrap_or_default(), namespace))
    };
    let page = choice("route", "gateway-api").and_then(|choice| {
        let page = option(choice, "page")?;
        let namespace = page.props.get("namespace").map(|written| written.text.clone());
        let namespace = namespace.or_else(|| text("route", "gateway-api", "namespace")).unwrap_or_default();
        Some((page.args.first()?.text.clone(), namespace))
    });
    let classes = provides.values().flat_map(|choice| {
        ["storage-class", "class", "shared-class"].into_iter().filter_map(|name| option_text(choice, name))
    });
    let mut buckets = format!("{}--", organisation.name);
    buckets.truncate(BUCKET_PREFIX);
    ClusterGrounds {
        gateway: together("route", "gateway-api", "gateway"),
        page,
        ingress_class: text("route", "ingress", "class"),
        issuer: provides
            .get("route")
            .and_then(|choice| option_text(choice, "certificates"))
            .map(|(name, _)| name.to_owned()),
        storage_classes: classes.map(|(class, _)| class.to_owned()).collect(),
        garage: together("bucket", "garage", "cluster"),
        backup: BackupTarget::of(organisation).map(|target| (target.endpoint, target.bucket)),
        database: super::cloudnative_pg::CLUSTER.to_owned(),
        buckets,
        namespaces: organisation.cluster.namespaces.keys().cloned().collect(),
        blocks: reach::blocks(&organisation.cluster),
        names_api_server: !organisation.cluster.network.api_server.is_empty(),
    }
}
