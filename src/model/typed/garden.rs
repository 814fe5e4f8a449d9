//! The garden and what all organisations share: people, brakes, clusters, offers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{
    Age, AppNode, ClusterClaims, ClusterNetwork, Consent, ForgeWord, Organisation, PastOrganisation, Setting,
    WrittenClaim,
};
use crate::expression::Value;
use crate::model::definition::Definition;
use crate::model::domain::below;
use crate::model::judgement::Judgement;
use crate::name::Name;
use crate::quantity::{Dimension, Quantity};
use crate::source::{FileId, Span, Spanned};

/// Who writes comments on merge requests; everybody else only computes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reviewer {
    /// The pipeline of the merge request.
    #[default]
    Ci,
    /// The loop.
    Daemon,
}

/// Everything below the folder that holds `garden.kdl`, as it is meant.
#[derive(Clone, Debug)]
pub struct Garden {
    /// Its name: in labels, inventories and leases.
    pub name: Name,
    /// The name as people read it.
    pub title: String,
    /// The file of the `garden` node and where that node stands.
    pub span: Span,
    /// Who works on it.
    pub people: BTreeMap<Name, Person>,
    /// Who must say yes to what.
    pub consent: Consent,
    /// Who writes what a merge request would do as a comment on it.
    pub reviewer: Reviewer,
    /// How much may vanish undeclared, and how long data is kept.
    pub deletions: Deletions,
    /// What an organisation may take of each thing that its offer says nothing of; absent where the garden says nothing.
    pub ceiling: Option<Grants>,
    /// Freezes the whole garden, with the reason.
    pub hold: Option<Spanned<String>>,
    /// The hash that `parcelle pin` wrote.
    pub pin: Option<Spanned<String>>,
    /// The declared way back to an older commit.
    pub rollback: Option<Spanned<String>>,
    /// Clusters by name.
    pub clusters: BTreeMap<Name, Arc<Cluster>>,
    /// Offers by name.
    pub offers: BTreeMap<Name, Arc<Offer>>,
    /// Definitions by name: built in ones and those of the garden (which win).
    pub definitions: BTreeMap<Name, Arc<Definition>>,
    /// Organisations that can be rendered, by name.
    pub organisations: BTreeMap<Name, Arc<Organisation>>,
    /// Organisations (by name, where known) that a finding stops: they stay as applied.
    pub broken: BTreeSet<Name>,
    /// Those of the broken whose meaning is known all the same: what can be said of their objects is said in the same run.
    pub stopped: BTreeMap<Name, Arc<Organisation>>,
    /// What the garden says of findings: which it accepts, how much they weigh.
    pub judgement: Judgement,
    /// Organisations that ask for what another one still has in a cluster and gives up: they go on once it has gone.
    pub awaited: BTreeMap<Name, Vec<Awaited>>,
    /// What several files claim, and only the history tells who did first ([`Past::ages`]).
    pub undecided: BTreeSet<WrittenClaim>,
    /// Files of the garden itself, not of one organisation, that could not be read: nothing that may have lived in them is
    /// deleted.
    pub unreadable: BTreeSet<FileId>,
}

/// A claim that another organisation gives up, and still has in a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Awaited {
    /// The host or domain as it still has it.
    pub(crate) held: String,
    /// Who has it.
    pub(crate) by: Name,
}

/// What may be in the clusters, to which some rules compare: hosts, upgrades, what may only grow, what vanished.
///
/// Its spans belong to the texts of another run and are never shown.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// Organisations as last applied whole, by name.
    pub organisations: BTreeMap<Name, Arc<Organisation>>,
    /// What may be there of those whose inventories were read; of any other organisation, it is what was applied whole.
    pub footprints: BTreeMap<Name, Arc<PastOrganisation>>,
    /// Organisations of which the garden takes back what was begun and not applied whole (`rollback to=`).
    pub taken_back: BTreeSet<Name>,
    /// Apps (organisation, app) of which nothing is left in the cluster: their node may go.
    pub gone: BTreeSet<(Name, Name)>,
    /// Organisations of which nothing is left in the cluster.
    pub gone_organisations: BTreeSet<Name>,
    /// How old claims are by the history: what tells the older of two where nothing is known to be applied.
    pub ages: BTreeMap<WrittenClaim, Age>,
    /// The files that clusters, offers and organisations were applied from, by kind and name: `offer small`.
    pub files: BTreeMap<String, String>,
}

