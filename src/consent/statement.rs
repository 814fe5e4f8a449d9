//! Signed statements: what somebody says of a change, as it lies in the repository.
//!
//! ```text
//! parcelle consent v1
//! garden indiehosters
//! word object
//! change 9d1c…
//! head 3f2a…
//! base 88d1…
//! when 2026-12-01T10:00:00Z
//! reason too early
//! -----BEGIN SSH SIGNATURE-----
//! ```
//!
//! The signature is of exactly the bytes before it, in the namespace [`STATEMENTS`].

use std::collections::BTreeMap;

use super::signature::{STATEMENTS, signer};
use super::{ChangeId, ConsentWord, Given, Via, Voice};
use crate::git::{CommitId, LARGEST_STATEMENT};
use crate::model::Person;
use crate::name::Name;
use crate::visible;

const FIRST_LINE: &str = "parcelle consent v1";
const SIGNATURE: &str = "-----BEGIN SSH SIGNATURE-----";
/// The most bytes of a reason.
pub(crate) const LONGEST_REASON: usize = 2_000;

/// What somebody says, before it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) garden: Name,
    pub(crate) word: ConsentWord,
    pub(crate) change: ChangeId,
    pub(crate) given: Given,
    /// In Unix seconds.
    pub(crate) when: i64,
    /// One line; empty for none.
    pub(crate) reason: String,
}

/// A statement that counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unheard {
    /// Where it lies: the name of its ref.
    pub(crate) place: String,
    /// Why, in words, after "does not count: ".
    pub(crate) why: String,
}

impl Statement {
    /// The text that is signed.
    pub(crate) fn text(&self) -> String {
        let when = jiff::Timestamp::from_second(self.when).map(|when| when.to_string()).unwrap_or_default();
        let Self { garden, word, change, given, reason, .. } = self;
        let mut text = format!(
            "{FIRST_LINE}\ngarden {garden}\nword {}\nchange {}\nhead {}\nbase {}\nwhen {when}\n",
            word.as_str(),
            change.0,
            given.head.0,
            given.base.0
        );
        if !reason.is_empty() {
            text.push_str(&format!("reason {reason}\n"));
        }
        text
    }

    /// Reads the text of a statement.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.contains(['\r', '\0']) || !text.ends_with('\n') {
            return Err("it is no statement of parcelle's: its lines are not as they are written".to_owned());
        }
        let mut lines = text[..text.len() - 1].split('\n');
        if lines.next() != Some(FIRST_LINE) {
            return Err("it is no statement of this version of parcelle".to_owned());
        }
        let mut field = |name: &str| {
            let line = lines.next().ok_or(format!("it is cut short: no `{name}`"))?;
            line.strip_prefix(name)
                .and_then(|rest| rest.strip_prefix(' '))
                .map(str::to_owned)
                .ok_or(format!("its line `{name}` is missing"))
        };
        let garden = Name::new(&field("garden")?).map_err(|_| "its garden has no name")?;
        let word = ConsentWord::parse(&field("word")?).ok_or("it says a word that nobody knows")?;
        let change = hex(field("change")?, &[64])?;
        let head = hex(field("head")?, &[40, 64])?;
        let base = hex(field("base")?, &[40, 64])?;
        let when = field("when")?.parse::<jiff::Timestamp>().map_err(|_| "its time is none")?.as_second();
        let reason = match lines.next() {
            None => String::new(),
            Some(line) => line.strip_prefix("reason ").ok_or("a line of it is not known")?.to_owned(),
        };
        if lines.next().is_some() {
            return Err("there are more lines than a statement has".to_owned());
        }
        if reason.len() > LONGEST_REASON {
            return Err(format!("its reason has more than {LONGEST_REASON} bytes"));
        }
        let given = Given { head: CommitId(head), base: CommitId(base) };
        Ok(Self { garden, word, change: ChangeId(change), given, when, reason })
    }
}

/// An id in hexadecimal of one of these lengths.
fn hex(text: String, lengths: &[usize]) -> Result<String, String> {
    let digits = text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    if digits && lengths.contains(&text.len()) { Ok(text) } else { Err("an id in it is none".to_owned()) }
}

/// What one signed statement says, and who says it.
///
/// # Errors
/// Why it counts for nothing, in words.
pub(crate) fn hear(garden: &Name, people: &BTreeMap<Name, Person>, bytes: &[u8]) -> Result<Voice, String> {
    if bytes.len() > LARGEST_STATEMENT {
        return Err(format!("it has more than {} KiB", LARGEST_STATEMENT >> 10));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "it is no text")?;
    let at = text.find(SIGNATURE).ok_or("it is not signed")?;
    let (said, signature) = text.split_at(at);
    let statement = Statement::parse(said)?;
    if statement.garden != *garden {
        return Err(format!("it is about the garden `{}`", statement.garden));
    }
    let person = signer(people, STATEMENTS, said.as_bytes(), signature.as_bytes())?.clone();
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let digest = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let Statement { word, change, given, when, reason, .. } = statement;
    Ok(Voice { person, word, change, given, when, reason, via: Via::Signature { digest } })
}

/// What statements say: those that one of the people signed, for this garden, and the others with the reason.
pub(crate) fn heard<'s>(
    garden: &Name,
    people: &BTreeMap<Name, Person>,
    statements: impl IntoIterator<Item = (&'s str, &'s [u8])>,
) -> (Vec<Voice>, Vec<Unheard>) {
    let (mut voices, mut unheard) = (Vec::new(), Vec::new());
    for (place, bytes) in statements {
        match hear(garden, people, bytes) {
            Ok(voice) => voices.push(voice),
            Err(why) => unheard.push(Unheard { place: visible::line(place), why }),
        }
    }
    (voices, unheard)
}

