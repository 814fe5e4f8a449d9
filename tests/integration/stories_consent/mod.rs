//! Stories of consent without a forge: people sign with their keys, a repository holds what they said, and the very loop of
//! `parcelle run` applies what they agreed to.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use git2::{Oid, Repository, Signature, Time};
use parcelle::engine::{Event, ForgeAccess};
use parcelle::git::RawFile;

use crate::command::{Output, TestEnvironment};
use crate::stories_loop::{self, Loop, Told};

mod forge_commons;
mod forges;
mod forges_wrong;
mod kept;
mod line;
mod refused;
mod said;

/// The people that the garden begins with: name, groups.
const PEOPLE: [(&str, &str); 4] =
    [("pierre", "operators"), ("tim", "operators council"), ("hadrien", "operators council"), ("camille", "")];

/// A garden whose people decide by consent, the loop that applies it, and a clone in which they say what they think.
pub(super) struct Commons {
    pub(super) this: Loop,
    pub(super) people: TestEnvironment,
    commits: std::cell::Cell<i64>,
}

/// Whether this machine lacks what people sign and push with.
fn skipped(people: &TestEnvironment) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let has = ["git", "ssh-keygen"].iter().all(|name| {
        let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
        found.is_some_and(|found| std::os::unix::fs::symlink(found, people.path("programs").join(name)).is_ok())
    });
    if !has {
        eprintln!("skipped: there is no git or no ssh-keygen on this machine");
    }
    !has
}

fn key_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/keys")
}

/// The `person` nodes of some people.
pub(super) fn people(of: &[(&str, &str)]) -> String {
    let person = |(name, groups): &(&str, &str)| {
        let public = std::fs::read_to_string(key_folder().join(format!("{name}.pub"))).unwrap();
        let key: Vec<&str> = public.split_whitespace().take(2).collect();
        let groups = if groups.is_empty() { String::new() } else { format!(" in=\"{groups}\"") };
        format!("        person {name} email={name}@example.org{groups} {{ key \"{}\"; }}\n", key.join(" "))
    };
    of.iter().map(person).collect()
}

/// The garden's own file, with these people and rules.
pub(super) fn garden(people: &str, rules: &str) -> String {
    format!(
        "edition 2026\n\ngarden loops {{\n    title \"Loops\"\n    people {{\n{people}    }}\n    consent {{\n        {rules}\n    }}\n    \
         ceiling {{ cpu 64 cores; memory 256 GiB; storage 8 TiB; }}\n    allow W0443 \"what is tried here is lost anyway\"\n}}\n"
    )
}

/// An organisation with a web site, notes, and further web sites; one may be `retired NAME`.
pub(super) fn organisation(name: &str, sites: &[&str]) -> String {
    let line = |site: &&str| match site.strip_prefix("retired ") {
        Some(site) => format!("    retired app static-site {site}\n"),
        None => format!("    app static-site {site}\n"),
    };
    let more: String = sites.iter().map(line).collect();
    format!(
        "edition 2026\n\norganisation {name} {{\n    title \"{name}\"\n    cluster ada-lovelace\n    domain {name}.example\n\n    \
         app static-site www\n\n    app hedgedoc pads\n{more}}}\n"
    )
}

/// One approval of an operator; of commits that nobody signed two are asked.
pub(super) const RULES: &str = "approvals 1 from=operators; source signatures";

impl Commons {
    /// A garden with rules, brought about when this returns; nothing where the machine lacks what people sign with.
    pub(super) async fn begun(rules: &str) -> Option<Self> {
        Self::begun_with(&garden(&people(&PEOPLE), rules), None).await
    }

    /// The same with another file of the garden's own; `reach` says how forges are reached from the folder of a test.
    pub(super) async fn begun_with(own: &str, reach: Option<fn(&TestEnvironment) -> ForgeAccess>) -> Option<Self> {
        let mut environment = TestEnvironment::new();
        environment.set_clock("2026-11-20T12:00:00Z");
        if skipped(&environment) {
            return None;
        }
        let mut files = stories_loop::files();
        for file in &mut files {
            let text = match file.path.as_str() {
                "garden.kdl" => own.to_owned(),
                "organisations/alpha.kdl" => organisation("alpha", &[]),
                "organisations/beta.kdl" => organisation("beta", &[]),
                _ => continue,
            };
            *file = RawFile { path: file.path.clone(), blob: String::new(), bytes: text.into_bytes().into() };
        }
        let this = Loop::begun_reaching(&files, reach.map(|reach| reach(&environment))).await;
        let people = environment;
        for (name, _) in PEOPLE.iter().chain(&[("jeanne", "")]) {
            for end in ["", ".pub"] {
                let text = std::fs::read_to_string(key_folder().join(format!("{name}{end}"))).unwrap();
                people.write(&format!("keys/{name}{end}"), text);
            }
            let private = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(people.path(&format!("keys/{name}")), private).unwrap();
        }
        let origin = this.folder.path().join("garden").display().to_string();
        let clone = people.path("garden");
        std::fs::remove_dir_all(&clone).unwrap();
        Repository::clone(&origin, &clone).unwrap();
        Some(Self { this, people, commits: std::cell::Cell::new(0) })
    }

