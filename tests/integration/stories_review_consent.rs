//! `parcelle review` where people must agree: what the comment and the second status say, on each kind of forge.

use crate::forge::{Kind, Says, Wrong};
use crate::forge_story::{FILE, Review, organisation};

/// Two of three operators, whose reviews count.
const TWO: &str = "approvals 2 from=operators\n        FORGE";

fn failed(kind: Kind) -> &'static str {
    if kind == Kind::GitLab { "failed" } else { "failure" }
}

/// The state of consent after another run, with what the comment says of it.
#[track_caller]
fn run(review: &Review, head: &str) -> (String, Vec<String>) {
    let said = review.run(&[]);
    assert_eq!(said.code, 0, "{}", said.text());
    assert!(!said.stderr.contains("warning"), "{}", said.text());
    let (state, description) = review.consent(head).expect("a status of consent");
    assert!(description.len() <= 140 && !description.contains('`'), "{description}");
    assert_eq!(review.status(head).0, "success", "the plan is a matter of its own");
    (state, review.agreement())
}

#[test]
fn an_approval_after_another_is_told_until_all_have_agreed() {
    for kind in Kind::ALL {
        let review = Review::with_consent(kind, TWO);
        let head = review.push("6 GiB");
        let (state, told) = run(&review, &head);
        let wanted =
            ["2 more of `operators` must agree.", "2 more of `operators`: `bo` or `cleo` could", "written by `ada`"];
        assert_eq!((state.as_str(), &told[..]), ("pending", &wanted.map(str::to_owned)[..]), "{kind:?}");

        review.forge.world().review("bo", Says::Approve, "Looks good.");
        let (state, told) = run(&review, &head);
        let wanted = [
            "1 more of `operators` must agree.",
            "`bo` approved exactly this",
            "1 more of `operators`: `cleo` could",
            "written by `ada`",
        ];
        assert_eq!((state.as_str(), &told[..]), ("pending", &wanted.map(str::to_owned)[..]), "{kind:?}");

        review.forge.world().review("cleo", Says::Approve, "");
        let (state, told) = run(&review, &head);
        let wanted = ["all who must agree have agreed.", "`bo` and `cleo` approved exactly this", "written by `ada`"];
        assert_eq!((state.as_str(), &told[..]), ("success", &wanted.map(str::to_owned)[..]), "{kind:?}");
        let (_, description) = review.consent(&head).expect("a status");
        assert_eq!(description, "all who must agree have agreed", "{kind:?}");

        // Merged: the comment stays as it is, and the status is set once more.
        review.forge.world().merge(&[&head]);
        let said = review.run(&[]);
        assert!(said.stderr.contains("the merge request is merged"), "{kind:?}: {}", said.text());
        assert_eq!(review.consent(&head).expect("a status").0, "success", "{kind:?}");
    }
}

#[test]
fn an_objection_stands_over_pushes_until_it_is_taken_back() {
    for kind in Kind::ALL {
        let review = Review::with_consent(kind, "approvals 1 from=operators\n        FORGE");
        review.push("6 GiB");
        review.forge.world().review("cleo", Says::Object, "Not before @all agreed.");
        review.forge.world().review("bo", Says::Approve, "");
        let head = review.push("7 GiB");
        review.forge.world().review("bo", Says::Approve, "");
        let (state, told) = run(&review, &head);
        assert_eq!(state, failed(kind), "{kind:?}: {told:#?}");
        assert_eq!(told[0], "`cleo` objects: nothing is applied until that is taken back.", "{kind:?}");
        let reason = told.iter().find_map(|line| line.strip_prefix("`cleo` objects: ")).unwrap_or_default();
        match kind {
            Kind::GitLab => assert!(reason.contains("nothing is applied"), "{told:#?}"),
            _ => assert!(told.iter().any(|line| line.contains("Not before `@all` agreed.")), "{kind:?}: {told:#?}"),
        }
        review.forge.world().dismiss("cleo");
        let (state, told) = run(&review, &head);
        assert_eq!((state.as_str(), told[0].as_str()), ("success", "all who must agree have agreed."), "{kind:?}");
    }
}

