//! GitLab: notes that may be commands, discussions that are resolved, statuses that change as pipelines do.

use serde_json::{Value, json};

use super::world::{Mark, Remark, api, parts};
use super::{Asked, Reply, World};

/// The most characters of a note, of a description and of an address.
const LONGEST: usize = 1_000_000;
const LONGEST_TEXT: usize = 255;

pub(super) fn answer(world: &mut World, asked: &Asked) -> Reply {
    let path = parts(&asked.path);
    let ["projects", "collective%2Fsub%2Fgarden", rest @ ..] = &path[..] else {
        return Reply::no(404, "404 Project Not Found");
    };
    match (asked.method.as_str(), rest) {
        ("GET", []) => Reply::of(200, &json!({"path_with_namespace": "collective/sub/garden"})),
        ("GET", ["merge_requests", "7"]) => World::tagged(asked, &merge_request(world)),
        ("GET", ["repository", "commits", commit, "merge_requests"]) => {
            let all: Vec<Value> = world.is_of_request(commit).then(|| merge_request(world)).into_iter().collect();
            world.paged(asked, "per_page", &all, &api(world.kind))
        }
        ("GET", ["merge_requests", "7", "approvals"]) => Reply::of(200, &world.approvals_of_gitlab()),
        ("GET", ["merge_requests", "7", of @ ("versions" | "reviewers")]) => {
            let all = if *of == "versions" { world.versions_of_gitlab() } else { world.reviewers_of_gitlab() };
            world.paged(asked, "per_page", &all, &api(world.kind))
        }
        ("GET", ["merge_requests", "7", "notes"])
            if asked.query.get("activity_filter").is_some_and(|of| of == "only_activity") =>
        {
            world.paged(asked, "per_page", &world.activity_of_gitlab(), &api(world.kind))
        }
        ("GET", ["merge_requests", "7", "notes"]) => {
            let all: Vec<Value> = world.remarks.iter().filter(|remark| remark.place.is_none()).map(shown).collect();
            world.paged(asked, "per_page", &all, &api(world.kind))
        }
        ("POST", ["merge_requests", "7", "notes"]) => note(world, asked.text("body")),
        ("PUT", ["merge_requests", "7", "notes", id]) => edit(world, id, Some(false), asked.text("body")),
        ("GET", ["merge_requests", "7", "discussions"]) => {
            let all: Vec<Value> = world.remarks.iter().map(discussion).collect();
            world.paged(asked, "per_page", &all, &api(world.kind))
        }
        ("POST", ["merge_requests", "7", "discussions"]) => on_line(world, asked),
        ("PUT", ["merge_requests", "7", "discussions", id]) => {
            let found =
                world.remarks.iter_mut().find(|remark| of_discussion(remark.within) == **id && remark.place.is_some());
            match (found, asked.body["resolved"].as_bool()) {
                (Some(remark), Some(resolved)) => {
                    remark.resolved = resolved;
                    Reply::of(200, &json!({"id": id}))
                }
                _ => Reply::no(404, "404 Discussion Not Found"),
            }
        }
        ("PUT", ["merge_requests", "7", "discussions", _, "notes", id]) => {
            edit(world, id, Some(true), asked.text("body"))
        }
        ("POST", ["statuses", commit]) => status(world, commit, asked),
        ("GET", ["repository", "commits", commit, "statuses"]) => {
            let name = asked.query.get("name");
            let of =
                world.marks.iter().filter(|mark| mark.commit == **commit && name.is_none_or(|name| *name == mark.name));
            let all: Vec<Value> = of.map(|mark| of_mark(mark, world)).collect();
            world.paged(asked, "per_page", &all, &api(world.kind))
        }
        _ => Reply::no(404, "404 Not Found"),
    }
}

fn merge_request(world: &World) -> Value {
    json!({
        "iid": 7,
        "state": if world.state == "open" { "opened" } else { world.state },
        "draft": world.draft,
        "sha": world.head,
        "source_branch": "work",
        "target_branch": "main",
        "source_project_id": if world.fork { 9 } else { 3 },
        "target_project_id": 3,
        "diff_refs": {"base_sha": world.base, "start_sha": world.base, "head_sha": world.head},
        "author": {"id": 9, "username": "ada"},
        "title": "A change",
        "updated_at": "2025-11-30T20:00:00.000Z",
        "references": {"full": if world.elsewhere { "mallory/garden!7" } else { "collective/sub/garden!7" }},
    })
}

fn shown(remark: &Remark) -> Value {
    let author = json!({"id": remark.author.id, "username": remark.author.login});
    let position = remark.place.as_ref().map(|(path, line)| json!({"new_path": path, "new_line": line}));
    json!({
        "id": remark.id,
        "body": remark.body,
        "author": author,
        "system": false,
        "resolvable": remark.place.is_some(),
        "resolved": remark.resolved,
        "position": position,
    })
}

