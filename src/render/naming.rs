//! What objects are called.
//!
//! An object is `APP-PART`. A [`Name`] never holds `--`, so every form below that joins by `--` can equal no other:
//!
//! - `APP-PART`: the ordinary form, taken when the part holds no hyphen. The last hyphen then divides app from part,
//!   so that two pairs cannot give the same text.
//! - `APP-PART--HASH6`: where the part holds a hyphen (`a` + `b-c` and `a-b` + `c` would both be `a-b-c`), or where the
//!   ordinary form exceeds the limit of its kind; then it is cut in front of the hash of the whole pair.
//! - `APP-PART--ROLE`: a further object of one part (`tls`, `files`), the role a word that is no hash.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::kind::{self, GroupKind};
use crate::name::Name;

/// The namespace in which parcelle keeps what is its own: inventories, leases, the operators' credentials.
pub const SYSTEM_NAMESPACE: &str = "parcelle-system";

/// Hexadecimal characters of a hash inside a name.
const HASH: usize = 6;

/// The longest name of a part that is there for each element.
const ELEMENT: usize = 48;

/// The name of the object of `kind` for a part of an app: `cloud-web`.
pub(super) fn part(kind: GroupKind, app: &Name, part: &str) -> String {
    let plain = format!("{app}-{part}");
    let limit = kind.facts().name_limit;
    if !part.contains('-') && plain.len() <= limit {
        return plain;
    }
    cut(&plain, &hash(&[app.as_str(), part], HASH), limit)
}

/// The name of a further object of a part, told apart by a word that is no hash: `cloud-web--tls`.
pub(super) fn role(kind: GroupKind, app: &Name, part: &str, role: &str) -> String {
    let plain = format!("{app}-{part}");
    let limit = kind.facts().name_limit;
    if !part.contains('-') && plain.len() + 2 + role.len() <= limit {
        return format!("{plain}--{role}");
    }
    let tail = format!("{}-{role}", hash(&[app.as_str(), part], HASH));
    cut(&plain, &tail, limit)
}

/// The name of a part that is there once for each element of the loops around: `PART-ELEMENT`. An element that is no name,
/// or makes it too long, is cut and ends in a hash.
///
/// # Panics
/// Never: what is put together holds a name's characters only.
pub(crate) fn of_element(part: &Name, elements: &[String]) -> Name {
    if elements.is_empty() {
        return part.clone();
    }
    let plain = format!("{part}-{}", elements.join("-"));
    Name::new(&plain).ok().filter(|name| name.as_str().len() <= ELEMENT).unwrap_or_else(|| {
        let mut word = String::new();
        for letter in plain.chars().map(|letter| letter.to_ascii_lowercase()) {
            let letter = if letter.is_ascii_alphanumeric() { letter } else { '-' };
            if letter != '-' || !word.ends_with('-') {
                word.push(letter);
            }
        }
        word.truncate(ELEMENT - HASH - 1);
        let parts: Vec<&str> = std::iter::once(part.as_str()).chain(elements.iter().map(String::as_str)).collect();
        let name = format!("{}-{}", word.trim_end_matches('-'), hash(&parts, HASH));
        Name::new(&name).expect("letters, digits and single hyphens between them")
    })
}

/// `TEXT--TAIL` in at most `limit` characters; the text loses its end, and no hyphen stands before the joint.
fn cut(text: &str, tail: &str, limit: usize) -> String {
    let keep = text.len().min(limit.saturating_sub(tail.len() + 2));
    format!("{}--{tail}", text[..keep].trim_end_matches('-'))
}

/// The first `length` hexadecimal characters of the SHA-256 of the parts, each ended by a zero byte.
pub(crate) fn hash(parts: &[&str], length: usize) -> String {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    for part in parts {
        context.update(part.as_bytes());
        context.update(&[0]);
    }
    hexadecimal(context.finish().as_ref(), length)
}

fn hexadecimal(bytes: &[u8], length: usize) -> String {
    let mut text: String = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(digit).collect();
    text.truncate(length);
    text
}

fn digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).expect("a nibble is below 16")
}

/// The ConfigMap in [`SYSTEM_NAMESPACE`] that holds what parcelle knows of an organisation's objects.
pub(crate) fn inventory(garden: &Name, organisation: &Name) -> String {
    format!("parcelle-{garden}--{organisation}")
}

/// The id of the ApplySet whose parent is that inventory, by the formula of KEP-3659:
/// `applyset-<base64url(sha256(name.namespace.kind.group))>-v1`; the group of a ConfigMap is empty.
pub fn applyset(garden: &Name, organisation: &Name) -> String {
    let parent = format!("{}.{SYSTEM_NAMESPACE}.ConfigMap.", inventory(garden, organisation));
    let digest = ring::digest::digest(&ring::digest::SHA256, parent.as_bytes());
    format!("applyset-{}-v1", URL_SAFE_NO_PAD.encode(digest))
}

/// A text as a label value: characters that labels do not take become `-`, and its ends are letters or digits.
pub(crate) fn label_value(text: &str) -> String {
    let taken = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let mut value: String = text.chars().map(|letter| if taken(letter) { letter } else { '-' }).collect();
    value.truncate(63);
    value.trim_matches(|letter: char| !letter.is_ascii_alphanumeric()).to_owned()
}

