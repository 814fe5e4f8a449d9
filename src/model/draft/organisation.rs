//! `organisation` nodes, and `retired organisation` nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::app::{self, AppSources};
use super::offer::{app_node, defaults};
use super::{Draft, ReadContext, Resolved, derived, hosts, sign_on};
use crate::finding::{Code, Finding, Findings};
use crate::model::definition::Definition;
use crate::model::names::{UNKNOWN_NAME, unknown};
use crate::model::read::{amount_at, child, children, name_at, spelled, text_at, text_of};
use crate::model::{
    App, AppNode, Cluster, ClusterClaims, ClusterNetwork, Contact, Grants, Layer, Offer, Organisation, Retired, Setting,
};
use crate::name::Name;
use crate::schema::{CheckedFile, Language, TWICE};
use crate::source::Spanned;
use crate::syntax::{Node, Value};

/// More apps or objects than an organisation has.
pub(crate) const TOO_MANY_APPS: Code = Code::new("E0317");

/// The most apps of one organisation: its own, those of its offer, and retired ones.
const MOST_APPS: usize = 100;

/// The offer's app of the same name is of another definition.
pub(crate) const OTHER_DEFINITION: Code = Code::new("E0307");

/// An organisation; absent where not even its name can be read.
pub(in crate::model) fn read(
    file: &Arc<CheckedFile>,
    at: usize,
    context: &ReadContext<'_>,
    findings: &mut Findings,
) -> Option<Draft> {
    let node = &file.document.nodes[at];
    let first = usize::from(node.name.value == "retired");
    let name = name_at(node, first)?.value;
    let (cluster, cluster_known) = cluster(file, node, context, findings);
    let (offer, offer_known) = offer(file, node, context, findings);
    let timezone = text_of(file, node, "timezone").map_or_else(|| cluster.timezone.clone(), |zone| zone.value);
    let organisation = Organisation {
        title: text_of(file, node, "title").map_or_else(|| name.to_string(), |title| title.value),
        note: node.note.clone(),
        timezone,
        domain: text_of(file, node, "domain"),
        delegates: children(file, node, "delegate").filter_map(delegate).collect(),
        contacts: children(file, node, "contact").filter_map(contact).collect(),
        hold: text_of(file, node, "hold"),
        retired: (first == 1).then(|| retired(file, node, context)),
        apps: BTreeMap::new(),
        retired_needs: retired_needs(file, node, context),
        file: file.document.file,
        span: node.head,
        name,
        grants: grants(offer.as_deref(), offer_known, context),
        offer,
        cluster,
    };
    let mut draft = Draft {
        organisation: Arc::new(organisation),
        whole: node.span,
        resolved: Resolved {
            cluster: cluster_known,
            domain: domain_known(file, node),
            apps: !node.children.iter().any(|child| doubtful(file, child, &["app", "retired"])),
            offer: offer_known,
            delegates: !node.children.iter().any(|child| doubtful(file, child, &["delegate"])),
        },
        unsound: BTreeSet::new(),
        unbuilt: BTreeSet::new(),
        uses: BTreeSet::new(),
        strays: false,
        backed_up: Vec::new(),
        senders: Vec::new(),
        file: Arc::clone(file),
        at,
    };
    apps(file, node, context, &mut draft, findings);
    derived::add(&mut draft, findings);
    Some(draft)
}

/// The cluster, or a stand-in under the written name.
fn cluster(
    file: &CheckedFile,
    node: &Node,
    context: &ReadContext<'_>,
    findings: &mut Findings,
) -> (Arc<Cluster>, bool) {
    let written = text_of(file, node, "cluster");
    if let Some(known) = written.as_ref().and_then(|written| context.garden.clusters.get(written.value.as_str())) {
        return (Arc::clone(known), true);
    }
    if let Some(written) = written.as_ref().filter(|written| !context.doubt.about("cluster", &written.value)) {
        let known = context.garden.clusters.keys().map(Name::as_str);
        findings.push(unknown("cluster", written, known));
    }
    let stand_in = Cluster {
        name: written.and_then(|written| Name::new(&written.value).ok()).unwrap_or_else(|| context.garden.name.clone()),
        title: String::new(),
        uid: Spanned::new(String::new(), node.head),
        timezone: "Etc/UTC".to_owned(),
        domain: None,
        claims: ClusterClaims::default(),
        network: ClusterNetwork::default(),
        namespaces: BTreeMap::new(),
        complete: false,
        provides: BTreeMap::new(),
        span: node.head,
    };
    (Arc::new(stand_in), false)
}

