//! Gardens of any size, that differ from organisation to organisation as real ones do.

use std::fmt::Write as _;

/// The uid of the cluster that the gardens are on.
pub const UID: &str = "5c0f6f5e-7f59-4f3e-9a51-3f9f0a1f6a11";

/// How much each organisation says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Two or three apps in some 500 bytes, 49 objects on average.
    Short,
    /// Four apps in some 4,000 bytes with what people note beside them: 78 objects.
    Long,
}

/// The files of a garden of so many organisations, as path and text, in order of the paths.
pub fn files(organisations: usize, size: Size) -> Vec<(String, String)> {
    let mut files = vec![
        ("garden.kdl".to_owned(), GARDEN.to_owned()),
        ("clusters/ada.kdl".to_owned(), cluster(size)),
        ("offers/basic.kdl".to_owned(), offer(64)),
    ];
    files.extend((0..organisations).map(|at| (path(at), organisation(at, size, 20))));
    files.sort();
    files
}

/// The file of an organisation.
pub fn path(at: usize) -> String {
    format!("organisations/org-{at}.kdl")
}

/// The `garden` node.
pub const GARDEN: &str = "edition 2026\n\ngarden scale {\n    title \"Scale\"\n    ceiling { cpu 64 cores; memory 256 GiB; storage 8 TiB; }\n    allow W0443 \"what is measured is lost anyway\"\n}\n";

/// The `garden` node, with people who decide by signing.
pub fn garden_by_consent() -> String {
    let person = |(name, key): (&str, &str)| {
        let key: Vec<&str> = key.split_whitespace().take(2).collect();
        format!("        person {name} email={name}@example.org in=operators {{ key \"{}\"; }}\n", key.join(" "))
    };
    let people = [
        ("pierre", include_str!("../../tests/keys/pierre.pub")),
        ("tim", include_str!("../../tests/keys/tim.pub")),
        ("hadrien", include_str!("../../tests/keys/hadrien.pub")),
    ];
    let people: String = people.map(person).concat();
    let own =
        format!("    people {{\n{people}    }}\n    consent {{ approvals 1 from=operators; source signatures; }}\n");
    GARDEN.replace("    ceiling", &format!("{own}    ceiling"))
}

/// The one cluster, with a place for backups where organisations ask for some.
pub fn cluster(size: Size) -> String {
    let backup = match size {
        Size::Short => "",
        Size::Long => {
            "        backup k8up { endpoint \"https://s3.away.example\"; region far; bucket scale; credentials backups; }\n"
        }
    };
    format!(
        "edition 2026\n\ncluster ada {{\n    title \"Ada\"\n    uid \"{UID}\"\n    timezone \"Europe/Paris\"\n    domain ada.example\n    network {{ nodes \"203.0.113.0/26\"; api-server \"203.0.113.2\"; }}\n    \
         provides {{\n        postgres cloudnative-pg {{ storage-class fast; }}\n        redis valkey\n        \
         bucket garage {{ cluster storage; namespace garage; endpoint \"https://s3.example\"; }}\n        \
         volume storage-class {{ class fast; shared-class shared; }}\n        \
         route gateway-api {{ gateway public; namespace gateways; certificates letsencrypt; }}\n        \
         mail relay {{ host smtp.example; port 587; credentials smtp-relay; }}\n{backup}    }}\n}}\n"
    )
}

/// The one offer, with a ceiling of so many processors.
pub fn offer(cores: usize) -> String {
    format!(
        "edition 2026\n\noffer basic {{\n    title \"Basic\"\n    grants {{\n        cpu {cores} cores\n        memory 256 GiB\n        storage 4 TiB\n    }}\n}}\n"
    )
}

/// One organisation, whose files have so many GiB at first.
pub fn organisation(at: usize, size: Size, storage: usize) -> String {
    match size {
        Size::Short => short(at, storage),
        Size::Long => long(at, storage),
    }
}

fn head(at: usize) -> String {
    format!(
        "edition 2026\n\n/// Number {at}.\norganisation org-{at} {{\n    title \"Organisation {at}\"\n    offer basic\n    cluster ada\n    \
         domain org-{at}.example\n    contact admin@org-{at}.example role=technical\n\n    \
         app static-site www {{\n        at org-{at}.example\n        also-at www.org-{at}.example\n    }}\n\n"
    )
}

fn short(at: usize, storage: usize) -> String {
    let mut text = head(at) + "    app hedgedoc pads\n";
    if at.is_multiple_of(2) {
        let _ = write!(
            text,
            "\n    app nextcloud cloud {{\n        storage {storage} GiB\n        modules calendar contacts\n    }}\n"
        );
    }
    text + "}\n"
}

fn long(at: usize, storage: usize) -> String {
    let mut text = head(at);
    for line in 0..24 {
        let _ = writeln!(
            text,
            "    // {line}: decided with the board of organisation {at}, as written in the minutes of that evening in spring."
        );
    }
    let _ = write!(
        text,
        "    contact board@org-{at}.example role=billing\n\n    \
         app static-site festival {{\n        // Of its own, for the festival of June.\n        at festival.org-{at}.example\n    }}\n\n    \
         app hedgedoc pads {{\n        // The notes of every working group; {} of them in {}.\n        nights awake\n        backup {{\n            keep daily={}\n        }}\n    }}\n\n    \
         app nextcloud cloud {{\n        // The files of the office and of the volunteers.\n        storage {storage} GiB\n        modules calendar contacts\n        \
         scale min=1 max={}\n        backup {{\n            keep daily=14\n        }}\n    }}\n}}\n",
        3 + at % 9,
        2018 + at % 8,
        7 + at % 20,
        2 + at % 3
    );
    text
}
