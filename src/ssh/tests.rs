//! Signatures that `ssh-keygen -Y sign` made (`tests/cases/ssh-signatures`: the key, then the armour), and those of hardware, made
//! here as `PROTOCOL.u2f` says.

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};

use super::*;

/// The text under every signature of the vectors.
const TEXT: &[u8] = b"parcelle\n";

macro_rules! signed {
    ($name:literal) => {
        include_str!(concat!("../../tests/cases/ssh-signatures/", $name, ".txt"))
            .split_once('\n')
            .expect("a key, a line")
    };
}

fn field(bytes: &[u8]) -> Vec<u8> {
    let mut field = Vec::new();
    put(&mut field, bytes);
    field
}

fn key_text(kind: &str, fields: &[&[u8]]) -> String {
    let fields: Vec<u8> = fields.iter().flat_map(|one| field(one)).collect();
    format!("{kind} {}", STANDARD.encode([field(kind.as_bytes()), fields].concat()))
}

fn armoured(key: &[u8], namespace: &[u8], signature: &[u8]) -> String {
    let fields = [key, namespace, b"", b"sha512", signature].map(field).concat();
    format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode([MAGIC, &[0, 0, 0, 1], &fields].concat()))
}

/// What a key signs for a text.
fn message(namespace: &[u8], text: &[u8]) -> Vec<u8> {
    [MAGIC, &[namespace, b"", b"sha512", digest(&SHA512, text).as_ref()].map(field).concat()].concat()
}

/// A key that is made of a seed.
pub(crate) struct SeededKey(Ed25519KeyPair);

impl SeededKey {
    pub(crate) fn new(seed: u8) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a seed"))
    }

    /// As a garden writes it.
    pub(crate) fn public(&self) -> String {
        key_text("ssh-ed25519", &[self.0.public_key().as_ref()])
    }

    /// The armoured signature of a text.
    pub(crate) fn sign(&self, namespace: &str, text: &[u8]) -> String {
        let key = [field(b"ssh-ed25519"), field(self.0.public_key().as_ref())].concat();
        let signature = self.0.sign(&message(namespace.as_bytes(), text));
        let signature = [field(b"ssh-ed25519"), field(signature.as_ref())].concat();
        armoured(&key, namespace.as_bytes(), &signature)
    }
}

/// What is found of a signature: its key, or why it does not count.
fn verified(armoured: &str, text: &[u8]) -> Result<String, String> {
    let signature = SshSignature::parse(armoured.as_bytes())?;
    signature.verify(text)?;
    signature.key()
}

#[test]
fn signatures_of_ssh_keygen_are_of_their_keys_and_of_their_text() {
    for (name, (key, armour)) in [
        ("ed25519", signed!("ed25519")),
        ("ed25519 over sha256", signed!("ed25519-sha256")),
        ("ecdsa 256", signed!("ecdsa-256")),
        ("ecdsa 384", signed!("ecdsa-384")),
        ("rsa with sha2-256", signed!("rsa-sha2-256")),
        ("rsa with sha2-512", signed!("rsa-sha2-512")),
    ] {
        assert_eq!(verified(armour, TEXT).as_deref(), Ok(key), "{name}");
        assert_eq!(public_key(&format!("{key} somebody at home")).as_deref(), Ok(key), "{name}");
        let other = verified(armour, b"parcelle").expect_err(name);
        assert!(other.starts_with("the text is another than what was signed"), "{name}: {other}");
        assert_eq!(SshSignature::parse(armour.as_bytes()).expect(name).namespace, b"parcelle-consent", "{name}");
    }
    let (_, other) = signed!("ed25519-other-namespace");
    assert_eq!(SshSignature::parse(other.as_bytes()).expect("it is whole").namespace, b"other");
    assert!(verified(other, TEXT).is_ok(), "whoever asks compares the namespace");
}

#[test]
fn signatures_with_sha1_are_refused() {
    let (_, armour) = signed!("rsa-sha1");
    assert_eq!(verified(armour, TEXT), Err("it was made by another kind of signature than its key".to_owned()));
}