fn offer(
    file: &CheckedFile,
    node: &Node,
    context: &ReadContext<'_>,
    findings: &mut Findings,
) -> (Option<Arc<Offer>>, bool) {
    let Some(written) = node.child("offer") else {
        return (None, !node.children.iter().any(|child| doubtful(file, child, &[])));
    };
    let Some(written) = text_at(written, 0).filter(|_| !file.is_broken(written)) else { return (None, false) };
    let known = context.garden.offers.get(written.value.as_str());
    if known.is_none() && !context.doubt.about("offer", &written.value) {
        findings.push(unknown("offer", &written, context.garden.offers.keys().map(Name::as_str)));
    }
    (known.cloned(), known.is_some())
}

/// What the offer grants, and of what it leaves open the garden's ceiling; of what it may say, and could not be read, nothing.
fn grants(offer: Option<&Offer>, offer_known: bool, context: &ReadContext<'_>) -> Grants {
    let own = offer.map(|offer| offer.grants.clone()).unwrap_or_default();
    let is_whole = offer.map_or(offer_known, |offer| offer.complete);
    if is_whole { own.or(context.garden.ceiling.as_ref()) } else { own }
}

/// Whether nothing that a finding is about may have meant the domain: itself, or a word that is not known.
fn domain_known(file: &CheckedFile, node: &Node) -> bool {
    !node.children.iter().any(|child| doubtful(file, child, &["domain"]))
}

/// Whether a finding is about a node that is one of these, or a word that is not known and may mean one.
fn doubtful(file: &CheckedFile, child: &Node, words: &[&str]) -> bool {
    let body = Language::embedded().groups.get("organisation-body");
    let known = body.is_some_and(|body| Language::embedded().node(body, &child.name.value).is_some());
    file.is_broken(child) && (words.contains(&child.name.value.as_str()) || !known)
}

fn delegate(node: &Node) -> Option<(Spanned<String>, Name)> {
    Some((text_at(node, 0)?, Name::new(&node.prop("to")?.text).ok()?))
}

fn contact(node: &Node) -> Option<Contact> {
    Some(Contact { email: text_at(node, 0)?.value, role: node.prop("role").map(|role| role.text.clone()) })
}

fn retired(file: &CheckedFile, node: &Node, context: &ReadContext<'_>) -> Retired {
    let keep = child(file, node, "keep-data");
    let time = keep.and_then(|keep| amount_at(keep, 0));
    Retired {
        keep_data: time.map_or(context.garden.deletions.keep_data, |time| time.value),
        span: keep.map_or(node.head, |keep| keep.head),
    }
}

fn retired_needs(file: &CheckedFile, node: &Node, context: &ReadContext<'_>) -> BTreeMap<String, Retired> {
    let needs = children(file, node, "retired").filter(|node| node.arg(0).is_some_and(|word| word.text == "need"));
    needs.filter_map(|need| Some((text_at(need, 1)?.value, retired(file, need, context)))).collect()
}

/// The finding about an organisation with more apps than any has.
fn too_many_apps(draft: &Draft, node: &Node) -> Finding {
    let title = format!("{} has more than {MOST_APPS} apps", draft.organisation.name);
    Finding::error(TOO_MANY_APPS, title, node.head)
        .why("apps of its offer and retired ones count, too")
        .help("divide them among several organisations, and take out the retired ones that are gone")
        .stops(draft.organisation.name.clone())
}

