//! The faults that must be survived, one test each, named after the fault: `docs/faults.md` has the list, with what is
//! expected and where it is tested.
//!
//! They run against the sandbox over HTTP with the ordinary client; those that need no fault on demand run against a real
//! API server too (see [`crate::story`]).

mod answers;
mod cluster;
mod crash;
mod objects;
mod requests;

use parcelle::name::Name;
use parcelle::plan::{Done, OrganisationOutcome};
use parcelle::sandbox::FaultEffect;
use serde_json::{Value, json};

use crate::story::{Round, World, refusal};

/// A world with one organisation whose ordinary objects are applied.
async fn settled() -> (World, Name) {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    world.round().await.assert_all_done();
    (world, alpha)
}

/// Whatever was interrupted is brought about, nothing is orphaned, and from then on nothing is written.
async fn assert_completes(world: &World, organisation: &Name) {
    for _ in 0..4 {
        if world.round().await.writes().is_empty() {
            break;
        }
        world.finish_deletions(organisation).await;
    }
    let last = world.round().await;
    last.assert_all_done();
    assert_eq!(last.writes(), Vec::<String>::new());
    world.assert_inventory_exact(organisation).await;
}

/// Some data for a ConfigMap.
fn data(value: &str) -> Value {
    json!({"data": {"a": value}})
}

/// What began too long ago: `410 Gone`.
fn expired() -> FaultEffect {
    refusal(410, "Expired", "The provided continue parameter is too old to display a consistent list result.")
}

/// What went wrong with an object, in words.
fn why<'a>(round: &'a Round, organisation: &Name, kind: &str, object: &str) -> &'a str {
    match round.done(organisation, kind, object) {
        Done::Failed { why, .. } => why,
        other => panic!("{kind} {object} did not fail: {other:?}"),
    }
}

/// The outcome of the only organisation.
fn only(round: &Round) -> &OrganisationOutcome {
    let [only] = &round.outcome.organisations[..] else { panic!("{:?}", round.outcome) };
    only
}

/// A list that lies beside the tests and can be read by people: every fault from 1 to 40 has a test of its number, or a
/// reason why it has none.
#[test]
fn every_fault_has_a_test_or_a_reason() {
    let list = include_str!("../../../docs/faults.md");
    let tests = [
        include_str!("answers.rs"),
        include_str!("cluster.rs"),
        include_str!("crash.rs"),
        include_str!("objects.rs"),
        include_str!("requests.rs"),
    ]
    .concat();
    for number in 1..=40 {
        let row = list.lines().find(|line| line.starts_with(&format!("| {number} |")));
        let row = row.unwrap_or_else(|| panic!("docs/faults.md has no line for fault {number}"));
        let begins = format!("fn scenario_{number:02}_");
        let named: Vec<&str> = row.split('`').filter(|word| word.starts_with("scenario_")).collect();
        for test in &named {
            assert!(tests.contains(&format!("fn {test}(")), "{test} of fault {number} is no test");
        }
        assert!(tests.contains(&begins) && !named.is_empty(), "fault {number} has no test");
    }
}