fn of_discussion(within: u64) -> String {
    format!("{within:040x}")
}

fn discussion(remark: &Remark) -> Value {
    json!({"id": of_discussion(remark.within), "individual_note": remark.place.is_none(), "notes": [shown(remark)]})
}

/// Splits a text into what is kept and the commands in it: lines that begin with a slash and a letter, outside of fences.
fn without_commands(body: &str) -> (String, Vec<String>) {
    let (mut kept, mut commands, mut in_fence) = (Vec::new(), Vec::new(), false);
    for line in body.lines() {
        if line.starts_with("```") {
            in_fence = !in_fence;
        }
        let word = line.strip_prefix('/').filter(|rest| rest.starts_with(|letter: char| letter.is_ascii_alphabetic()));
        match word.filter(|_| !in_fence) {
            Some(word) => commands.push(word.to_owned()),
            None => kept.push(line),
        }
    }
    (kept.join("\n"), commands)
}

fn note(world: &mut World, body: &str) -> Reply {
    let (kept, commands) = without_commands(body);
    world.commands.extend(commands);
    if body.chars().count() > LONGEST {
        return Reply::no(400, "400 Bad request - Note is too long (maximum is 1000000 characters)");
    }
    if kept.trim().is_empty() {
        return Reply::of(202, &json!({"commands_changes": {}}));
    }
    let id = world.comment(world.me.clone(), &kept);
    Reply::of(201, &shown(world.remarks.iter().find(|remark| remark.id == id).expect("it was made")))
}

fn edit(world: &mut World, id: &str, on_line: Option<bool>, body: &str) -> Reply {
    let (kept, commands) = without_commands(body);
    world.commands.extend(commands);
    match world.edit(id.parse().ok(), on_line, &kept) {
        Some(remark) => Reply::of(200, &shown(&remark)),
        None => Reply::no(404, "404 Note Not Found"),
    }
}

fn on_line(world: &mut World, asked: &Asked) -> Reply {
    let position = &asked.body["position"];
    let text = |field: &str| position[field].as_str().unwrap_or_default().to_owned();
    let line = position["new_line"].as_u64().and_then(|line| u32::try_from(line).ok()).unwrap_or_default();
    let refs = (text("base_sha"), text("start_sha"), text("head_sha"));
    let is_whole =
        refs == (world.base.clone(), world.base.clone(), world.head.clone()) && text("position_type") == "text";
    if !is_whole || text("old_path").is_empty() || !world.shows(&text("new_path"), line) {
        return Reply::no(
            400,
            "400 Bad request - Note {:line_code=>[\"can't be blank\", \"must be a valid line code\"]}",
        );
    }
    let (kept, commands) = without_commands(asked.text("body"));
    world.commands.extend(commands);
    let within = world.number();
    world.on_line(within, &text("new_path"), line, &kept);
    Reply::of(201, &json!({"id": of_discussion(within)}))
}

fn status(world: &mut World, commit: &str, asked: &Asked) -> Reply {
    let (state, name) = (asked.text("state"), asked.text("name"));
    let on = format!("{}{}", asked.text("ref"), asked.body["pipeline_id"]);
    if !world.takes_statuses {
        return Reply::no(403, "403 Forbidden");
    }
    let is_link = |target: &str| target.len() <= LONGEST_TEXT && target.starts_with("http");
    if !["pending", "running", "success", "failed", "canceled", "skipped"].contains(&state) {
        return Reply::no(400, "state does not have a valid value");
    }
    if asked.text("description").chars().count() > LONGEST_TEXT
        || asked.body["target_url"].as_str().is_some_and(|to| !is_link(to))
    {
        return Reply::no(400, "target_url is invalid");
    }
    let description = asked.text("description").to_owned();
    let target = asked.body["target_url"].as_str().map(str::to_owned);
    let open = world.marks.iter_mut().find(|mark| {
        mark.commit == commit
            && mark.name == name
            && mark.on == on
            && (mark.state == "pending" || mark.state == "running")
    });
    let mark = match open {
        Some(mark) if mark.state == state => {
            return Reply::no(
                400,
                "Cannot transition status via :enqueue from :pending (Reason(s): Status cannot transition via \"enqueue\")",
            );
        }
        Some(mark) => {
            state.clone_into(&mut mark.state);
            (mark.description, mark.target) = (description, target);
            mark.clone()
        }
        None => {
            let id = world.number();
            let (commit, state, name) = (commit.to_owned(), state.to_owned(), name.to_owned());
            world.marks.push(Mark { id, commit, state, name, description, target, on });
            world.marks.last().expect("it was set").clone()
        }
    };
    Reply::of(201, &of_mark(&mark, world))
}

fn of_mark(mark: &Mark, world: &World) -> Value {
    json!({
        "id": mark.id,
        "status": mark.state,
        "name": mark.name,
        "description": mark.description,
        "target_url": mark.target,
        "author": {"id": world.me.id, "username": world.me.login},
    })
}