impl Garden {
    /// Whether the file of a cluster says that a host or domain is an organisation's, or lies in what is.
    pub(crate) fn gives(&self, name: &Name, host: &str) -> bool {
        let owned = self.clusters.values().flat_map(|cluster| &cluster.claims.owned);
        { owned }.any(|(domain, owner)| owner == name && below(host, &domain.value))
    }
}

impl Past {
    /// The names of all organisations of which something may be there.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Name> {
        self.organisations.keys().chain(self.footprints.keys()).collect::<BTreeSet<_>>().into_iter()
    }

    /// What may be there of an organisation.
    pub(crate) fn of(&self, name: &Name) -> Option<Arc<PastOrganisation>> {
        let whole = || Some(Arc::new(PastOrganisation::of_whole(self.organisations.get(name)?)));
        self.footprints.get(name).cloned().or_else(whole)
    }

    /// The file that something was applied from: a `cluster`, an `offer`, an `organisation`.
    pub(crate) fn file_of(&self, kind: &str, name: &Name) -> Option<&str> {
        self.files.get(&format!("{kind} {name}")).map(String::as_str)
    }

    /// Whether an organisation may still have a host or domain in a cluster.
    pub(crate) fn holds(&self, name: &Name, held: &str) -> bool {
        self.of(name).is_some_and(|past| past.claims.hold(held))
    }

    /// An organisation as it may be there, as far as the repository holds it, the newest last.
    pub(crate) fn states(&self, name: &Name) -> impl Iterator<Item = &Organisation> {
        let footprint = self.footprints.get(name);
        let whole = self.organisations.get(name).filter(|_| footprint.is_none());
        footprint.into_iter().flat_map(|past| past.each()).chain(whole).map(|organisation| &**organisation)
    }

    /// Every organisation as it may be there, with its name.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&Name, &Organisation)> {
        self.names().flat_map(|name| self.states(name).map(move |organisation| (name, organisation)))
    }
}

/// Somebody who works on the garden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Where they are reached.
    pub(crate) email: String,
    /// The groups they are in.
    pub(crate) groups: BTreeSet<Name>,
    /// What they are called on forges.
    pub(crate) accounts: BTreeMap<ForgeWord, String>,
    /// Their public keys, as OpenSSH writes them, without comments: `ssh-ed25519 AAAA…`.
    pub(crate) keys: BTreeSet<String>,
}

/// The garden's brakes on deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletions {
    /// Objects without data that one organisation may lose undeclared in one run.
    pub undeclared_at_most: u64,
    /// The same as a share of the organisation's objects, 0 to 100. The smaller of the two rules, all or none.
    pub undeclared_percent: u64,
    /// The least time that any `retired` keeps data.
    pub keep_data: Quantity,
    /// Where it was written, if it was.
    pub span: Option<Span>,
}

/// A Kubernetes cluster and how it meets needs.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Its name: the context of a kubeconfig.
    pub name: Name,
    /// The name as people read it.
    pub title: String,
    /// The uid of its kube-system namespace: nothing is written to any other.
    pub uid: Spanned<String>,
    /// The IANA zone in which its times are meant.
    pub timezone: String,
    /// Hosts of organisations without a domain lie below it.
    pub domain: Option<String>,
    /// The hosts and domains that it names, and whose they are.
    pub claims: ClusterClaims,
    /// The addresses of the cluster itself.
    pub network: ClusterNetwork,
    /// The namespaces of operators and services that it names, or relies on where it names none: the policies of all
    /// organisations trust them by name.
    pub namespaces: BTreeMap<String, Span>,
    /// Whether all of it could be read, so that what it does not say is not said.
    pub complete: bool,
    /// Provider by need (`postgres`, `redis`, `bucket`, `volume`, `route`, `mail`).
    pub provides: BTreeMap<String, ProviderChoice>,
    /// Where it was written.
    pub span: Span,
}

