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
