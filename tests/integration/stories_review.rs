//! What a review tells of a change: the verdict, the lines, the people that it concerns; and how two stages stay apart.

use std::fmt::Write as _;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use serde_json::Value;

use crate::command::TestEnvironment;
use crate::forge::Kind;
use crate::forge_story::Review;

const GARDEN: &str = "edition 2026\n\ngarden plots {\n    title \"Plots\"\n    allow W0443 \"a story\"\n    \
                      ceiling { cpu 64 cores; memory 256 GiB; storage 8 TiB; }\n}\n\ncluster ada {\n    title \"Ada\"\n    \
                      uid \"0c0ffee0-0000-4000-8000-000000000000\"\n    timezone \"Europe/Paris\"\n    \
                      network { nodes \"203.0.113.0/26\"; api-server \"203.0.113.2\"; }\n    provides {\n        \
                      volume storage-class { class fast; }\n        \
                      postgres cloudnative-pg { storage-class fast; }\n        \
                      route gateway-api { gateway public; namespace gateways; certificates letsencrypt; }\n    }\n}\n";

fn offer(size: &str) -> String {
    format!(
        "edition 2026\n\noffer shared {{\n    title \"Shared\"\n    grants {{ cpu 8 cores; memory 16 GiB; storage 100 GiB; }}\n    \
         app static-site www {{ size {size}; }}\n}}\n"
    )
}

fn organisation(name: &str, more: &str) -> String {
    format!(
        "edition 2026\n\norganisation {name} {{\n    title \"Größe {name}\"\n    offer shared\n    cluster ada\n    domain {name}.example\n{more}}}\n"
    )
}

/// A garden of so many organisations, committed.
fn garden(organisations: usize) -> TestEnvironment {
    let place = TestEnvironment::new();
    place.garden([("garden.kdl".to_owned(), GARDEN.to_owned()), ("offers/shared.kdl".to_owned(), offer("small"))]);
    place.garden((0..organisations).map(|at| {
        let name = format!("org-{at:04}");
        (format!("organisations/{name}.kdl"), organisation(&name, ""))
    }));
    place.commit("before");
    place
}

/// The comment that would be posted to a forge of a kind, as it stands in what `--dry-run` prints.
fn comment_on(place: &TestEnvironment, kind: &str) -> String {
    let said = place.run(["review", "--base", "HEAD~1", "--dry-run", "--forge", kind]);
    let begins = said.stdout.find("    | <!-- parcelle review").unwrap_or_else(|| panic!("{}", said.text()));
    said.stdout[begins..]
        .lines()
        .map_while(|line| line.strip_prefix("    | ").or((line == "    |").then_some("")))
        .fold(String::new(), |mut comment, line| {
            let _ = writeln!(comment, "{line}");
            comment
        })
}

fn comment(place: &TestEnvironment) -> String {
    comment_on(place, "github")
}

#[test]
fn one_setting_is_a_verdict_and_a_row() {
    let place = garden(3);
    place.garden([(
        "organisations/org-0001.kdl",
        organisation("org-0001", "    app hedgedoc pads { storage 6 GiB; }\n"),
    )]);
    place.commit("pads");
    place.garden([(
        "organisations/org-0001.kdl",
        organisation("org-0001", "    app hedgedoc pads { storage 7 GiB; }\n"),
    )]);
    place.commit("room");
    let comment = comment(&place);
    let verdict = comment.lines().nth(1).unwrap();
    assert_eq!(verdict, "**Plan: one change of org-0001, nothing is deleted, nobody is interrupted.**", "{comment}");
    assert!(comment.contains("· clusters not asked"), "{comment}");
    assert!(
        comment.contains("| `organisations/org-0001.kdl:8` `storage` | `6 GiB` | `7 GiB` | room for "),
        "{comment}"
    );
    assert!(!comment.contains("Left out here"), "{comment}");
}

#[test]
fn an_offer_for_a_hundred_organisations_is_one_row() {
    let place = garden(100);
    place.garden([("offers/shared.kdl", offer("medium"))]);
    place.commit("larger");
    let comment = comment(&place);
    assert_eq!(comment.matches("`offers/shared.kdl:6` `size`").count(), 1, "{comment}");
    assert!(comment.contains("in 100 organisations"), "{comment}");
    assert!(comment.contains("<summary>Organisations (100)</summary>"), "{comment}");
    assert!(comment.contains("Decides for more than one organisation: `offers/shared.kdl`."), "{comment}");
    assert_eq!(comment.matches("```text").count(), 1, "equal changes are told once: {comment}");
    assert!(comment.len() < 20_000, "{}", comment.len());
}

