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
pub(crate) struct CommitLine<'a> {
    pub(crate) last: usize,
    /// Runs `(from, to)` whose change is allowed; single steps among them.
    pub(crate) allowed: &'a dyn Fn(&Unit, usize, usize) -> bool,
    /// Whether a unit is the same at two positions: nothing concerns it between them.
    pub(crate) alike: &'a dyn Fn(&Unit, usize, usize) -> bool,
    pub(crate) exchanges: &'a [Exchange],
}

/// How far a unit goes, and what holds it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnitStanding {
    /// The newest position that it may be at.
    pub(crate) at: usize,
    /// The steps after it that concern it and are not allowed, each by itself.
    pub(crate) open: Vec<(usize, usize)>,
    /// The organisation that it waits for, where it is held because both go together.
    pub(crate) with: Option<Name>,
}

/// The most steps that one change takes together.
pub(crate) const MOST_TOGETHER: usize = 200;

/// How far each unit goes: to the newest position up to which every change that concerns it is allowed.
pub(crate) fn standings(units: &[Unit], line: &CommitLine<'_>) -> BTreeMap<Unit, UnitStanding> {
    let reached: BTreeMap<&Unit, Vec<bool>> = units.iter().map(|unit| (unit, reached(unit, line))).collect();
    let last = |unit: &Unit, below: usize| {
        let reached = &reached[unit][..=below.min(line.last)];
        reached.iter().rposition(|reached| *reached).unwrap_or(0)
    };
    let mut at: BTreeMap<&Unit, (usize, Option<Name>)> =
        units.iter().map(|unit| (unit, (last(unit, line.last), None))).collect();
    // Who is lowered may lower another; all only ever go down, so it ends.
    let mut moved = true;
    while std::mem::take(&mut moved) {
        for Exchange { step, gives, takes } in line.exchanges {
            for (one, other) in [(gives, takes), (takes, gives)] {
                let (unit, partner) = (Unit::Organisation(one.clone()), Unit::Organisation(other.clone()));
                let (Some(stands), Some(waits)) = (at.get(&unit).map(|at| at.0), at.get(&partner).map(|at| at.0))
                else {
                    continue;
                };
                if stands >= *step && waits < *step && *step > 0 {
                    let lower = (last(&unit, step - 1), Some(other.clone()));
                    if let Some(at) = at.get_mut(&unit) {
                        *at = lower;
                        moved = true;
                    }
                }
            }
        }
    }
    let standing = |unit: &Unit| {
        let (at, with) = at[unit].clone();
        let after = (at + 1..=line.last).map(|to| (to - 1, to));
        let open = after.filter(|(from, to)| !(line.alike)(unit, *from, *to) && !(line.allowed)(unit, *from, *to));
        UnitStanding { at, open: open.collect(), with }
    };
    units.iter().map(|unit| (unit.clone(), standing(unit))).collect()
}