/// The name of a part of an app where names of all organisations meet (buckets): `ORGANISATION--APP--PART` in at most
/// 63 characters; what is cut ends in `---HASH`, which no whole one holds.
pub(crate) fn across_organisations(organisation: &Name, app: &Name, part: &str) -> String {
    let plain = format!("{organisation}--{app}--{part}");
    if plain.len() <= 63 {
        return plain;
    }
    let tail = hash(&[organisation.as_str(), app.as_str(), part], 12);
    format!("{}---{tail}", plain[..63 - 3 - tail.len()].trim_end_matches('-'))
}

/// The name of what an organisation has of its own where all organisations meet: `NAME--ORGANISATION` in at most 63
/// characters; what is cut ends in `---HASH`.
pub(crate) fn of_organisation(name: &str, organisation: &Name) -> String {
    let plain = format!("{name}--{organisation}");
    if plain.len() <= 63 {
        return plain;
    }
    let tail = hash(&[name, organisation.as_str()], 12);
    format!("{}---{tail}", plain[..63 - 3 - tail.len()].trim_end_matches('-'))
}

/// The name of a part of an app inside PostgreSQL: as [`part`], with underscores, so that SQL needs no quotes. Names that
/// PostgreSQL or its operator keep for themselves get `app__` in front, which no other name has.
pub(crate) fn in_sql(app: &Name, part_name: &str) -> String {
    let name = part(kind::POSTGRES_DATABASE, app, part_name).replace('-', "_");
    if name.starts_with("pg_") || name.starts_with("cnpg_") || name.starts_with(|letter: char| letter.is_ascii_digit())
    {
        return format!("app__{}", &name[..name.len().min(58)]);
    }
    name
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    #[test]
    fn pairs_that_read_alike_are_told_apart() {
        assert_eq!(part(kind::DEPLOYMENT, &name("a-b"), "c"), "a-b-c");
        let hashed = part(kind::DEPLOYMENT, &name("a"), "b-c");
        assert!(hashed.starts_with("a-b-c--"), "{hashed}");
        assert_eq!(hashed.len(), "a-b-c--".len() + 6);
    }

    #[test]
    fn a_long_name_is_cut_to_the_limit_of_its_kind() {
        let app = name("the-general-assembly-of-all-the-collectives");
        let cron = part(kind::CRON_JOB, &app, "nightly-cleaning");
        assert!(cron.len() <= 52, "{cron}");
        assert_eq!(part(kind::JOB, &app, "clean"), "the-general-assembly-of-all-the-collectives-clean");
    }

    #[test]
    fn the_limit_is_that_of_the_kind_in_its_group() {
        let app = name("the-general-assembly-of-all-the-collectives-a-b");
        let whole = format!("{app}-main");
        assert_eq!(part(GroupKind::of("cluster.x-k8s.io/v1beta1", "Cluster"), &app, "main"), whole);
        assert!(part(kind::POSTGRES_CLUSTER, &app, "main").len() <= 50);
    }

    #[test]
    fn a_part_of_an_element_ends_in_it() {
        let of = |elements: &[&str]| {
            let elements: Vec<String> = elements.iter().map(|text| (*text).to_owned()).collect();
            of_element(&name("worker"), &elements).to_string()
        };
        assert_eq!(of(&[]), "worker");
        assert_eq!(of(&["mailers"]), "worker-mailers");
        assert_eq!(of(&["a", "b"]), "worker-a-b");
        assert!(of(&["Été d'abord"]).starts_with("worker-t-d-abord-"), "{}", of(&["Été d'abord"]));
        assert_ne!(of(&["A"]), of(&["a"]));
        assert_ne!(of(&["--"]), of(&["---"]));
        assert!(of(&[&"x".repeat(200)]).len() <= ELEMENT);
    }

    #[test]
    fn roles_stand_behind_two_hyphens() {
        assert_eq!(role(kind::SECRET, &name("cloud"), "web", "tls"), "cloud-web--tls");
        assert!(role(kind::SECRET, &name("cloud"), "web-a", "tls").ends_with("-tls"));
    }

    #[test]
    fn the_applyset_id_follows_the_kep() {
        let id = applyset(&name("indiehosters"), &name("alternatiba"));
        assert_eq!(id, "applyset-Lbkv8OavNS5MlUwMnUq8Emzt8bOOtqjl61S-7aT3eiQ-v1");
        assert!(id.len() <= 63);
    }

    #[test]
    fn gardens_and_organisations_never_share_an_inventory() {
        assert_ne!(inventory(&name("a-b"), &name("c")), inventory(&name("a"), &name("b-c")));
    }

    #[test]
    fn versions_become_label_values() {
        assert_eq!(label_value("33.0.7-apache+1"), "33.0.7-apache-1");
        assert_eq!(label_value("-x-"), "x");
    }

    fn names() -> impl Strategy<Value = String> {
        "[a-c]{1,2}(-[a-c]{1,2}){0,2}|[a-c]{20,40}(-[a-c]{1,18})?".prop_filter("a name", |text| Name::new(text).is_ok())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn no_two_pairs_get_one_name(app in names(), one in names(), other_app in names(), other in names()) {
            prop_assume!((&app, &one) != (&other_app, &other));
            for kind in [kind::DEPLOYMENT, kind::CRON_JOB] {
                let (first, second) = (part(kind, &name(&app), &one), part(kind, &name(&other_app), &other));
                prop_assert_ne!(&first, &second);
                prop_assert!(first.len() <= kind.facts().name_limit && !first.ends_with('-'));
                prop_assert_ne!(role(kind, &name(&app), &one, "tls"), role(kind, &name(&other_app), &other, "tls"));
                prop_assert_ne!(role(kind, &name(&app), &one, "tls"), second);
            }
        }
    }
}
