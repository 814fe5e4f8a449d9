//! The edited line that is nearest to a change.

use std::collections::BTreeMap;

use super::super::edits::{KnownEdit, Part};
use super::super::effects::aspects::{Aspect, explains, is_for_readers, of_action};
use crate::impact::ImpactContext;
use crate::name::Name;
use crate::plan::{Action, FieldChange, OrganisationPlan, Place};

use super::unedited::is_renderers;

/// The edits by file, and by the part of the garden that they stand in.
#[derive(Clone, Debug, Default)]
pub(super) struct EditIndex {
    by_file: BTreeMap<String, Vec<usize>>,
    by_part: BTreeMap<Part, Vec<usize>>,
}

impl EditIndex {
    pub(super) fn of(edits: &[KnownEdit]) -> Self {
        let mut index = Self::default();
        for (at, edit) in edits.iter().enumerate() {
            index.by_file.entry(edit.edit.place.file.clone()).or_default().push(at);
            index.by_part.entry(edit.part.clone()).or_default().push(at);
        }
        index
    }

    fn of_part(&self, part: &Part) -> impl Iterator<Item = usize> {
        self.by_part.get(part).into_iter().flatten().copied()
    }
}

/// The edits of the parts of a garden that one organisation uses.
pub(super) struct Uses {
    /// All of them, in order of file and line.
    pub(super) edits: Vec<usize>,
    /// The definition of each app.
    definitions: BTreeMap<Name, String>,
    /// Whether what no edit explains is the doing of another parcelle.
    upgraded: bool,
}

impl Uses {
    pub(super) fn of(
        plan: &OrganisationPlan,
        context: ImpactContext<'_>,
        index: &EditIndex,
        upgraded: bool,
        is_of: impl Fn(usize) -> bool,
    ) -> Self {
        let garden = context.garden;
        let organisation =
            garden.organisations.get(&plan.organisation).or_else(|| garden.stopped.get(&plan.organisation));
        let mut parts = vec![
            Part::Organisation(plan.organisation.to_string()),
            Part::Cluster(plan.cluster.to_string()),
            Part::Garden,
            Part::Other,
        ];
        let mut definitions = BTreeMap::new();
        if let Some(organisation) = organisation {
            parts.extend(organisation.offer.iter().map(|offer| Part::Offer(offer.name.to_string())));
            for (name, app) in &organisation.apps {
                let definition = app.definition.name.to_string();
                let part = Part::Definition(definition.clone());
                if !parts.contains(&part) {
                    parts.push(part);
                }
                definitions.insert(name.clone(), definition);
            }
        }
        let mut edits: Vec<usize> = parts.iter().flat_map(|part| index.of_part(part)).filter(|at| is_of(*at)).collect();
        edits.sort_unstable();
        Self { edits, definitions, upgraded }
    }

    /// The edit behind an action; none where no edit can be.
    pub(super) fn nearest(&self, action: &Action, index: &EditIndex, edits: &[KnownEdit]) -> Option<usize> {
        if self.edits.is_empty() {
            return None;
        }
        self.of_lines(action, index, edits).or_else(|| self.of_parts(action, edits))
    }

    /// The edits behind one thing that moves: the one on the line that decided it, else those of the nearest part that explain it.
    /// A release and the channel that names it are one step, so both are.
    pub(super) fn behind(
        &self,
        action: &Action,
        (aspect, change): (Aspect, Option<&FieldChange>),
        index: &EditIndex,
        edits: &[KnownEdit],
    ) -> Vec<usize> {
        let origin = change.and_then(|change| change.origin.as_ref());
        let on_line = origin.into_iter().flat_map(|origin| {
            let of_file = index.by_file.get(&origin.file).into_iter().flatten().copied();
            of_file.map(move |at| (edits[at].nearness(origin), at))
        });
        let on_line = on_line.filter(|(near, at)| {
            (*near > 3 || *near > 0 && explains(&edits[*at], aspect)) && self.edits.binary_search(at).is_ok()
        });
        if let Some((_, at)) = on_line.max_by_key(|(near, at)| (*near, std::cmp::Reverse(*at))) {
            return vec![at];
        }
        let explaining = self.edits.iter().filter(|at| explains(&edits[**at], aspect));
        let tiers: Vec<(u8, usize)> =
            explaining.filter_map(|at| Some((self.tier(&edits[*at], action)?, *at))).collect();
        let Some(nearest) = tiers.iter().map(|(tier, _)| *tier).min() else { return Vec::new() };
        let most = if aspect == Aspect::Release { usize::MAX } else { 1 };
        tiers.into_iter().filter(|(tier, _)| *tier == nearest).map(|(_, at)| at).take(most).collect()
    }

