//! What is done with an object: one case a verb, which holds what only that verb has.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::action::{Base, Verb};
use super::reason::{Adopting, Changing, Creating, Deleting, Holding, Keeping, Reason, Refusing, Replacing};
use crate::kind::ReclaimPolicy;

/// What is done with an object, and why. The live state that it was decided on is there wherever the verb needs it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Written")]
pub(crate) enum Deed {
    /// It is made; nothing is there to decide on.
    Create(Creating),
    /// Fields of it are set.
    Change {
        why: Changing,
        /// What it was decided on.
        base: Base,
        /// Whether the apply is sent with force: every conflict of it is drift or taken by word.
        force: bool,
        /// The number of replicas that a second manager holds before we give it up, for the autoscaler.
        hand_over: Option<u64>,
        /// Fields that are taken away first, since they cannot stand beside ours: `spec.strategy.rollingUpdate`.
        take_away: Vec<String>,
    },
    /// It is deleted and made anew, since a field that must change cannot.
    Replace {
        why: Replacing,
        /// What it was decided on.
        base: Base,
    },
    /// It exists, is not ours yet, and the garden says to take it.
    Adopt {
        why: Adopting,
        /// What it was decided on.
        base: Base,
        /// Whether the apply is sent with force: every conflict of it is taken by word.
        force: bool,
        /// The tools whose fields become ours before the first apply; empty where no tool made it.
        take_over: Vec<String>,
        /// Fields that are taken away first, since they cannot stand beside ours.
        take_away: Vec<String>,
    },
    /// It is deleted.
    Delete {
        why: Deleting,
        /// What it was decided on.
        base: Base,
        /// The policy that is switched to `delete` just before, so that the data goes too.
        reclaim: Option<ReclaimPolicy>,
    },
    /// Nothing is done, for a reason that may be worth saying.
    Keep {
        why: Keeping,
        /// What it was decided on, where it was compared.
        base: Option<Base>,
    },
    /// Something would be done, and is held back.
    Held {
        why: Holding,
        /// What it was decided on, where that is there.
        base: Option<Base>,
    },
    /// What the garden asks cannot be done.
    Refused {
        why: Refusing,
        /// What it was decided on, where that is there.
        base: Option<Base>,
    },
}

/// What is written just before an action itself, as saved and printed plans say it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Prepare {
    /// Before a change: the autoscaler's number of replicas is held as it is.
    HandOver { replicas: u64 },
    /// Before an adoption: fields of tools become ours.
    TakeOver {
        /// Their field managers.
        tools: Vec<String>,
    },
    /// Before a change or an adoption: fields go that cannot stand beside ours, by one JSON patch.
    TakeAway {
        /// `spec.strategy.rollingUpdate`.
        fields: Vec<String>,
        /// The autoscaler's number of replicas, where that is held as it is too.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replicas: Option<u64>,
        /// The tools whose fields become ours too.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tools: Vec<String>,
    },
    /// Before a delete: a reclaim policy is switched to `delete`.
    SwitchReclaim { policy: ReclaimPolicy },
}

impl Deed {
    /// Nothing is done with an object that was not compared.
    pub(crate) fn keep(why: Keeping) -> Self {
        Self::Keep { why, base: None }
    }

    /// Something that was not compared is held back.
    pub(crate) fn held(why: Holding) -> Self {
        Self::Held { why, base: None }
    }

    /// Something that was not compared is refused.
    pub(crate) fn refused(why: Refusing) -> Self {
        Self::Refused { why, base: None }
    }

