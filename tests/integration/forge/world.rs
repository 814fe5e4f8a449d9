//! What a stand-in holds: a merge request, its comments, threads and statuses, whatever forge shows them.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use serde_json::{Value, json};

use super::reviews::{Merged, Push, Review};
use super::{Asked, Reply, TOKEN, forgejo, github, gitlab};

/// A kind of forge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    GitHub,
    GitLab,
    Forgejo,
    Gitea,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::GitHub, Self::GitLab, Self::Forgejo, Self::Gitea];

    /// Where the API lies on the site.
    pub(crate) fn root(self) -> &'static str {
        match self {
            Self::GitHub => "/api/v3",
            Self::GitLab => "/api/v4",
            Self::Forgejo | Self::Gitea => "/api/v1",
        }
    }
}

/// Somebody with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) id: u64,
    pub(crate) login: String,
}

impl Person {
    pub(crate) fn new(id: u64, login: &str) -> Self {
        Self { id, login: login.to_owned() }
    }

    pub(super) fn shown(&self) -> Value {
        json!({"id": self.id, "login": self.login, "username": self.login, "type": "Bot"})
    }
}

/// A comment: of the timeline, or on a line.
#[derive(Clone, Debug)]
pub(crate) struct Remark {
    pub(crate) id: u64,
    pub(crate) author: Person,
    pub(crate) body: String,
    /// The file and the line of the new side.
    pub(crate) place: Option<(String, u32)>,
    /// The discussion (GitLab) or the review (Forgejo, Gitea, GitHub) that it stands in.
    pub(crate) within: u64,
    pub(crate) resolved: bool,
    /// How often it was edited.
    pub(crate) edits: usize,
}

/// A status of a commit.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub(crate) id: u64,
    pub(crate) commit: String,
    pub(crate) state: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) target: Option<String>,
    /// `ref` or `pipeline_id` (GitLab).
    pub(crate) on: String,
}

/// A forge with one merge request.
#[expect(clippy::struct_excessive_bools, reason = "switches that a test sets one by one")]
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) kind: Kind,
    pub(crate) me: Person,
    /// Whether the token may ask whose it is.
    pub(crate) says_me: bool,
    /// Whether statuses can be set with the token.
    pub(crate) takes_statuses: bool,
    pub(crate) state: &'static str,
    pub(crate) draft: bool,
    /// Whether the work lies in somebody's fork.
    pub(crate) fork: bool,
    pub(crate) head: String,
    pub(crate) base: String,
    /// The lines of the new side that the diff shows, by file.
    pub(crate) diff: BTreeMap<String, BTreeSet<u32>>,
    pub(crate) remarks: Vec<Remark>,
    pub(crate) marks: Vec<Mark>,
    /// The commands that texts held (GitLab).
    pub(crate) commands: Vec<String>,
    pub(crate) archived: bool,
    /// What was pushed to the merge request, the oldest first.
    pub(crate) pushes: Vec<Push>,
    /// What people said of it, the oldest first.
    pub(crate) reviews: Vec<Review>,
    /// What its merge made of it.
    pub(crate) merged: Option<Merged>,
    /// Whether the requests that it answers with go to another project.
    pub(crate) elsewhere: bool,
    /// The most of a list that is given at once.
    pub(crate) page: usize,
    next: u64,
}

impl World {
    pub(super) fn new(kind: Kind) -> Self {
        let login = if kind == Kind::GitHub { "github-actions[bot]" } else { "parcelle-bot" };
        Self {
            kind,
            me: Person::new(41, login),
            says_me: false,
            takes_statuses: true,
            state: "open",
            draft: false,
            fork: false,
            head: String::new(),
            base: String::new(),
            diff: BTreeMap::new(),
            remarks: Vec::new(),
            marks: Vec::new(),
            commands: Vec::new(),
            archived: false,
            pushes: Vec::new(),
            reviews: Vec::new(),
            merged: None,
            elsewhere: false,
            page: 2,
            next: 100,
        }
    }

    /// A number that nothing has yet.
    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Comments of the timeline by the token's account.
    pub(crate) fn own(&self) -> Vec<&Remark> {
        self.remarks
            .iter()
            .filter(|remark| remark.place.is_none() && remark.author == self.me && !remark.body.is_empty())
            .collect()
    }

    /// Comments on lines.
    pub(crate) fn on_lines(&self) -> Vec<&Remark> {
        self.remarks.iter().filter(|remark| remark.place.is_some()).collect()
    }

    /// The latest state and description of a commit.
    pub(crate) fn status_of(&self, commit: &str) -> Option<(&str, &str)> {
        self.status_called("parcelle/plan", commit)
    }

