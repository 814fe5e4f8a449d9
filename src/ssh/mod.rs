//! Keys and signatures of SSH: those that `ssh-keygen -Y sign` makes. They are read here, and verified by ring.
//!
//! Source: `PROTOCOL.sshsig` and `PROTOCOL.u2f` of OpenSSH.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, SHA512, digest};
use ring::signature as verify;

const MAGIC: &[u8] = b"SSHSIG";
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";
/// The most bytes of an armoured signature: an RSA key of 16,384 bits takes some 6,000.
const LARGEST: usize = 16 << 10;
/// That somebody touched the security key.
const USER_PRESENT: u8 = 1;
/// The bytes of an ed25519 key.
const ED25519: usize = 32;

/// The lengths of RSA keys that are verified, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// The most bytes of an RSA key's public exponent.
const LONGEST_EXPONENT: usize = 4;
/// The first byte of a point that says both of its numbers.
const UNCOMPRESSED: u8 = 4;

/// A public key as OpenSSH writes it, without its comment: `ssh-ed25519 AAAA…`. However a key is encoded, it comes to one text.
///
/// # Errors
/// Why it is none that counts, in words, after "this is no key: ".
pub(crate) fn public_key(text: &str) -> Result<String, String> {
    let mut words = text.split_whitespace();
    let (Some(kind), Some(encoded)) = (words.next(), words.next()) else {
        return Err("a key is its kind and its text, as in a file `.pub`".to_owned());
    };
    let blob = STANDARD.decode(encoded).map_err(|_| "its text is not base64; was it copied whole?".to_owned())?;
    let key = Key::parse(&blob)?;
    if key.kind() != kind {
        return Err(format!("it says `{}` and is `{}`", crate::visible::line(kind), key.kind()));
    }
    Ok(format!("{kind} {}", STANDARD.encode(key.blob())))
}

/// What tells one key from another, as text: a key is the same one whether it is said to lie in hardware or not.
pub(crate) fn identity(key: &str) -> String {
    let blob = key.split_once(' ').and_then(|(_, encoded)| STANDARD.decode(encoded).ok());
    let material = blob.as_deref().and_then(|blob| Key::parse(blob).ok()).map(|key| key.material());
    material.map_or_else(|| key.to_owned(), |material| STANDARD.encode(material))
}

/// The bytes of an SSH message, one field after the other.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or("it is cut short")?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32, String> {
        let bytes: [u8; 4] = self.take(4)?.try_into().map_err(|_| "it is cut short")?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn string(&mut self) -> Result<&'a [u8], String> {
        let count = self.number()?;
        self.take(usize::try_from(count).map_err(|_| "it is cut short")?)
    }

    fn end(&self) -> Result<(), String> {
        if self.0.is_empty() { Ok(()) } else { Err("something stands behind its end".to_owned()) }
    }
}

/// Adds a field.
fn put(to: &mut Vec<u8>, field: &[u8]) {
    to.extend_from_slice(&u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
    to.extend_from_slice(field);
}

/// Adds a number: a first bit that is set would make it negative, so a zero stands before it.
fn put_number(to: &mut Vec<u8>, number: &[u8]) {
    let is_high = number.first().is_some_and(|first| first & 0x80 != 0);
    if is_high { put(to, &[&[0], number].concat()) } else { put(to, number) }
}

/// A number of arbitrary length without leading zeros.
fn unsigned(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

/// The curve of an ECDSA key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Curve {
    P256,
    P384,
}

impl Curve {
    fn name(self) -> &'static str {
        match self {
            Self::P256 => "nistp256",
            Self::P384 => "nistp384",
        }
    }

    /// The bytes of one number of its points.
    fn length(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }

    /// Reads the name of the curve, and a point on it that is written in full.
    fn point<'a>(self, reader: &mut Reader<'a>) -> Result<&'a [u8], String> {
        if reader.string()? != self.name().as_bytes() {
            return Err("it names another curve than its kind".to_owned());
        }
        let point = reader.string()?;
        if point.first() != Some(&UNCOMPRESSED) {
            return Err("its point is not written in full (uncompressed)".to_owned());
        }
        sized(point, 1 + 2 * self.length())
    }
}