    /// Why it is done, or not.
    pub(crate) fn reason(&self) -> Reason<'_> {
        match self {
            Self::Create(why) => Reason::Creating(why),
            Self::Change { why, .. } => Reason::Changing(why),
            Self::Replace { why, .. } => Reason::Replacing(why),
            Self::Adopt { why, .. } => Reason::Adopting(why),
            Self::Delete { why, .. } => Reason::Deleting(why),
            Self::Keep { why, .. } => Reason::Keeping(why),
            Self::Held { why, .. } => Reason::Holding(why),
            Self::Refused { why, .. } => Reason::Refusing(why),
        }
    }

    /// What is done.
    pub(crate) fn verb(&self) -> Verb {
        self.reason().verb()
    }

    /// The live state that it was decided on; absent for objects that are not there or were not compared.
    pub(crate) fn base(&self) -> Option<&Base> {
        match self {
            Self::Create(_) => None,
            Self::Change { base, .. }
            | Self::Replace { base, .. }
            | Self::Adopt { base, .. }
            | Self::Delete { base, .. } => Some(base),
            Self::Keep { base, .. } | Self::Held { base, .. } | Self::Refused { base, .. } => base.as_ref(),
        }
    }

    /// Whether it is applied with force.
    pub(crate) fn force(&self) -> bool {
        match self {
            Self::Change { force, .. } | Self::Adopt { force, .. } => *force,
            Self::Create(_)
            | Self::Replace { .. }
            | Self::Delete { .. }
            | Self::Keep { .. }
            | Self::Held { .. }
            | Self::Refused { .. } => false,
        }
    }

    /// What is written just before it.
    pub(crate) fn prepare(&self) -> Option<Prepare> {
        match self {
            Self::Change { hand_over, take_away, .. } if !take_away.is_empty() => {
                Some(Prepare::TakeAway { fields: take_away.clone(), replicas: *hand_over, tools: Vec::new() })
            }
            Self::Adopt { take_over, take_away, .. } if !take_away.is_empty() => {
                Some(Prepare::TakeAway { fields: take_away.clone(), replicas: None, tools: take_over.clone() })
            }
            Self::Change { hand_over, .. } => hand_over.map(|replicas| Prepare::HandOver { replicas }),
            Self::Adopt { take_over, .. } => {
                (!take_over.is_empty()).then(|| Prepare::TakeOver { tools: take_over.clone() })
            }
            Self::Delete { reclaim, .. } => reclaim.map(|policy| Prepare::SwitchReclaim { policy }),
            Self::Create(_) | Self::Replace { .. } | Self::Keep { .. } | Self::Held { .. } | Self::Refused { .. } => {
                None
            }
        }
    }
}

/// A deed as plans are printed and saved: beside the other fields of its action.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    verb: Verb,
    reason: Reason<'a>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    force: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<&'a Base>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prepare: Option<Prepare>,
}

impl Serialize for Deed {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (base, prepare) = (self.base(), self.prepare());
        Told { verb: self.verb(), reason: self.reason(), force: self.force(), base, prepare }.serialize(to)
    }
}

/// A deed as it stands in a saved plan, whoever wrote the file.
#[derive(Deserialize)]
struct Written {
    verb: Verb,
    reason: Value,
    #[serde(default)]
    force: bool,
    #[serde(default)]
    base: Option<Base>,
    #[serde(default)]
    prepare: Option<Prepare>,
}

