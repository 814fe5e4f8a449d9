//! Whatever goes wrong at whatever call: one comment, a status that ends, the exit code of the plan, and a token that nobody else sees.

use crate::forge::{Asked, Kind, StandIn, Wrong};
use crate::forge_story::{FILE, Review};

/// The calls of a posting that nothing disturbs.
fn undisturbed(review: &Review) -> Vec<Asked> {
    review.forge.take_asked();
    review.run(&[]);
    let asked = review.forge.take_asked();
    empty(review);
    asked
}

/// Takes everything away that was posted.
fn empty(review: &Review) {
    let mut world = review.forge.world();
    world.remarks.clear();
    world.marks.clear();
}

/// Each call of a posting goes wrong once; it is carried out all the same.
fn each_call_goes_wrong_once(kind: Kind, push: &str, code: i32, wrong: &Wrong) {
    let review = Review::new(kind);
    let head = review.push(push);
    let calls = undisturbed(&review).len();
    assert!(calls >= 6, "{kind:?}: {calls}");
    let state = match (code, kind) {
        (0, _) => "success",
        (_, Kind::GitLab) => "failed",
        _ => "failure",
    };
    for nth in 1..=calls {
        review.forge.go_wrong(nth, 1, wrong.clone());
        let said = review.run(&[]);
        let place = format!("{kind:?}, call {nth} of {calls}: {wrong:?}: {}", said.text());
        assert_eq!(said.code, code, "{place}");
        assert_eq!(review.forge.world().own().len(), 1, "{place}");
        assert_eq!(review.forge.world().on_lines().len(), usize::from(code == 1), "{place}");
        assert_eq!(review.status(&head).0, state, "{place}");
        empty(&review);
    }
}

#[test]
fn a_call_that_fails_once_is_asked_again() {
    for kind in [Kind::GitHub, Kind::GitLab, Kind::Forgejo] {
        each_call_goes_wrong_once(kind, "6 GiB", 0, &Wrong::Refused(503, Vec::new()));
    }
}

#[test]
fn a_call_that_comes_too_soon_is_asked_again_when_the_forge_says() {
    for kind in [Kind::GitHub, Kind::GitLab] {
        each_call_goes_wrong_once(kind, "6 GiB", 0, &Wrong::Refused(429, vec![("retry-after", "0".to_owned())]));
    }
    // GitHub's way: forbidden until a time, by its own clock.
    let headers = vec![
        ("x-ratelimit-remaining", "0".to_owned()),
        ("x-ratelimit-reset", "1792567680".to_owned()),
        ("date", "Wed, 21 Oct 2026 07:28:00 GMT".to_owned()),
    ];
    each_call_goes_wrong_once(Kind::GitHub, "6 GiB", 0, &Wrong::Refused(403, headers));
    // GitLab's lock on the statuses of a commit.
    each_call_goes_wrong_once(Kind::GitLab, "6 GiB", 0, &Wrong::Refused(409, Vec::new()));
}

#[test]
fn a_connection_that_is_cut_before_the_call_was_carried_out_makes_no_second_comment() {
    for kind in [Kind::GitHub, Kind::GitLab, Kind::Gitea] {
        each_call_goes_wrong_once(kind, "6 GiB", 0, &Wrong::CutBefore);
    }
}

#[test]
fn a_connection_that_is_cut_after_the_call_was_carried_out_makes_no_second_comment() {
    for kind in [Kind::GitHub, Kind::GitLab, Kind::Forgejo] {
        each_call_goes_wrong_once(kind, "6 GiB", 0, &Wrong::CutAfter);
    }
}

#[test]
fn notes_on_lines_are_made_once_wherever_the_connection_is_cut() {
    for kind in [Kind::GitHub, Kind::GitLab, Kind::Gitea] {
        each_call_goes_wrong_once(kind, "5,5 GiB", 1, &Wrong::CutAfter);
    }
}

