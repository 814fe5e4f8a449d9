//! Who leads a cluster, in words.

use serde::{Deserialize, Serialize};

use crate::cluster::Leader;
use crate::visible;

/// Who leads a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct LeaderStatus {
    pub(crate) cluster: String,
    /// Who holds the lease, as it calls itself: machine, process, a word of its own.
    pub(crate) holder: Option<String>,
    /// Since when, by the clock of the API server.
    pub(crate) since: Option<String>,
    pub(crate) leads_for_seconds: Option<u64>,
    /// How long ago the lease was renewed or given up, by the clock of the API server.
    pub(crate) renewed_seconds_ago: Option<u64>,
    /// When that was by the holder's own clock.
    pub(crate) renewed_by_its_own_clock: Option<String>,
    /// How long the lease lasts without a renewal.
    pub(crate) lasts_seconds: u64,
    /// Whether it was renewed in time; absent where nobody holds it.
    pub(crate) lives: Option<bool>,
    /// How often the lease has passed from one to another.
    pub(crate) transitions: u64,
    /// The commit that the holder keeps the cluster true to, as it says; empty where it says none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) commit: String,
    /// Since when the holder cannot look at the repository, as it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) without_repository_since: Option<String>,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) without_repository_why: Option<String>,
    /// Why it could not be read.
    pub(crate) unknown: Option<String>,
}

impl LeaderStatus {
    /// Who leads as a lease shows it; nobody where there is none.
    pub(crate) fn of(cluster: String, leader: Option<&Leader>) -> Self {
        let Some(leader) = leader else { return Self { cluster, ..Self::default() } };
        let minute = |time: jiff::Timestamp| time.strftime("%FT%TZ").to_string();
        let without = leader.says.without_repository_since;
        let without = without.and_then(|since| jiff::Timestamp::from_second(since).ok());
        Self {
            cluster,
            holder: leader.holder.clone(),
            since: leader.since().map(minute),
            leads_for_seconds: leader.leads_for.map(|led| led.as_secs()),
            renewed_seconds_ago: leader.written_ago.map(|ago| ago.as_secs()),
            renewed_by_its_own_clock: leader.written_at.map(minute),
            lasts_seconds: leader.lasts.as_secs(),
            lives: leader.lives(),
            transitions: leader.transitions,
            commit: leader.says.commit.clone(),
            without_repository_since: without.map(minute),
            without_repository_why: without.map(|_| leader.says.why.clone()),
            unknown: None,
        }
    }

    /// Of a cluster that cannot be read.
    pub(crate) fn unread(cluster: String, why: String) -> Self {
        Self { cluster, unknown: Some(why), ..Self::default() }
    }

    /// Whether it keeps its cluster true to the repository: a cluster that nobody leads is not kept by a loop at all.
    pub(crate) fn is_well(&self) -> bool {
        self.lives != Some(false) && self.without_repository_since.is_none()
    }

    /// What the holder says of itself, as the end of a sentence.
    fn of_the_loop(&self) -> String {
        let commit: String = self.commit.chars().take(12).collect();
        let at = if commit.is_empty() { String::new() } else { format!(", at commit {}", visible::line(&commit)) };
        match (&self.without_repository_since, &self.without_repository_why) {
            (Some(since), why) => format!(
                "{at}; since {} it cannot look at the repository, and keeps what it knows: {}",
                spaced(since),
                visible::line(why.as_deref().unwrap_or_default())
            ),
            _ => at,
        }
    }

