//! What a rule calls dangerous about a change: one row a rule.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::subject::PlannedOrganisation;
use super::wording::{OneLine, who};
use super::{AppliedGarden, ImpactContext, Whose};
use crate::name::Name;
use crate::plan::Place;

mod access;
mod amounts;
mod garden;
mod network;
mod objects;
#[cfg(test)]
mod tests;

/// How much a danger weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Level {
    /// It takes something away, or lets somebody in.
    Danger,
    /// It may be meant, and somebody should look.
    Doubt,
}

/// A danger of one rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Danger {
    /// How much it weighs.
    pub(crate) level: Level,
    /// The rule: `shrinks`, `to-zero`, `network-wider`, … . Its name never changes.
    pub(crate) rule: String,
    /// Whose it is; nobody's where it is the garden's.
    pub(crate) whose: Whose,
    /// The opening words: `Doubtful:`.
    pub(crate) lead: String,
    /// The rest of the sentence.
    pub(crate) words: String,
    /// The one line behind it, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<Place>,
    /// Whether data, interruptions or images say the same: for people it is told there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) told_above: bool,
}

/// A rule: what it looks at in the plan of one organisation.
struct Rule {
    name: &'static str,
    /// Whether another group says the same.
    told_above: bool,
    look: fn(&PlannedOrganisation<'_>, &mut Hits<'_>),
}

const fn rule(name: &'static str, look: fn(&PlannedOrganisation<'_>, &mut Hits<'_>)) -> Rule {
    Rule { name, told_above: false, look }
}

const fn told_above(name: &'static str, look: fn(&PlannedOrganisation<'_>, &mut Hits<'_>)) -> Rule {
    Rule { name, told_above: true, look }
}

/// Every rule over the plan of an organisation, in the order in which equal levels are told.
static RULES: &[Rule] = &[
    told_above("data-goes", objects::data_goes),
    rule("shrinks", amounts::shrinks),
    rule("store-moves", objects::store_moves),
    told_above("backup-off", objects::backup_off),
    rule("backup-moves", objects::backup_moves),
    rule("cluster-moves", garden::cluster_moves),
    rule("to-zero", amounts::to_zero),
    rule("network-wider", network::wider),
    rule("rights-wider", access::rights),
    rule("privileged", access::privileged),
    rule("sign-on-wider", access::sign_on),
    rule("hatch", access::hatches),
    rule("made-anew", objects::made_anew),
    told_above("major-version", objects::major),
    rule("several-releases", objects::several_releases),
    rule("window-gone", garden::window_gone),
    rule("host-moves", garden::host_moves),
    rule("brake-looser", garden::brake),
    rule("refused", objects::refused),
    rule("held", objects::held),
];

/// The sink of one rule: takes the dangers that it finds in one organisation.
struct Hits<'t> {
    tally: &'t mut BTreeMap<Key, Sum>,
    rule: &'static str,
    told_above: bool,
    organisation: Option<&'t Name>,
    /// Who has which host in the garden.
    hosts: &'t mut garden::Hosts,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    level: Level,
    /// The place of the rule in the table.
    order: usize,
    rule: &'static str,
    told_above: bool,
    says: String,
}

#[derive(Clone, Debug, Default)]
struct Sum {
    whose: Whose,
    line: OneLine,
}

/// So many different things are kept of one rule; what is more is told as one.
const MOST: usize = 200;

impl Hits<'_> {
    /// Something that the rule is about, as the rest of a sentence that begins with whose it is.
    fn hit(&mut self, level: Level, app: Option<&Name>, says: String, line: Option<Place>) {
        let order = RULES.iter().position(|rule| rule.name == self.rule).unwrap_or(RULES.len());
        let mut key = Key { level, order, rule: self.rule, told_above: self.told_above, says };
        if !self.tally.contains_key(&key) && self.tally.keys().filter(|one| one.rule == self.rule).count() >= MOST {
            key.says.replace_range(.., "and more of the kind");
        }
        let sum = self.tally.entry(key).or_default();
        if let Some(organisation) = self.organisation {
            sum.whose.add(organisation, app);
        }
        sum.line.add(line);
    }

    /// The same of what is the same for every organisation.
    fn of_all(&mut self, level: Level, says: String, line: Option<Place>) {
        let organisation = self.organisation.take();
        self.hit(level, None, says, line);
        self.organisation = organisation;
    }

    fn danger(&mut self, app: Option<&Name>, says: String, line: Option<Place>) {
        self.hit(Level::Danger, app, says, line);
    }

    fn doubt(&mut self, app: Option<&Name>, says: String, line: Option<Place>) {
        self.hit(Level::Doubt, app, says, line);
    }
}

/// Gathers them.
#[derive(Clone, Debug, Default)]
pub(super) struct DangerTally {
    found: BTreeMap<Key, Sum>,
    /// Whether the garden itself was looked at.
    looked: bool,
    /// Organisations that change by a file which is not theirs, by that file.
    reached: BTreeMap<String, BTreeSet<Name>>,
    /// How many organisations the garden has.
    all: usize,
    hosts: garden::Hosts,
}

impl DangerTally {
    /// Adds those of one organisation.
    pub(super) fn add(&mut self, subject: &PlannedOrganisation<'_>) {
        if !self.looked {
            self.looked = true;
            self.all = subject.context.garden.organisations.len();
            self.of_garden(subject.context);
        }
        for rule in RULES {
            let (organisation, told_above) = (Some(subject.name()), rule.told_above);
            let (tally, hosts) = (&mut self.found, &mut self.hosts);
            (rule.look)(subject, &mut Hits { tally, rule: rule.name, told_above, organisation, hosts });
        }
        garden::note_reach(subject, &mut self.reached);
    }

    /// What is dangerous about the garden itself, where the one before is known.
    fn of_garden(&mut self, context: ImpactContext<'_>) {
        let AppliedGarden::Commit { garden: before, .. } = context.applied else { return };
        for (rule, look) in garden::RULES {
            let (tally, hosts) = (&mut self.found, &mut self.hosts);
            look(before, context, &mut Hits { tally, rule, told_above: false, organisation: None, hosts });
        }
    }

    /// All of them, the weightiest first.
    pub(super) fn finish(mut self) -> Vec<Danger> {
        for (file, organisations) in std::mem::take(&mut self.reached) {
            garden::reach(&mut self.found, &file, &organisations, self.all);
        }
        self.found.into_iter().map(|(key, sum)| told(key, sum)).collect()
    }
}

fn told(key: Key, sum: Sum) -> Danger {
    let lead = match key.level {
        Level::Danger => "Dangerous:",
        Level::Doubt => "Doubtful:",
    };
    let words = match sum.whose.0.len() {
        0 => key.says,
        _ => format!("{}: {}", who(&sum.whose, None), key.says),
    };
    Danger {
        level: key.level,
        rule: key.rule.to_owned(),
        whose: sum.whose,
        lead: lead.to_owned(),
        words,
        origin: sum.line.get(),
        told_above: key.told_above,
    }
}