#[test]
fn an_answer_that_is_no_json_makes_no_second_comment() {
    for kind in [Kind::GitHub, Kind::GitLab, Kind::Forgejo] {
        each_call_goes_wrong_once(kind, "6 GiB", 0, &Wrong::Garbage);
    }
}

/// Each call of a posting goes wrong, and all that come after it as often as is said: the plan stands, and the next runs mend it.
fn each_call_goes_wrong_for_good(kind: Kind, times: usize, wrong: &Wrong) {
    let review = Review::new(kind);
    let head = review.push("6 GiB");
    let calls = undisturbed(&review).len();
    for nth in 1..=calls {
        review.forge.go_wrong(nth, times, wrong.clone());
        let said = review.run(&[]);
        let place = format!("{kind:?}, call {nth} of {calls}: {wrong:?}: {}", said.text());
        assert_eq!(said.code, 0, "{place}");
        // Of a comment whose answer cannot be read it is looked whether it is there.
        let is_written = said.stderr.contains("the comment was written") && review.status(&head).0 == "success";
        assert!(said.stderr.contains("warning: cannot ") || is_written, "{place}");
        assert!(review.forge.world().own().len() <= 1, "{place}");
        review.forge.mend();
        let state = review.forge.world().status_of(&head).map(|(state, _)| state.to_owned());
        review.run(&["--close"]);
        let closed = review.forge.world().status_of(&head).map(|(state, _)| state.to_owned());
        assert!(closed.as_deref() != Some("pending"), "{place}");
        assert!(times > 1 || nth == calls || state.as_deref() != Some("pending"), "{place}");
        review.run(&[]);
        assert_eq!(review.forge.world().own().len(), 1, "{place}");
        assert_eq!(review.status(&head).0, "success", "{place}");
        empty(&review);
    }
}

#[test]
fn an_outage_from_any_call_on_fails_no_plan() {
    for kind in [Kind::GitHub, Kind::GitLab] {
        each_call_goes_wrong_for_good(kind, usize::MAX, &Wrong::Refused(502, Vec::new()));
    }
}

#[test]
fn an_answer_that_is_too_long_is_not_read_to_its_end() {
    each_call_goes_wrong_for_good(Kind::Forgejo, 1, &Wrong::Oversize);
}

#[test]
fn nothing_is_sent_on_to_another_server() {
    for kind in [Kind::GitHub, Kind::GitLab, Kind::Gitea] {
        let elsewhere = StandIn::start(kind);
        each_call_goes_wrong_for_good(kind, 1, &Wrong::SentOn(format!("{}/stolen", elsewhere.api())));
        assert!(elsewhere.take_asked().is_empty(), "{kind:?}");
    }
}

#[test]
fn a_read_is_sent_on_within_its_server() {
    let review = Review::new(Kind::GitHub);
    review.push("6 GiB");
    let to = format!("{}/repos/collective/garden/pulls/7", review.forge.api());
    review.forge.go_wrong(2, 1, Wrong::SentOn(to));
    let said = review.run(&[]);
    assert!(said.stderr.contains("the comment was written") && !said.stderr.contains("warning"), "{}", said.text());
}

#[test]
fn a_forge_that_asks_for_an_hour_is_not_waited_for() {
    let review = Review::new(Kind::GitHub);
    let head = review.push("6 GiB");
    review.forge.go_wrong(3, 1, Wrong::Refused(429, vec![("retry-after", "3600".to_owned())]));
    let said = review.run(&[]);
    assert_eq!(said.code, 0, "{}", said.text());
    assert!(said.stderr.contains("the forge asks to wait for 3600 s, and this run waits no longer"), "{}", said.text());
    let (state, description) = review.status(&head);
    assert_eq!(state, "error", "{}", said.text());
    assert!(description.starts_with("the comment could not be written"), "{description}");
}

#[test]
fn an_archived_repository_is_said_to_be_one() {
    let review = Review::new(Kind::Forgejo);
    let head = review.push("6 GiB");
    review.forge.world().archived = true;
    let said = review.run(&[]);
    assert_eq!(said.code, 0, "{}", said.text());
    assert!(said.stderr.contains("the forge answered 423: repository is archived"), "{}", said.text());
    assert_eq!(review.status(&head).0, "error");
}

