//! `parcelle review` against stand-ins of each forge: one comment that is edited, a status that ends, notes on lines.

use crate::forge::{Kind, Person};
use crate::forge_story::{FILE, Review, organisation};

/// What the forge calls a plan that can be decided on, and one with findings.
fn failed(kind: Kind) -> &'static str {
    if kind == Kind::GitLab { "failed" } else { "failure" }
}

#[test]
fn a_merge_request_has_one_comment_from_its_first_push_to_its_end() {
    for kind in Kind::ALL {
        let review = Review::new(kind);
        let first = review.push("6 GiB");
        let said = review.run(&[]);
        assert_eq!(said.code, 0, "{kind:?}: {}", said.text());
        let comment = review.comment();
        assert!(comment.starts_with("<!-- parcelle review plots -->\n"), "{kind:?}: {comment}");
        assert!(comment.contains(&first[..12]) && !comment.contains("Earlier plans"), "{kind:?}: {comment}");
        assert_eq!(review.status(&first).0, "success", "{kind:?}");
        let id = review.forge.world().own()[0].id;
        assert_eq!(
            review.forge.world().marks.len(),
            if kind == Kind::GitLab { 1 } else { 2 },
            "{kind:?}: pending, then success"
        );

        // The same again: nothing is written but the status.
        review.forge.take_asked();
        let said = review.run(&[]);
        assert!(said.stderr.contains("the comment says the same already"), "{kind:?}: {}", said.text());
        let writes = review
            .forge
            .take_asked()
            .into_iter()
            .filter(|asked| asked.is_write() && !asked.path.contains("/statuses/"));
        assert_eq!(writes.count(), 0, "{kind:?}");

        // A further push: the comment is edited, and keeps what it said.
        let second = review.push("7 GiB");
        let said = review.run(&[]);
        assert!(said.stderr.contains("the comment was edited"), "{kind:?}: {}", said.text());
        let comment = review.comment();
        assert_eq!(review.forge.world().own()[0].id, id, "{kind:?}: it is the same one");
        assert!(comment.contains(&second[..12]), "{kind:?}: {comment}");
        assert!(comment.contains("<summary>Earlier plans (1)</summary>\n\n- <code>"), "{kind:?}: {comment}");
        let folded = comment.split("<details>").last().unwrap_or_default();
        assert!(folded.contains(&first[..12]), "{kind:?}: {folded}");

        // Taken back: there is nothing to say any more, and the comment says so.
        let third = review.push("5 GiB");
        review.run(&[]);
        let comment = review.comment();
        assert!(comment.contains("Earlier plans (2)"), "{kind:?}: {comment}");
        assert_eq!(review.status(&third).0, "success", "{kind:?}");

        // Closed: a status and no comment.
        let fourth = review.push("8 GiB");
        review.forge.world().state = "closed";
        let said = review.run(&[]);
        assert_eq!(said.code, 0, "{kind:?}: {}", said.text());
        assert!(said.stderr.contains("the merge request is closed"), "{kind:?}: {}", said.text());
        assert_eq!((review.comment(), review.status(&fourth).0.as_str()), (comment, "success"), "{kind:?}");
        assert!(review.forge.world().commands.is_empty(), "{kind:?}");
    }
}

#[test]
fn where_nothing_changes_and_nothing_was_said_there_is_a_status_alone() {
    for kind in Kind::ALL {
        let review = Review::new(kind);
        let head = review.push_file(&format!("{}// A remark.\n", organisation("5 GiB")));
        let said = review.run(&[]);
        assert_eq!(said.code, 0, "{kind:?}: {}", said.text());
        assert!(review.forge.world().own().is_empty(), "{kind:?}");
        let (state, description) = review.status(&head);
        assert_eq!(state, "success", "{kind:?}");
        assert!(!description.is_empty() && description.chars().count() <= 140, "{kind:?}: {description}");
    }
}

#[test]
fn a_draft_is_planned_and_said_to_be_one() {
    for kind in Kind::ALL {
        let review = Review::new(kind);
        review.forge.world().draft = true;
        review.push("6 GiB");
        review.run(&[]);
        assert!(review.comment().contains("**This merge request is a draft**"), "{kind:?}");
        review.forge.world().draft = false;
        review.run(&[]);
        assert!(!review.comment().contains("is a draft"), "{kind:?}");
    }
}

#[test]
fn a_comment_of_somebody_else_that_bears_the_mark_is_left_alone() {
    for kind in Kind::ALL {
        let review = Review::new(kind);
        let copied = "<!-- parcelle review plots -->\nEverything is fine, merge it.";
        // Somebody took the login that the account has on other forges, and has another number.
        let mallory = review.forge.world().comment(Person::new(66, "mallory"), copied);
        review.push("6 GiB");
        let said = review.run(&[]);
        assert_eq!(said.code, 0, "{kind:?}: {}", said.text());
        assert!(said.stderr.contains("1 comments of others bear the mark"), "{kind:?}: {}", said.text());
        review.push("7 GiB");
        review.run(&[]);
        assert_eq!(review.forge.world().own().len(), 1, "{kind:?}");
        let world = review.forge.world();
        let remark = world.remarks.iter().find(|remark| remark.id == mallory).expect("it is there");
        assert_eq!((remark.body.as_str(), remark.edits), (copied, 0), "{kind:?}");
    }
}