#[test]
fn a_retirement_among_thousands_of_changes_stands_in_the_verdict() {
    let place = garden(700);
    place.garden([(
        "organisations/org-0300.kdl",
        organisation("org-0300", "    app hedgedoc pads { storage 6 GiB; }\n"),
    )]);
    place.commit("pads");
    place.garden([
        ("offers/shared.kdl", offer("large")),
        (
            "organisations/org-0300.kdl",
            organisation("org-0300", "    retired app hedgedoc pads { storage 6 GiB; keep-data 90 days; }\n"),
        ),
    ]);
    place.commit("much");
    for (kind, most) in [("github", 65_536), ("gitlab", 1_000_000)] {
        let comment = comment_on(&place, kind);
        let verdict = comment.lines().nth(1).unwrap();
        assert!(verdict.starts_with("**Plan: deletes people's data on 2027-"), "{verdict}");
        assert!(verdict.contains("700 organisations change") && verdict.ends_with('⚠'), "{verdict}");
        assert!(comment.chars().count() <= most, "{kind}: {}", comment.len());
        let gone = comment.lines().find(|line| line.contains("**Gone on 2027-")).unwrap_or_else(|| panic!("{comment}"));
        assert!(gone.contains("pads of org-0300"), "{gone}");
    }
}

#[test]
fn findings_are_told_and_what_was_there_before_is_counted() {
    let place = garden(2);
    place.garden([(
        "organisations/org-0000.kdl",
        organisation("org-0000", "    app hedgedoc pads { storage 5,5 GiB; }\n"),
    )]);
    place.commit("before");
    place.garden([(
        "organisations/org-0001.kdl",
        organisation("org-0001", "    app hedgedoc one { storage 6,5 GiB; }\n    app hedgedocs two\n    app hedgedoc three { colour red; }\n"),
    )]);
    place.commit("three mistakes");
    let comment = comment(&place);
    assert!(comment.lines().nth(1).unwrap().starts_with("**Plan: 3 mistakes to mend first.**"), "{comment}");
    assert_eq!(comment.matches("- **error E").count(), 3, "{comment}");
    assert!(comment.contains("1 finding as before."), "{comment}");
    let said = place.run(["review", "--base", "HEAD~1", "--dry-run", "--forge", "github"]);
    assert_eq!(said.code, 1);
    assert!(said.stdout.contains("state: failure"), "{}", said.stdout);
}

#[test]
fn nothing_is_no_comment() {
    let place = garden(2);
    place.garden([("organisations/org-0000.kdl", format!("// A note.\n{}", organisation("org-0000", "")))]);
    place.commit("a comment");
    let said = place.run(["review", "--base", "HEAD~1", "--dry-run", "--forge", "forgejo"]);
    assert_eq!(said.code, 0, "{}", said.text());
    assert!(!said.stdout.contains("body:") && said.stdout.contains("description: nothing changes."), "{}", said.stdout);
}

#[test]
fn whatever_a_garden_says_is_text_in_a_comment() {
    let place = garden(1);
    let hostile = "@everyone #1 !2 <script>x</script> ![a](http://b) | `c` </details> /approve";
    let text = organisation("org-0000", "").replace("Größe org-0000", hostile);
    place.garden([("organisations/org-0000.kdl", format!("{text}\n/approve\n"))]);
    place.commit("hostile");
    let comment = comment_on(&place, "gitlab");
    assert!(comment.contains("everyone"), "{comment}");
    let mut is_block = false;
    for event in Parser::new_ext(&comment, Options::ENABLE_TABLES | Options::ENABLE_GFM) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => is_block = true,
            Event::End(TagEnd::CodeBlock) => is_block = false,
            Event::Start(Tag::Link { .. } | Tag::Image { .. }) => panic!("a link in\n{comment}"),
            Event::Html(html) | Event::InlineHtml(html) => {
                let own = ["<!--", "<details", "</details>", "<summary"];
                assert!(own.iter().any(|own| html.trim_start().starts_with(own)), "{html} in\n{comment}");
            }
            Event::Text(text) if !is_block => assert!(!text.contains(['@', '#', '!']), "{text} in\n{comment}"),
            _ => {}
        }
    }
    assert!(comment.lines().all(|line| !line.trim_start().starts_with('/')), "{comment}");
}

