//! Stories of two organisations that say one domain where nothing is applied: the history tells who was first, not the order of
//! files; where it does not, neither is told to be right.

use crate::command::TestEnvironment;
use crate::stories_output::{CLUSTER, GARDEN, OFFER};

fn organisation(name: &str, domain: &str) -> (String, String) {
    let text = format!(
        "edition 2026\n\norganisation {name} {{\n    title \"{name}\"\n    offer small\n    cluster ada\n    domain {domain}\n    \
         app static-site www\n}}\n"
    );
    (format!("organisations/{name}.kdl"), text)
}

/// A garden with `middle` in its first commit.
fn begun() -> TestEnvironment {
    let environment = TestEnvironment::new();
    let files = [("garden.kdl", GARDEN), ("clusters/ada.kdl", CLUSTER), ("offers/small.kdl", OFFER)];
    environment.garden(files);
    environment.garden([organisation("middle", "old.example")]);
    environment.commit("a garden");
    environment
}

/// The findings about domains, as `FILE CODE`.
fn told(environment: &TestEnvironment, arguments: &[&str]) -> Vec<String> {
    let said = environment.run(["check", "--format", "short"].iter().chain(arguments));
    let lines = said.stdout.lines().filter(|line| line.contains("[E0403]"));
    lines.map(|line| line.split(':').next().unwrap().replace("organisations/", "").replace(".kdl", "")).collect()
}

#[test]
fn the_claim_that_stands_longer_in_the_history_keeps_its_domain_wherever_its_file_stands() {
    for newcomer in ["aaa", "zzz"] {
        let environment = begun();
        environment.garden([organisation(newcomer, "old.example")]);
        for arguments in [&[][..], &["--base", "none"]] {
            assert_eq!(told(&environment, arguments), [newcomer], "on disk, {arguments:?}");
        }
        environment.commit("a newcomer");
        for arguments in [&[][..], &["--base", "none"], &["--base", "HEAD"]] {
            assert_eq!(told(&environment, arguments), [newcomer], "committed, {arguments:?}");
        }
        // A file that was there before its claim was is no older for it.
        let environment = begun();
        environment.garden([organisation(newcomer, "other.example")]);
        environment.commit("somebody else");
        environment.garden([organisation("middle", "older.example")]);
        environment.commit("another domain");
        environment.garden([organisation(newcomer, "older.example")]);
        environment.commit("a claim");
        assert_eq!(told(&environment, &[]), [newcomer]);
    }
}

#[test]
fn a_claim_around_a_domain_that_was_there_before_stops_itself_alone() {
    let environment = begun();
    environment.garden([organisation("middle", "inner.old.example")]);
    environment.commit("a domain inside of one that nobody says");
    environment.garden([organisation("aaa", "old.example")]);
    environment.commit("the domain around it");
    assert_eq!(told(&environment, &[]), ["aaa"]);
    assert_eq!(told(&environment, &["--base", "none"]), ["aaa"]);
    // The other way round it is the inner one that has to ask.
    let environment = begun();
    environment.garden([organisation("aaa", "inner.old.example")]);
    environment.commit("inside of it");
    assert_eq!(told(&environment, &[]), ["aaa"]);
}

#[test]
fn where_the_history_does_not_tell_both_are_asked_and_a_cluster_file_decides() {
    let environment = begun();
    environment.garden([organisation("aaa", "new.example"), organisation("zzz", "new.example")]);
    environment.commit("both at once");
    assert_eq!(told(&environment, &[]), ["aaa", "zzz"]);
    let said = environment.run(["check"]).text();
    assert!(said.contains("who had it first is not known here"), "{said}");
    assert!(said.contains("belongs new.example to=…"), "{said}");
    let cluster = CLUSTER.replace("    provides {", "    belongs new.example to=zzz\n    provides {");
    environment.garden([("clusters/ada.kdl", cluster)]);
    assert_eq!(told(&environment, &[]), [] as [&str; 0]);
    let said = environment.run(["check", "--format", "short"]).stdout;
    assert!(said.contains("organisations/aaa.kdl") && said.contains("[E0425]") && !said.contains("zzz.kdl:"), "{said}");
}