#[test]
fn a_comment_that_somebody_edited_is_gone_on_from() {
    for kind in Kind::ALL {
        let review = Review::new(kind);
        let first = review.push("6 GiB");
        review.run(&[]);
        let edited = review.comment().replace("<!-- parcelle planned ", "<!-- parcelle planned x");
        let edited =
            format!("{edited}\n<!-- parcelle planned {} yesterday --><script> -->\n<!-- parcelle planned", &first[..9]);
        review.forge.world().remarks[0].body = edited;
        review.push("7 GiB");
        let said = review.run(&[]);
        assert_eq!(said.code, 0, "{kind:?}: {}", said.text());
        let comment = review.comment();
        assert!(!comment.contains("Earlier plans") && !comment.contains("script"), "{kind:?}: {comment}");
    }
}

#[test]
fn the_history_is_bounded_and_its_latest_stands_last() {
    let review = Review::new(Kind::GitHub);
    let mut heads = Vec::new();
    for size in 6..30 {
        heads.push(review.push(&format!("{size} GiB")));
        review.run(&[]);
    }
    let comment = review.comment();
    assert!(comment.contains("Earlier plans (20)"), "{comment}");
    let folded = comment.split("<summary>").last().unwrap_or_default();
    let shown: Vec<&str> = folded.lines().filter_map(|line| line.strip_prefix("- <code>")?.split('<').next()).collect();
    let wanted: Vec<&str> = heads[3..23].iter().map(|head| &head[..12]).collect();
    assert_eq!(shown, wanted);
}

#[test]
fn what_moved_on_is_not_written_over() {
    for kind in Kind::ALL {
        let review = Review::new(kind);
        let first = review.push("6 GiB");
        let job = review.variables();
        // A further push comes before the job of the first one has planned.
        let second = review.push("7 GiB");
        let said = review.run_as(&job, &[]);
        assert_eq!(said.code, 0, "{kind:?}: {}", said.text());
        assert!(review.forge.world().own().is_empty(), "{kind:?}");
        let (state, description) = review.status(&first);
        assert_eq!(state, "success", "{kind:?}");
        assert!(description.starts_with(&format!("superseded by {}", &second[..12])), "{kind:?}: {description}");
        assert!(review.forge.world().status_of(&second).is_none(), "{kind:?}");
    }
}

#[test]
fn findings_stand_on_their_lines_until_they_are_mended() {
    for kind in Kind::ALL {
        let review = Review::new(kind);
        let head = review.push("5,5 GiB");
        let said = review.run(&[]);
        assert_eq!(said.code, 1, "{kind:?}: {}", said.text());
        assert_eq!(review.status(&head).0, failed(kind), "{kind:?}");
        let notes: Vec<_> = review.forge.world().on_lines().into_iter().cloned().collect();
        assert_eq!(notes.len(), 1, "{kind:?}: {notes:#?}");
        assert_eq!(notes[0].place, Some((FILE.to_owned(), 10)), "{kind:?}");
        let fence = match kind {
            Kind::GitHub => "```suggestion\n",
            Kind::GitLab => "```suggestion:-0+0\n",
            Kind::Forgejo | Kind::Gitea => "It could be:\n\n```\n",
        };
        assert!(notes[0].body.contains(&format!("{fence}        storage 5.5 GiB\n```")), "{kind:?}: {}", notes[0].body);

        // Pushed again with the same finding: it is not told twice.
        review.push_file(&format!("{}// A remark.\n", organisation("5,5 GiB")));
        review.run(&[]);
        assert_eq!(review.forge.world().on_lines().len(), 1, "{kind:?}");
        assert_eq!(review.forge.world().on_lines()[0].edits, 0, "{kind:?}");

        // Mended: GitLab resolves the thread, the others say it in its text.
        review.push("6 GiB");
        let said = review.run(&[]);
        assert!(said.stderr.contains("1 resolved"), "{kind:?}: {}", said.text());
        let note = review.forge.world().on_lines()[0].clone();
        assert_eq!((note.id, note.resolved), (notes[0].id, kind == Kind::GitLab), "{kind:?}");
        assert!(note.body.starts_with("**Resolved:** ~~"), "{kind:?}: {}", note.body);

        // And back again: the same thread is open.
        review.push("5,5 GiB");
        review.run(&[]);
        let world = review.forge.world();
        let [note] = world.on_lines()[..] else { panic!("{kind:?}: {:#?}", world.on_lines()) };
        assert_eq!((note.body.as_str(), note.resolved), (notes[0].body.as_str(), false), "{kind:?}");
    }
}

#[test]
fn a_finding_whose_line_the_diff_does_not_show_stands_in_the_comment() {
    for kind in Kind::ALL {
        let review = Review::new(kind);
        review.push("5,5 GiB");
        review.forge.world().diff.clear();
        let said = review.run(&[]);
        assert_eq!(said.code, 1, "{kind:?}: {}", said.text());
        assert!(review.forge.world().on_lines().is_empty(), "{kind:?}");
        let comment = review.comment();
        assert!(comment.contains("On lines that this comment alone can name (1)"), "{kind:?}: {comment}");
    }
}