/// Bytes that have exactly the length that they must have.
fn sized(bytes: &[u8], length: usize) -> Result<&[u8], String> {
    match bytes.len().cmp(&length) {
        std::cmp::Ordering::Less => Err("it is cut short".to_owned()),
        std::cmp::Ordering::Equal => Ok(bytes),
        std::cmp::Ordering::Greater => Err("it is longer than a key of its kind".to_owned()),
    }
}

/// Checks that an RSA key is one that signatures can be verified with.
fn check_rsa(exponent: &[u8], modulus: &[u8]) -> Result<(), String> {
    let zeros = modulus.first().map_or(0, |first| usize::try_from(first.leading_zeros()).unwrap_or(0));
    let bits = 8 * modulus.len() - zeros;
    if !RSA_BITS.contains(&bits) {
        let (least, most) = (RSA_BITS.start(), RSA_BITS.end());
        return Err(format!("an RSA key has {least} to {most} bits, and it has {bits}"));
    }
    let is_odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
    if !is_odd(modulus) || !is_odd(exponent) || exponent == [1] || exponent.len() > LONGEST_EXPONENT {
        return Err("its numbers are none of an RSA key".to_owned());
    }
    Ok(())
}

/// A public key of a kind that is verified, with numbers that can be verified with.
enum Key<'a> {
    Ed25519(&'a [u8]),
    /// A point on a curve.
    Ecdsa {
        curve: Curve,
        point: &'a [u8],
    },
    /// Both numbers without leading zeros.
    Rsa {
        exponent: &'a [u8],
        modulus: &'a [u8],
    },
    /// Keys in hardware, with the application that they are for.
    HardwareEd25519 {
        key: &'a [u8],
        application: &'a [u8],
    },
    HardwareEcdsa {
        point: &'a [u8],
        application: &'a [u8],
    },
}

impl<'a> Key<'a> {
    fn parse(blob: &'a [u8]) -> Result<Self, String> {
        let mut reader = Reader(blob);
        let kind = reader.string()?;
        let key = match kind {
            b"ssh-ed25519" => Self::Ed25519(sized(reader.string()?, ED25519)?),
            b"ecdsa-sha2-nistp256" => Self::Ecdsa { curve: Curve::P256, point: Curve::P256.point(&mut reader)? },
            b"ecdsa-sha2-nistp384" => Self::Ecdsa { curve: Curve::P384, point: Curve::P384.point(&mut reader)? },
            b"ssh-rsa" => {
                let (exponent, modulus) = (unsigned(reader.string()?), unsigned(reader.string()?));
                check_rsa(exponent, modulus)?;
                Self::Rsa { exponent, modulus }
            }
            b"sk-ssh-ed25519@openssh.com" => {
                Self::HardwareEd25519 { key: sized(reader.string()?, ED25519)?, application: reader.string()? }
            }
            b"sk-ecdsa-sha2-nistp256@openssh.com" => {
                Self::HardwareEcdsa { point: Curve::P256.point(&mut reader)?, application: reader.string()? }
            }
            _ => {
                let shown = String::from_utf8_lossy(kind.get(..40).unwrap_or(kind)).into_owned();
                let shown = crate::visible::line(&shown);
                return Err(format!(
                    "keys of the kind `{shown}` are not read: use ed25519, ecdsa (256 or 384), rsa, or their sk kinds"
                ));
            }
        };
        reader.end()?;
        Ok(key)
    }

