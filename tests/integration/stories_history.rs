//! Histories that do not lead on from what is applied: nothing moves backwards, and absence is no proof.

use crate::command::{Output, TestEnvironment};
use crate::stories_output::{CLUSTER, GARDEN, OFFER};

/// Writes the garden with a title for its one app, and what else `garden.kdl` says.
fn write(place: &TestEnvironment, title: &str, more: &str) {
    let organisation = format!(
        "edition 2026\n\norganisation alpha {{\n    title \"Alpha\"\n    offer small\n    cluster ada\n    domain \
         alpha.example\n\n    app static-site www {{\n        title \"{title}\"\n    }}\n}}\n"
    );
    let garden = GARDEN.replace("title \"G\"", &format!("title \"G\"\n    {more}"));
    place.garden([
        ("garden.kdl", garden.as_str()),
        ("clusters/ada.kdl", CLUSTER),
        ("offers/small.kdl", OFFER),
        ("organisations/alpha.kdl", &organisation),
    ]);
}

/// Makes the commit at hand the first of a history of its own: nothing of the repository leads to what was before.
fn orphan(place: &TestEnvironment, message: &str) -> String {
    let repository = place.repository();
    repository.reference_symbolic("HEAD", "refs/heads/other", true, "a history of its own").unwrap();
    let commit = place.commit(message);
    let target = repository.find_commit(git2::Oid::from_str(&commit).unwrap()).unwrap();
    repository.set_head("refs/heads/main").or_else(|_| repository.set_head_detached(target.id())).unwrap();
    repository.reference("refs/heads/main", target.id(), true, "a force-push").unwrap();
    repository.set_head("refs/heads/main").unwrap();
    repository.find_reference("refs/heads/other").unwrap().delete().unwrap();
    commit
}

fn run(place: &TestEnvironment) -> Output {
    let address = format!("file://{}", place.path("garden").display());
    place.run(["run", "--once", "--sandbox", "--repo", &address, "--branch", "main"])
}

fn is_kept(said: &Output, applied: &str, why: &str) {
    let text = said.text();
    assert_eq!(said.code, 1, "{text}");
    assert!(text.contains(&format!("kept: alpha is at {}, {why}", &applied[..12])), "{text}");
    assert!(!text.contains("ConfigMap"), "nothing is planned: {text}");
}

/// Where the loop keeps its mirrors and the sandbox its clusters.
fn lose_the_mirror(place: &TestEnvironment) {
    let state = place.path("state/parcelle");
    let mirrors = std::fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().path());
    let mirrors: Vec<_> = mirrors.filter(|path| !path.join("HEAD").exists() && path.is_dir()).collect();
    let mut lost = 0;
    for folder in mirrors.into_iter().chain([state]) {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.join("HEAD").exists() {
                std::fs::remove_dir_all(&path).unwrap();
                lost += 1;
            }
        }
    }
    assert_eq!(lost, 1, "there is one mirror");
}

#[test]
fn a_history_that_shares_nothing_with_what_is_applied_is_refused_and_leads_on_by_word() {
    let place = TestEnvironment::new();
    write(&place, "one", "");
    let applied = place.commit("one");
    assert_eq!(run(&place).code, 0);
    write(&place, "two", "");
    orphan(&place, "two");
    is_kept(&run(&place), &applied, "with which this commit shares no history");
    // The mirror is lost as well, and a folder gives no more than its branches lead to: that is no proof that the new history
    // builds on what is applied.
    lose_the_mirror(&place);
    is_kept(&run(&place), &applied, "which this repository does not hold");
    // A word of fewer digits is a finding, another commit is not the one.
    write(&place, "two", &format!("rollback to=\"{}\"", &applied[..11]));
    place.commit("too short");
    let said = run(&place);
    assert!(said.code == 1 && said.text().contains("at least 12 hexadecimal digits"), "{}", said.text());
    write(&place, "two", "rollback to=\"0123456789ab\"");
    place.commit("another one");
    is_kept(&run(&place), &applied, "which this repository does not hold");
    write(&place, "two", &format!("rollback to=\"{}\"", &applied[..12]));
    place.commit("on from there");
    let said = run(&place);
    assert!(said.code == 0 && said.text().contains("ConfigMap"), "{}", said.text());
    let said = run(&place);
    assert!(said.code == 0 && said.text().contains("Nothing changes"), "{}", said.text());
}

#[test]
fn a_commit_pushed_over_what_is_applied_is_known_by_the_mirror_and_refused_without_it() {
    let place = TestEnvironment::new();
    write(&place, "one", "");
    let first = place.commit("one");
    write(&place, "two", "");
    let applied = place.commit("two");
    assert_eq!(run(&place).code, 0);
    place.reset(&first);
    write(&place, "three", "");
    place.commit("three");
    let said = run(&place);
    is_kept(&said, &applied, "which this commit takes back; to go back");
    assert!(said.text().contains(&format!("rollback to=\"{}\"", &first[..12])), "{}", said.text());
    lose_the_mirror(&place);
    is_kept(&run(&place), &applied, "which this repository does not hold");
}