#[test]
fn a_status_that_a_crash_left_open_is_ended_by_the_next_step() {
    for kind in Kind::ALL {
        let review = Review::new(kind);
        let head = review.push("6 GiB");
        // A run that is killed after its first call.
        review.forge.go_wrong(2, usize::MAX, crate::forge::Wrong::Refused(401, Vec::new()));
        review.run(&[]);
        assert_eq!(review.status(&head).0, "pending", "{kind:?}");
        review.forge.mend();
        let said = review.run(&["--close"]);
        assert_eq!(said.code, 0, "{kind:?}: {}", said.text());
        let wanted = if kind == Kind::GitLab { "failed" } else { "error" };
        assert_eq!(review.status(&head).0, wanted, "{kind:?}: {}", said.text());
        // What has ended stays.
        let said = review.run(&["--close"]);
        assert!(said.stderr.contains("ended already"), "{kind:?}: {}", said.text());
        review.run(&[]);
        review.run(&["--close"]);
        assert_eq!(review.status(&head).0, "success", "{kind:?}");
    }
}

#[test]
fn the_comment_is_found_on_whatever_page_it_stands_and_what_stays_the_same_is_not_sent_twice() {
    for kind in Kind::ALL {
        let review = Review::new(kind);
        for nth in 0..5 {
            review.forge.world().comment(Person::new(70 + nth, "talker"), "I think so too.");
        }
        review.push("6 GiB");
        review.run(&[]);
        let id = review.forge.world().own()[0].id;
        review.push("7 GiB");
        review.forge.take_asked();
        let said = review.run(&[]);
        assert!(said.stderr.contains("the comment was edited"), "{kind:?}: {}", said.text());
        let own: Vec<u64> = review.forge.world().own().iter().map(|remark| remark.id).collect();
        assert_eq!(own, [id], "{kind:?}");
        let asked = review.forge.take_asked();
        let of_list = |part: &str| asked.iter().filter(|asked| !asked.is_write() && asked.path.ends_with(part)).count();
        let pages = match kind {
            Kind::GitHub => of_list("/issues/7/comments"),
            Kind::GitLab => of_list("/notes"),
            // The whole list at once.
            Kind::Forgejo | Kind::Gitea => of_list("/issues/7/comments") + 2,
        };
        assert_eq!(pages, 3, "{kind:?}");
        // Before the comment is written the merge request is read again, with the tag of what was read, where there is one.
        let reads: Vec<_> = asked.iter().filter(|asked| !asked.is_write() && asked.path.ends_with("/7")).collect();
        assert_eq!(reads.len(), 2, "{kind:?}");
        assert_eq!(
            reads[1].headers.contains_key("if-none-match"),
            matches!(kind, Kind::GitHub | Kind::GitLab),
            "{kind:?}"
        );
    }
}

#[test]
fn what_differs_between_forges_is_sent_as_each_takes_it() {
    for kind in Kind::ALL {
        let review = Review::new(kind);
        review.push("6 GiB");
        // Whatever is logged, the token is not; `run` looks for it.
        let mut job = review.variables();
        job.push(("PARCELLE_LOG", "trace,ureq_proto=trace,ureq_proto::client=trace,ureq::run=trace".to_owned()));
        let said = review.run_as(&job, &["-vv"]);
        assert_eq!(said.code, 0, "{kind:?}: {}", said.text());
        review.push("7 GiB");
        review.run(&[]);
        let asked = review.forge.take_asked();
        let edit = asked.iter().rfind(|asked| asked.is_write() && !asked.path.contains("/statuses/")).unwrap();
        let id = review.forge.world().own()[0].id;
        let status = asked.iter().find(|asked| asked.path.contains("/statuses/")).unwrap();
        let (method, path, header, name) = match kind {
            Kind::GitHub => {
                ("PATCH", format!("/repos/collective/garden/issues/comments/{id}"), "authorization", "context")
            }
            Kind::GitLab => {
                let path = format!("/projects/collective%2Fsub%2Fgarden/merge_requests/7/notes/{id}");
                assert_eq!((&status.body["pipeline_id"], &status.body["ref"]), (&55.into(), &serde_json::Value::Null));
                ("PUT", path, "private-token", "name")
            }
            Kind::Forgejo | Kind::Gitea => {
                ("PATCH", format!("/repos/collective/garden/issues/comments/{id}"), "authorization", "context")
            }
        };
        assert_eq!((edit.method.as_str(), edit.path.as_str()), (method, path.as_str()), "{kind:?}");
        assert!(edit.headers.contains_key(header), "{kind:?}");
        assert_eq!(status.body[name], "parcelle/plan", "{kind:?}");
        let agent = asked.iter().all(|asked| asked.headers["user-agent"].starts_with("parcelle/"));
        assert!(agent, "{kind:?}");
        assert!(review.forge.world().marks.iter().all(|mark| mark.target.is_some()), "{kind:?}: it links to the job");
    }
}
