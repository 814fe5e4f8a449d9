//! Faults on demand: which requests they hit, what happens to those, seeded so that a run repeats.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What happens to a request that a fault hits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FaultEffect {
    /// Answered with this status code and nothing done.
    Status {
        /// HTTP status code.
        code: u16,
        /// Machine-readable reason, such as `TooManyRequests`; empty for none.
        #[serde(default)]
        reason: String,
        /// Seconds in the header `Retry-After`, if any.
        #[serde(default)]
        retry_after: Option<u32>,
        /// The server's words, such as those of a quota or an admission policy; a sentence of ours where empty.
        #[serde(default)]
        message: String,
    },
    /// Done as usual, this much later.
    Delay {
        /// How long the answer is held back.
        milliseconds: u64,
    },
    /// The connection is cut, nothing is done.
    CutBefore,
    /// The request is done, and the connection cut instead of an answer.
    CutAfter,
    /// The request is done, and half of the answer's body is sent.
    Truncate,
    /// A watch ends at once with 410 `Expired`.
    WatchExpires,
    /// A watch is opened and stays silent, without bookmarks or an end.
    WatchStalls,
    /// What is written is changed on its way, as a mutating webhook does: this value comes to stand at the JSON pointer.
    Rewrite {
        /// Where, such as `/spec/replicas`; its parent must be there.
        pointer: String,
        /// The value that stands there.
        value: serde_json::Value,
    },
    /// Done as usual, and warned of beside the answer, as an admission webhook does.
    Warn {
        /// The text of the header `Warning`.
        message: String,
    },
    /// A read is answered from an earlier version of the store.
    StaleRead {
        /// How many writes the answer lags behind.
        versions: u64,
    },
}

/// Which requests a fault hits. A member that is absent or empty matches everything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RequestMatcher {
    /// Verbs: `get list watch create update patch delete deletecollection`.
    pub verbs: Vec<String>,
    /// Resource as in `deployments.apps` or `configmaps`, also `deployments.apps/status`; `*.GROUP` for a whole API group,
    /// which with a status 503 is missing from discovery too, as behind an aggregated server that is down.
    pub resource: Option<String>,
    /// Only requests in this namespace.
    pub namespace: Option<String>,
    /// Only requests for objects of this name.
    pub name: Option<String>,
    /// Field manager, the part of the user agent before `/` where none is named.
    pub manager: Option<String>,
    /// Only requests that are only tried (`dryRun=All`), or only those in earnest.
    pub dry_run: Option<bool>,
    /// Only the n-th request (from 1) that matches otherwise.
    pub nth: Option<u64>,
    /// Only with this probability, between 0 and 1.
    pub probability: Option<f64>,
    /// Only so many times altogether.
    pub times: Option<u64>,
}

/// A fault that waits for its requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Which requests it hits.
    #[serde(default)]
    pub on: RequestMatcher,
    /// What happens to them.
    pub effect: FaultEffect,
}

/// What a fault may look at.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) verb: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) manager: &'a str,
    pub(crate) dry_run: bool,
}

#[derive(Debug)]
struct Waiting {
    fault: Fault,
    matched: u64,
    hit: u64,
}

/// All faults that wait, and the generator that throws the dice.
#[derive(Debug, Default)]
pub(crate) struct Table {
    waiting: Vec<Waiting>,
    seed: u64,
}

