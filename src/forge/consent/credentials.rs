//! The token that a garden's `credentials=NAME` names: in a variable, or in a file of a folder where a Secret is mounted.

use std::io::Read as _;
use std::path::Path;

use crate::forge::{ForgeError, ForgeToken};
use crate::name::Name;

/// How the variable begins that holds a token.
const VARIABLE: &str = "PARCELLE_CREDENTIALS_";
/// The variable that names the folder of tokens, each in a file that is called as the garden calls it.
const FOLDER: &str = "PARCELLE_CREDENTIALS_FOLDER";
/// The most bytes of a file that holds a token.
const LARGEST_TOKEN: u64 = 16 << 10;

/// The variable that holds a token: `PARCELLE_CREDENTIALS_MY_FORGE` for `credentials=my-forge`.
fn variable(name: &Name) -> String {
    format!("{VARIABLE}{}", name.as_str().to_uppercase().replace('-', "_"))
}

/// Reads a token; the variable counts before the file.
///
/// # Errors
/// There is none, or what is there is none. No message holds a byte of it.
#[expect(clippy::disallowed_methods, reason = "a port: the token that a source of consent is read with")]
pub(crate) fn token(name: &Name) -> Result<ForgeToken, ForgeError> {
    let set = |variable: &str| std::env::var(variable).ok().filter(|value| !value.trim().is_empty());
    let variable = variable(name);
    if let Some(text) = set(&variable).filter(|_| variable != FOLDER) {
        return ForgeToken::new(&text);
    }
    let folder = set(FOLDER);
    let Some(folder) = folder else {
        let why = format!("there is no token for `credentials={name}`: neither `{variable}` nor `{FOLDER}` is set");
        return Err(ForgeError::Setting(why));
    };
    let path = Path::new(&folder).join(name.as_str());
    let mut text = String::new();
    let read = std::fs::File::open(&path).and_then(|file| file.take(LARGEST_TOKEN).read_to_string(&mut text));
    match read {
        Ok(_) => ForgeToken::new(&text),
        Err(error) => {
            let why = crate::cause::of_io(&error);
            Err(ForgeError::Setting(format!(
                "the token `credentials={name}` cannot be read from `{}`: {why}",
                path.display()
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_called_as_the_garden_calls_it() {
        let name = Name::new("my-forge").expect("a name");
        assert_eq!(variable(&name), "PARCELLE_CREDENTIALS_MY_FORGE");
        let error = token(&name).expect_err("none is set").to_string();
        assert!(error.contains("`PARCELLE_CREDENTIALS_MY_FORGE`") && error.contains(FOLDER), "{error}");
    }
}