#[test]
fn a_target_that_moved_is_told_with_what_a_merge_comes_to() {
    for (theirs, ours, said) in
        [("    app hedgedoc pads\n", "", "both go together."), ("", "", "**`main` has gone on by 1 commit")]
    {
        let place = garden(2);
        let began = place.repository().head().unwrap().target().unwrap();
        let of = |size: &str, more: &str| {
            [("offers/shared.kdl", offer(size)), ("organisations/org-0000.kdl", organisation("org-0000", more))]
        };
        place.garden(of(if theirs.is_empty() { "large" } else { "small" }, theirs));
        let main = place.commit("main goes on");
        place.reset(&began.to_string());
        place.garden(of("medium", ours));
        let asked = place.commit("asked for");
        let repository = place.repository();
        repository.reference("refs/heads/work", git2::Oid::from_str(&asked).unwrap(), true, "").unwrap();
        repository.set_head("refs/heads/work").unwrap();
        repository.reference("refs/heads/main", git2::Oid::from_str(&main).unwrap(), true, "").unwrap();
        let review = place.run(["review", "--save", "review.json"]);
        assert_eq!(review.code, i32::from(theirs.is_empty()), "{}", review.text());
        let told = place.run(["review", "--from", "review.json", "--dry-run", "--forge", "github"]);
        assert!(told.stdout.contains(said), "{said}: {}", told.stdout);
        let value: Value = serde_json::from_str(&place.read("garden/review.json")).unwrap();
        assert_eq!((value["target"]["branch"].as_str(), value["target"]["ahead"].as_u64()), (Some("main"), Some(1)));
    }
}

#[test]
fn where_the_loop_writes_the_pipeline_only_computes() {
    let review = Review::new(Kind::GitLab);
    let garden = review
        .environment
        .read("garden/garden.kdl")
        .replace("title \"Plots\"", "title \"Plots\"\n    review by=daemon");
    review.environment.garden([("garden.kdl", garden)]);
    let base = review.environment.commit("the loop writes");
    review.forge.world().base = base;
    review.push("6 GiB");
    let said = review.run(&[]);
    assert_eq!(said.code, 0, "{}", said.text());
    assert!(
        said.stderr.contains("`review by=daemon`") && said.stderr.contains("one change of alpha"),
        "{}",
        said.text()
    );
    assert!(review.forge.take_asked().iter().all(|asked| !asked.is_write()), "nothing is written");
}

#[test]
fn a_plan_for_another_commit_or_that_is_none_ends_the_status_and_posts_nothing() {
    for kind in Kind::ALL {
        let review = Review::new(kind);
        review.push("6 GiB");
        assert_eq!(review.run(&["--save", "first.json"]).code, 0);
        let head = review.push("7 GiB");
        for (file, text) in
            [("first.json", None), ("none.json", Some("{\"schema\":\"parcelle.dev/review/v1\",\"\u{1b}[31m\":1}"))]
        {
            if let Some(text) = text {
                review.environment.write(&format!("garden/{file}"), text);
            }
            let said = review.run(&["--from", file]);
            assert_eq!(said.code, 2, "{kind:?} {file}: {}", said.text());
            assert!(!said.text().contains('\u{1b}'), "{}", said.text());
            let (state, description) = review.status(&head);
            assert!(["error", "failed"].contains(&&*state), "{kind:?}: {state}");
            assert!(description.starts_with("the review of this pipeline"), "{kind:?}: {description}");
            assert!(review.forge.world().own().is_empty(), "{kind:?}: no comment");
        }
        assert_eq!(review.run(&["--save", "second.json"]).code, 0);
        assert_eq!(review.run(&["--from", "second.json"]).code, 0, "{kind:?}");
        assert!(review.comment().contains("`7 GiB`"), "{kind:?}");
    }
}

#[test]
fn a_fork_is_planned_without_the_snapshot_and_a_draft_is_said_to_be_one() {
    let review = Review::new(Kind::Forgejo);
    review.forge.world().fork = true;
    review.push("6 GiB");
    let said = review.run(&["--live", "not-there.json"]);
    assert_eq!(said.code, 0, "{}", said.text());
    assert!(said.stderr.contains("from a fork: planned without the snapshot"), "{}", said.text());
    assert!(review.comment().contains("From a fork: planned without the clusters."), "{}", review.comment());
    let review = Review::new(Kind::GitHub);
    review.forge.world().draft = true;
    review.push("6 GiB");
    review.run(&[]);
    assert!(review.comment().contains("A draft: it can still change."), "{}", review.comment());
}