/// Why a written deed is none.
#[derive(Debug, thiserror::Error)]
enum Misfit {
    #[error("its reason is none to {verb}: {error}")]
    Reason { verb: &'static str, error: serde_json::Error },
    #[error("to {verb} needs the live object that it was decided on, and the plan names none")]
    NoBase { verb: &'static str },
    #[error("to {verb} goes with no `{part}`")]
    Superfluous { verb: &'static str, part: &'static str },
}

impl TryFrom<Written> for Deed {
    type Error = Misfit;

    fn try_from(written: Written) -> Result<Self, Misfit> {
        let Written { verb, reason, force, base, prepare } = written;
        let word = infinitive(verb);
        let refuse = |part| Err(Misfit::Superfluous { verb: word, part });
        let needed = |base: Option<Base>| base.ok_or(Misfit::NoBase { verb: word });
        if force && !matches!(verb, Verb::Change | Verb::Adopt) {
            return refuse("force");
        }
        Ok(match (verb, prepare) {
            (Verb::Create, None) if base.is_some() => return refuse("base"),
            (Verb::Create, None) => Self::Create(why(word, reason)?),
            (Verb::Change, prepare) => {
                let (hand_over, take_away) = match prepare {
                    None => (None, Vec::new()),
                    Some(Prepare::HandOver { replicas }) => (Some(replicas), Vec::new()),
                    Some(Prepare::TakeAway { fields, replicas, tools }) if tools.is_empty() && !fields.is_empty() => {
                        (replicas, fields)
                    }
                    Some(_) => return refuse("prepare"),
                };
                Self::Change { why: why(word, reason)?, base: needed(base)?, force, hand_over, take_away }
            }
            (Verb::Replace, None) => Self::Replace { why: why(word, reason)?, base: needed(base)? },
            (Verb::Adopt, prepare) => {
                let (take_over, take_away) = match prepare {
                    None => (Vec::new(), Vec::new()),
                    Some(Prepare::TakeOver { tools }) => (tools, Vec::new()),
                    Some(Prepare::TakeAway { fields, replicas: None, tools }) if !fields.is_empty() => (tools, fields),
                    Some(_) => return refuse("prepare"),
                };
                Self::Adopt { why: why(word, reason)?, base: needed(base)?, force, take_over, take_away }
            }
            (Verb::Delete, None) => Self::Delete { why: why(word, reason)?, base: needed(base)?, reclaim: None },
            (Verb::Delete, Some(Prepare::SwitchReclaim { policy })) => {
                Self::Delete { why: why(word, reason)?, base: needed(base)?, reclaim: Some(policy) }
            }
            (Verb::Keep, None) => Self::Keep { why: why(word, reason)?, base },
            (Verb::Held, None) => Self::Held { why: why(word, reason)?, base },
            (Verb::Refused, None) => Self::Refused { why: why(word, reason)?, base },
            (_, Some(_)) => return refuse("prepare"),
        })
    }
}

pub(in crate::plan) fn infinitive(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "create",
        Verb::Change => "change",
        Verb::Replace => "replace",
        Verb::Adopt => "adopt",
        Verb::Delete => "delete",
        Verb::Keep => "keep",
        Verb::Held => "hold",
        Verb::Refused => "refuse",
    }
}

/// Reads a reason of the verb's own.
fn why<T: DeserializeOwned>(verb: &'static str, reason: Value) -> Result<T, Misfit> {
    serde_json::from_value(reason).map_err(|error| Misfit::Reason { verb, error })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_saved_deed_whose_parts_do_not_fit_is_refused() {
        let base = json!({"uid": "u", "resourceVersion": "7", "valuesHash": ""});
        let read = |deed: Value| serde_json::from_value::<Deed>(deed).map_err(|error| error.to_string());
        let good = json!({"verb": "delete", "reason": {"is": "no-longer-asked"}, "base": base});
        let deed = read(good.clone()).expect("it is as we write it");
        assert_eq!(serde_json::to_value(&deed).expect("JSON can say it"), good);
        let wrong = |change: Value| {
            let mut deed = good.clone();
            deed.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            read(deed).expect_err("it does not fit")
        };
        let policy = json!({"is": "switch-reclaim", "policy": "databaseReclaimPolicy"});
        assert!(wrong(json!({"reason": {"is": "drift", "by": []}})).starts_with("its reason is none to delete"));
        assert!(wrong(json!({"base": null})).contains("the live object"));
        assert!(wrong(json!({"force": true})).contains("`force`"));
        assert!(wrong(json!({"prepare": {"is": "hand-over", "replicas": 3}})).contains("`prepare`"));
        let away = json!({"is": "take-away", "fields": ["spec.strategy.rollingUpdate"]});
        assert!(wrong(json!({"prepare": away})).contains("`prepare`"));
        assert!(wrong(json!({"prepare": {"spec": {"replicas": 3}}})).contains("missing field"));
        assert!(wrong(json!({"verb": "create", "reason": {"is": "not-there"}})).contains("`base`"));
        assert!(wrong(json!({"verb": "keep", "reason": {"is": "unchanged"}, "prepare": policy})).contains("`prepare`"));
        let mut switched = good.clone();
        switched["prepare"] = policy;
        assert_eq!(read(switched).map(|deed| deed.prepare().is_some()), Ok(true));
        let mut change = json!({"verb": "change", "reason": {"is": "drift", "by": []}, "base": base, "prepare": away});
        let deed = read(change.clone()).expect("what is taken away is kept");
        assert_eq!(serde_json::to_value(&deed).expect("JSON can say it"), change);
        change["prepare"]["fields"] = json!([]);
        assert!(read(change).is_err_and(|error| error.contains("`prepare`")), "nothing is no preparation");
    }
}
