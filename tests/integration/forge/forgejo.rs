//! Forgejo and Gitea: comments of the timeline have no pages, those on lines stand in reviews and are edited like all others.

use serde_json::{Value, json};

use super::github::{of_mark, pull, shown, status};
use super::world::{Kind, api, parts};
use super::{Asked, Reply, World};

pub(super) fn answer(world: &mut World, asked: &Asked) -> Reply {
    let path = parts(&asked.path);
    let ["repos", "collective", "garden", rest @ ..] = &path[..] else { return Reply::no(404, "not found") };
    match (asked.method.as_str(), rest) {
        ("GET", []) => Reply::of(200, &json!({"full_name": "collective/garden"})),
        ("GET", ["pulls", "7"]) => Reply::of(200, &pull(world)),
        ("GET", ["issues", "7", "comments"]) => {
            let all: Vec<Value> = world.remarks.iter().filter(|remark| remark.place.is_none()).map(shown).collect();
            Reply::of(200, &Value::from(all.clone())).with("x-total-count", all.len())
        }
        ("POST" | "PATCH", ["issues", ..]) if world.archived => Reply::no(423, "repository is archived"),
        ("POST", ["issues", "7", "comments"]) => {
            let id = world.comment(world.me.clone(), asked.text("body"));
            Reply::of(201, &shown(world.remarks.iter().find(|remark| remark.id == id).expect("it was made")))
        }
        ("PATCH", ["issues", "comments", id]) => match world.edit(id.parse().ok(), None, asked.text("body")) {
            Some(remark) => Reply::of(200, &shown(&remark)),
            None => Reply::no(404, "not found"),
        },
        ("GET", ["pulls", "7", "reviews"]) => {
            let mut reviews: Vec<u64> = world.on_lines().iter().map(|remark| remark.within).collect();
            reviews.dedup();
            let of = |review: &u64| {
                let count = world.on_lines().iter().filter(|remark| remark.within == *review).count();
                json!({"id": review, "state": "COMMENT", "user": world.me.shown(), "comments_count": count})
            };
            let all: Vec<Value> = reviews.iter().map(of).chain(world.reviews_of_forgejo()).collect();
            world.paged(asked, "limit", &all, &api(world.kind))
        }
        ("GET", ["commits", commit, "pull"]) if world.is_recorded(commit) => Reply::of(200, &pull(world)),
        ("GET", ["pulls", "7", "commits"]) => {
            let all: Vec<Value> = world.pushes.iter().map(|push| json!({"sha": push.head})).collect();
            world.paged(asked, "limit", &all, &api(world.kind))
        }
        ("GET", ["issues", "7", "timeline"]) => {
            let pushes = world.pushes.iter().skip(1).map(|push| json!({"type": "pull_push", "user": push.by.shown()}));
            let all: Vec<Value> = pushes.chain([json!({"type": "label", "user": {"login": "cleo"}})]).collect();
            world.paged(asked, "limit", &all, &api(world.kind))
        }
        ("GET", ["pulls", "7", "reviews", review, "comments"]) => {
            let within = world.on_lines().into_iter().filter(|remark| remark.within.to_string() == **review);
            Reply::of(200, &Value::from(within.map(shown).collect::<Vec<_>>()))
        }
        ("POST", ["pulls", "7", "reviews"]) => review(world, asked),
        ("POST", ["statuses", commit]) => status(world, commit, asked),
        ("GET", ["commits", commit, "statuses"]) => {
            // In the order in which they were set, whatever is asked for.
            let all: Vec<Value> =
                world.marks.iter().filter(|mark| mark.commit == **commit).map(|mark| of_mark(mark, world)).collect();
            world.paged(asked, "limit", &all, &api(world.kind))
        }
        _ => Reply::no(404, "not found"),
    }
}

fn review(world: &mut World, asked: &Asked) -> Reply {
    let comments = asked.body["comments"].as_array().cloned().unwrap_or_default();
    let place = |comment: &Value| {
        let line = comment["new_position"].as_u64().and_then(|line| u32::try_from(line).ok()).unwrap_or_default();
        (comment["path"].as_str().unwrap_or_default().to_owned(), line)
    };
    let is_shown = |comment: &Value| {
        let (path, line) = place(comment);
        world.shows(&path, line)
    };
    if asked.text("event") != "COMMENT" || asked.text("commit_id") != world.head || !comments.iter().all(is_shown) {
        return Reply::no(422, "line is not in the diff");
    }
    let review = world.number();
    // Forgejo shows the text of a review in the timeline, but not among its comments.
    debug_assert!(matches!(world.kind, Kind::Forgejo | Kind::Gitea));
    for comment in &comments {
        let (path, line) = place(comment);
        world.on_line(review, &path, line, comment["body"].as_str().unwrap_or_default());
    }
    Reply::of(200, &json!({"id": review, "state": "COMMENT"}))
}