#[test]
fn what_was_cut_or_has_more_than_a_signature_is_refused() {
    let (_, whole) = signed!("ed25519");
    let blob =
        STANDARD.decode(whole.lines().filter(|line| !line.starts_with("---")).collect::<String>()).expect("base64");
    for end in 0..blob.len() {
        let cut = format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(&blob[..end]));
        assert!(verified(&cut, TEXT).is_err(), "{end} of {} bytes", blob.len());
    }
    let longer = format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode([&blob[..], b"x"].concat()));
    assert_eq!(verified(&longer, TEXT), Err("something stands behind its end".to_owned()));
    for (text, why) in [
        (whole[..whole.len() / 2].to_owned(), "it is cut short"),
        (whole.replacen("U1NIU0lH", "V1NIU0lH", 1), "it is of another version than is known"),
        (format!("{whole}x"), "it is cut short"),
        (
            "-----BEGIN PGP SIGNATURE-----".to_owned(),
            "it is an OpenPGP signature, and parcelle reads those of SSH keys only",
        ),
        ("x".repeat(LARGEST + 1), "it has more than 16 KiB"),
        ("x".to_owned(), "it is no SSH signature"),
    ] {
        assert_eq!(verified(&text, TEXT), Err(why.to_owned()));
    }
    // Bytes behind the signature's own fields.
    let inner = blob.len() - 83;
    let signature = [&blob[inner..], b"x"].concat();
    let mut reader = Reader(&blob[10..]);
    let key = reader.string().expect("a key");
    assert_eq!(
        verified(&armoured(key, b"parcelle-consent", &signature), TEXT),
        Err("something stands behind its end".to_owned())
    );
}

#[test]
fn keys_in_hardware_count_where_somebody_touched_them() {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed");
    let kind = "sk-ssh-ed25519@openssh.com";
    let text = key_text(kind, &[pair.public_key().as_ref(), b"ssh:"]);
    let key = STANDARD.decode(text.split_once(' ').expect("a kind").1).expect("base64");
    let signed = |flags: u8, application: &[u8]| {
        let rest = [flags, 0, 0, 0, 9];
        let message = message(b"parcelle-consent", TEXT);
        let hashed = [digest(&SHA256, application).as_ref(), &rest, digest(&SHA256, &message).as_ref()].concat();
        let signature = [field(kind.as_bytes()), field(pair.sign(&hashed).as_ref()), rest.to_vec()].concat();
        armoured(&key, b"parcelle-consent", &signature)
    };
    assert_eq!(verified(&signed(1, b"ssh:"), TEXT).as_deref(), Ok(&*text));
    assert_eq!(public_key(&text).as_deref(), Ok(&*text));
    assert_eq!(verified(&signed(5, b"ssh:"), TEXT).as_deref(), Ok(&*text), "with a PIN too");
    assert_eq!(verified(&signed(0, b"ssh:"), TEXT), Err("nobody touched the security key when it was made".to_owned()));
    assert!(verified(&signed(1, b"ssh:elsewhere"), TEXT).is_err(), "another application");
    let cut = signed(1, b"ssh:");
    let blob =
        STANDARD.decode(cut.lines().filter(|line| !line.starts_with("---")).collect::<String>()).expect("base64");
    let signature = &blob[blob.len() - (4 + kind.len() + 4 + 64 + 5)..blob.len() - 1];
    assert_eq!(verified(&armoured(&key, b"parcelle-consent", signature), TEXT), Err("it is cut short".to_owned()));
}

#[test]
fn ecdsa_in_hardware_counts() {
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pair.as_ref(), &random).expect("a key");
    let kind = "sk-ecdsa-sha2-nistp256@openssh.com";
    let text = key_text(kind, &[b"nistp256", pair.public_key().as_ref(), b"ssh:"]);
    let key = STANDARD.decode(text.split_once(' ').expect("a kind").1).expect("base64");
    let rest = [1, 0, 0, 0, 9];
    let message = message(b"parcelle-consent", TEXT);
    let hashed = [digest(&SHA256, b"ssh:").as_ref(), &rest, digest(&SHA256, &message).as_ref()].concat();
    let both = pair.sign(&random, &hashed).expect("it signs");
    let mut numbers = Vec::new();
    both.as_ref().chunks(32).for_each(|number| put_number(&mut numbers, unsigned(number)));
    let signature = [field(kind.as_bytes()), field(&numbers), rest.to_vec()].concat();
    assert_eq!(verified(&armoured(&key, b"parcelle-consent", &signature), TEXT).as_deref(), Ok(&*text));
}