/// Which positions a unit may be at.
fn reached(unit: &Unit, line: &CommitLine<'_>) -> Vec<bool> {
    let mut reached = vec![false; line.last + 1];
    reached[0] = true;
    for to in 1..=line.last {
        // The step before is asked first: where every step is allowed, nothing else is.
        let from = (to.saturating_sub(MOST_TOGETHER)..to).rev().filter(|from| reached[*from]);
        let mut from = from.collect::<Vec<_>>().into_iter();
        reached[to] = from.any(|from| (line.alike)(unit, from, to) || (line.allowed)(unit, from, to));
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn at(last: usize, allowed: &[(usize, usize)], alike: &[(usize, usize)]) -> UnitStanding {
        let allowed = |_: &Unit, from: usize, to: usize| allowed.contains(&(from, to));
        let alike = |_: &Unit, from: usize, to: usize| alike.contains(&(from, to));
        let line = CommitLine { last, allowed: &allowed, alike: &alike, exchanges: &[] };
        standings(&[Unit::Garden], &line).remove(&Unit::Garden).unwrap()
    }

    #[test]
    fn a_unit_goes_to_the_newest_position_up_to_which_all_that_concerns_it_is_allowed() {
        assert_eq!(at(3, &[(0, 1), (2, 3)], &[]), UnitStanding { at: 1, open: vec![(1, 2)], with: None });
        assert_eq!(at(3, &[(0, 1)], &[(1, 2), (2, 3)]).at, 3, "what does not concern it holds nobody");
        assert_eq!(at(3, &[(0, 3)], &[]).at, 3, "a run is allowed together");
        assert_eq!(at(3, &[(0, 1), (1, 2)], &[]).open, [(2, 3)]);
        assert_eq!(at(4, &[(2, 3)], &[(1, 2)]).open, [(0, 1), (3, 4)], "all that is to be agreed, at once");
    }

    #[test]
    fn a_change_and_its_revert_need_nothing() {
        assert_eq!(at(2, &[], &[(0, 2)]), UnitStanding { at: 2, open: Vec::new(), with: None });
        assert_eq!(at(3, &[], &[(0, 2)]), UnitStanding { at: 2, open: vec![(2, 3)], with: None });
    }

    #[test]
    fn what_one_gives_and_another_takes_goes_together_or_not_at_all() {
        let units = ["gives", "takes", "beside"].map(|one| Unit::Organisation(name(one)));
        let allowed = |unit: &Unit, from: usize, _: usize| *unit != units[1] || from > 0;
        let alike = |unit: &Unit, from: usize, to: usize| *unit == units[0] && (from, to) == (0, 1);
        let exchanges = [Exchange { step: 2, gives: name("gives"), takes: name("takes") }];
        let line = CommitLine { last: 2, allowed: &allowed, alike: &alike, exchanges: &exchanges };
        let standings = standings(&units, &line);
        assert_eq!(standings[&units[1]], UnitStanding { at: 0, open: vec![(0, 1)], with: None });
        assert_eq!(standings[&units[0]], UnitStanding { at: 1, open: Vec::new(), with: Some(name("takes")) });
        assert_eq!(standings[&units[2]].at, 2);
    }

    /// The newest position of every way to divide the line, tried one by one.
    fn ways(at: usize, allowed: &[(usize, usize)]) -> usize {
        let next = allowed.iter().filter(|(from, _)| *from == at).map(|(_, to)| ways(*to, allowed));
        next.max().unwrap_or(at).max(at)
    }

    proptest::proptest! {
        /// Every way of dividing a short line into allowed runs, tried one by one, comes to the same.
        #[test]
        fn the_newest_position_is_that_of_every_way_tried_one_by_one(bits in proptest::collection::vec(proptest::bool::ANY, 15)) {
            let last = 5;
            let pairs: Vec<(usize, usize)> = (0..last).flat_map(|from| (from + 1..=last).map(move |to| (from, to))).collect();
            let allowed: Vec<(usize, usize)> = pairs.iter().zip(&bits).filter(|(_, bit)| **bit).map(|(pair, _)| *pair).collect();
            proptest::prop_assert_eq!(at(last, &allowed, &[]).at, ways(0, &allowed));
        }

        /// Whatever is allowed to whom: each stands where it may, both sides of an exchange are before it or past it, and what waits
        /// is told where somebody is held.
        #[test]
        fn exchanges_go_together_or_not_at_all(
            allowed in proptest::collection::vec(proptest::bool::weighted(0.6), 3 * 6),
            exchanges in proptest::collection::vec((1..=6_usize, 0..3_usize, 0..3_usize), 0..4),
        ) {
            let names = ["one", "two", "three"].map(name);
            let units = names.clone().map(Unit::Organisation);
            let of = |unit: &Unit| units.iter().position(|known| known == unit).unwrap();
            let allowed = |unit: &Unit, from: usize, to: usize| to == from + 1 && allowed[of(unit) * 6 + from];
            let exchanges = exchanges.iter().filter(|(_, gives, takes)| gives != takes);
            let exchange = |(step, gives, takes): &(usize, usize, usize)| Exchange { step: *step, gives: names[*gives].clone(), takes: names[*takes].clone() };
            let exchanges: Vec<Exchange> = exchanges.map(exchange).collect();
            let line = CommitLine { last: 6, allowed: &allowed, alike: &|_, _, _| false, exchanges: &exchanges };
            let standings = standings(&units, &line);
            for (unit, standing) in &standings {
                proptest::prop_assert!((0..standing.at).all(|from| allowed(unit, from, from + 1)));
                let is_blocked = standing.at < 6 && !allowed(unit, standing.at, standing.at + 1);
                proptest::prop_assert!(standing.at == 6 || is_blocked || standing.with.is_some());
                proptest::prop_assert_eq!(standing.open.first() == Some(&(standing.at, standing.at + 1)), is_blocked);
            }
            let at = |name: &Name| standings[&Unit::Organisation(name.clone())].at;
            for Exchange { step, gives, takes } in &exchanges {
                proptest::prop_assert_eq!(at(gives) >= *step, at(takes) >= *step);
            }
        }
    }
}
