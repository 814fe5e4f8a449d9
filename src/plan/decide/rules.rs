//! Custom resources against the rules of their definitions, before a server is asked.

use std::collections::{BTreeMap, BTreeSet};

use crate::cel::{Broken, DefinitionRules, Left};
use crate::merge::{self, ApplyOptions};
use crate::plan::state::input::{body_to_send, questions_of};
use crate::plan::state::live::{Cause, DryRun};
use crate::plan::{Input, MANAGER};
use crate::render::ObjectId;

/// What the rules of definitions say of the objects that a plan would write.
#[derive(Debug, Default)]
pub(crate) struct RuleAnswers {
    /// Objects that break rules, each with the refusal that the server would give.
    pub(crate) refused: BTreeMap<ObjectId, DryRun>,
    /// Rules that only the server can judge.
    pub(crate) left: BTreeSet<Left>,
}

/// Judges every object that would be written and is of a kind with rules: as it would be stored, beside what is stored now.
pub(crate) fn judge_by_rules(input: &Input<'_>, rules: &DefinitionRules) -> RuleAnswers {
    let mut answers = RuleAnswers::default();
    let with_rules = questions_of(input, false, |object| rules.of(&object.id.api_version, &object.id.kind).is_some());
    for at in with_rules {
        let object = &input.desired.objects[at];
        let Some(rules) = rules.of(&object.id.api_version, &object.id.kind) else { continue };
        let entry = input.inventory.find(&object.id).map(|(_, entry)| entry);
        let live = input.live.objects.get(&object.id).map(|live| &*live.body);
        let wanted = body_to_send(input.schemas, input.directives, object, entry, live);
        let options = ApplyOptions { manager: MANAGER, force: true, subresource: None, now: "1970-01-01T00:00:00Z" };
        // Whether the body fits its schema is for others to say.
        let Ok(after) = merge::apply(input.schemas, live, &wanted, &options) else { continue };
        let judgement = rules.judge(&after, live);
        answers.left.extend(judgement.left);
        let (dear, broken): (Vec<_>, Vec<_>) = judgement.broken.into_iter().partition(|broken| broken.over_budget);
        answers.left.extend(dear.into_iter().map(|dear| Left { rule: object.id.to_string(), why: dear.detail }));
        if !broken.is_empty() {
            answers.refused.insert(object.id.clone(), refusal(&broken));
        }
    }
    answers
}

/// The refusal of an object that breaks rules.
fn refusal(broken: &[Broken]) -> DryRun {
    let field = |broken: &Broken| if broken.path.is_empty() { "metadata.name".to_owned() } else { broken.path.clone() };
    let causes =
        broken.iter().map(|broken| Cause { field: field(broken), message: broken.detail.clone(), by_rule: true });
    let words: Vec<String> = broken.iter().map(|broken| format!("{}: {}", field(broken), broken.detail)).collect();
    DryRun::Refused { status: 422, message: words.join(", "), causes: causes.collect() }
}

/// The server's answer, with those of its causes marked that are rules; ours in its place where it could not be asked.
pub(crate) fn with_rules(asked: Option<DryRun>, ours: DryRun) -> DryRun {
    match (asked, ours) {
        (None | Some(DryRun::NotVerified(_)), ours) => ours,
        (Some(DryRun::Refused { status, message, mut causes }), DryRun::Refused { causes: by_rule, .. }) => {
            for cause in &mut causes {
                if let Some(rule) =
                    by_rule.iter().find(|rule| rule.field == cause.field && cause.message.ends_with(&rule.message))
                {
                    *cause = rule.clone();
                }
            }
            DryRun::Refused { status, message, causes }
        }
        // The server takes it: something on its way in (a mutating webhook) changed what the rule looks at.
        (Some(other), _) => other,
    }
}
