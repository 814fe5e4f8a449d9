//! `secret=NAME key=KEY`, in `env` lines and in settings of the type `secret`: an app names Secrets of its organisation's own
//! namespace, and only such.
//!
//! Which Secrets parcelle and the operators make there is seen when the objects are rendered: `render/rules/own_secrets`.

use crate::finding::{Code, Finding, Findings};
use crate::model::definition;
use crate::model::rules::One;
use crate::schema::{CheckedFile, MISSING, SUPERFLUOUS};
use crate::syntax::{Node, Value};

/// A Secret that is not the organisation's own.
pub(crate) const NOT_OWN: Code = Code::new("E0702");

pub(super) fn check(file: &CheckedFile, findings: &mut Findings) {
    let nodes = file.document.nodes.iter().filter(|_| file.readable());
    for node in nodes.filter(|node| matches!(node.name.value.as_str(), "organisation" | "offer" | "retired")) {
        let apps = node.children.iter().filter(|child| matches!(child.name.value.as_str(), "app" | "retired"));
        let lines = apps.flat_map(|app| app.children_named("env")).filter(|line| !file.is_broken(line));
        lines.filter_map(|line| wrong(node, line)).for_each(|finding| findings.push(finding));
    }
}

/// The same of settings. What an offer says is the same finding for whoever subscribes to it, and told once.
pub(super) fn check_settings(one: &One, findings: &mut Findings) {
    for sound in one.sound_apps() {
        let named = definition::secrets_named(sound.app).into_iter();
        named.filter_map(|named| not_own(sound.draft.node(), named.secret)).for_each(|finding| findings.push(finding));
    }
}

/// What is wrong with an `env` line.
fn wrong(owner: &Node, line: &Node) -> Option<Finding> {
    let help = "write `env NAME VALUE`, or `env NAME secret=SECRET key=KEY`";
    match (line.arg(1), line.prop("secret"), line.prop("key")) {
        (Some(_), None, None) => None,
        (None, Some(secret), Some(_)) => not_own(owner, secret),
        (Some(value), _, _) => {
            Some(Finding::error(SUPERFLUOUS, "`env` says both a value and a Secret", value.span).help(help))
        }
        (None, None, None) => Some(Finding::error(MISSING, "`env` lacks its value", line.head).help(help)),
        (None, None, Some(_)) => Some(Finding::error(MISSING, "`env` names a key of no Secret", line.head).help(help)),
        (None, Some(_), None) => {
            Some(Finding::error(MISSING, "`env` names a Secret without a key", line.head).help(help))
        }
    }
}

/// Why a name is none of a Secret of one's own.
fn not_own(owner: &Node, secret: &Value) -> Option<Finding> {
    let text = &secret.text;
    let finding = |title: String| Finding::error(NOT_OWN, title, secret.span);
    if let Some((namespace, name)) = text.split_once(['/', ':']) {
        let whose = match owner.arg(usize::from(owner.name.value == "retired")) {
            Some(own) if owner.name.value != "offer" => format!("its own namespace, `{}`", own.text),
            _ => "its own namespace".to_owned(),
        };
        return Some(
            finding(format!("`{name}` lies in the namespace `{namespace}`"))
                .why(format!("an organisation names Secrets of {whose}, and no others"))
                .help("name a Secret by its name alone; what lies elsewhere must be put there first"),
        );
    }
    if text.contains("--") {
        return Some(
            finding(format!("`{text}` is a Secret that parcelle keeps"))
                .why("names with `--` are those that parcelle joins itself; what lies in them is for the app they are of")
                .help("name a Secret that the organisation made itself"),
        );
    }
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    let ends = text.starts_with(['-', '.']) || text.ends_with(['-', '.']);
    (text.is_empty() || ends || text.len() > 253 || !text.bytes().all(good)).then(|| {
        finding(format!("`{text}` is no name of a Secret"))
            .why("it holds small letters, digits and inner hyphens")
            .help("`kubectl get secrets` in the namespace shows their names")
    })
}
