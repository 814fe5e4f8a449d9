//! GitHub: comments of the timeline and comments on lines have paths of their own.

use serde_json::{Value, json};

use super::world::{Mark, Remark, api, parts};
use super::{Asked, Reply, World};

/// The most characters of a comment, and of the description of a status.
const LONGEST: usize = 65_536;
const LONGEST_DESCRIPTION: usize = 140;

pub(super) fn answer(world: &mut World, asked: &Asked) -> Reply {
    if !asked.headers.get("user-agent").is_some_and(|agent| agent.starts_with("parcelle/")) {
        return Reply::no(
            403,
            "Request forbidden by administrative rules. Please make sure your request has a User-Agent header",
        );
    }
    let path = parts(&asked.path);
    let ["repos", "collective", "garden", rest @ ..] = &path[..] else { return Reply::no(404, "Not Found") };
    match (asked.method.as_str(), rest) {
        ("GET", []) => Reply::of(200, &json!({"full_name": "collective/garden"})),
        ("GET", ["pulls", "7"]) => World::tagged(asked, &pull(world)),
        ("GET", ["issues", "7", "comments"]) => {
            let all: Vec<Value> = world.remarks.iter().filter(|remark| remark.place.is_none()).map(shown).collect();
            world.paged(asked, "per_page", &all, &api(world.kind))
        }
        ("POST" | "PATCH", ["issues", ..]) | ("PATCH", ["pulls", "comments", _]) if is_long(asked.text("body")) => {
            Reply::no(422, "Validation Failed: body is too long (maximum is 65536 characters)")
        }
        ("POST", ["issues", "7", "comments"]) => {
            let id = world.comment(world.me.clone(), asked.text("body"));
            Reply::of(201, &shown(world.remarks.iter().find(|remark| remark.id == id).expect("it was made")))
        }
        ("PATCH", [of @ ("issues" | "pulls"), "comments", id]) => {
            match world.edit(id.parse().ok(), Some(*of == "pulls"), asked.text("body")) {
                Some(remark) => Reply::of(200, &shown(&remark)),
                None => Reply::no(404, "Not Found"),
            }
        }
        ("GET", ["pulls", "7", "comments"]) => {
            let all: Vec<Value> = world.on_lines().into_iter().map(shown).collect();
            world.paged(asked, "per_page", &all, &api(world.kind))
        }
        ("POST", ["pulls", "7", "comments"]) => {
            on_lines(world, asked.text("commit_id"), std::slice::from_ref(&asked.body), 201)
        }
        ("GET", ["commits", commit, "pulls"]) => {
            let all: Vec<Value> = world.is_of_request(commit).then(|| pull(world)).into_iter().collect();
            world.paged(asked, "per_page", &all, &api(world.kind))
        }
        ("GET", ["pulls", "7", "reviews"]) => {
            world.paged(asked, "per_page", &world.reviews_of_github(), &api(world.kind))
        }
        ("GET", ["pulls", "7", "commits"]) => {
            let written = world
                .pushes
                .iter()
                .map(|push| json!({"sha": push.head, "author": push.by.shown(), "committer": {"login": "web-flow"}}));
            world.paged(asked, "per_page", &written.collect::<Vec<_>>(), &api(world.kind))
        }
        ("POST", ["pulls", "7", "reviews"]) => {
            let comments = asked.body["comments"].as_array().cloned().unwrap_or_default();
            if asked.text("event") != "COMMENT" || asked.text("body").is_empty() {
                return Reply::no(422, "Unprocessable Entity");
            }
            on_lines(world, asked.text("commit_id"), &comments, 200)
        }
        ("POST", ["statuses", commit]) => status(world, commit, asked),
        ("GET", ["commits", commit, "statuses"]) => {
            let mut all: Vec<Value> =
                world.marks.iter().filter(|mark| mark.commit == **commit).map(|mark| of_mark(mark, world)).collect();
            all.reverse();
            world.paged(asked, "per_page", &all, &api(world.kind))
        }
        _ => Reply::no(404, "Not Found"),
    }
}

/// A pull request, as Forgejo and Gitea show it too.
pub(crate) fn pull(world: &World) -> Value {
    let repository = json!({"full_name": "collective/garden", "id": 1});
    let work = if world.fork { json!({"full_name": "somebody/garden", "id": 2}) } else { repository.clone() };
    let goes_to = if world.elsewhere { json!({"full_name": "mallory/garden", "id": 66}) } else { repository };
    json!({
        "number": 7,
        "state": if world.state == "merged" { "closed" } else { world.state },
        "merged": world.state == "merged",
        "merged_at": if world.state == "merged" { json!("2026-11-20T12:00:00Z") } else { Value::Null },
        "draft": world.draft,
        "title": "A change",
        "user": {"id": 9, "login": "ada"},
        "head": {"sha": world.head, "ref": "work", "repo": work},
        "base": {"sha": world.base, "ref": "main", "repo": goes_to},
    })
}

pub(super) fn shown(remark: &Remark) -> Value {
    let (path, line) = remark.place.clone().unzip();
    json!({"id": remark.id, "body": remark.body, "user": remark.author.shown(), "path": path, "line": line})
}

fn is_long(body: &str) -> bool {
    body.chars().count() > LONGEST
}

/// Comments on lines: all of them, or none.
fn on_lines(world: &mut World, commit: &str, comments: &[Value], status: u16) -> Reply {
    let number = |comment: &Value, field: &str| comment[field].as_u64().and_then(|line| u32::try_from(line).ok());
    let is_shown = |comment: &Value| {
        let path = comment["path"].as_str().unwrap_or_default();
        let begins = comment["start_line"].is_null()
            || number(comment, "start_line").is_some_and(|line| world.shows(path, line));
        begins && number(comment, "line").is_some_and(|line| world.shows(path, line))
    };
    if commit != world.head || comments.is_empty() || !comments.iter().all(is_shown) {
        return Reply::no(422, "Unprocessable Entity: pull_request_review_thread.line must be part of the diff");
    }
    let review = world.number();
    for comment in comments {
        let (path, line) = (comment["path"].as_str().unwrap_or_default(), number(comment, "line").unwrap_or_default());
        world.on_line(review, path, line, comment["body"].as_str().unwrap_or_default());
    }
    Reply::of(status, &json!({"id": review}))
}

pub(super) fn status(world: &mut World, commit: &str, asked: &Asked) -> Reply {
    let states = ["pending", "success", "failure", "error"];
    let is_long = asked.text("description").chars().count() > LONGEST_DESCRIPTION;
    if !world.takes_statuses {
        return Reply::no(403, "Resource not accessible by integration");
    }
    if is_long || !states.contains(&asked.text("state")) {
        return Reply::no(422, "Validation Failed: description is too long (maximum is 140 characters)");
    }
    let mark = Mark {
        id: world.number(),
        commit: commit.to_owned(),
        state: asked.text("state").to_owned(),
        name: asked.text("context").to_owned(),
        description: asked.text("description").to_owned(),
        target: asked.body["target_url"].as_str().map(str::to_owned),
        on: String::new(),
    };
    let reply = Reply::of(201, &of_mark(&mark, world));
    world.marks.push(mark);
    reply
}

/// A status; Forgejo and Gitea call its state `status`.
pub(super) fn of_mark(mark: &Mark, world: &World) -> Value {
    json!({
        "id": mark.id,
        "state": mark.state,
        "status": mark.state,
        "context": mark.name,
        "description": mark.description,
        "target_url": mark.target,
        "creator": world.me.shown(),
    })
}