#[test]
fn each_word_that_does_not_count_is_told_with_the_reason() {
    for kind in Kind::ALL {
        let review = Review::with_consent(kind, TWO);
        let first = review.push("6 GiB");
        review.forge.world().review("bo", Says::Approve, "");
        let head = review.push("7 GiB");
        for (login, says) in
            [("ada", Says::Approve), ("mallory", Says::Approve), ("dora", Says::Approve), ("cleo", Says::Comment)]
        {
            review.forge.world().review(login, says, "x");
        }
        let (state, told) = run(&review, &head);
        assert_eq!(state, "pending", "{kind:?}: {told:#?}");
        let has = |part: &str| assert!(told.iter().any(|line| line.contains(part)), "{kind:?}: {part}: {told:#?}");
        has("2 more of `operators`: `bo` or `cleo` could");
        has("what `ada` said does not count: ada wrote it");
        has("what `dora` said does not count: no rule asks for somebody of their groups");
        has(&format!(
            "what `mallory` said on the forge does not count: nobody among the people has this account on {kind:?}"
        ));
        has(&format!(
            "what `bo` said on the forge does not count: it is of `{}`, and `{FILE}` changed since",
            &first[..12]
        ));
        // What is dismissed counts no longer; on GitLab it is gone.
        review.forge.world().review("cleo", Says::Approve, "");
        review.forge.world().dismiss("cleo");
        let (_, told) = run(&review, &head);
        let is_told = told.iter().any(|line| line.ends_with("it was dismissed on the forge"));
        assert_eq!(is_told, kind != Kind::GitLab, "{kind:?}: {told:#?}");
    }
}

#[test]
fn a_rebase_keeps_an_approval_and_a_pusher_is_an_author() {
    for kind in Kind::ALL {
        let review = Review::with_consent(kind, "approvals 1 from=operators\n        FORGE");
        review.push("6 GiB");
        review.forge.world().review("bo", Says::Approve, "");
        // The branch goes on by a file of somebody else, and the work is made anew upon it.
        let base = review.forge.world().base.clone();
        let repository = review.environment.repository();
        let id = git2::Oid::from_str(&base).unwrap();
        let beta = organisation("5 GiB").replace("alpha", "beta");
        review.environment.garden([(FILE, organisation("5 GiB")), ("organisations/beta.kdl", beta)]);
        repository.set_head_detached(id).unwrap();
        let moved = review.environment.commit("another organisation");
        repository.reference("refs/remotes/origin/main", git2::Oid::from_str(&moved).unwrap(), true, "").unwrap();
        review.environment.garden([(FILE, organisation("6 GiB"))]);
        let again = review.environment.commit("the same work");
        review.forge.world().base.clone_from(&moved);
        review.forge.world().push("cleo", &again);
        let (state, told) = run(&review, &again);
        assert_eq!(
            (state.as_str(), told[0].as_str()),
            ("success", "all who must agree have agreed."),
            "{kind:?}: {told:#?}"
        );
        assert_eq!(told.last().map(String::as_str), Some("written by `ada` and `cleo`"), "{kind:?}: {told:#?}");
    }
}

#[test]
fn rules_are_those_of_the_branch_and_go_by_the_kind_of_change() {
    for kind in [Kind::GitHub, Kind::GitLab] {
        let rules = "approvals 1 from=operators\n        approvals 1 from=council for=people\n        waiting 24 hours for=people\n        FORGE";
        let review = Review::with_consent(kind, rules);
        let head = review.push("6 GiB");
        let (_, told) = run(&review, &head);
        assert!(told.iter().all(|line| !line.contains("council") && !line.contains("may object")), "{told:#?}");
        // A request that asks nobody any more is asked about by the rules that it takes away.
        review.environment.garden([("garden.kdl", review.garden_with("approvals 0 from=operators\n        FORGE"))]);
        let head = review.push("6 GiB");
        let said = review.run(&[]);
        let (state, told) = (review.consent(&head).expect("a status").0, review.agreement());
        assert_eq!(state, "pending", "{}", said.text());
        assert_eq!(told[0], "1 more of `operators`, and 1 more of `council` (to who decides) must agree.", "{told:#?}");
        let waits = "people may object for 1 day, counted from when the loop sees it first";
        assert!(told.iter().any(|line| line == waits), "{told:#?}");
    }
}

#[test]
fn where_nobody_is_asked_nothing_is_said_of_it() {
    for kind in Kind::ALL {
        let review = Review::new(kind);
        let head = review.push("6 GiB");
        review.run(&[]);
        assert!(!review.comment().contains("Agreement") && review.consent(&head).is_none(), "{kind:?}");
        let asked = review.forge.take_asked();
        assert!(asked.iter().all(|asked| !asked.path.contains("approvals") && !asked.path.ends_with("/timeline")));
    }
    // A request that edits no file of the garden is agreed to by nobody.
    let review = Review::with_consent(Kind::Forgejo, TWO);
    review.environment.write("garden/README.md", "Hello.");
    let head = review.push("5 GiB");
    review.run(&[]);
    let wanted = ("success".to_owned(), "no file of the garden changes, so nobody has to agree".to_owned());
    assert_eq!(review.consent(&head), Some(wanted));
}

