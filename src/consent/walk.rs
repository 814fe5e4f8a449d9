//! How far the garden and each organisation may go along the line of commits.

use std::collections::BTreeMap;

use crate::name::Name;

/// What goes along the line by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unit {
    /// What the garden says of all: people, consent, brakes, and the clusters' own plots.
    Garden,
    Organisation(Name),
}

/// A host or delegation that passes from one organisation to another in a step: both make the step or none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Exchange {
    /// The step, by the position that it comes to.
    pub(crate) step: usize,
    pub(crate) gives: Name,
    pub(crate) takes: Name,
}

/// The commits of the line, the oldest first, by position: `0` is where everything stands, `last` is the head.
pub(crate) struct Line<'a> {
    pub(crate) last: usize,
    /// Runs `(from, to)` whose change is allowed; single steps among them.
    pub(crate) allowed: &'a dyn Fn(&Unit, usize, usize) -> bool,
    /// Whether a unit is the same at two positions: nothing concerns it between them.
    pub(crate) alike: &'a dyn Fn(&Unit, usize, usize) -> bool,
    pub(crate) exchanges: &'a [Exchange],
}

/// How far a unit goes, and what holds it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The newest position that it may be at.
    pub(crate) at: usize,
    /// The first run after it that concerns it and is not allowed.
    pub(crate) held_by: Option<(usize, usize)>,
    /// The organisation that it waits for, where it is held because both go together.
    pub(crate) with: Option<Name>,
}

/// How far each unit goes: to the newest position up to which every change that concerns it is allowed.
pub(crate) fn standings(units: &[Unit], _line: &Line<'_>) -> BTreeMap<Unit, Standing> {
    units.iter().map(|unit| (unit.clone(), Standing { at: 0, held_by: None, with: None })).collect()
}
