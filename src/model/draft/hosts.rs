//! The hosts of an organisation's apps: `at` and `also-at`, by their layers.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::app::AppSources;
use super::layers;
use super::organisation::TOO_MANY_APPS;
use crate::expression::Value;
use crate::finding::{Code, Finding, Findings};
use crate::model::definition::NeedKind;
use crate::model::read::spelled;
use crate::model::{Layer, Organisation, Setting};
use crate::schema::scalar::domain_error;
use crate::source::Spanned;

/// An app with a web address and nothing to make it of.
pub(crate) const NO_HOST: Code = Code::new("E0308");

/// The most hosts of all apps of one organisation together.
const MOST_HOSTS: usize = 2_000;

/// The setting with the further hosts of an app.
const FURTHER: &str = "also-at";

/// The finding about apps that claim more hosts than an organisation has, by what their layers say: none of them is built.
pub(super) fn too_many(organisation: &Organisation, apps: &[AppSources<'_>]) -> Option<Finding> {
    let mut sum = 0;
    let over = apps.iter().find(|sources| {
        sum += claimed(sources);
        sum > MOST_HOSTS
    })?;
    let title = format!("{} has more than {MOST_HOSTS} hosts", organisation.name);
    let finding = Finding::error(TOO_MANY_APPS, title, organisation.span)
        .also(over.span(), "with this app it became too many")
        .why("each app has its own hosts, those that `defaults` and the offer say for all apps among them")
        .help("write `also-at` in the apps that are meant, or divide them among several organisations")
        .stops(organisation.name.clone());
    Some(finding)
}

/// How many hosts an app claims, before any is copied for it.
fn claimed(sources: &AppSources<'_>) -> usize {
    if !has_route(sources) {
        return 0;
    }
    let said: Vec<Arc<Setting>> = sources.nearest_first().filter_map(|layer| layer.get(FURTHER)).cloned().collect();
    let declaration = sources.definition.settings.get(FURTHER);
    let further = declaration.and_then(|declaration| layers::effective(declaration, &said));
    1 + further.map_or(0, |further| further.args.len())
}

/// Whether people reach the app by a host.
fn has_route(sources: &AppSources<'_>) -> bool {
    sources.definition.needs.iter().any(|need| need.item.kind == NeedKind::Route)
}

/// `at` and `also-at`, of apps that have a web address; fills in the default of `at`.
pub(super) fn read(
    sources: &AppSources<'_>,
    settings: &mut BTreeMap<String, Arc<Setting>>,
    findings: &mut Findings,
) -> Vec<Spanned<String>> {
    let has_route = has_route(sources);
    let at = settings.get("at").and_then(|at| at.args.first().map(spelled));
    let unread = || {
        let said = [sources.own, sources.offered].into_iter().flatten();
        at.is_none() && { said }.any(|app| app.node.child("at").is_some())
    };
    let first = match (&at, &sources.host) {
        (Some(at), _) => at.clone(),
        // One that could not be read claims nothing else.
        _ if unread() => return Vec::new(),
        (None, Some(host)) => {
            settings.insert("at".to_owned(), Arc::new(implied(host)));
            host.clone()
        }
        (None, None) if has_route && sources.host_known && sources.sound() => {
            findings.push(no_host(sources));
            return Vec::new();
        }
        (None, None) => return Vec::new(),
    };
    if !has_route {
        return Vec::new();
    }
    let also = settings.get(FURTHER).into_iter().flat_map(|also| also.args.iter().map(spelled));
    // What is no host has its finding already, and claims nothing.
    let also = also.filter(|host| host.value != first.value);
    std::iter::once(first.clone()).chain(also).filter(|host| domain_error(&host.value).is_none()).collect()
}

/// The setting of an app that does not say its host.
fn implied(host: &Spanned<String>) -> Setting {
    Setting {
        span: host.span,
        layer: Layer::Definition,
        args: Vec::new(),
        props: BTreeMap::new(),
        children: BTreeMap::new(),
        value: Value::garden_text(&host.value),
    }
}

/// Told of the organisation, since a domain mends all its apps at once.
fn no_host(sources: &AppSources<'_>) -> Finding {
    let title = "apps have no address: neither the organisation nor its cluster has a `domain`";
    Finding::error(NO_HOST, title, sources.organisation)
        .why("apps are at NAME.DOMAIN where they do not say `at`")
        .help("give the organisation a `domain`, or write `at HOST` in each app")
}