/// Builds every app: the organisation's own, and the offer's that it does not do without.
fn apps(file: &CheckedFile, node: &Node, context: &ReadContext<'_>, draft: &mut Draft, findings: &mut Findings) {
    let own = own_apps(file, node, context, draft, findings);
    let offered = offered_apps(file, node, draft, findings);
    let defaults = defaults(file, node, Layer::OrganisationDefaults, context.definitions, findings);
    let sign_on = sign_on::read(file, node, context, &sign_on::Apps { own: &own, offered: &offered }, draft, findings);
    let names: BTreeSet<&Name> = own.keys().chain(offered.keys()).collect();
    if names.len() > MOST_APPS {
        draft.unbuilt.extend(names.into_iter().cloned());
        return findings.push(too_many_apps(draft, node));
    }
    let organisation = Arc::clone(&draft.organisation);
    let mut known = Vec::new();
    for name in names.iter().copied() {
        let (mine, theirs) = (own.get(name), offered.get(name));
        let Some((definition, base)) = definition(draft, context, (mine, theirs), findings) else {
            draft.unbuilt.insert(name.clone());
            continue;
        };
        known.push(AppSources {
            file,
            name,
            definition,
            base,
            own: mine,
            offered: theirs,
            offer_defaults: organisation.offer.as_ref().map(|offer| &offer.defaults),
            defaults: &defaults.settings,
            sign_on: sign_on.as_ref().and_then(|sign_on| sign_on.to(name, mine)),
            host: default_host(&draft.organisation, name),
            host_known: draft.resolved.domain && draft.resolved.cluster && organisation.cluster.complete,
            keep_data: context.garden.deletions.keep_data,
            retired: organisation.retired.as_ref(),
            organisation: node.head,
            stops: &organisation.name,
            defaults_sound: defaults.sound
                && sign_on.as_ref().is_none_or(|sign_on| sign_on.sound)
                && organisation.offer.as_ref().is_none_or(|offer| offer.sound),
        });
    }
    if let Some(finding) = hosts::too_many(&organisation, &known) {
        draft.unbuilt.extend(names.into_iter().cloned());
        return findings.push(finding);
    }
    let built: Vec<_> = known.iter().map(|sources| (sources.name.clone(), app::build(sources, findings))).collect();
    drop(known);
    drop(organisation);
    for (name, built) in built {
        match built {
            None => drop(draft.unbuilt.insert(name)),
            Some((app, sound)) => keep(draft, app, sound && draft.resolved.offer),
        }
    }
}

/// The definition of an app with the defaults of its settings; absent where its layers disagree about it, or it is not known.
fn definition<'a>(
    draft: &mut Draft,
    context: &'a ReadContext<'_>,
    (mine, theirs): (Option<&AppNode>, Option<&AppNode>),
    findings: &mut Findings,
) -> Option<(&'a Arc<Definition>, &'a BTreeMap<String, Arc<Setting>>)> {
    if let (Some(mine), Some(theirs)) = (mine, theirs)
        && mine.definition.value != theirs.definition.value
    {
        // One that is not known has its finding.
        if [mine, theirs].iter().all(|app| context.definitions.loaded.contains_key(app.definition.value.as_str())) {
            findings.push(other_definition(draft, mine, theirs));
        }
        return None;
    }
    let written = &mine.or(theirs)?.definition.value;
    draft.uses.insert(written.clone());
    let (name, definition) = context.definitions.loaded.get_key_value(written.as_str())?;
    Some((definition, context.base(name)?))
}

/// The names of all definitions by which anything of an organisation is read.
pub(in crate::model) fn definitions_read(draft: &Draft) -> impl Iterator<Item = &str> {
    let node = draft.node();
    let own = node.children.iter().filter_map(|child| match child.name.value.as_str() {
        "app" => child.arg(0),
        "retired" if child.arg(0).is_some_and(|word| word.text == "app") => child.arg(1),
        _ => None,
    });
    let without: BTreeSet<&str> = without(&draft.file, node).map(|name| name.text.as_str()).collect();
    let offered = draft.organisation.offer.iter().flat_map(|offer| &offer.apps);
    let offered = offered.filter(move |(name, _)| !without.contains(name.as_str()));
    own.map(|name| name.text.as_str()).chain(offered.map(|(_, app)| app.definition.value.as_str()))
}

fn keep(draft: &mut Draft, app: App, sound: bool) {
    if !sound {
        draft.unsound.insert(app.name.clone());
    }
    Arc::make_mut(&mut draft.organisation).apps.insert(app.name.clone(), app);
}

