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

/// A public key as OpenSSH writes it, without its comment: `ssh-ed25519 AAAA…`.
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
    Ok(format!("{kind} {encoded}"))
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

/// A number of arbitrary length without leading zeros.
fn unsigned(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

/// A public key of a kind that is verified.
enum Key<'a> {
    Ed25519(&'a [u8]),
    /// The point on the curve P-256 or P-384.
    Ecdsa {
        bits: u16,
        point: &'a [u8],
    },
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
            b"ssh-ed25519" => Self::Ed25519(reader.string()?),
            b"ecdsa-sha2-nistp256" | b"ecdsa-sha2-nistp384" => {
                let _curve = reader.string()?;
                Self::Ecdsa { bits: if kind.ends_with(b"256") { 256 } else { 384 }, point: reader.string()? }
            }
            b"ssh-rsa" => {
                let (exponent, modulus) = (unsigned(reader.string()?), unsigned(reader.string()?));
                if modulus.len() < 256 {
                    return Err("an RSA key has at least 2048 bits".to_owned());
                }
                Self::Rsa { exponent, modulus }
            }
            b"sk-ssh-ed25519@openssh.com" => {
                Self::HardwareEd25519 { key: reader.string()?, application: reader.string()? }
            }
            b"sk-ecdsa-sha2-nistp256@openssh.com" => {
                let _curve = reader.string()?;
                Self::HardwareEcdsa { point: reader.string()?, application: reader.string()? }
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
        if matches!(key, Self::Ed25519(key) | Self::HardwareEd25519 { key, .. } if key.len() != 32) {
            return Err("it is cut short".to_owned());
        }
        Ok(key)
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "ssh-ed25519",
            Self::Ecdsa { bits: 256, .. } => "ecdsa-sha2-nistp256",
            Self::Ecdsa { .. } => "ecdsa-sha2-nistp384",
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
            Self::Ecdsa { bits: 256, point } => {
                check(&verify::ECDSA_P256_SHA256_FIXED, point, message, &fixed(signature, 32)?)
            }
            Self::Ecdsa { point, .. } => {
                check(&verify::ECDSA_P384_SHA384_FIXED, point, message, &fixed(signature, 48)?)
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
                check(&verify::ECDSA_P256_SHA256_FIXED, point, &message, &fixed(signature, 32)?)
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

    /// The text of the key that it says to be made by, in base64.
    pub(crate) fn key(&self) -> String {
        STANDARD.encode(&self.key)
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
            signed.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            signed.extend_from_slice(part);
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