    /// The edit on the lines that decided its values: the surest, then the one whose word explains most.
    fn of_lines(&self, action: &Action, index: &EditIndex, edits: &[KnownEdit]) -> Option<usize> {
        let fields: Vec<(&Place, _)> = of_action(action)
            .into_iter()
            .filter_map(|(aspect, change)| Some((change?.origin.as_ref()?, Some(aspect))))
            .chain(
                action
                    .origin
                    .as_ref()
                    .filter(|_| action.base().is_none() || action.changes.is_empty())
                    .map(|origin| (origin, None)),
            )
            .collect();
        let mut scores: BTreeMap<usize, (u8, usize, usize)> = BTreeMap::new();
        for (origin, aspect) in fields {
            for at in index.by_file.get(&origin.file).into_iter().flatten() {
                let edit = &edits[*at];
                let near = edit.nearness(origin);
                if near == 0 || self.edits.binary_search(at).is_err() {
                    continue;
                }
                let score = scores.entry(*at).or_default();
                let explained = usize::from(aspect.is_some_and(|aspect| explains(edit, aspect)));
                *score = (score.0.max(near), score.1 + explained, score.2 + 1);
            }
        }
        // What only stands on the same line must explain it.
        scores.retain(|_, (near, explained, _)| *near > 3 || *explained > 0);
        let best = scores.into_iter().max_by_key(|(at, (near, explained, count))| {
            (*near > 3, *explained, *near, *count, std::cmp::Reverse(*at))
        });
        best.map(|(at, _)| at)
    }

    /// The edit of the nearest part that can explain it; where none can, the nearest that is more than words for readers.
    fn of_parts(&self, action: &Action, edits: &[KnownEdit]) -> Option<usize> {
        let moves = of_action(action);
        let scored = self.edits.iter().filter_map(|at| {
            let edit = &edits[*at];
            let tier = self.tier(edit, action)?;
            let explained = if edit.is_app_itself() && tier < 2 {
                moves.len()
            } else {
                moves.iter().filter(|(aspect, _)| explains(edit, *aspect)).count()
            };
            let may = explained > 0 || !(is_for_readers(edit) || edit.is_app_itself());
            may.then_some((std::cmp::Reverse(explained > 0), tier, std::cmp::Reverse(explained), *at))
        });
        let (explained, _, _, at) = scored.min()?;
        (explained.0 || !(self.upgraded || is_renderers(action))).then_some(at)
    }

    /// How near a part of the garden is to an object, the nearest first; nothing where it cannot be about it.
    fn tier(&self, edit: &KnownEdit, action: &Action) -> Option<u8> {
        let app = action.app.as_ref();
        let is_app = |name: &str| match app {
            Some(app) => app.as_str() == name,
            // The name of an organisation's own object begins with the app that it is for.
            None => action.id.name.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')),
        };
        match (&edit.part, &edit.app) {
            (Part::Organisation(_), Some(name)) if is_app(name) => Some(0),
            (Part::Offer(_), Some(name)) if is_app(name) => Some(1),
            (Part::Organisation(_), None) => Some(2),
            (Part::Definition(name), _) => match app {
                Some(app) => (self.definitions.get(app) == Some(name)).then_some(3),
                None => Some(7),
            },
            (Part::Offer(_), None) => Some(4),
            // What one app says may show in another: sign-on, the hosts that it may reach.
            (Part::Organisation(_) | Part::Offer(_), Some(_)) => Some(6),
            (Part::Cluster(_), _) => Some(5),
            (Part::Garden, _) => Some(8),
            (Part::Other, _) => None,
        }
    }
}