/// A key of RSA whose modulus begins so and ends so, with zeros between them.
fn rsa(exponent: &[u8], first: &[u8], length: usize, last: u8) -> String {
    let mut modulus = vec![0; length];
    modulus[..first.len()].copy_from_slice(first);
    modulus[length - 1] = last;
    key_text("ssh-rsa", &[exponent, &modulus])
}

#[test]
fn keys_that_never_verify_anything_are_none() {
    let (ecdsa, _) = signed!("ecdsa-256");
    let blob = STANDARD.decode(ecdsa.split_once(' ').expect("a kind").1).expect("base64");
    let point = &blob[blob.len() - 65..];
    let compressed = [&[3][..], &point[1..33]].concat();
    let kind = "ecdsa-sha2-nistp256";
    let hardware = "sk-ecdsa-sha2-nistp256@openssh.com";
    let exponent = [1, 0, 1];
    for (key, why) in [
        (key_text(kind, &[b"nistp384", point]), "it names another curve than its kind"),
        (key_text(hardware, &[b"nistp384", point, b"ssh:"]), "it names another curve than its kind"),
        (key_text(kind, &[b"nistp256", &point[..64]]), "it is cut short"),
        (key_text(kind, &[b"nistp256", &[point, &[0]].concat()]), "it is longer than a key of its kind"),
        (key_text(kind, &[b"nistp256", &compressed]), "its point is not written in full (uncompressed)"),
        (key_text(kind, &[b"nistp256", b""]), "its point is not written in full (uncompressed)"),
        (key_text("ecdsa-sha2-nistp384", &[b"nistp384", point]), "it is cut short"),
        (key_text("ssh-ed25519", &[&[7; 31]]), "it is cut short"),
        (key_text("ssh-ed25519", &[&[7; 33]]), "it is longer than a key of its kind"),
        (key_text("ssh-ed25519", &[&[7; 32], b"x"]), "something stands behind its end"),
        (key_text("sk-ssh-ed25519@openssh.com", &[&[7; 31], b"ssh:"]), "it is cut short"),
        (rsa(&exponent, &[0x7f], 256, 1), "an RSA key has 2048 to 8192 bits, and it has 2047"),
        (rsa(&exponent, &[0, 0x7f], 257, 1), "an RSA key has 2048 to 8192 bits, and it has 2047"),
        (rsa(&exponent, &[1], 1025, 1), "an RSA key has 2048 to 8192 bits, and it has 8193"),
        (rsa(&exponent, &[], 256, 0), "an RSA key has 2048 to 8192 bits, and it has 0"),
        (rsa(&exponent, &[0x80], 256, 2), "its numbers are none of an RSA key"),
        (rsa(&[1], &[0x80], 256, 1), "its numbers are none of an RSA key"),
        (rsa(&[1, 0, 0, 0, 1], &[0x80], 256, 1), "its numbers are none of an RSA key"),
    ] {
        assert_eq!(public_key(&key), Err(why.to_owned()), "{key}");
    }
    assert!(
        public_key(&rsa(&exponent, &[0x80], 256, 1)).is_ok() && public_key(&rsa(&exponent, &[0x80], 1024, 1)).is_ok()
    );
}

#[test]
fn a_key_is_one_key_however_it_is_encoded() {
    let (key, armour) = signed!("rsa-sha2-512");
    let signature = SshSignature::parse(armour.as_bytes()).expect("it is whole");
    let Ok(Key::Rsa { exponent, modulus }) = Key::parse(&signature.key) else { panic!("an RSA key") };
    let padded = key_text("ssh-rsa", &[&[&[0, 0], exponent].concat(), &[&[0, 0, 0], modulus].concat()]);
    assert_ne!(padded, key);
    assert_eq!(public_key(&padded).as_deref(), Ok(key));
    // A signature that names its key in the other way is of the same one.
    let blob = STANDARD.decode(padded.split_once(' ').expect("a kind").1).expect("base64");
    assert_eq!(verified(&armoured(&blob, b"parcelle-consent", &signature.signature), TEXT).as_deref(), Ok(key));
    // Whoever holds a key can say that it lies in hardware.
    let (plain, _) = signed!("ed25519");
    let blob = STANDARD.decode(plain.split_once(' ').expect("a kind").1).expect("base64");
    let hardware = key_text("sk-ssh-ed25519@openssh.com", &[&blob[blob.len() - 32..], b"ssh:"]);
    assert_eq!(identity(plain), identity(&hardware));
    assert_ne!(identity(plain), identity(signed!("ecdsa-256").0));
}
