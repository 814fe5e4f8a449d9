//! Comparison of the inputs that organisations and offers were read from with those of now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::definition::Definitions;
use crate::model::draft::{Doubt, Draft, ReadContext};
use crate::model::{Cluster, Definition, Grants, Offer};
use crate::name::Name;
use crate::quantity::Quantity;

/// The inputs that organisations were read from, to be compared with those of a later check.
#[derive(Clone)]
pub(super) struct ReadInputs {
    garden: Name,
    /// How long the garden keeps data at least.
    keep_data: Quantity,
    ceiling: Option<Grants>,
    clusters: BTreeMap<Name, Arc<Cluster>>,
    offers: BTreeMap<Name, Arc<Offer>>,
    definitions: BTreeMap<Name, Arc<Definition>>,
    broken: BTreeSet<Name>,
    doubt: Doubt,
}

impl ReadInputs {
    /// The parts of a context that organisations are read by.
    pub(super) fn of(context: &ReadContext<'_>) -> Self {
        Self {
            garden: context.garden.name.clone(),
            keep_data: context.garden.deletions.keep_data,
            ceiling: context.garden.ceiling.clone(),
            clusters: context.garden.clusters.clone(),
            offers: context.garden.offers.clone(),
            definitions: context.definitions.loaded.clone(),
            broken: context.definitions.broken.clone(),
            doubt: context.doubt.clone(),
        }
    }

    /// Whether an organisation reads the same against another context. One of which something is missing is read again, since
    /// what is said of that names what there is.
    pub(super) fn holds(&self, draft: &Draft, read_by: &ReadBy, now: &ReadContext<'_>) -> bool {
        let organisation = &draft.organisation;
        let cluster = now.garden.clusters.get(&organisation.cluster.name);
        let same_offer = organisation
            .offer
            .as_ref()
            .is_none_or(|offer| now.garden.offers.get(&offer.name).is_some_and(|known| Arc::ptr_eq(known, offer)));
        draft.resolved.cluster
            && draft.resolved.offer
            && draft.unbuilt.is_empty()
            && self.keep_data == now.garden.deletions.keep_data
            && self.ceiling == now.garden.ceiling
            && cluster.is_some_and(|known| Arc::ptr_eq(known, &organisation.cluster))
            && same_offer
            && read_by.holds(now.definitions)
    }

    /// Whether apps of an offer read the same against these definitions, also those of none.
    pub(super) fn has_definitions(&self, definitions: &Definitions, doubt: &Doubt) -> bool {
        same_values(&self.definitions, &definitions.loaded)
            && (&self.broken, &self.doubt) == (&definitions.broken, doubt)
    }

    /// Whether nothing in it is another.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        let Self { garden, keep_data, ceiling, clusters, offers, definitions, broken, doubt } = self;
        (garden, keep_data, ceiling) == (&other.garden, &other.keep_data, &other.ceiling)
            && (broken, doubt) == (&other.broken, &other.doubt)
            && same_values(clusters, &other.clusters)
            && same_values(offers, &other.offers)
            && same_values(definitions, &other.definitions)
    }
}

/// Whether two maps share every value.
fn same_values<T>(a: &BTreeMap<Name, Arc<T>>, b: &BTreeMap<Name, Arc<T>>) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|((name, value), (other, theirs))| name == other && Arc::ptr_eq(value, theirs))
}

/// The definitions by which apps were read: none where the name is of no definition.
#[derive(Clone, Debug, Default)]
pub(super) struct ReadBy(BTreeMap<String, Option<Arc<Definition>>>);

impl ReadBy {
    /// The definitions of these names.
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a str>, definitions: &Definitions) -> Self {
        Self(names.map(|name| (name.to_owned(), definitions.loaded.get(name).cloned())).collect())
    }

    /// Whether every name is that of a definition, and of the same as then.
    pub(super) fn holds(&self, definitions: &Definitions) -> bool {
        self.0.iter().all(|(name, then)| {
            then.as_ref().zip(definitions.loaded.get(name.as_str())).is_some_and(|(then, now)| Arc::ptr_eq(then, now))
        })
    }
}