impl Table {
    /// Sets the seed of the dice.
    pub(crate) fn seed(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// Adds a fault.
    pub(crate) fn add(&mut self, fault: Fault) {
        self.waiting.push(Waiting { fault, matched: 0, hit: 0 });
    }

    /// Removes all faults.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// The faults that wait, each with how often it has hit.
    pub(crate) fn all(&self) -> Vec<(Fault, u64)> {
        let pairs = self.waiting.iter();
        pairs.map(|one| (one.fault.clone(), one.hit)).collect()
    }

    /// API groups whose server is down: they are known and tell nothing of their kinds.
    pub(crate) fn silent_groups(&self) -> Vec<String> {
        let down = |waiting: &&Waiting| matches!(waiting.fault.effect, FaultEffect::Status { code: 503, .. });
        let groups = self.waiting.iter().filter(down);
        groups
            .filter_map(|waiting| Some(waiting.fault.on.resource.as_deref()?.strip_prefix("*.")?.to_owned()))
            .collect()
    }

    /// The effects of all faults that hit this request.
    pub(crate) fn effects(&mut self, seen: &Seen<'_>) -> Vec<FaultEffect> {
        let mut effects = Vec::new();
        for waiting in &mut self.waiting {
            let on = &waiting.fault.on;
            if !matches(on, seen) {
                continue;
            }
            waiting.matched += 1;
            if on.nth.is_some_and(|nth| nth != waiting.matched) || on.times.is_some_and(|times| waiting.hit >= times) {
                continue;
            }
            if let Some(probability) = on.probability
                && dice(&mut self.seed) >= probability
            {
                continue;
            }
            waiting.hit += 1;
            effects.push(waiting.fault.effect.clone());
        }
        effects
    }
}

fn matches(on: &RequestMatcher, seen: &Seen<'_>) -> bool {
    let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
    (on.verbs.is_empty() || on.verbs.iter().any(|verb| verb == seen.verb))
        && on.resource.as_deref().is_none_or(|wanted| is_resource(wanted, seen.resource))
        && is(&on.namespace, seen.namespace)
        && is(&on.name, seen.name)
        && is(&on.manager, seen.manager)
        && on.dry_run.is_none_or(|wanted| wanted == seen.dry_run)
}

fn is_resource(wanted: &str, found: &str) -> bool {
    match wanted.strip_prefix('*') {
        Some(group) => found.ends_with(group),
        None => wanted == found,
    }
}

/// A number from 0 to below 1 (splitmix64).
#[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
fn dice(seed: &mut u64) -> f64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut bits = *seed;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// The effects of one request, sorted by when they come in.
#[expect(clippy::struct_excessive_bools, reason = "each is an effect of its own, and several may hit one request")]
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) delay: Duration,
    pub(crate) status: Option<Injected>,
    pub(crate) cut_before: bool,
    pub(crate) cut_after: bool,
    pub(crate) truncate: bool,
    pub(crate) expire: bool,
    pub(crate) stall: bool,
    pub(crate) stale: Option<u64>,
    /// JSON pointers and values.
    pub(crate) rewrites: Vec<(String, serde_json::Value)>,
    pub(crate) warnings: Vec<String>,
}

/// An answer in place of the request's own.
#[derive(Debug)]
pub(crate) struct Injected {
    pub(crate) code: u16,
    pub(crate) reason: String,
    pub(crate) retry_after: Option<u32>,
    pub(crate) message: String,
}

impl From<Vec<FaultEffect>> for Effects {
    fn from(list: Vec<FaultEffect>) -> Self {
        let mut effects = Self::default();
        for effect in list {
            match effect {
                FaultEffect::Status { code, reason, retry_after, message } => {
                    effects.status = Some(Injected { code, reason, retry_after, message });
                }
                FaultEffect::Delay { milliseconds } => {
                    effects.delay += Duration::from_millis(milliseconds);
                }
                FaultEffect::CutBefore => effects.cut_before = true,
                FaultEffect::CutAfter => effects.cut_after = true,
                FaultEffect::Truncate => effects.truncate = true,
                FaultEffect::WatchExpires => effects.expire = true,
                FaultEffect::WatchStalls => effects.stall = true,
                FaultEffect::Rewrite { pointer, value } => effects.rewrites.push((pointer, value)),
                FaultEffect::Warn { message } => effects.warnings.push(message),
                FaultEffect::StaleRead { versions } => effects.stale = Some(versions),
            }
        }
        effects
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(verb: &str) -> Seen<'_> {
        Seen { verb, resource: "configmaps", namespace: "n", name: "c", manager: "m", dry_run: false }
    }

    #[test]
    fn the_nth_matching_request_is_hit_once() {
        let mut table = Table::default();
        let on = RequestMatcher { verbs: vec!["patch".to_owned()], nth: Some(2), ..RequestMatcher::default() };
        table.add(Fault { on, effect: FaultEffect::CutAfter });
        let hits: Vec<usize> =
            ["patch", "get", "patch", "patch"].iter().map(|verb| table.effects(&seen(verb)).len()).collect();
        assert_eq!(hits, [0, 0, 1, 0]);
    }

    #[test]
    fn the_same_seed_throws_the_same_dice() {
        let run = |number| {
            let mut table = Table::default();
            table.seed(number);
            let on = RequestMatcher { probability: Some(0.5), ..RequestMatcher::default() };
            table.add(Fault { on, effect: FaultEffect::CutBefore });
            let hits = (0..200).map(|_| table.effects(&seen("get")).len());
            hits.collect::<Vec<usize>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        let hit: usize = run(7).iter().sum();
        assert!((70..130).contains(&hit));
    }
}
