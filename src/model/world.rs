//! What organisations are read against.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use crate::model::definition::Definitions;
use crate::model::references::Doubt;
use crate::model::{Cluster, Definition, Garden, Offer, Setting, app};
use crate::name::Name;
use crate::quantity::Quantity;

/// What organisations are read against.
pub(super) struct World<'a> {
    /// The garden, with its clusters and offers.
    pub garden: &'a Garden,
    /// Every definition.
    pub definitions: &'a Definitions,
    /// What may be there although it could not be read.
    pub doubt: &'a Doubt,
    bases: OnceLock<BTreeMap<&'a Name, BTreeMap<String, Arc<Setting>>>>,
}

impl<'a> World<'a> {
    /// A garden with its clusters and offers, every definition, and what may be there although it could not be read.
    pub(super) fn new(garden: &'a Garden, definitions: &'a Definitions, doubt: &'a Doubt) -> Self {
        Self { garden, definitions, doubt, bases: OnceLock::new() }
    }

    /// The farthest layer of a definition. That of all is made when the first is asked for.
    pub(super) fn base(&self, definition: &Name) -> Option<&BTreeMap<String, Arc<Setting>>> {
        let bases = || self.definitions.loaded.iter().map(|(name, definition)| (name, app::base(definition))).collect();
        self.bases.get_or_init(bases).get(definition)
    }
}

/// What organisations were read against, to be compared with a later world.
#[derive(Clone)]
pub(super) struct Against {
    garden: Name,
    /// How long the garden keeps data at least.
    pub keep_data: Quantity,
    clusters: BTreeMap<Name, Arc<Cluster>>,
    offers: BTreeMap<Name, Arc<Offer>>,
    definitions: BTreeMap<Name, Arc<Definition>>,
    broken: BTreeSet<Name>,
    doubt: Doubt,
}

impl Against {
    /// What a world is to the organisations.
    pub(super) fn of(world: &World<'_>) -> Self {
        Self {
            garden: world.garden.name.clone(),
            keep_data: world.garden.deletions.keep_data,
            clusters: world.garden.clusters.clone(),
            offers: world.garden.offers.clone(),
            definitions: world.definitions.loaded.clone(),
            broken: world.definitions.broken.clone(),
            doubt: world.doubt.clone(),
        }
    }

    /// Whether apps of an offer read the same against these definitions, also those of none.
    pub(super) fn has_definitions(&self, definitions: &Definitions, doubt: &Doubt) -> bool {
        same_values(&self.definitions, &definitions.loaded)
            && (&self.broken, &self.doubt) == (&definitions.broken, doubt)
    }

    /// Whether nothing in it is another.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        let Self { garden, keep_data, clusters, offers, definitions, broken, doubt } = self;
        (garden, keep_data, broken, doubt) == (&other.garden, &other.keep_data, &other.broken, &other.doubt)
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
