//! Validated words: once a [`Name`] exists, it is a DNS label and safe in labels, names and paths.

use std::fmt;
use std::sync::Arc;

/// A kebab-case word of 1 to 63 characters: `a-z`, `0-9`, inner hyphens, never two in a row.
///
/// `--` is kept for names that parcelle joins itself, so that no two pairs of names collide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// Why a text is no [`Name`]; reads after "`X` is no name: ".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is empty.
    #[error("it is empty")]
    Empty,
    /// It has more than 63 characters.
    #[error("it has more than 63 characters")]
    TooLong,
    /// A character outside `a-z`, `0-9` and `-`.
    #[error("it may hold only a to z, 0 to 9 and inner hyphens")]
    BadCharacter,
    /// It starts or ends with a hyphen, or holds two in a row.
    #[error("hyphens stand alone and inside")]
    BadHyphen,
}

impl Name {
    /// Parses a name.
    pub fn new(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > 63 {
            return Err(NameError::TooLong);
        }
        if !text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
            return Err(NameError::BadCharacter);
        }
        if text.starts_with('-') || text.ends_with('-') || text.contains("--") {
            return Err(NameError::BadHyphen);
        }
        Ok(Self(text.into()))
    }

    /// The name as a text of lowercase letters, digits and hyphens.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl serde::Serialize for Name {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Name::new(&text).map_err(serde::de::Error::custom)
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}
