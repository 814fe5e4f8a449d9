//! What stands of the reviews of a request: the last word of each account.

use std::collections::BTreeMap;

use super::{ForgeUnheard, FoundRequest, RequestReviews, ReviewSaid};
use crate::consent::ConsentWord;
use crate::forge::read::is_commit;
use crate::forge::shortened;
use crate::git::CommitId;
use crate::visible;

/// The most characters of the reason of an objection.
const LONGEST_REASON: usize = 500;
/// The most characters of the name of an account; none has more.
const LONGEST_ACCOUNT: usize = 255;

/// An approval, an objection, or a review that was dismissed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    Yes,
    No,
    /// It said something, and was dismissed.
    Dismissed,
}

/// A review as a forge shows it.
#[derive(Clone, Debug)]
pub(super) struct GivenReview<'a> {
    pub(super) account: &'a str,
    pub(super) says: Says,
    /// The commit that it was given at; empty where the forge does not say it.
    pub(super) commit: &'a str,
    /// When it was given.
    pub(super) at: &'a str,
    pub(super) body: &'a str,
}

impl RequestReviews {
    /// A request of which nothing was said yet.
    pub(super) fn of(request: &FoundRequest) -> Self {
        Self {
            number: request.number,
            head: request.head.clone(),
            commits: std::collections::BTreeSet::new(),
            opener: request.opener.clone(),
            pushers: std::collections::BTreeSet::new(),
            knows_pushers: true,
            said: Vec::new(),
            discounted: Vec::new(),
        }
    }

    /// Takes reviews, the oldest first: what an account says last counts, and what was dismissed counts for nothing. Approvals of
    /// several commits stand beside each other until the same account objects or is dismissed.
    pub(super) fn take(&mut self, reviews: &[GivenReview<'_>]) {
        let mut standing: BTreeMap<String, Vec<Result<ReviewSaid, ForgeUnheard>>> = BTreeMap::new();
        for review in reviews.iter().filter(|review| !review.account.is_empty()) {
            let of_account = standing.entry(review.account.to_lowercase()).or_default();
            match review.says {
                // Approvals of other commits stay; what was objected to or dismissed before is settled.
                Says::Yes => of_account.retain(|one| one.as_ref().is_ok_and(|said| said.word == ConsentWord::Approve)),
                Says::No | Says::Dismissed => of_account.clear(),
            }
            match review.says {
                Says::Dismissed => {
                    of_account.push(Err(ForgeUnheard::new(review.account, "it was dismissed on the forge")));
                }
                Says::Yes | Says::No => of_account.push(self.read(review)),
            }
        }
        for one in standing.into_values().flatten() {
            match one {
                Ok(said) => self.said.push(said),
                Err(unheard) => self.discounted.push(unheard),
            }
        }
    }

    fn read(&self, review: &GivenReview<'_>) -> Result<ReviewSaid, ForgeUnheard> {
        let account = account(review.account);
        let when = seconds(review.at)
            .ok_or_else(|| ForgeUnheard::new(&account, "the forge does not say when it was given"))?;
        let (word, reason) = match review.says {
            Says::No => (ConsentWord::Object, reason(review.body)),
            Says::Yes | Says::Dismissed => (ConsentWord::Approve, String::new()),
        };
        let head = match (is_commit(review.commit), word) {
            (true, _) => CommitId(review.commit.to_lowercase()),
            // An objection stands until it is taken back, whatever it was given at.
            (false, ConsentWord::Object) => self.head.clone(),
            (false, _) => return Err(ForgeUnheard::new(&account, "the forge does not say of which commit it is")),
        };
        Ok(ReviewSaid { account, word, head, when, reason })
    }
}

/// The name of an account, as it is kept.
pub(super) fn account(name: &str) -> String {
    visible::line(&name.chars().take(LONGEST_ACCOUNT).collect::<String>())
}

fn reason(body: &str) -> String {
    let words: Vec<&str> = body.split_whitespace().collect();
    let reason = shortened(&visible::line(&words.join(" ")), LONGEST_REASON);
    if reason.is_empty() { "changes are requested on the forge, without a word why".to_owned() } else { reason }
}

/// A time as forges write it, in Unix seconds.
pub(super) fn seconds(text: &str) -> Option<i64> {
    Some(text.parse::<jiff::Timestamp>().ok()?.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> RequestReviews {
        RequestReviews::of(&FoundRequest {
            number: 7,
            head: CommitId("b".repeat(40)),
            opener: "ada".to_owned(),
            branch: "main".to_owned(),
            is_merged: true,
            updated: String::new(),
            is_here: true,
        })
    }

    fn words(reviews: &[(&str, Says, char)]) -> Vec<String> {
        let commits: Vec<String> = reviews.iter().map(|(_, _, commit)| commit.to_string().repeat(40)).collect();
        let at = "2026-11-30T10:00:00Z";
        let given: Vec<GivenReview<'_>> = reviews
            .iter()
            .zip(&commits)
            .map(|((account, says, _), commit)| GivenReview { account, says: *says, commit, at, body: "" })
            .collect();
        let mut request = request();
        request.take(&given);
        let said = request.said.iter().map(|said| format!("{} {:?} {}", said.account, said.word, &said.head.0[..1]));
        said.chain(request.discounted.iter().map(|one| format!("{}: {}", one.account, one.why))).collect()
    }

    #[test]
    fn the_last_word_of_an_account_counts() {
        use Says::{Dismissed, No, Yes};
        for (reviews, wanted) in [
            (&[("bo", Yes, 'a')][..], &["bo Approve a"][..]),
            (&[("bo", Yes, 'a'), ("bo", Yes, 'b')], &["bo Approve a", "bo Approve b"]),
            (&[("bo", Yes, 'a'), ("Bo", No, 'b')], &["Bo Object b"]),
            (&[("bo", No, 'a'), ("bo", Yes, 'b')], &["bo Approve b"]),
            (&[("bo", Yes, 'a'), ("bo", Dismissed, 'b')], &["bo: it was dismissed on the forge"]),
            (&[("bo", No, 'x')], &["bo Object b"]),
            (&[("bo", Yes, 'x')], &["bo: the forge does not say of which commit it is"]),
            (&[("", Yes, 'a')], &[]),
        ] {
            assert_eq!(words(reviews), wanted, "{reviews:?}");
        }
    }

    #[test]
    fn a_reason_is_one_line_of_a_bounded_length() {
        assert_eq!(reason(" no\n\nnot \u{1b}[31mthis "), visible::line("no not \u{1b}[31mthis"));
        assert_eq!(reason(&"word ".repeat(500)).chars().count(), LONGEST_REASON);
        assert!(reason(" \n").contains("without a word why"));
        assert_eq!(seconds("2026-11-30T10:00:00.123+01:00"), seconds("2026-11-30T09:00:00Z"));
        assert_eq!(seconds("yesterday"), None);
    }
}
