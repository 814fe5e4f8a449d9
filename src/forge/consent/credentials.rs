//! The token that a garden's `credentials=NAME` names: in a variable, or in a file of a folder where a Secret is mounted.

use std::io::Read as _;
use std::path::PathBuf;

use crate::forge::{ForgeError, ForgeRoots, ForgeToken, Patience};
use crate::name::Name;

/// How the variable begins that holds a token.
const VARIABLE: &str = "PARCELLE_CREDENTIALS_";
/// The variable that names the folder of tokens, each in a file that is called as the garden calls it.
const FOLDER: &str = "PARCELLE_CREDENTIALS_FOLDER";
/// The variable that names a file of certificates that are trusted beside the system's.
const CERTIFICATES: &str = "PARCELLE_FORGE_CA";
/// How long the forges are waited for in one look, in seconds: what is on the clusters waits meanwhile.
const PATIENCE_SECONDS: u64 = 30;
/// The most bytes of a file that holds a token.
const LARGEST_TOKEN: u64 = 16 << 10;

/// The variable that holds a token: `PARCELLE_CREDENTIALS_MY_FORGE` for `credentials=my-forge`.
fn variable(name: &Name) -> String {
    format!("{VARIABLE}{}", name.as_str().to_uppercase().replace('-', "_"))
}

/// How the forges that a garden names are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForgeAccess {
    /// The folder of tokens, each in a file that is called as the garden calls it.
    pub credentials: Option<PathBuf>,
    /// A file of certificates that are trusted beside the system's.
    pub certificates: Option<PathBuf>,
    /// How long a forge is asked again and waited for in one look, in seconds.
    pub patience: u64,
}

impl ForgeAccess {
    /// As the environment says.
    pub fn of_environment() -> Self {
        let path = |variable: &str| set(variable).map(PathBuf::from);
        Self { credentials: path(FOLDER), certificates: path(CERTIFICATES), patience: PATIENCE_SECONDS }
    }

    pub(crate) fn roots(&self) -> ForgeRoots {
        ForgeRoots(self.certificates.clone())
    }

    pub(crate) fn patience(&self) -> Patience {
        Patience::of(self.patience)
    }

    /// Reads a token; the variable counts before the file.
    ///
    /// # Errors
    /// There is none, or what is there is none. No message holds a byte of it.
    #[expect(clippy::disallowed_methods, reason = "a port: the token that a source of consent is read with")]
    pub(crate) fn token(&self, name: &Name) -> Result<ForgeToken, ForgeError> {
        let variable = variable(name);
        if let Some(text) = set(&variable).filter(|_| variable != FOLDER) {
            return ForgeToken::new(&text);
        }
        let Some(folder) = &self.credentials else {
            let why = format!(
                "there is no token for `credentials={name}`: give it in the variable `{variable}`, or as the file `{name}` of a folder \
                 that `{FOLDER}` names"
            );
            return Err(ForgeError::Setting(why));
        };
        let path = folder.join(name.as_str());
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
}

/// A variable that is set and holds more than blanks.
#[expect(clippy::disallowed_methods, reason = "a port: where the tokens of sources of consent are")]
fn set(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_called_as_the_garden_calls_it() {
        let name = Name::new("my-forge").expect("a name");
        assert_eq!(variable(&name), "PARCELLE_CREDENTIALS_MY_FORGE");
        let none = ForgeAccess { credentials: None, certificates: None, patience: 1 };
        let error = none.token(&name).expect_err("none is set").to_string();
        assert!(error.contains("`PARCELLE_CREDENTIALS_MY_FORGE`") && error.contains(FOLDER), "{error}");
        let folder = tempfile::tempdir().expect("a folder");
        let access = ForgeAccess { credentials: Some(folder.path().to_owned()), ..none };
        let error = access.token(&name).expect_err("there is no file").to_string();
        assert!(error.contains("my-forge`: ") && !error.contains("VARIABLE"), "{error}");
        std::fs::write(folder.path().join("my-forge"), "sesame\n").expect("a file");
        assert_eq!(access.token(&name), ForgeToken::new("sesame"));
    }
}