    /// The key as OpenSSH encodes it.
    fn blob(&self) -> Vec<u8> {
        let mut blob = Vec::new();
        put(&mut blob, self.kind().as_bytes());
        match self {
            Self::Ed25519(key) => put(&mut blob, key),
            Self::Ecdsa { curve, point } => [curve.name().as_bytes(), point].iter().for_each(|one| put(&mut blob, one)),
            Self::Rsa { exponent, modulus } => [exponent, modulus].iter().for_each(|one| put_number(&mut blob, one)),
            Self::HardwareEd25519 { key, application } => {
                [key, application].iter().for_each(|one| put(&mut blob, one));
            }
            Self::HardwareEcdsa { point, application } => {
                [Curve::P256.name().as_bytes(), point, application].iter().for_each(|one| put(&mut blob, one));
            }
        }
        blob
    }

    /// The numbers of the key: whoever holds their private half can sign as any kind of key that is made of them.
    fn material(&self) -> &'a [u8] {
        match self {
            Self::Ed25519(key) | Self::HardwareEd25519 { key, .. } => key,
            Self::Ecdsa { point, .. } | Self::HardwareEcdsa { point, .. } => point,
            Self::Rsa { modulus, .. } => modulus,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "ssh-ed25519",
            Self::Ecdsa { curve: Curve::P256, .. } => "ecdsa-sha2-nistp256",
            Self::Ecdsa { curve: Curve::P384, .. } => "ecdsa-sha2-nistp384",
            Self::Rsa { .. } => "ssh-rsa",
            Self::HardwareEd25519 { .. } => "sk-ssh-ed25519@openssh.com",
            Self::HardwareEcdsa { .. } => "sk-ecdsa-sha2-nistp256@openssh.com",
        }
    }

    /// Whether it made a signature (algorithm, bytes, and of hardware flags and counter) of a message.
    fn made(&self, algorithm: &[u8], signature: &[u8], rest: &[u8], message: &[u8]) -> Result<(), String> {
        let other = || "the text is another than what was signed, or the signature was changed".to_owned();
        let check = |with: &'static dyn verify::VerificationAlgorithm, key: &[u8], message: &[u8], signature: &[u8]| {
            verify::UnparsedPublicKey::new(with, key).verify(message, signature).map_err(|_| other())
        };
        let is_expected = match self {
            Self::Rsa { .. } => matches!(algorithm, b"rsa-sha2-256" | b"rsa-sha2-512"),
            _ => algorithm == self.kind().as_bytes(),
        };
        if !is_expected {
            return Err("it was made by another kind of signature than its key".to_owned());
        }
        match self {
            Self::Ed25519(key) => check(&verify::ED25519, key, message, signature),
            Self::Ecdsa { curve, point } => {
                let with: &dyn verify::VerificationAlgorithm = match curve {
                    Curve::P256 => &verify::ECDSA_P256_SHA256_FIXED,
                    Curve::P384 => &verify::ECDSA_P384_SHA384_FIXED,
                };
                check(with, point, message, &fixed(signature, curve.length())?)
            }
            Self::Rsa { exponent, modulus } => {
                let with = if algorithm == b"rsa-sha2-256" {
                    &verify::RSA_PKCS1_2048_8192_SHA256
                } else {
                    &verify::RSA_PKCS1_2048_8192_SHA512
                };
                let key = verify::RsaPublicKeyComponents { n: modulus, e: exponent };
                key.verify(with, message, signature).map_err(|_| other())
            }
            Self::HardwareEd25519 { key, application } => {
                check(&verify::ED25519, key, &by_hardware(application, rest, message)?, signature)
            }
            Self::HardwareEcdsa { point, application } => {
                let message = by_hardware(application, rest, message)?;
                check(&verify::ECDSA_P256_SHA256_FIXED, point, &message, &fixed(signature, Curve::P256.length())?)
            }
        }
    }
}

