//! Secrets from random bytes: requests in, material out; the values live only until they are sent.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Value, json};

use super::HashKey;
use super::follow::following;
use crate::plan::{self, JoinedPiece, pieces};
use crate::render::{Escape, Generated, SecretPiece, SecretRequest};

/// The letters and digits of generated values: nothing that a URL, a shell or an ini file reads as more than a letter.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The content of one Secret, key to base64. Prints nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Material(BTreeMap<String, String>);

impl fmt::Debug for Material {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Material({} keys)", self.0.len())
    }
}

/// Why a requested Secret has no content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MaterialError {
    /// The system gave no random bytes.
    #[error("the system gives no random bytes")]
    NoRandom,
    /// Keys that were made are gone, and do not follow from those that are there.
    #[error("`{keys}` was made once and is gone, and nothing that is there says what it was")]
    LostKeys {
        /// Their names.
        keys: String,
    },
    /// The Secret that is copied lacks a key.
    #[error("the Secret `{secret}` has no key `{key}`")]
    MissingKey {
        /// Namespace and name of the source.
        secret: String,
        /// The key that was asked for.
        key: String,
    },
}

impl Material {
    /// The Secret as it is sent, with the labels and type of its request.
    pub(crate) fn body(&self, request: &SecretRequest) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": &*request.id.name,
                "namespace": &*request.id.namespace,
                "labels": request.labels,
            },
            "type": request.secret_type,
            "data": self.0,
        })
    }

    /// Whether it has no key.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys with their values, as a Secret's `data`. For a body that is sent and dropped.
    pub(crate) fn data(&self) -> Value {
        json!(self.0)
    }

    /// The keys with hashes for values.
    pub(crate) fn hashed(&self, key: &HashKey) -> Value {
        self.0.iter().map(|(name, value)| (name.clone(), Value::from(key.hash(value)))).collect()
    }
}

/// Makes the keys that a generated Secret lacks: the random ones, then the fixed, then those joined from both. One that was made
/// before and is gone is brought back where it follows from the others, and never made anew.
/// `existing` is the data that it has, key to base64; empty for a new one.
pub(crate) fn generated(
    keys: &BTreeMap<String, Generated>,
    existing: &BTreeMap<String, String>,
    was_made: impl Fn(&str) -> bool,
) -> Result<Material, MaterialError> {
    let following = following(keys, existing);
    let has = |key: &str| existing.get(key).is_some_and(|value| !value.is_empty());
    let lacking = plan::lacking(keys, has, was_made, |key| following.contains_key(key));
    if !lacking.lost.is_empty() {
        let keys: Vec<String> = lacking.lost.into_iter().collect();
        return Err(MaterialError::LostKeys { keys: keys.join("`, `") });
    }
    let mut plain = decoded(existing);
    let made: Vec<&String> = lacking.new.iter().chain(&lacking.back).chain(&lacking.again).collect();
    for key in &made {
        let value = match &keys[*key] {
            Generated::Random { .. } if lacking.back.contains(*key) => following[*key].clone(),
            Generated::Random { length } => random_word(*length as usize)?,
            Generated::Fixed(text) => text.clone(),
            Generated::Joined(_) => continue,
        };
        plain.insert((*key).clone(), value);
    }
    let value = |key: &String| match &keys[key] {
        Generated::Joined(text) => join(text, keys, &plain),
        Generated::Random { .. } | Generated::Fixed(_) => plain[key].clone(),
    };
    Ok(Material(made.into_iter().map(|key| (key.clone(), STANDARD.encode(value(key)))).collect()))
}

/// The values that are texts and not empty.
pub(super) fn decoded(data: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let decode = |value: &String| STANDARD.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let texts = data.iter().filter_map(|(key, value)| Some((key.clone(), decode(value)?)));
    texts.filter(|(_, value)| !value.is_empty()).collect()
}

