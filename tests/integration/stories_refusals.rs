//! Stories of values that the API server refuses: a check says so first, and a refusal arrives on the line of KDL that
//! holds the value.

use parcelle::check::{Checked, check};
use parcelle::finding::Finding;
use parcelle::git::{RawFile, Snapshot};
use parcelle::render;

use crate::layout::laid_out;
use crate::render::read_texts;
use crate::story::World;

/// A wrong value, and what the server says of it.
const WRONG: [(&str, &str); 5] = [
    ("a-port-name-that-is-too-long", "must be no more than 15 characters"),
    ("Not_A_Label!", "a valid label must be"),
    ("not a key", "a valid config key must consist of"),
    ("every day", "expected exactly 5 fields"),
    ("Not_A_Port", "must contain only alpha-numeric characters"),
];

fn garden(uid: &str, suffix: &str) -> String {
    format!(
        r#"edition 2026

garden refusals-{suffix} {{
    title "Refusals"
    ceiling {{ cpu 64 cores; memory 256 GiB; storage 8 TiB; }}
}}
cluster ada {{
    title "Ada"
    uid "{uid}"
    timezone "Europe/Paris"
    domain ada.example
    provides {{
        volume storage-class {{ class fast; }}
    }}; network {{ nodes "203.0.113.0/26"; api-server "203.0.113.2"; }}
}}
definition odd {{
    about "Objects that only the server knows to be wrong."
    releases {{
        channel stable 1
        release 1 image="example.org/app:1"
    }}
    object ConfigMap labelled {{
        metadata {{
            labels note="Not_A_Label!"
        }}
    }}
    object ConfigMap keyed {{
        data {{
            "not a key" x
        }}
    }}
    object CronJob nightly {{
        spec {{
            schedule "every day"
            jobTemplate {{ spec {{ template {{ spec {{
                restartPolicy Never
                containers app image="example.org/app:1" {{
                    ports name="a-port-name-that-is-too-long" containerPort=80
                }}
            }} }} }} }}
        }}
    }}
    object Service far {{
        spec {{
            selector app=web
            ports port=80 targetPort="Not_A_Port"
        }}
    }}
}}
organisation alpha-{suffix} {{
    title "Alpha"
    cluster ada
    app odd web
}}
"#
    )
}

/// A check says the same of each value first, at the same line.
fn told_beforehand(checked: &Checked, text: &str) {
    for (value, words) in WRONG {
        let line = text.lines().position(|line| line.contains(value)).unwrap();
        let says = |found: &&Finding| found.why.as_ref().is_some_and(|why| why.contains(words));
        let found = checked.findings.iter().find(says).unwrap_or_else(|| panic!("a check says nothing of {value}"));
        assert_eq!(checked.sources.start(found.primary.span).line, line + 1, "{value}: {found:#?}");
    }
}

#[tokio::test]
async fn a_value_that_the_server_refuses_is_a_finding_on_its_line_with_the_servers_words() {
    let mut world = World::new().await;
    let suffix = world.own("x").to_string();
    let text = garden(&world.connection.uid().await.unwrap(), &suffix);
    let raw = |(path, text): (String, String)| RawFile { blob: text.clone(), bytes: text.into_bytes().into(), path };
    let files = laid_out(&text).into_iter().map(raw).collect();
    let snapshot = Snapshot::of(files);
    let checked = check(snapshot, None, jiff::Timestamp::UNIX_EPOCH);
    told_beforehand(&checked, &text);
    // What a check refuses is brought to the server all the same: a newer one may refuse what none knows yet.
    let read = read_texts(laid_out(&text), "");
    let rendered = |organisation| render::organisation(&read.garden, organisation, jiff::Timestamp::UNIX_EPOCH).into();
    world.objects =
        read.garden.organisations.iter().map(|(name, organisation)| (name.clone(), rendered(organisation))).collect();
    world.garden = read.garden;
    world.sources = read.sources;
    // The first round makes the namespace and meets the refusals while applying, the second one is told beforehand.
    let (applied, planned) = (world.round().await, world.round().await);
    let (applied, planned) = (applied.findings(), planned.findings());
    for (value, words) in WRONG {
        let line = text.lines().position(|line| line.contains(value)).unwrap();
        let column = text.lines().nth(line).unwrap().find(|first: char| !first.is_whitespace()).unwrap();
        // Applied, a run stops at the first stage with a refusal.
        let met = applied.iter().any(|found| found.why.as_ref().is_some_and(|why| why.contains(words)));
        assert!(met || !["Not_A_Label!", "not a key"].contains(&value), "{value}: {applied:#?}");
        let found = planned.iter().find(|found| found.why.as_ref().is_some_and(|why| why.contains(words)));
        let found = found.unwrap_or_else(|| panic!("no finding says {words:?}: {planned:#?}"));
        let at = world.sources.start(found.primary.span);
        assert_eq!(at.line, line + 1, "{value}: {found:#?}");
        assert!(at.column > column, "{value} at column {}", at.column);
        assert_eq!(&*world.sources.file(found.primary.span.file).path, "definitions/odd.kdl");
    }
    world.end().await;
}