impl ConsentWord {
    /// As statements write it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Urgent => "urgent",
            Self::Withdraw => "withdraw",
            Self::Object => "object",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Approve, Self::Urgent, Self::Withdraw, Self::Object].into_iter().find(|word| word.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssh::tests::SeededKey;

    fn name(text: &str) -> Name {
        Name::new(text).expect("a name")
    }

    fn statement(word: ConsentWord, reason: &str) -> Statement {
        Statement {
            garden: name("indiehosters"),
            word,
            change: ChangeId("9d".repeat(32)),
            given: Given { head: CommitId("3f".repeat(20)), base: CommitId("88".repeat(20)) },
            when: 1_796_119_200,
            reason: reason.to_owned(),
        }
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        for (word, reason) in [
            (ConsentWord::Approve, ""),
            (ConsentWord::Object, "zu früh: the night of the congress"),
            (ConsentWord::Urgent, "now"),
            (ConsentWord::Withdraw, ""),
        ] {
            let statement = statement(word, reason);
            assert_eq!(Statement::parse(&statement.text()), Ok(statement));
        }
        let text = statement(ConsentWord::Object, "too early").text();
        let (change, head, base) = ("9d".repeat(32), "3f".repeat(20), "88".repeat(20));
        assert_eq!(
            text,
            format!(
                "parcelle consent v1\ngarden indiehosters\nword object\nchange {change}\nhead {head}\nbase {base}\n\
                 when 2026-12-01T10:00:00Z\nreason too early\n"
            )
        );
    }

    #[test]
    fn what_is_no_statement_says_why() {
        let text = statement(ConsentWord::Object, "too early").text();
        let change = "9d".repeat(32);
        for (other, why) in [
            (text.replace("v1", "v2"), "it is no statement of this version of parcelle"),
            (text.replace('\n', "\r\n"), "it is no statement of parcelle's: its lines are not as they are written"),
            (text.trim_end().to_owned(), "it is no statement of parcelle's: its lines are not as they are written"),
            (text.replace("word object", "word never"), "it says a word that nobody knows"),
            (text.replace("garden indiehosters", "garden Indie Hosters"), "its garden has no name"),
            (text.replace("garden indie", "garten indie"), "its line `garden` is missing"),
            (text.replace(&change, &change[1..]), "an id in it is none"),
            (text.replace(&change, &change.to_uppercase()), "an id in it is none"),
            (text.replace("2026-12-01T10", "2026-12-01X10"), "its time is none"),
            (text.replace("reason too early", "because too early"), "a line of it is not known"),
            (format!("{text}reason later\n"), "there are more lines than a statement has"),
            (text.replace("too early", &"x".repeat(2_001)), "its reason has more than 2000 bytes"),
            (text.split_inclusive('\n').take(4).collect(), "it is cut short: no `head`"),
            (String::new(), "it is no statement of parcelle's: its lines are not as they are written"),
        ] {
            assert_eq!(Statement::parse(&other), Err(why.to_owned()), "{other}");
        }
    }

    #[test]
    fn one_of_the_people_is_heard_and_of_others_is_said_why_not() {
        let (pierre, stranger) = (SeededKey::new(1), SeededKey::new(2));
        let keys = [pierre.public()].into();
        let person = Person { email: "a@example.org".to_owned(), groups: [].into(), accounts: [].into(), keys };
        let people = BTreeMap::from([(name("pierre"), person)]);
        let text = statement(ConsentWord::Object, "too early").text();
        let signed = |key: &SeededKey, text: &str| format!("{text}{}", key.sign(STATEMENTS, text.as_bytes()));
        let whole = signed(&pierre, &text);
        let voice = hear(&name("indiehosters"), &people, whole.as_bytes()).expect("it counts");
        assert_eq!((voice.person, voice.word, &*voice.reason), (name("pierre"), ConsentWord::Object, "too early"));
        let Via::Signature { digest } = &voice.via else { panic!("it is signed") };
        assert_eq!(digest.len(), 64);
        let elsewhere = text.replace("garden indiehosters", "garden other");
        let huge = vec![b'x'; LARGEST_STATEMENT + 1];
        for (bytes, why) in [
            (signed(&stranger, &text).into_bytes(), "its key is nobody's in the garden"),
            (signed(&pierre, &elsewhere).into_bytes(), "it is about the garden `other`"),
            (
                whole.replace("too early", "too late").into_bytes(),
                "the text is another than what was signed, or the signature was changed",
            ),
            (text.clone().into_bytes(), "it is not signed"),
            (whole.as_bytes()[..whole.len() - 40].to_vec(), "it is cut short"),
            (huge, "it has more than 64 KiB"),
            (vec![0xff, 0xfe], "it is no text"),
        ] {
            assert_eq!(hear(&name("indiehosters"), &people, &bytes), Err(why.to_owned()));
        }
        let all = [("a", whole.as_bytes()), ("b\u{7}", text.as_bytes())];
        let (voices, unheard) = heard(&name("indiehosters"), &people, all);
        assert_eq!(voices.len(), 1);
        assert_eq!(unheard, [Unheard { place: visible::line("b\u{7}"), why: "it is not signed".to_owned() }]);
    }
}
