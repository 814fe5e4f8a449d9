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

/// The files with findings about domains.
fn told(environment: &TestEnvironment, arguments: &[&str]) -> Vec<String> {
    told_of("[E0403]", environment, arguments)
}

/// The files with findings of a code.
fn told_of(code: &str, environment: &TestEnvironment, arguments: &[&str]) -> Vec<String> {
    let said = environment.run(["check", "--format", "short"].iter().chain(arguments));
    let lines = said.stdout.lines().filter(|line| line.contains(code));
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

/// A second file of an organisation, in a folder that is read first.
fn second(name: &str, domain: &str) -> (String, String) {
    let (_, text) = organisation(name, domain);
    (format!("organisations/a/{name}.kdl"), text.replace(&format!("title \"{name}\""), "title \"Another\""))
}

#[test]
fn of_two_files_of_one_organisation_the_one_that_stands_longer_counts_wherever_it_moves() {
    let environment = begun();
    environment.garden([second("middle", "evil.example")]);
    for arguments in [&[][..], &["--base", "none"]] {
        assert_eq!(told_of("[E0302]", &environment, arguments), ["a/middle"], "on disk, {arguments:?}");
    }
    environment.commit("a second file");
    for arguments in [&[][..], &["--base", "none"], &["--base", "HEAD"]] {
        assert_eq!(told_of("[E0302]", &environment, arguments), ["a/middle"], "committed, {arguments:?}");
    }
    // The first one moves: what it says is no newer for it.
    std::fs::remove_file(environment.path("garden/organisations/middle.kdl")).unwrap();
    let (_, text) = organisation("middle", "old.example");
    environment.garden([("organisations/north/middle.kdl".to_owned(), text)]);
    environment.commit("moved to a folder");
    for arguments in [&[][..], &["--base", "none"]] {
        assert_eq!(told_of("[E0302]", &environment, arguments), ["a/middle"], "moved, {arguments:?}");
    }
    let shown = environment.run(["render", "middle"]).text();
    assert!(!shown.contains("evil.example") && shown.contains("old.example"), "{shown}");
}

#[test]
fn of_two_files_of_one_organisation_that_came_at_once_neither_counts() {
    let environment = begun();
    environment.garden([organisation("twin", "twin.example"), second("twin", "evil.example")]);
    environment.commit("both at once");
    assert_eq!(told_of("[E0302]", &environment, &[]), ["a/twin", "twin"]);
    let said = environment.run(["check"]).text();
    assert!(said.contains("which of these was first is not known"), "{said}");
    let shown = environment.run(["run", "--once", "--sandbox"]).text();
    assert!(shown.contains("middle") && !shown.contains("Another"), "{shown}");
    // A name that a comment or a text mentions is none that stands there.
    let environment = begun();
    let mention = "edition 2026\n\n// organisation twin\norganisation other {\n    title \"organisation twin { domain twin.example; }\"\n}\n";
    environment.garden([("organisations/a/twin.kdl".to_owned(), mention.to_owned())]);
    environment.commit("a mention");
    environment.garden([organisation("twin", "twin.example")]);
    environment.commit("an organisation");
    environment.garden([second("twin", "twin.example")]);
    environment.commit("another one");
    assert_eq!(told_of("[E0302]", &environment, &[]), ["a/twin"]);
}

#[test]
fn what_runs_goes_by_the_history_as_a_check_does_where_nothing_is_applied() {
    let environment = begun();
    environment.garden([second("middle", "evil.example"), organisation("aaa", "old.example")]);
    environment.commit("newcomers");
    let said = environment.run(["run", "--once", "--sandbox"]).text();
    assert!(said.contains("`old.example` belongs to `middle`"), "{said}");
    assert!(said.contains("middle: 16 applied") && said.contains("16 applied in 1 organisation."), "{said}");
    let state = environment.read("state/parcelle/sandbox/g/ada.json");
    assert!(state.contains("www.old.example") && !state.contains("evil.example"), "the second file has no part in it");
}

#[test]
fn a_shallow_clone_does_not_tell_who_was_first() {
    let environment = begun();
    environment.garden([("offers/small.kdl", &format!("{OFFER}\n"))]);
    let oldest = environment.commit("something else");
    environment.garden([organisation("aaa", "old.example")]);
    environment.commit("a newcomer");
    assert_eq!(told(&environment, &["--base", "none"]), ["aaa"]);
    environment.write("garden/.git/shallow", format!("{oldest}\n"));
    assert_eq!(told(&environment, &["--base", "none"]), ["aaa", "middle"]);
}

/// Takes a file of the garden away.
fn without(environment: &TestEnvironment, path: &str) {
    std::fs::remove_file(environment.path(&format!("garden/organisations/{path}.kdl"))).unwrap();
}

#[test]
fn what_a_commit_takes_away_and_the_next_one_brings_back_goes_to_nobody_in_between() {
    for (newcomer, code) in
        [(organisation("aaa", "old.example"), "[E0403]"), (second("middle", "evil.example"), "[E0302]")]
    {
        let environment = begun();
        environment.garden([("offers/small.kdl", &format!("{OFFER}\n"))]);
        environment.commit("something else");
        without(&environment, "middle");
        let path = newcomer.0.replace("organisations/", "").replace(".kdl", "");
        environment.garden([newcomer]);
        environment.commit("instead of it");
        environment.garden([organisation("middle", "old.example")]);
        environment.commit("brought back");
        assert_eq!(
            told_of(code, &environment, &["--base", "none"]),
            [path.as_str(), "middle"],
            "who was first is in doubt"
        );
        assert!(!environment.run(["run", "--once", "--sandbox"]).text().contains("applied in 1 organisation"));
    }
}

#[test]
fn no_age_is_gathered_where_a_file_counts_for_nothing() {
    let claim = |environment: &TestEnvironment, path: &str| {
        environment.garden([(path, organisation("aaa", "new.example").1)]);
    };
    for before in [".stash/aaa.kdl", "organisations/.stash/aaa.kdl", "elsewhere/aaa.kdl", "organisations/b/bbb.kdl"] {
        let environment = begun();
        claim(&environment, before);
        environment.garden([organisation("aaa", "aaa.example")]);
        environment.commit("a file that is not read");
        environment.garden([organisation("victim", "new.example")]);
        environment.commit("who was first");
        std::fs::remove_file(environment.path(&format!("garden/{before}"))).unwrap();
        without(&environment, "aaa");
        claim(&environment, "organisations/c/aaa.kdl");
        environment.commit("moved to where it is read");
        assert_eq!(told(&environment, &["--base", "none"]), ["c/aaa"], "{before}");
    }
}

#[test]
fn of_a_domain_and_one_inside_of_it_that_came_at_once_neither_counts() {
    let environment = begun();
    environment.garden([organisation("aaa", "new.example"), organisation("zzz", "inner.new.example")]);
    environment.commit("both at once");
    for arguments in [&[][..], &["--base", "none"]] {
        assert_eq!(told(&environment, arguments), ["aaa", "zzz"], "{arguments:?}");
    }
    let lent =
        organisation("aaa", "new.example").1.replace("    app ", "    delegate inner.new.example to=zzz\n    app ");
    environment.garden([("organisations/aaa.kdl", lent)]);
    assert_eq!(told(&environment, &[]), [] as [&str; 0]);
}

/// Commits the garden with a folder that holds itself twelve times at each of eight levels.
fn commit_endless_folder(environment: &TestEnvironment, path: &str) {
    let repository = environment.repository();
    let mut object = repository.blob(b"x").unwrap();
    let mut mode = git2::FileMode::Blob;
    for _ in 0..8 {
        let mut builder = repository.treebuilder(None).unwrap();
        for at in 0..12 {
            builder.insert(format!("n{at}"), object, mode.into()).unwrap();
        }
        (object, mode) = (builder.write().unwrap(), git2::FileMode::Tree);
    }
    let head = repository.head().unwrap().peel_to_commit().unwrap();
    let mut update = git2::build::TreeUpdateBuilder::new();
    let tree = update.upsert(path, object, mode).create_updated(&repository, &head.tree().unwrap()).unwrap();
    let tree = repository.find_tree(tree).unwrap();
    let who = head.author();
    repository.commit(Some("HEAD"), &who, &who, "pictures", &tree, &[&head]).unwrap();
}

#[test]
fn a_folder_without_end_hides_no_newcomer() {
    for path in ["pictures", "organisations/pictures"] {
        let environment = begun();
        commit_endless_folder(&environment, path);
        environment.garden([organisation("aaa", "old.example"), organisation("bbb", "inner.old.example")]);
        environment.commit("without it");
        assert_eq!(told(&environment, &["--base", "none"]), ["aaa", "bbb"], "{path}");
    }
}

#[test]
fn a_file_that_changes_endlessly_makes_no_other_claim_unknown() {
    let environment = begun();
    environment.garden([organisation("victim", "new.example")]);
    environment.commit("who was first");
    environment.garden([organisation("aaa", "old.example")]);
    environment.commit("a newcomer of another");
    for turn in 0..40 {
        let (path, text) = organisation("bbb", "new.example");
        environment.garden([(path, format!("{text}// {turn} {}\n", "x".repeat(240_000)))]);
        environment.commit("again");
    }
    assert_eq!(told(&environment, &["--base", "none"]), ["aaa", "bbb", "victim"]);
}