#[test]
fn a_token_whose_account_nobody_says_edits_nothing_that_may_be_anothers() {
    for kind in [Kind::Forgejo, Kind::Gitea, Kind::GitLab] {
        let mut review = Review::new(kind);
        {
            let mut world = review.forge.world();
            (world.takes_statuses, world.says_me) = (false, false);
        }
        review.push("6 GiB");
        // The comment is made, though its answer is lost, and is made once.
        let nth =
            undisturbed(&review).iter().position(|asked| asked.is_write() && !asked.path.contains("status")).unwrap();
        review.forge.go_wrong(nth + 1, 1, Wrong::CutAfter);
        let said = review.run(&[]);
        assert_eq!((said.code, review.forge.world().own().len()), (0, 1), "{kind:?}: {}", said.text());
        let before = review.comment();
        review.push("7 GiB");
        let said = review.run(&[]);
        assert!(said.stderr.contains("set `PARCELLE_FORGE_ACCOUNT`"), "{kind:?}: {}", said.text());
        assert_eq!(review.comment(), before, "{kind:?}");
        review.more.push(("PARCELLE_FORGE_ACCOUNT", "Parcelle-Bot".to_owned()));
        let said = review.run(&[]);
        assert!(said.stderr.contains("the comment was edited"), "{kind:?}: {}", said.text());
        assert_ne!(review.comment(), before, "{kind:?}");
    }
}

#[test]
fn a_rehearsal_prints_everything_and_sends_nothing() {
    for kind in Kind::ALL {
        let review = Review::new(kind);
        let head = review.push("5,5 GiB");
        let said = review.run(&["--dry-run"]);
        assert_eq!(said.code, 1, "{kind:?}: {}", said.text());
        assert!(review.forge.take_asked().is_empty(), "{kind:?}");
        let begins = format!("{kind:?}:\n\nPOST {}/", review.forge.api());
        assert!(said.stdout.starts_with(&begins), "{kind:?}: {}", said.stdout);
        for part in
            [&head, "<!-- parcelle review plots -->", "parcelle/plan", "storage 5.5 GiB", FILE, "state: pending"]
        {
            assert!(said.stdout.contains(part), "{kind:?}: {part}: {}", said.stdout);
        }
        // Where no CI says which forge it is, each kind is shown.
        let said = review.environment.run(["review", "--dry-run", "--base", "HEAD^"]);
        let kinds: Vec<&str> =
            said.stdout.lines().filter(|line| Kind::ALL.iter().any(|kind| *line == format!("{kind:?}:"))).collect();
        assert_eq!(kinds, ["GitHub:", "GitLab:", "Forgejo:", "Gitea:"], "{}", said.stdout);
    }
}

#[test]
fn a_token_goes_where_the_ci_says_and_nowhere_else() {
    let review = Review::new(Kind::GitHub);
    let elsewhere = StandIn::start(Kind::GitHub);
    review.push("6 GiB");
    // The token of the CI is for the CI's own forge.
    let said = review.run(&["--forge-url", &elsewhere.api()]);
    assert_eq!(said.code, 2, "{}", said.text());
    assert!(said.stderr.contains("none of `PARCELLE_FORGE_TOKEN` is set"), "{}", said.text());
    assert!(elsewhere.take_asked().is_empty());
    // Without TLS a token goes to this machine alone.
    let said = review.run(&["--forge-url", "http://forge.example", "--forge-token-file", FILE]);
    assert_eq!(said.code, 2, "{}", said.text());
    // A token in a file, with an end of line.
    review.environment.write("token", format!("{}\n", crate::forge::TOKEN));
    let file = review.environment.path("token").display().to_string();
    let said = review.run(&["--forge-token-file", &file]);
    assert!(said.stderr.contains("the comment was written"), "{}", said.text());
}