/// What a security key signs: the application, flags and counter, and the message.
fn by_hardware(application: &[u8], rest: &[u8], message: &[u8]) -> Result<Vec<u8>, String> {
    let &[flags, _, _, _, _] = rest else { return Err("it is cut short".to_owned()) };
    if flags & USER_PRESENT == 0 {
        return Err("nobody touched the security key when it was made".to_owned());
    }
    let (application, message) = (digest(&SHA256, application), digest(&SHA256, message));
    Ok([application.as_ref(), rest, message.as_ref()].concat())
}

/// Both numbers of an ECDSA signature at their full length.
fn fixed(signature: &[u8], length: usize) -> Result<Vec<u8>, String> {
    let mut reader = Reader(signature);
    let mut both = Vec::with_capacity(2 * length);
    for _ in 0..2 {
        let number = unsigned(reader.string()?);
        let zeros = length.checked_sub(number.len()).ok_or("its numbers are too long")?;
        both.resize(both.len() + zeros, 0);
        both.extend_from_slice(number);
    }
    reader.end()?;
    Ok(both)
}

/// A signature as its armour holds it.
pub(crate) struct SshSignature {
    key: Vec<u8>,
    /// What it was made for.
    pub(crate) namespace: Vec<u8>,
    reserved: Vec<u8>,
    hash: Vec<u8>,
    signature: Vec<u8>,
}

impl SshSignature {
    /// Reads the armour.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub(crate) fn parse(armoured: &[u8]) -> Result<Self, String> {
        if armoured.len() > LARGEST {
            return Err(format!("it has more than {} KiB", LARGEST >> 10));
        }
        let text = std::str::from_utf8(armoured).map_err(|_| "it is no text")?.trim();
        if text.starts_with("-----BEGIN PGP") {
            return Err("it is an OpenPGP signature, and parcelle reads those of SSH keys only".to_owned());
        }
        let body = text.strip_prefix(BEGIN).ok_or("it is no SSH signature")?;
        let body = body.strip_suffix(END).ok_or("it is cut short")?;
        let body: String = body.split_whitespace().collect();
        let blob = STANDARD.decode(body).map_err(|_| "it is cut short, or was changed")?;
        let mut reader = Reader(&blob);
        if reader.take(MAGIC.len())? != MAGIC || reader.number()? != 1 {
            return Err("it is of another version than is known".to_owned());
        }
        let mut field = || reader.string().map(<[u8]>::to_vec);
        let signature =
            Self { key: field()?, namespace: field()?, reserved: field()?, hash: field()?, signature: field()? };
        reader.end()?;
        Ok(signature)
    }

    /// The key that it says to be made by, as [`public_key`] writes it.
    ///
    /// # Errors
    /// Why it is none that counts, in words.
    pub(crate) fn key(&self) -> Result<String, String> {
        let key = Key::parse(&self.key).map_err(|why| format!("its key cannot be used: {why}"))?;
        Ok(format!("{} {}", key.kind(), STANDARD.encode(key.blob())))
    }

    /// Verifies that it is of a message.
    ///
    /// # Errors
    /// Why it is not, in words.
    pub(crate) fn verify(&self, message: &[u8]) -> Result<(), String> {
        let hashed = match self.hash.as_slice() {
            b"sha256" => digest(&SHA256, message),
            b"sha512" => digest(&SHA512, message),
            _ => return Err("it hashes by another way than sha256 or sha512".to_owned()),
        };
        let mut signed = MAGIC.to_vec();
        for part in [&*self.namespace, &*self.reserved, &*self.hash, hashed.as_ref()] {
            put(&mut signed, part);
        }
        let mut reader = Reader(&self.signature);
        let (algorithm, signature) = (reader.string()?, reader.string()?);
        let key = Key::parse(&self.key)?;
        if !matches!(key, Key::HardwareEd25519 { .. } | Key::HardwareEcdsa { .. }) {
            reader.end()?;
        }
        key.made(algorithm, signature, reader.0, &signed)
    }
}

#[cfg(test)]
pub(crate) mod tests;