#[test]
fn a_forge_that_does_not_say_it_leaves_the_plan_as_it_is() {
    for kind in Kind::ALL {
        let review = Review::with_consent(kind, TWO);
        let head = review.push("6 GiB");
        review.forge.world().review("bo", Says::Approve, "");
        review.forge.take_asked();
        review.run(&[]);
        let part = if kind == Kind::GitLab { "/approvals" } else { "/reviews" };
        let nth =
            review.forge.take_asked().iter().position(|asked| asked.path.ends_with(part)).expect("it is asked") + 1;
        // What is refused is asked once, what cannot be read six times.
        for (wrong, times) in [(Wrong::Refused(403, Vec::new()), 1), (Wrong::Garbage, 6)] {
            review.forge.go_wrong(nth, times, wrong);
            let said = review.run(&[]);
            assert_eq!(said.code, 0, "{kind:?}: {}", said.text());
            review.forge.mend();
            let told = review.agreement();
            let has = |part: &str| told.iter().any(|line| line.contains(part));
            assert!(has("what was said on the forge is not known: cannot read the reviews: "), "{kind:?}: {told:#?}");
            assert!(has("; one of them because nothing proves who wrote it"), "{kind:?}: {told:#?}");
            assert_eq!(review.consent(&head).expect("a status").0, "pending", "{kind:?}");
            assert_eq!(review.status(&head).0, "success", "{kind:?}");
        }
    }
}

#[test]
fn reviews_count_where_the_garden_says_and_nowhere_else() {
    let review = Review::with_consent(Kind::GitHub, "approvals 1 from=operators\n        FORGE");
    let elsewhere =
        review.garden_with("approvals 1 from=operators\n        FORGE").replace("collective/garden", "others/garden");
    review.environment.garden([("garden.kdl", elsewhere)]);
    let base = review.environment.commit("another project");
    let repository = review.environment.repository();
    repository.reference("refs/remotes/origin/main", git2::Oid::from_str(&base).unwrap(), true, "").unwrap();
    let head = review.push("6 GiB");
    review.forge.world().review("bo", Says::Approve, "");
    let (state, told) = run(&review, &head);
    assert_eq!(state, "pending", "{told:#?}");
    assert!(
        told.iter()
            .any(|line| line.starts_with("reviews count on ") && line.ends_with("and not on this merge request"))
    );
}

#[test]
fn the_second_stage_finds_out_itself_who_has_agreed() {
    for kind in Kind::ALL {
        let rules = "approvals 1 from=operators\n        approvals 1 from=council for=deletions\n        FORGE";
        let review = Review::with_consent(kind, rules);
        let head = review.push("6 GiB");
        review.forge.world().review("bo", Says::Approve, "");
        let first = review.run(&["--save", "review.json"]);
        assert_eq!(first.code, 0, "{kind:?}: {}", first.text());
        let saved = review.environment.read("garden/review.json");
        assert!(saved.contains("\"agreement\"") && !saved.contains("approved"), "{saved}");
        let said = review.run(&["--from", "review.json"]);
        assert_eq!(said.code, 0, "{kind:?}: {}", said.text());
        assert_eq!(review.agreement()[0], "all who must agree have agreed.", "{kind:?}");
        assert_eq!(review.consent(&head).expect("a status").0, "success", "{kind:?}");
        // Of a fork no word of the plan counts for it.
        review.forge.world().fork = true;
        review.run(&["--from", "review.json"]);
        let told = review.agreement();
        assert_eq!(told[0], "1 more of `council` (to a deletion) must agree.", "{kind:?}: {told:#?}");
        assert!(told.iter().any(|line| line.starts_with("asked as for every kind of change: ")), "{told:#?}");
        assert_eq!(review.consent(&head).expect("a status").0, "pending", "{kind:?}");
        // What the file claims beyond its kinds is refused whole.
        let claims = saved.replacen("\"agreement\": {", "\"agreement\": {\n    \"approved\": [\"cleo\"],", 1);
        review.environment.write("garden/claims.json", claims);
        let said = review.run(&["--from", "claims.json"]);
        assert!(said.code == 2 && said.stderr.contains("is not used"), "{kind:?}: {}", said.text());
    }
}

#[test]
fn a_rehearsal_says_that_nobody_was_asked() {
    let review = Review::with_consent(Kind::Gitea, TWO);
    review.push("6 GiB");
    let said = review.run(&["--dry-run"]);
    assert!(said.stdout.contains("context: parcelle/consent"), "{}", said.stdout);
    assert!(said.stdout.contains("a rehearsal asks nobody"), "{}", said.stdout);
    assert!(review.forge.take_asked().is_empty());
}
