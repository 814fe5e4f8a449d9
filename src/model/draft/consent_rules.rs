//! Rules of consent held against the people: whether enough of them are there, and can say something, for each rule.

use std::collections::BTreeMap;

use super::consent::{NO_SOURCE, NOBODY, UNUSABLE_SOURCE};
use crate::finding::{Finding, Findings};
use crate::model::{ApprovalRule, AskedAtMost, Consent, ConsentSource, ForgeWord, Person};
use crate::name::Name;
use crate::source::Span;

/// The most people that are named in one finding.
const MOST_NAMED: usize = 5;

/// Rules as they are written, to be held against the people.
pub(super) struct WrittenRules<'a> {
    pub(super) consent: &'a Consent,
    /// Where each rule of approvals names its group.
    pub(super) places: &'a [Span],
    pub(super) people: &'a BTreeMap<Name, Person>,
    pub(super) block: Span,
    pub(super) garden: Span,
}

impl WrittenRules<'_> {
    /// Tells of rules that nobody could ever fulfil.
    pub(super) fn tell(&self, findings: &mut Findings) {
        let Self { consent, block, .. } = self;
        self.approvals(findings);
        if (!consent.approvals.is_empty() || !consent.waiting.is_empty()) && consent.sources.is_empty() {
            let finding = Finding::error(NO_SOURCE, "`consent` says nothing of where approvals come from", *block)
                .why("nobody could approve or object")
                .help("write `source signatures` into it, for statements that people sign with their keys")
                .help("or `source forge gitlab \"https://gitlab.example/group/garden\" credentials=forge`, for reviews there");
            findings.push(finding);
        }
        if consent.signed && self.people.values().all(|person| person.keys.is_empty()) {
            let finding = Finding::error(UNUSABLE_SOURCE, "commits must be signed, and nobody has a key", *block)
                .why("no commit could ever be allowed")
                .help("write `key \"ssh-ed25519 …\"` into the block of each `person`");
            findings.push(finding);
        }
    }

    /// Tells of groups that are too small for their rule, and of those in which too few can say anything.
    fn approvals(&self, findings: &mut Findings) {
        let Self { consent, places, people, .. } = self;
        if people.is_empty() {
            let nobody = |place: &Span| {
                Finding::error(NOBODY, "approvals are asked for, and the garden names no people", *place)
                    .also(self.garden, "no `people` in it")
                    .why("nothing could ever be approved")
                    .help("name them: `people { person ada email=ada@example.org in=operators; }`")
            };
            places.first().map(nobody).into_iter().for_each(|finding| findings.push(finding));
            return;
        }
        for (at, (rule, place)) in consent.approvals.iter().zip(*places).enumerate() {
            let asked = consent.asked_at_most(at);
            let members: Vec<_> = people.iter().filter(|(_, person)| person.groups.contains(&rule.from)).collect();
            if members.len() < asked.people {
                findings.push(too_small(rule, asked, members.len(), *place));
                continue;
            }
            let silent: Vec<&Name> =
                members.iter().filter(|(_, person)| !self.can_speak(person)).map(|(name, _)| *name).collect();
            if !consent.sources.is_empty() && members.len() - silent.len() < asked.people {
                findings.push(self.too_silent(rule, asked, members.len(), &silent, *place));
            }
        }
    }

    /// Whether somebody can say anything by one of the sources.
    fn can_speak(&self, person: &Person) -> bool {
        self.consent.sources.iter().any(|source| match source {
            ConsentSource::Signatures => !person.keys.is_empty(),
            ConsentSource::Forge { kind, .. } => person.accounts.contains_key(kind),
        })
    }

    fn too_silent(
        &self,
        rule: &ApprovalRule,
        asked: AskedAtMost,
        members: usize,
        silent: &[&Name],
        place: Span,
    ) -> Finding {
        let from = &rule.from;
        let named: Vec<String> = silent.iter().take(MOST_NAMED).map(|name| format!("`person {name}`")).collect();
        let more = silent.len().saturating_sub(MOST_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let can = match members - silent.len() {
            0 => format!("nobody of `{from}` can say anything by a source"),
            can => format!("only {can} of `{from}` can say anything by a source"),
        };
        let title = format!("{can}, and {} must be able to", asked.people);
        let finding = Finding::error(UNUSABLE_SOURCE, title, place).why(format!(
            "{} of {from} must approve{}{}",
            rule.count,
            if asked.one_more { ", and one more where nothing proves who wrote a change" } else { "" },
            if asked.author { "; whoever wrote it does not count" } else { "" },
        ));
        let mut lines: Vec<String> = Vec::new();
        for source in &self.consent.sources {
            let line = match source {
                ConsentSource::Signatures => "key \"ssh-ed25519 …\"".to_owned(),
                ConsentSource::Forge { kind, .. } => format!("account {} \"…\"", word(*kind)),
            };
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        finding.help(format!("write `{}` into the block of {}{more}", lines.join("` or `"), named.join(", ")))
    }
}

fn too_small(rule: &ApprovalRule, asked: AskedAtMost, members: usize, place: Span) -> Finding {
    let ApprovalRule { count, from, .. } = rule;
    let more = if asked.one_more { ", and one more where nothing proves who wrote a change" } else { "" };
    let title = format!("{count} of `{from}` must approve{more}, and the group has {members}");
    let why = if asked.author {
        "whoever wrote a change does not count for it, so some changes could never be approved"
    } else {
        "what somebody from outside contributes could never be approved"
    };
    let people = if asked.people == 1 { "1 person".to_owned() } else { format!("{} people", asked.people) };
    let finding = Finding::error(NOBODY, title, place)
        .why(why)
        .help(format!("have at least {people} with `in={from}`, or ask for fewer approvals"));
    if asked.one_more {
        finding.help("or let it be proved who writes: `commits signed`, or `source forge …`")
    } else {
        finding
    }
}

/// A kind of forge as gardens write it.
fn word(kind: ForgeWord) -> &'static str {
    match kind {
        ForgeWord::Github => "github",
        ForgeWord::Gitlab => "gitlab",
        ForgeWord::Forgejo => "forgejo",
        ForgeWord::Gitea => "gitea",
    }
}
