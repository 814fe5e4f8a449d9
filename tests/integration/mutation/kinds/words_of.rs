//! What the words of a garden's files mean, as far as mutations must know.

use super::super::scan::{Role, Word};

/// What a word means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A node's name or a property's key.
    Node,
    /// One of the words of a list.
    Choice,
    /// The name of something written elsewhere.
    Reference,
    /// A unit.
    Unit,
    /// A name that is given here.
    Name,
    Host,
    Email,
    Number,
    Time,
    Zone,
    Url,
    /// What people read.
    Text,
    /// A name that only the cluster knows.
    Opaque,
    /// Not known to the generator.
    Unknown,
}

/// What a word means, told by where it stands.
pub fn meaning(word: &Word) -> Meaning {
    let inside = word.around.last().map(String::as_str);
    match &word.role {
        Role::Name | Role::Key => Meaning::Node,
        Role::Brace => Meaning::Unknown,
        Role::Argument(at) => argument(word, inside, *at),
        Role::Property(key) => property(word, key),
    }
}

fn argument(word: &Word, inside: Option<&str>, at: usize) -> Meaning {
    match (word.node.as_str(), inside, at) {
        ("edition", ..) => Meaning::Unknown,
        ("organisation" | "offer" | "cluster" | "garden" | "definition", None, 0) => Meaning::Name,
        ("person", _, 0) => Meaning::Name,
        ("offer" | "cluster", Some("organisation"), 0) => Meaning::Reference,
        ("without", ..) => Meaning::Reference,
        ("app", _, 0) => Meaning::Reference,
        ("app", _, 1) => Meaning::Unknown,
        ("retired", _, 0) => Meaning::Choice,
        ("retired", _, 1) => Meaning::Reference,
        ("nights" | "modules" | "office" | "state" | "size" | "anonymous" | "every", ..)
            if !matches!(inside, Some("job")) =>
        {
            Meaning::Choice
        }
        ("storage" | "cpu" | "memory" | "keep-data" | "waiting", _, 1) => Meaning::Unit,
        ("approvals", _, 0) | ("port" | "instances", ..) => Meaning::Number,
        ("domain" | "at" | "also-at" | "host", ..) => Meaning::Host,
        ("contact", _, 0) => Meaning::Email,
        ("timezone", ..) => Meaning::Zone,
        ("endpoint", ..) => Meaning::Url,
        ("title" | "hold", ..) => Meaning::Text,
        ("postgres" | "redis" | "bucket" | "volume" | "route" | "mail", Some("provides"), 0) => Meaning::Choice,
        ("storage-class" | "class" | "shared-class" | "gateway" | "namespace" | "certificates" | "credentials", ..) => {
            Meaning::Opaque
        }
        ("cluster", Some("bucket"), 0) => Meaning::Opaque,
        _ => Meaning::Unknown,
    }
}

fn property(word: &Word, key: &str) -> Meaning {
    match (word.node.as_str(), key) {
        ("contact", "role") => Meaning::Choice,
        ("approvals", "from") => Meaning::Reference,
        ("approvals" | "waiting", "for") => Meaning::Choice,
        (_, "email") => Meaning::Email,
        ("nights", "from" | "to") | ("every", "at") => Meaning::Time,
        (_, "at-most" | "percent" | "min" | "max" | "cpu-percent" | "daily" | "weekly" | "monthly") => Meaning::Number,
        _ => Meaning::Unknown,
    }
}
