//! An organisation: whom we host.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{App, Cluster, Grants, Offer};
use crate::name::Name;
use crate::quantity::Quantity;
use crate::source::{FileId, Sources, Span, Spanned};

/// Whom we host.
#[derive(Clone, Debug)]
pub struct Organisation {
    /// Its name, which is its namespace.
    pub name: Name,
    /// The name as people read it.
    pub title: String,
    /// The `///` note above it.
    pub note: Option<String>,
    /// The offer it subscribes to.
    pub offer: Option<Arc<Offer>>,
    /// What its apps may take: its offer's ceilings, and the garden's of what that says nothing of.
    pub grants: Grants,
    /// The cluster it lives on.
    pub cluster: Arc<Cluster>,
    /// Its own domain; hosts default to `NAME.DOMAIN`.
    pub domain: Option<Spanned<String>>,
    /// The timezone of its times (default the cluster's).
    pub timezone: String,
    /// Hosts that it lends to others: host and organisation.
    pub delegates: Vec<(Spanned<String>, Name)>,
    /// People to reach, by role.
    pub contacts: Vec<Contact>,
    /// Freezes the organisation, with the reason.
    pub hold: Option<Spanned<String>>,
    /// `retired organisation NAME`: all its apps are retired, then the namespace goes.
    pub retired: Option<Retired>,
    /// Its apps, layered and checked, by name.
    pub apps: BTreeMap<Name, App>,
    /// `retired need NAME`: data no longer asked for that may go.
    pub retired_needs: BTreeMap<String, Retired>,
    /// The file that declares it.
    pub file: FileId,
    /// Where its node stands.
    pub span: Span,
}

impl Organisation {
    /// The files of the organisation and of what it uses, by kind and name: `offer small`.
    pub(crate) fn files(&self, sources: &Sources) -> BTreeMap<String, String> {
        let Self { name, cluster, offer, file, .. } = self;
        let offer = offer.iter().map(|offer| ("offer", &offer.name, offer.span.file));
        let all =
            [("organisation", name, *file), ("cluster", &cluster.name, cluster.span.file)].into_iter().chain(offer);
        all.filter_map(|(kind, name, file)| Some((format!("{kind} {name}"), sources.path(file)?.to_owned()))).collect()
    }
}

/// Somebody to reach at an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    pub(crate) email: String,
    /// For what (`technical`, `billing`, …).
    pub(crate) role: Option<String>,
}

/// `retired …`: removal said, not implied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retired {
    /// How long its data is kept, counted from the day parcelle first applied the node; at least the garden's.
    pub keep_data: Quantity,
    /// Where it was said.
    pub span: Span,
}
