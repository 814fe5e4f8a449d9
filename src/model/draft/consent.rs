//! `people` and `consent` of the `garden` node: who works on it, and who must agree.

use std::collections::{BTreeMap, BTreeSet};

use super::consent_rules::WrittenRules;
use crate::finding::{Code, Finding, Findings};
use crate::model::read::{amount_at, child, children, name_at, number_at};
use crate::model::{ApprovalRule, Class, Consent, ConsentSource, ForgeWord, Person, WaitingRule};
use crate::name::Name;
use crate::schema::CheckedFile;
use crate::source::Span;
use crate::ssh::{identity, public_key};
use crate::syntax::Node;

/// Consent that nobody can give.
pub(crate) const NOBODY: Code = Code::new("E0306");
/// Rules of consent without a source of approvals and objections.
pub(crate) const NO_SOURCE: Code = Code::new("E0452");
/// Too few of those who must agree can say anything by a source.
pub(crate) const UNUSABLE_SOURCE: Code = Code::new("E0453");
/// A key or account that is none, or stands for two.
pub(crate) const NO_KEY: Code = Code::new("E0454");

/// The people of a garden.
pub(super) fn people(file: &CheckedFile, node: &Node, findings: &mut Findings) -> BTreeMap<Name, Person> {
    let mut known: BTreeMap<String, (Name, Span)> = BTreeMap::new();
    let mut all = BTreeMap::new();
    for node in child(file, node, "people").into_iter().flat_map(|people| children(file, people, "person")) {
        let (Some(email), Some(name)) = (node.prop("email"), name_at(node, 0)) else { continue };
        let groups = node.prop("in").map(|groups| groups.text.split_whitespace().filter_map(|one| Name::new(one).ok()));
        let mut person = Person {
            email: email.text.clone(),
            groups: groups.into_iter().flatten().collect(),
            accounts: BTreeMap::new(),
            keys: BTreeSet::new(),
        };
        for (account, place) in children(file, node, "account").filter_map(|one| Some((one.arg(0)?, one.arg(1)?))) {
            let (Some(forge), word) = (forge(&account.text), place.text.trim_start_matches('@')) else { continue };
            let key = format!("{} {}", account.text, word.to_lowercase());
            if is_first(&mut known, key, &name.value, place.span, "account", findings) {
                person.accounts.insert(forge, word.to_owned());
            }
        }
        for text in children(file, node, "key").filter_map(|one| one.arg(0)) {
            match public_key(&text.text) {
                Ok(key) if is_first(&mut known, identity(&key), &name.value, text.span, "key", findings) => {
                    person.keys.insert(key);
                }
                Ok(_) => {}
                Err(why) => findings.push(
                    Finding::error(NO_KEY, format!("this is no key that can be used: {why}"), text.span)
                        .why("what it signs would count for nothing")
                        .help("copy the whole line of the file `.pub`; `ssh-keygen -t ed25519` makes a key"),
                ),
            }
        }
        all.insert(name.value, person);
    }
    all
}

/// Whether a key or account was not said before; the finding where it was.
fn is_first(
    known: &mut BTreeMap<String, (Name, Span)>,
    key: String,
    name: &Name,
    place: Span,
    what: &str,
    findings: &mut Findings,
) -> bool {
    if let Some((owner, first)) = known.get(&key) {
        let finding = Finding::error(NO_KEY, format!("this {what} is said of `{owner}` and of `{name}`"), place)
            .also(*first, "first said here")
            .why("whoever says something by it would be two people")
            .help(format!("keep it with the one whose {what} it is"));
        findings.push(finding);
        return false;
    }
    known.insert(key, (name.clone(), place));
    true
}

fn forge(word: &str) -> Option<ForgeWord> {
    Some(match word {
        "github" => ForgeWord::Github,
        "gitlab" => ForgeWord::Gitlab,
        "forgejo" => ForgeWord::Forgejo,
        "gitea" => ForgeWord::Gitea,
        _ => return None,
    })
}

/// The class of changes that a word names.
fn class(word: &str) -> Option<Class> {
    Some(match word {
        "deletions" => Class::Deletions,
        "data" => Class::Data,
        "offers" => Class::Offers,
        "people" => Class::People,
        "clusters" => Class::Clusters,
        "contribution" => Class::Contribution,
        "routine" => Class::Routine,
        _ => return None,
    })
}

/// The rules of consent.
pub(super) fn consent(
    file: &CheckedFile,
    node: &Node,
    people: &BTreeMap<Name, Person>,
    findings: &mut Findings,
) -> Consent {
    let mut consent = Consent::default();
    let Some(block) = child(file, node, "consent") else { return consent };
    let mut places = Vec::new();
    for rule in block.children.iter().filter(|rule| !file.is_broken(rule)) {
        let class = rule.prop("for").and_then(|value| class(&value.text));
        match rule.name.value.as_str() {
            "waiting" => {
                let time = amount_at(rule, 0).map(|time| time.value);
                consent.waiting.extend(time.map(|time| WaitingRule { time, class }));
            }
            "source" => consent.sources.extend(source(rule, findings)),
            "commits" => consent.signed = rule.arg(0).is_some_and(|what| what.text == "signed"),
            _ => {
                let Some(from) = rule.prop("from") else { continue };
                let (Some(count), Ok(group)) = (number_at(rule, 0), Name::new(&from.text)) else { continue };
                let count = u32::try_from(count).unwrap_or(u32::MAX);
                consent.approvals.push(ApprovalRule { count, from: group, class });
                places.push(from.span);
            }
        }
    }
    let is_doubtful = match node.child("people") {
        Some(people) => file.holds_broken(people),
        None => file.holds_broken(node),
    };
    if !is_doubtful && !file.holds_broken(block) {
        let written =
            WrittenRules { consent: &consent, places: &places, people, block: block.name.span, garden: node.head };
        written.tell(findings);
    }
    consent
}

/// A source, and the finding where a token would go to it as plain text.
fn source(rule: &Node, findings: &mut Findings) -> Option<ConsentSource> {
    if rule.arg(0)?.text == "signatures" {
        return Some(ConsentSource::Signatures);
    }
    let credentials = rule.prop("credentials").and_then(|name| Name::new(&name.text).ok());
    let address = rule.arg(2)?;
    if !address.text.starts_with("https://") && !is_on_this_machine(&address.text) {
        let finding = Finding::error(UNUSABLE_SOURCE, "reviews are read over `https://` alone", address.span)
            .why("whoever is in between would read the token, and could say anything in the name of everybody")
            .help("write the address of the project with `https://`, as people open it");
        findings.push(finding);
    }
    Some(ConsentSource::Forge { kind: forge(&rule.arg(1)?.text)?, address: address.text.clone(), credentials })
}

/// Whether an address is one that no other machine is asked for.
fn is_on_this_machine(address: &str) -> bool {
    let Some(rest) = address.strip_prefix("http://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    let is_loopback = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    is_loopback || host.eq_ignore_ascii_case("localhost")
}