/// Takes the asked keys of a Secret that was read; `data` is its data, key to base64.
pub(crate) fn copied(
    data: &BTreeMap<String, String>,
    source: &str,
    keys: &BTreeMap<String, String>,
) -> Result<Material, MaterialError> {
    let mut material = BTreeMap::new();
    for (there, here) in keys {
        let missing = || MaterialError::MissingKey { secret: source.to_owned(), key: there.clone() };
        material.insert(here.clone(), data.get(there).ok_or_else(missing)?.clone());
    }
    Ok(Material(material))
}

/// Writes files that hold secrets: `sources` is the data of each Secret that they name, key to base64.
pub(crate) fn templated(
    keys: &BTreeMap<String, Vec<SecretPiece>>,
    sources: &BTreeMap<String, BTreeMap<String, String>>,
) -> Result<Material, MaterialError> {
    let mut material = BTreeMap::new();
    for (key, pieces) in keys {
        let mut text = Vec::new();
        for piece in pieces {
            match piece {
                SecretPiece::Text(plain) => text.extend_from_slice(plain.as_bytes()),
                SecretPiece::Secret { from, escape } => {
                    let value = sources.get(&*from.secret).and_then(|data| data.get(&*from.key));
                    let value = value.and_then(|value| STANDARD.decode(value).ok());
                    let missing =
                        || MaterialError::MissingKey { secret: from.secret.to_string(), key: from.key.to_string() };
                    text.extend(escaped(value.ok_or_else(missing)?, *escape));
                }
            }
        }
        material.insert(key.clone(), STANDARD.encode(text));
    }
    Ok(Material(material))
}

/// A value as it may stand inside a file of its format. What is no UTF-8 is left as it is: no format could hold it.
fn escaped(value: Vec<u8>, escape: Escape) -> Vec<u8> {
    let Ok(text) = String::from_utf8(value.clone()) else { return value };
    match escape {
        Escape::None => value,
        Escape::Json => {
            let quoted = Value::from(text).to_string();
            quoted.as_bytes()[1..quoted.len() - 1].to_vec()
        }
        Escape::Ini => text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").into_bytes(),
    }
}

/// Fills `{key}` places; a place of which no value is known stays as it is.
fn join(text: &str, keys: &BTreeMap<String, Generated>, values: &BTreeMap<String, String>) -> String {
    let filled = pieces(text, keys).into_iter().map(|piece| match piece {
        JoinedPiece::Text(text) => text.to_owned(),
        JoinedPiece::Key(key) => values.get(key).cloned().unwrap_or_else(|| format!("{{{key}}}")),
    });
    filled.collect()
}

