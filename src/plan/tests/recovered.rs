//! The guard and what was taken back after an inventory was lost.

use super::*;

#[test]
fn the_guard_refuses_the_end_of_what_was_taken_back_and_is_not_named() {
    let mut world = world(&deleting_undeclared());
    let mut plan = organisation(&world.input());
    let at = plan.actions.iter().position(|action| action.verb() == Verb::Delete).unwrap();
    let id = plan.actions[at].id.clone();
    let nothing = BTreeSet::new();
    assert_eq!(guard::check(&plan, &world.guard(&nothing)), [], "it is ours like everything else");
    world.inventory.entries.get_mut(&id).unwrap().recovered = true;
    let refusals = guard::check(&plan, &world.guard(&nothing));
    let promises: Vec<_> = refusals.iter().map(|refusal| (refusal.action, refusal.promise)).collect();
    assert_eq!(promises, [(at, Promise::NoForeignDelete)]);
    let Deed::Delete { base, .. } = plan.actions[at].deed.clone() else { panic!("it is a delete") };
    let why = crate::plan::Replacing::Immutable { path: "data".to_owned() };
    plan.actions[at].deed = Deed::Replace { why, base };
    let refusals = guard::check(&plan, &world.guard(&nothing));
    let promises: Vec<_> = refusals.iter().map(|refusal| refusal.promise).collect();
    assert_eq!(promises, [Promise::NoForeignDelete]);
    let adopted = BTreeSet::from([(id.kind.to_string(), id.name.to_string())]);
    assert_eq!(guard::check(&plan, &world.guard(&adopted)), []);
}

/// One delete within the budget, of what nothing says is retired.
fn deleting_undeclared() -> Case {
    let all = cases(include_str!("../../../tests/cases/plan/deletions.json"));
    all.into_iter().find(|case| case.is.contains("within the budget")).unwrap()
}