/// One line of `provides`.
#[derive(Clone, Debug, PartialEq)]
pub struct ProviderChoice {
    /// The need it meets.
    pub(crate) need: Spanned<String>,
    /// The provider: `cloudnative-pg`, `valkey`, `garage`, …
    pub(crate) provider: Spanned<String>,
    /// Its options (`storage-class fast`, `instances 2`), checked against the provider's schema.
    pub(crate) options: Setting,
}

impl ProviderChoice {
    /// The node of an option.
    pub(crate) fn option(&self, name: &str) -> Option<&Setting> {
        self.options.children.get(name).and_then(|keyed| keyed.values().next())
    }

    /// The text of an option, with its place.
    pub(crate) fn text(&self, name: &str) -> Option<(&str, Span)> {
        let setting = self.option(name)?;
        setting.args.first().map(|written| (written.text.as_str(), setting.span))
    }

    /// An amount of bytes of an option, with its place.
    pub(crate) fn size(&self, name: &str) -> Option<(Quantity, Span)> {
        let setting = self.option(name)?;
        let quantity = match (&setting.value, &setting.args[..]) {
            (Value::Quantity(quantity), _) => *quantity,
            (_, [number, unit]) => Quantity::parse(&number.text, &unit.text)?,
            _ => return None,
        };
        Some((quantity, setting.span))
    }

    /// The bytes that the volumes of a database server have: as the cluster says, else 10 GiB.
    pub(crate) fn database_size(&self) -> (Quantity, Span) {
        let unsaid = Quantity { dimension: Dimension::Size, amount: 10 << 30 };
        self.size("storage").unwrap_or((unsaid, self.provider.span))
    }
}

/// A named set of defaults and ceilings.
#[derive(Clone, Debug)]
pub struct Offer {
    pub(crate) name: Name,
    /// Ceilings over what an organisation's apps render at their most.
    pub(crate) grants: Grants,
    /// Escape hatches that organisations on it may use (`env`, `patch`).
    pub(crate) allows: BTreeSet<String>,
    /// The organisations that may choose it; all where empty.
    pub(crate) only: BTreeSet<Name>,
    /// Settings for every app.
    pub(crate) defaults: BTreeMap<String, Arc<Setting>>,
    /// Whether no finding is about its defaults.
    pub(crate) sound: bool,
    /// Whether all of it could be read, so that what is not among its apps is not there.
    pub(crate) complete: bool,
    /// Apps that every subscriber gets, by name.
    pub(crate) apps: BTreeMap<Name, AppNode>,
    /// Where it was written.
    pub(crate) span: Span,
}

/// Ceilings; absent where nothing is said of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    pub(crate) cpu: Option<Spanned<Quantity>>,
    pub(crate) memory: Option<Spanned<Quantity>>,
    /// All claims and buckets.
    pub(crate) storage: Option<Spanned<Quantity>>,
}

impl Grants {
    /// These, and of what they say nothing the others.
    pub(crate) fn or(&self, others: Option<&Self>) -> Self {
        let of = |grant: fn(&Self) -> Option<Spanned<Quantity>>| grant(self).or_else(|| grant(others?));
        Self { cpu: of(|all| all.cpu), memory: of(|all| all.memory), storage: of(|all| all.storage) }
    }

    /// The words of what nothing is said of.
    pub(crate) fn unsaid(&self) -> Vec<&'static str> {
        let Self { cpu, memory, storage } = self;
        let all = [("cpu", cpu), ("memory", memory), ("storage", storage)];
        all.into_iter().filter(|(_, grant)| grant.is_none()).map(|(word, _)| word).collect()
    }
}