/// A word of `length` letters and digits, each as likely as any other.
fn random_word(length: usize) -> Result<String, MaterialError> {
    let random = SystemRandom::new();
    let mut word = String::with_capacity(length);
    let mut bytes = [0_u8; 64];
    while word.len() < length {
        random.fill(&mut bytes).map_err(|_unspecified| MaterialError::NoRandom)?;
        // 248 is the largest multiple of 62 in a byte: what lies above is thrown away, or the first letters came oftener.
        let letters =
            bytes.iter().filter(|byte| **byte < 248).map(|byte| char::from(ALPHABET[usize::from(*byte) % 62]));
        word.extend(letters.take(length - word.len()));
    }
    Ok(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(material: &Material, key: &str) -> String {
        String::from_utf8(STANDARD.decode(&material.0[key]).unwrap()).unwrap()
    }

    #[test]
    fn random_keys_have_their_length_and_joined_ones_hold_them() {
        let keys = BTreeMap::from([
            ("password".to_owned(), Generated::Random { length: 200 }),
            ("user".to_owned(), Generated::Fixed("app".to_owned())),
            ("url".to_owned(), Generated::Joined("redis://{user}:{password}@cache/{0}".to_owned())),
        ]);
        let material = generated(&keys, &BTreeMap::new(), |_| false).unwrap();
        let password = decoded(&material, "password");
        assert_eq!(password.len(), 200);
        assert!(password.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(decoded(&material, "url"), format!("redis://app:{password}@cache/{{0}}"));
        let existing = BTreeMap::from([("password".to_owned(), STANDARD.encode("kept"))]);
        let added = generated(&keys, &existing, |_| false).unwrap();
        assert_eq!(added.0.keys().collect::<Vec<_>>(), ["url", "user"]);
        assert_eq!(decoded(&added, "url"), "redis://app:kept@cache/{0}");
        assert_ne!(material, generated(&keys, &BTreeMap::new(), |_| false).unwrap());
    }

    #[test]
    fn a_key_that_was_made_is_brought_back_or_refused_and_never_made_anew() {
        let keys = BTreeMap::from([
            ("password".to_owned(), Generated::Random { length: 20 }),
            ("url".to_owned(), Generated::Joined("redis://:{password}@cache".to_owned())),
        ]);
        let data = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), STANDARD.encode(value))).collect()
        };
        let url = ("url", "redis://:kept@cache");
        for existing in [data(&[url]), data(&[url, ("password", "")])] {
            let back = generated(&keys, &existing, |_| true).unwrap();
            assert_eq!((back.0.len(), &*decoded(&back, "password")), (1, "kept"));
        }
        let back = generated(&keys, &data(&[("password", "kept")]), |_| true).unwrap();
        assert_eq!(decoded(&back, "url"), url.1);
        for existing in [data(&[]), data(&[("url", "redis://:kept@another")])] {
            let refused = generated(&keys, &existing, |_| true).unwrap_err();
            assert!(refused.to_string().contains("`password"), "{refused}");
        }
        // A person said that it may be another one: what holds it is put together again.
        let anew = generated(&keys, &data(&[url]), |key| key != "password").unwrap();
        assert_eq!(decoded(&anew, "url"), format!("redis://:{}@cache", decoded(&anew, "password")));
        assert_ne!(decoded(&anew, "password"), "kept");
    }

    #[test]
    fn a_templated_file_holds_its_secrets_escaped_for_its_format() {
        use crate::expression::SecretRef;
        let piece = |escape| SecretPiece::Secret { from: SecretRef { secret: "db".into(), key: "pw".into() }, escape };
        let text = |text: &str| SecretPiece::Text(text.to_owned());
        let keys = BTreeMap::from([
            ("a.json".to_owned(), vec![text("{\"pw\": \""), piece(Escape::Json), text("\"}")]),
            ("b.ini".to_owned(), vec![text("pw = \""), piece(Escape::Ini), text("\"")]),
            ("c".to_owned(), vec![piece(Escape::None)]),
        ]);
        let data = BTreeMap::from([("pw".to_owned(), STANDARD.encode("a\"b\\c"))]);
        let material = templated(&keys, &BTreeMap::from([("db".to_owned(), data)])).unwrap();
        assert_eq!(decoded(&material, "a.json"), r#"{"pw": "a\"b\\c"}"#);
        assert_eq!(decoded(&material, "b.ini"), r#"pw = "a\"b\\c""#);
        assert_eq!(decoded(&material, "c"), r#"a"b\c"#);
        let missing = templated(&keys, &BTreeMap::new()).unwrap_err();
        assert_eq!(missing.to_string(), "the Secret `db` has no key `pw`");
    }

    #[test]
    fn every_letter_comes_about_equally_often() {
        let word = random_word(62_000).unwrap();
        let mut counts = BTreeMap::new();
        word.bytes().for_each(|byte| *counts.entry(byte).or_insert(0_u32) += 1);
        assert_eq!(counts.len(), 62);
        assert!(counts.values().all(|count| (800..1200).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_copy_takes_only_the_asked_keys_and_names_a_missing_one() {
        let data = BTreeMap::from([("a".to_owned(), "MQ==".to_owned()), ("b".to_owned(), "Mg==".to_owned())]);
        let keys = BTreeMap::from([("a".to_owned(), "x".to_owned())]);
        assert_eq!(
            copied(&data, "s/t", &keys).unwrap(),
            Material(BTreeMap::from([("x".to_owned(), "MQ==".to_owned())]))
        );
        let missing = copied(&data, "s/t", &BTreeMap::from([("c".to_owned(), "x".to_owned())])).unwrap_err();
        assert_eq!(missing.to_string(), "the Secret `s/t` has no key `c`");
    }
}
