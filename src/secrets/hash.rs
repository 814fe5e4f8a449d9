//! Keyed hashes: equal values can be told from different ones, and nothing else.

use std::fmt;

use ring::hmac;
use ring::rand::SystemRandom;

/// A random key that never leaves the process: a hash made with it tells nothing to anybody else.
#[derive(Clone)]
pub(crate) struct HashKey(hmac::Key);

impl fmt::Debug for HashKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HashKey")
    }
}

impl HashKey {
    /// A new key; absent where the system gives no random bytes.
    pub(crate) fn random() -> Option<Self> {
        hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok().map(Self)
    }

    /// 32 hexadecimal digits; nothing of a value that is empty, and hides nothing.
    pub(crate) fn hash(&self, value: &str) -> String {
        use std::fmt::Write as _;
        if value.is_empty() {
            return String::new();
        }
        let tag = hmac::sign(&self.0, value.as_bytes());
        tag.as_ref()[..16].iter().fold(String::new(), |mut out, byte| {
            let _infallible = write!(out, "{byte:02x}");
            out
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_value_has_another_hash_under_another_key() {
        let (one, other) = (HashKey::random().unwrap(), HashKey::random().unwrap());
        assert_eq!(one.hash("x"), one.hash("x"));
        assert_ne!(one.hash("x"), other.hash("x"));
        assert_ne!(one.hash("x"), one.hash("y"));
        assert_eq!(one.hash(""), "");
    }
}