    pub(super) fn origin(&self) -> Repository {
        Repository::open(self.this.folder.path().join("garden")).unwrap()
    }

    pub(super) fn main(&self) -> Oid {
        self.origin().head().unwrap().target().unwrap()
    }

    /// A commit over parents with the files of the first, these written otherwise; an absent text takes a file away.
    pub(super) fn commit(&self, parents: &[Oid], by: &str, edits: &[(&str, Option<String>)]) -> Oid {
        let repository = self.origin();
        let parents: Vec<git2::Commit<'_>> = parents.iter().map(|id| repository.find_commit(*id).unwrap()).collect();
        let mut tree = git2::build::TreeUpdateBuilder::new();
        for (path, text) in edits {
            match text {
                Some(text) => tree.upsert(*path, repository.blob(text.as_bytes()).unwrap(), git2::FileMode::Blob),
                None => tree.remove(*path),
            };
        }
        let base = parents[0].tree().unwrap();
        let tree = repository.find_tree(tree.create_updated(&repository, &base).unwrap()).unwrap();
        self.commits.set(self.commits.get() + 1);
        let when = Time::new(1_700_000_100 + self.commits.get(), 0);
        let who = Signature::new(by, &format!("{by}@example.org"), &when).unwrap();
        let parents: Vec<&git2::Commit<'_>> = parents.iter().collect();
        repository.commit(None, &who, &who, &format!("commit {}", self.commits.get()), &tree, &parents).unwrap()
    }

    /// A merge commit of a branch, with the files of what was merged.
    pub(super) fn merged(&self, branch: Oid, edits: &[(&str, Option<String>)]) -> Oid {
        self.commit(&[self.main(), branch], "pierre", edits)
    }

    /// Moves a branch of the repository.
    pub(super) fn branch(&self, name: &str, to: Oid) {
        self.origin().reference(&format!("refs/heads/{name}"), to, true, "moved").unwrap();
    }

    /// Moves the branch that the loop follows, and lets the loop look.
    pub(super) async fn pushed(&mut self, to: Oid) -> Told {
        let repository = self.origin();
        let head = repository.find_reference("HEAD").unwrap().symbolic_target().unwrap().unwrap().to_owned();
        repository.reference(&head, to, true, "pushed").unwrap();
        self.looked().await
    }

    /// Lets the loop look at the repository, and waits until it has done what that brought.
    pub(super) async fn looked(&mut self) -> Told {
        let told = self.this.turn(Event::Poll).await.unwrap_or_default();
        self.this.until_calm().await;
        told
    }

    /// What a person says in the clone, which is brought up to date before.
    pub(super) fn say(&self, who: &str, arguments: &[&str]) -> Output {
        let clone = Repository::open(self.people.path("garden")).unwrap();
        let mut origin = clone.find_remote("origin").unwrap();
        origin.fetch(&["+refs/heads/*:refs/remotes/origin/*"], None, None).unwrap();
        let key = self.people.path(&format!("keys/{who}")).display().to_string();
        let all = arguments.iter().copied().chain(["--key", &key]);
        self.people.run(all)
    }

    /// A person approves a change.
    pub(super) fn approved(&self, who: &str, change: Oid) {
        let said = self.say(who, &["approve", &change.to_string()]);
        assert_eq!(said.code, 0, "{}", said.text());
    }

    /// What the notes of `alpha` ask of memory.
    pub(super) async fn memory(&self) -> String {
        let notes = self.this.api("apps/v1", "Deployment", "alpha").get("pads-web").await.unwrap();
        notes.data["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["memory"].to_string()
    }

    /// Whether a web site of an organisation is in the cluster.
    pub(super) async fn has(&self, organisation: &str, site: &str) -> bool {
        let api = self.this.api("apps/v1", "Deployment", organisation);
        api.get_opt(&format!("{site}-web")).await.unwrap().is_some()
    }
}

/// The file of `alpha` with further web sites.
pub(super) fn alpha(sites: &[&str]) -> (&'static str, Option<String>) {
    ("organisations/alpha.kdl", Some(organisation("alpha", sites)))
}

/// The file of `alpha` with notes of a size.
pub(super) fn sized(size: &str) -> (&'static str, Option<String>) {
    let text =
        organisation("alpha", &[]).replace("app hedgedoc pads", &format!("app hedgedoc pads {{ size {size}; }}"));
    ("organisations/alpha.kdl", Some(text))
}

/// The file of `beta` with further web sites.
pub(super) fn beta(sites: &[&str]) -> (&'static str, Option<String>) {
    ("organisations/beta.kdl", Some(organisation("beta", sites)))
}
