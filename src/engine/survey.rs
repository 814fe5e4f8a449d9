//! What a cluster lacks for the garden, before the first apply: each on the line that asks for it, with the way out.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::addresses;
use super::stages::decide::missing_kinds;
use super::state::{ClusterFailure, OrganisationState, RoundState};
use crate::cluster::survey::{Lack, lacking, missing_rights};
use crate::cluster::{self, Connection, Kinds};
use crate::finding::{Code, Finding, Findings};
use crate::model::Cluster;
use crate::name::Name;
use crate::plan::{Directives, Unseen, full_name, role_rule};
use crate::render::OrganisationObjects;
use crate::render::providers::{Want, copied_from, wants};

/// The cluster lacks something that its file names.
pub(crate) const LACKS: Code = Code::new("E0491");
/// parcelle may not do there what it has to.
pub(crate) const RIGHTS: Code = Code::new("E0492");
/// The cluster is another one than the garden's.
pub(crate) const OTHER: Code = Code::new("E0493");

/// Something that the cluster's file names could not be looked at.
pub(crate) const NOT_SEEN: Code = Code::new("W0490");

/// What was found out about a cluster.
#[derive(Debug, Default)]
pub struct Survey {
    /// What is missing; as warnings what could not be looked at.
    pub findings: Findings,
    /// How many things were looked at: kinds, objects, rights.
    pub looked_at: usize,
}

impl Survey {
    /// How many things could not be looked at.
    pub(crate) fn unseen(&self) -> usize {
        self.findings.iter().filter(|finding| finding.code == NOT_SEEN).count()
    }
}

/// IO: asks a cluster for everything that its organisations will need; they are looked at one after the other.
pub async fn survey(
    round: &RoundState<'_>,
    name: &Name,
    organisations: impl Iterator<Item = OrganisationObjects>,
) -> Result<Survey, ClusterFailure> {
    let connection = round.clusters.get(name).ok_or_else(|| ClusterFailure::NotReached { cluster: name.clone() })?;
    let cluster = &round.garden.clusters[name];
    let api = |source| ClusterFailure::Api { cluster: name.clone(), source };
    let mut survey = Survey { findings: Findings::default(), looked_at: 1 };
    let uid = connection.uid().await.map_err(api)?;
    if uid != cluster.uid.value {
        survey.findings.push(other(cluster, &uid));
    }
    let kinds = cluster::discover(connection).await.map_err(api)?;
    let (mut all, mut missing, mut rendered) = (Vec::new(), Findings::default(), BTreeSet::new());
    wants(cluster).into_iter().for_each(|want| add(&mut all, want));
    for objects in organisations.filter(|objects| objects.cluster == *name) {
        copied_from(&objects).into_iter().for_each(|want| add(&mut all, want));
        let ids = objects.objects.iter().map(|object| &object.id);
        rendered.extend(ids.map(|id| (id.api_version.clone(), id.kind.clone())));
        rendered.insert(("v1".into(), "Secret".into()));
        let state = OrganisationState::unread(Arc::new(objects), Directives::default());
        missing_kinds(&kinds, &state, &mut missing);
    }
    for (at, lack) in lacking(connection, &kinds, &all).await.map_err(api)? {
        survey.findings.push(lacks(cluster, &all[at], &lack));
    }
    survey.looked_at += all.len() - survey.unseen();
    addresses::compare(connection, cluster, &mut survey.findings).await.map_err(api)?;
    survey.looked_at += rendered.len();
    survey.findings.extend(once_a_kind(missing));
    rights(connection, cluster, &kinds, &rendered, &mut survey).await.map_err(api)?;
    Ok(survey)
}

/// Adds what an organisation copies; each once, with all the keys that anybody needs.
fn add(all: &mut Vec<Want>, want: Want) {
    let same =
        |known: &&mut Want| (known.kind, &known.namespace, &known.name) == (want.kind, &want.namespace, &want.name);
    match all.iter_mut().find(same) {
        Some(known) => {
            known.keys.extend(want.keys);
            known.keys.sort();
            known.keys.dedup();
        }
        None => all.push(want),
    }
}

/// Many organisations want the same kinds: the first that does is named.
fn once_a_kind(findings: Findings) -> Findings {
    let mut seen = BTreeSet::new();
    let mut once = Findings::default();
    let first = findings.into_iter().filter(|finding| seen.insert(finding.title.clone()));
    first.for_each(|finding| once.push(finding));
    once
}

