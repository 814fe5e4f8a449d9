//! The context in which organisations are read.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::{Doubt, app};
use crate::model::definition::Definitions;
use crate::model::{Garden, Setting};
use crate::name::Name;

/// What organisations are read against.
pub(in crate::model) struct ReadContext<'a> {
    /// The garden, with its clusters and offers.
    pub(crate) garden: &'a Garden,
    pub(crate) definitions: &'a Definitions,
    /// What may be there although it could not be read.
    pub(crate) doubt: &'a Doubt,
    bases: OnceLock<BTreeMap<&'a Name, BTreeMap<String, Arc<Setting>>>>,
}

impl<'a> ReadContext<'a> {
    /// A garden with its clusters and offers, every definition, and what may be there although it could not be read.
    pub(in crate::model) fn new(garden: &'a Garden, definitions: &'a Definitions, doubt: &'a Doubt) -> Self {
        Self { garden, definitions, doubt, bases: OnceLock::new() }
    }

    /// The farthest layer of a definition. That of all is made when the first is asked for.
    pub(in crate::model) fn base(&self, definition: &Name) -> Option<&BTreeMap<String, Arc<Setting>>> {
        let bases = || self.definitions.loaded.iter().map(|(name, definition)| (name, app::base(definition))).collect();
        self.bases.get_or_init(bases).get(definition)
    }
}