/// The apps that the organisation writes itself, alive or retired.
fn own_apps(
    file: &CheckedFile,
    node: &Node,
    context: &ReadContext<'_>,
    draft: &mut Draft,
    findings: &mut Findings,
) -> BTreeMap<Name, AppNode> {
    let is_app = |node: &&Node| {
        node.name.value == "app" || node.name.value == "retired" && node.arg(0).is_some_and(|word| word.text == "app")
    };
    let mut apps: BTreeMap<Name, AppNode> = BTreeMap::new();
    // With one more it is known that there are too many.
    for node in node.children.iter().filter(is_app) {
        if apps.len() > MOST_APPS {
            break;
        }
        let place = usize::from(node.name.value == "retired") + 1;
        draft.unbuilt.extend(name_at(node, place).map(|name| name.value));
        let Some(app) = app_node(file, node, Layer::App, context.definitions, context.doubt, findings) else {
            continue;
        };
        match apps.get(&app.name.value) {
            None => {
                if context.definitions.loaded.contains_key(app.definition.value.as_str()) {
                    draft.unbuilt.remove(&app.name.value);
                }
                apps.insert(app.name.value.clone(), app);
            }
            // The schema tells apart neither `app` and `retired app` of one name.
            Some(first) if first.node.name.value != app.node.name.value => {
                let title = format!("`{}` is both an app and a retired app", app.name.value);
                let finding = Finding::error(TWICE, title, app.node.head).also(first.node.head, "first here");
                findings.push(finding.help("keep one of them: `app` revives it, `retired app` lets it go"));
            }
            Some(_) => {}
        }
    }
    apps
}

/// The offer's apps that the organisation does not do without.
fn offered_apps(file: &CheckedFile, node: &Node, draft: &Draft, findings: &mut Findings) -> BTreeMap<Name, AppNode> {
    let Some(offer) = &draft.organisation.offer else {
        if let Some(without) = children(file, node, "without").next().filter(|_| draft.resolved.offer) {
            let title = format!("`{}` has no offer whose apps it could do without", draft.organisation.name);
            let finding = Finding::error(UNKNOWN_NAME, title, without.head);
            findings.push(finding.help("take `without` away, or subscribe to an offer: `offer NAME`"));
        }
        return BTreeMap::new();
    };
    let mut apps = offer.apps.clone();
    let before = findings.len();
    for name in without(file, node) {
        if apps.remove(name.text.as_str()).is_none() && offer.complete && findings.len() < before + MOST_APPS {
            let known = offer.apps.keys().map(Name::as_str);
            let finding = unknown(&format!("app of the offer `{}` called", offer.name), &spelled(name), known);
            findings.push(finding.also(offer.span, "the offer"));
        }
    }
    apps
}

/// The names of the offer's apps that the organisation says to do without.
fn without<'a>(file: &'a CheckedFile, node: &'a Node) -> impl Iterator<Item = &'a Value> {
    children(file, node, "without").filter_map(|without| without.arg(0))
}

fn other_definition(draft: &Draft, mine: &AppNode, theirs: &AppNode) -> Finding {
    let name = &mine.name.value;
    Finding::error(
        OTHER_DEFINITION,
        format!("`{name}` is a {} here and a {} in the offer", mine.definition.value, theirs.definition.value),
        mine.node.head,
    )
    .also(theirs.node.head, "the offer's app of the same name")
    .why("an app's name is what its layers have in common, so all of them must mean the same application")
    .help(format!("give yours another name, or write `without {name}`"))
    .stops(draft.organisation.name.clone())
}

/// `NAME.DOMAIN`, or `NAME.ORGANISATION.DOMAIN` of the cluster.
fn default_host(organisation: &Organisation, app: &Name) -> Option<Spanned<String>> {
    if let Some(domain) = &organisation.domain {
        return Some(Spanned::new(format!("{app}.{}", domain.value), domain.span));
    }
    let domain = organisation.cluster.domain.as_ref()?;
    Some(Spanned::new(format!("{app}.{}.{domain}", organisation.name), organisation.span))
}