    /// The latest state and description of a name on a commit.
    pub(crate) fn status_called(&self, name: &str, commit: &str) -> Option<(&str, &str)> {
        let own = self.marks.iter().filter(|mark| mark.commit == commit && mark.name == name);
        let latest = own.max_by_key(|mark| mark.id);
        latest.map(|mark| (mark.state.as_str(), mark.description.as_str()))
    }

    /// Somebody comments.
    pub(crate) fn comment(&mut self, author: Person, body: &str) -> u64 {
        let id = self.number();
        self.remarks.push(Remark {
            id,
            author,
            body: body.to_owned(),
            place: None,
            within: id,
            resolved: false,
            edits: 0,
        });
        id
    }

    pub(super) fn on_line(&mut self, within: u64, path: &str, line: u32, body: &str) -> u64 {
        let (id, author) = (self.number(), self.me.clone());
        let place = Some((path.to_owned(), line));
        self.remarks.push(Remark { id, author, body: body.to_owned(), place, within, resolved: false, edits: 0 });
        id
    }

    pub(super) fn shows(&self, path: &str, line: u32) -> bool {
        self.diff.get(path).is_some_and(|lines| lines.contains(&line))
    }

    /// Edits a comment of the token's account.
    pub(super) fn edit(&mut self, id: Option<u64>, on_line: Option<bool>, body: &str) -> Option<Remark> {
        let remark = self
            .remarks
            .iter_mut()
            .find(|remark| Some(remark.id) == id && on_line.is_none_or(|on| on == remark.place.is_some()))?;
        body.clone_into(&mut remark.body);
        remark.edits += 1;
        Some(remark.clone())
    }

    /// Answers a request, as the forge does.
    pub(super) fn answer(&mut self, asked: &Asked) -> Reply {
        let wanted = match self.kind {
            Kind::GitHub => ("authorization", format!("Bearer {TOKEN}")),
            Kind::GitLab => ("private-token", TOKEN.to_owned()),
            Kind::Forgejo | Kind::Gitea => ("authorization", format!("token {TOKEN}")),
        };
        if asked.headers.get(wanted.0) != Some(&wanted.1) {
            return Reply::no(401, "Bad credentials");
        }
        if asked.method == Method::GET && asked.path == "/user" {
            return if self.says_me {
                Reply::of(200, &self.me.shown())
            } else {
                Reply::no(403, "Resource not accessible by integration")
            };
        }
        match self.kind {
            Kind::GitHub => github::answer(self, asked),
            Kind::GitLab => gitlab::answer(self, asked),
            Kind::Forgejo | Kind::Gitea => forgejo::answer(self, asked),
        }
    }

    /// A part of a list, with what leads to the next one.
    pub(super) fn paged(&self, asked: &Asked, size: &str, all: &[Value], api: &str) -> Reply {
        let size = asked.number(size).unwrap_or(self.page).min(self.page).max(1);
        let page = asked.number("page").unwrap_or(1).max(1);
        let part: Vec<Value> = all.iter().skip((page - 1) * size).take(size).cloned().collect();
        let reply = Reply::of(200, &Value::from(part));
        let next = (page * size < all.len()).then(|| page + 1);
        let link = |next: usize| {
            let others =
                asked.query.iter().filter(|(name, _)| *name != "page").map(|(name, value)| format!("{name}={value}"));
            let query: Vec<String> = others.chain([format!("page={next}")]).collect();
            format!(
                "<{api}{}?{}>; rel=\"next\", <{api}{}?page=1>; rel=\"first\"",
                asked.path,
                query.join("&"),
                asked.path
            )
        };
        match (self.kind, next) {
            (Kind::GitHub | Kind::Forgejo, Some(next)) => reply.with("link", link(next)),
            (Kind::GitLab, next) => reply.with("x-next-page", next.map(|next| next.to_string()).unwrap_or_default()),
            (Kind::Gitea, _) => reply.with("x-total-count", all.len()),
            (_, None) => reply,
        }
    }

    /// One thing with its tag: nothing where the tag is known.
    pub(super) fn tagged(asked: &Asked, value: &Value) -> Reply {
        let text = value.to_string();
        let hash = text.bytes().fold(5381_u64, |hash, byte| hash.wrapping_mul(33) ^ u64::from(byte));
        let tag = format!("\"{hash:x}\"");
        if asked.headers.get("if-none-match") == Some(&tag) {
            return Reply { status: 304, headers: Vec::new(), body: String::new() };
        }
        Reply::of(200, value).with("etag", tag)
    }
}

/// The root that links name: relative ones are links too.
pub(super) fn api(kind: Kind) -> String {
    kind.root().to_owned()
}

/// The parts of a path.
pub(super) fn parts(path: &str) -> Vec<&str> {
    path.trim_start_matches('/').split('/').collect()
}
