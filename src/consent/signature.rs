//! Whose a signature is: SSH signatures (`ssh-keygen -Y sign`), of statements and of commits.

use std::collections::BTreeMap;

use crate::model::Person;
use crate::name::Name;

/// The namespace of statements: a signature for anything else is none of them.
pub(crate) const STATEMENTS: &str = "parcelle-consent";
/// The namespace of Git's own signatures.
pub(crate) const COMMITS: &str = "git";

/// The one of the people whose key made an armoured signature of a message, for a namespace.
///
/// # Errors
/// Why it is nobody's, in words, after "the signature does not count: ".
pub(crate) fn signer<'p>(
    _people: &'p BTreeMap<Name, Person>,
    _namespace: &str,
    _message: &[u8],
    _signature: &[u8],
) -> Result<&'p Name, String> {
    Err("signatures are not read yet".to_owned())
}
