//! A garden holds no secret: everybody who may read the repository, and its whole past, would have it.

use crate::finding::{Finding, Findings};
use crate::model::judgement::LOOKS_SECRET;
use crate::schema::CheckedFile;
use crate::syntax::{Node, Scalar, Value};

/// How well-known keys and tokens start.
const STARTS: &[&str] = &[
    "-----BEGIN ",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "glrt-",
    "xoxb-",
    "xoxp-",
    "AKIA",
    "ASIA",
    "sk_live_",
    "rk_live_",
    "AGE-SECRET-KEY-",
    "eyJhbGciOi",
    "SG.",
    "hvs.",
    "$2a$",
    "$2b$",
    "$2y$",
    "$argon2",
];

/// Words in the name of a variable whose value is one.
const NAMES: &[&str] = &["PASSWORD", "PASSWD", "SECRET", "TOKEN", "API_KEY", "APIKEY", "PRIVATE_KEY", "ACCESS_KEY"];

pub(super) fn check(file: &CheckedFile, findings: &mut Findings) {
    // Definitions name variables and keys by the dozen, and hold no values of anybody.
    let nodes = file.document.nodes.iter().filter(|node| file.readable() && node.name.value != "definition");
    nodes.for_each(|node| look(node, findings));
}

fn look(node: &Node, findings: &mut Findings) {
    let values = node.args.iter().chain(node.props.iter().map(|prop| &prop.value));
    // The uid of a cluster, the pin and the commit of a rollback are hashes that everybody may know.
    if !matches!(node.name.value.as_str(), "uid" | "pin" | "rollback") {
        for value in values.filter(|value| value.scalar == Scalar::Text) {
            if let Some(what) = looks_secret(&value.text).or_else(|| variable(node, value)) {
                findings.push(finding(value, what));
            }
        }
    }
    node.children.iter().for_each(|child| look(child, findings));
}

fn finding(value: &Value, what: &str) -> Finding {
    Finding::error(LOOKS_SECRET, format!("this looks like a secret: {what}"), value.span)
        .why("a garden holds no secret value: everybody who can read the repository, and its past, has it")
        .help("change the secret where it is valid, since it must count as known")
        .help("put the new one into a Secret of the cluster and name that one here")
}

/// The value of `env NAME VALUE` whose name says that it is one.
fn variable(node: &Node, value: &Value) -> Option<&'static str> {
    let name = node.arg(0).filter(|_| node.name.value == "env")?;
    let is_value = node.arg(1).is_some_and(|second| second.span == value.span);
    let upper = name.text.to_uppercase();
    let file = upper.ends_with("_FILE") || upper.ends_with("_PATH") || upper.ends_with("_NAME");
    let says = NAMES.iter().any(|word| upper.contains(word)) && !file;
    (is_value && says && !value.text.is_empty()).then_some("the variable's name says so")
}

/// What a text looks like, where it looks like a secret.
pub(crate) fn looks_secret(text: &str) -> Option<&'static str> {
    if STARTS.iter().any(|start| text.starts_with(start) && text.len() >= start.len() + 8) {
        return Some("keys and tokens start like it");
    }
    if let Some((_, rest)) = text.split_once("://")
        && let Some((user, _)) = rest.split('/').next().unwrap_or_default().rsplit_once('@')
        && user.split_once(':').is_some_and(|(_, password)| !password.is_empty() && !password.starts_with("${"))
    {
        return Some("an address with a password in it");
    }
    random(text).then_some("it is long and random")
}

/// Long, of one piece, with digits among letters of both cases (or hexadecimal throughout).
fn random(text: &str) -> bool {
    let piece = text.len() >= 32 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=_".contains(&byte));
    if !piece {
        return false;
    }
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let lower = text.bytes().filter(u8::is_ascii_lowercase).count();
    let upper = text.bytes().filter(u8::is_ascii_uppercase).count();
    let hexadecimal = text.bytes().all(|byte| byte.is_ascii_hexdigit()) && digits >= 8 && lower + upper >= 4;
    hexadecimal || digits >= 3 && lower >= 6 && upper >= 6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tokens_and_passwords_in_addresses_look_secret_and_names_and_hosts_do_not() {
        for secret in [
            "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
            "postgres://cloud:hunter2@db.example.org/cloud",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c",
            "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MEFCQ0RFRg==",
        ] {
            assert!(looks_secret(secret).is_some(), "{secret}");
        }
        for plain in [
            "docker.io/library/nextcloud:33.0.7-apache",
            "5c0f6f5e-7f59-4f3e-9a51-3f9f0a1f6a11",
            "https://s3.indiehosters.example",
            "Climate movement, on Liiibre since 2019.",
            "postgres://${needs.db.user}:${needs.db.password}@${needs.db.host}/x",
            "anticonstitutionnellementanticonstitutionnellement",
        ] {
            assert!(looks_secret(plain).is_none(), "{plain}");
        }
    }
}