    /// Who leads, as a sentence without its subject.
    pub(super) fn words(&self) -> String {
        if let Some(why) = &self.unknown {
            return format!("who leads is not known: {}", visible::line(why));
        }
        let ago = self.renewed_seconds_ago.map(length);
        let Some(holder) = self.holder.as_deref().map(visible::line) else {
            return match (self.lasts_seconds, ago) {
                (0, _) => "nobody leads, and nobody has yet".to_owned(),
                (_, Some(ago)) => format!("nobody leads: the last one gave its lease up {ago} ago"),
                (_, None) => "nobody leads: the last one gave its lease up".to_owned(),
            };
        };
        let since = match (&self.since, self.leads_for_seconds.map(length)) {
            (Some(since), Some(length)) => {
                format!(" since {} (for {length})", spaced(since))
            }
            _ => String::new(),
        };
        match (self.lives, ago) {
            (Some(false), Some(ago)) => format!(
                "nobody leads: `{holder}` did{since}, and has not renewed its lease for {ago}, which lasts {}: it was killed, \
                 stands still or cannot reach the cluster. A `parcelle run` that stands by takes over; where there is none, \
                 start one",
                length(self.lasts_seconds)
            ),
            (_, Some(ago)) => format!("led by `{holder}`{since}, renewed {ago} ago{}", self.of_the_loop()),
            (_, None) => {
                let when = self.renewed_by_its_own_clock.as_deref().unwrap_or("at an unknown time");
                format!("led by `{holder}`, renewed {when} by its own clock{}", self.of_the_loop())
            }
        }
    }
}

/// A time as people read it.
fn spaced(time: &str) -> String {
    time.replace('T', " ").replace('Z', " UTC")
}

/// `45 s`, `12 min`, `5 h 20 min`, `3 days`.
pub(super) fn length(seconds: u64) -> String {
    match (seconds, seconds / 60) {
        (..120, _) => format!("{seconds} s"),
        (_, minutes @ ..120) => format!("{minutes} min"),
        (_, minutes @ ..2_880) => format!("{} h {} min", minutes / 60, minutes % 60),
        (_, minutes) => format!("{} days", minutes / 1_440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held() -> LeaderStatus {
        LeaderStatus {
            cluster: "ada".to_owned(),
            holder: Some("pod-1-ab".to_owned()),
            since: Some("2026-11-20T10:00:00Z".to_owned()),
            leads_for_seconds: Some(7_204),
            renewed_seconds_ago: Some(4),
            lasts_seconds: 30,
            lives: Some(true),
            ..LeaderStatus::default()
        }
    }

    #[test]
    fn who_leads_is_a_sentence() {
        assert_eq!(held().words(), "led by `pod-1-ab` since 2026-11-20 10:00:00 UTC (for 2 h 0 min), renewed 4 s ago");
        let silent = LeaderStatus { renewed_seconds_ago: Some(75), lives: Some(false), ..held() };
        let words = silent.words();
        assert!(
            words
                .starts_with("nobody leads: `pod-1-ab` did since 2026-11-20 10:00:00 UTC (for 2 h 0 min), and has not")
        );
        assert!(words.contains("for 75 s, which lasts 30 s"), "{words}");
        let free = LeaderStatus { holder: None, renewed_seconds_ago: Some(300), lives: None, ..held() };
        assert_eq!(free.words(), "nobody leads: the last one gave its lease up 5 min ago");
        assert_eq!(LeaderStatus::default().words(), "nobody leads, and nobody has yet");
        let alone = LeaderStatus {
            commit: "5b1f0ce02a41ffff".to_owned(),
            without_repository_since: Some("2026-11-20T11:00:00Z".to_owned()),
            without_repository_why: Some("the repository's folder `/git` is not there".to_owned()),
            ..held()
        };
        let words = alone.words();
        assert!(
            words.ends_with(
                "renewed 4 s ago, at commit 5b1f0ce02a41; since 2026-11-20 11:00:00 UTC it cannot look at the repository, and \
                 keeps what it knows: the repository's folder `/git` is not there"
            ),
            "{words}"
        );
        assert!(held().is_well() && !alone.is_well() && !silent.is_well() && free.is_well());
    }

    #[test]
    fn lengths_are_as_rough_as_they_are_long() {
        let told = [0, 119, 120, 7_199, 7_200, 172_799, 172_800].map(length);
        assert_eq!(told, ["0 s", "119 s", "2 min", "119 min", "2 h 0 min", "47 h 59 min", "2 days"]);
    }
}