fn other(cluster: &Cluster, found: &str) -> Finding {
    Finding::refused(OTHER, format!("the server that answers is not cluster `{}`", cluster.name), cluster.uid.span)
        .label("the garden knows it by this uid")
        .why(format!("the uid of its kube-system namespace is `{found}`; nothing is written to another cluster"))
        .help(format!("if that is the right server, write `uid \"{found}\"`; else look at the kubeconfig's context"))
}

fn lacks(cluster: &Cluster, want: &Want, lack: &Lack) -> Finding {
    let place = if want.namespace.is_empty() { String::new() } else { format!("{}/", want.namespace) };
    let (cluster, what, kind, name) = (&cluster.name, want.what, want.kind, &want.name);
    let (title, why) = match lack {
        Lack::Kind => (
            format!("cluster `{cluster}` knows no `{kind}`"),
            format!("the API group `{}` is not installed there", want.group),
        ),
        Lack::Object => {
            (format!("cluster `{cluster}` has no {what} `{name}`"), format!("there is no `{kind} {place}{name}`"))
        }
        Lack::Namespace => (
            format!("cluster `{cluster}` has no {what} `{name}`"),
            format!("there is no namespace `{}` for `{kind} {name}`", want.namespace),
        ),
        Lack::Unseen(unseen) => return not_seen(want, &place, cluster, unseen),
        Lack::Keys(keys) => (
            format!("the {what} `{name}` on cluster `{cluster}` is not whole"),
            format!("`{kind} {place}{name}` lacks the keys {}", keys.join(", ")),
        ),
    };
    let finding = Finding::refused(LACKS, title, want.span).label("named here").why(why);
    let finding = match lack {
        Lack::Namespace => finding.help(format!("kubectl create namespace {}", want.namespace)),
        _ => finding,
    };
    finding.help(want.help.clone())
}

/// What could not be looked at is not said to be missing: a person looks, or lets parcelle look.
fn not_seen(want: &Want, place: &str, cluster: &Name, unseen: &Unseen) -> Finding {
    let (what, kind, name) = (want.what, want.kind, &want.name);
    let resource = full_name(&unseen.group, &unseen.resource);
    let namespace = if want.namespace.is_empty() { String::new() } else { format!(" --namespace {}", want.namespace) };
    let look = format!("look yourself: `kubectl get {resource} {name}{namespace}`");
    let (why, help) = match &unseen.why {
        None => (
            format!("parcelle may not get {resource} there, so it did not see `{kind} {place}{name}`"),
            format!(
                "{look}; or add to the rules of parcelle's role: {}",
                role_rule(&unseen.group, &[&unseen.resource], "get")
            ),
        ),
        Some(said) => (format!("`{kind} {place}{name}` could not be read: {said}"), look),
    };
    let title = format!("whether cluster `{cluster}` has the {what} `{name}` is not known");
    Finding::warning(NOT_SEEN, title, want.span).label("named here").why(why).help(help)
}

async fn rights(
    connection: &Connection,
    cluster: &Cluster,
    kinds: &Kinds,
    rendered: &BTreeSet<(Arc<str>, Arc<str>)>,
    survey: &mut Survey,
) -> Result<(), cluster::ApiError> {
    let resources: Vec<_> = rendered.iter().filter_map(|(api, kind)| kinds.get(api, kind).ok()).map(|r| &**r).collect();
    let missing = match missing_rights(connection, &resources).await {
        Ok(missing) => missing,
        Err(error) if error.is_of_this_alone() => {
            let title = format!("what parcelle may do on cluster `{}` is not known", cluster.name);
            let finding = Finding::warning(NOT_SEEN, title, cluster.span)
                .why(error.why_unread("create", "authorization.k8s.io", "selfsubjectaccessreviews"))
                .help("compare its rights with `examples/install/parcelle.yaml` yourself");
            survey.findings.push(finding);
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    survey.looked_at += resources.len();
    if missing.is_empty() {
        return Ok(());
    }
    let title = format!("parcelle may not do on cluster `{}` what it has to", cluster.name);
    let finding = Finding::refused(RIGHTS, title, cluster.span)
        .why(format!("it lacks: {}", missing.join(", ")))
        .help("give its account these rights; `examples/install/parcelle.yaml` has all of them");
    survey.findings.push(finding);
    Ok(())
}
