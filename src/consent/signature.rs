//! Whose a signature is: of statements and of commits.

use std::collections::BTreeMap;

use crate::model::Person;
use crate::name::Name;
use crate::ssh::SshSignature;

/// The namespace of statements: a signature for anything else is none of them.
pub(crate) const STATEMENTS: &str = "parcelle-consent";
/// The namespace of Git's own signatures.
pub(crate) const COMMITS: &str = "git";

/// The one of the people whose key made an armoured signature of a message, for a namespace.
///
/// # Errors
/// Why it is nobody's, in words, after "the signature does not count: ".
pub(crate) fn signer<'p>(
    people: &'p BTreeMap<Name, Person>,
    namespace: &str,
    message: &[u8],
    signature: &[u8],
) -> Result<&'p Name, String> {
    let signature = SshSignature::parse(signature)?;
    if signature.namespace != namespace.as_bytes() {
        let found = String::from_utf8_lossy(signature.namespace.get(..40).unwrap_or(&signature.namespace)).into_owned();
        return Err(format!("it was made for `{}`, not for `{namespace}`", crate::visible::line(&found)));
    }
    let key = signature.key()?;
    let Some((name, _)) = people.iter().find(|(_, person)| person.keys.contains(&key)) else {
        return Err("its key is nobody's in the garden".to_owned());
    };
    signature.verify(message).map(|()| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssh::tests::SeededKey;

    fn name(text: &str) -> Name {
        Name::new(text).expect("a name")
    }

    #[test]
    fn a_signature_is_of_the_one_whose_key_made_it_for_one_purpose() {
        let (pierre, tim, stranger) = (SeededKey::new(1), SeededKey::new(2), SeededKey::new(3));
        let person = |key: &SeededKey| Person {
            email: "a@example.org".to_owned(),
            groups: [].into(),
            accounts: [].into(),
            keys: [key.public()].into(),
        };
        let people = BTreeMap::from([(name("pierre"), person(&pierre)), (name("tim"), person(&tim))]);
        let of = |signature: &str, text: &[u8]| signer(&people, STATEMENTS, text, signature.as_bytes()).cloned();
        assert_eq!(of(&tim.sign(STATEMENTS, b"yes"), b"yes"), Ok(name("tim")));
        assert_eq!(of(&pierre.sign(STATEMENTS, b"yes"), b"yes"), Ok(name("pierre")));
        for (signature, text, why) in [
            (stranger.sign(STATEMENTS, b"yes"), "yes", "its key is nobody's in the garden"),
            (tim.sign("git", b"yes"), "yes", "it was made for `git`, not for `parcelle-consent`"),
            (tim.sign("file\u{202e}", b"yes"), "yes", "it was made for `file\u{fffd}`, not for `parcelle-consent`"),
            (
                tim.sign(STATEMENTS, b"yes"),
                "no",
                "the text is another than what was signed, or the signature was changed",
            ),
            ("yes".to_owned(), "yes", "it is no SSH signature"),
        ] {
            assert_eq!(of(&signature, text.as_bytes()), Err(why.to_owned()));
        }
        let commit = signer(&people, COMMITS, b"tree", tim.sign(COMMITS, b"tree").as_bytes()).cloned();
        assert_eq!(commit, Ok(name("tim")));
    }
}
