//! Every shape of an edit, a row each.

use super::*;

fn files(all: &[(&str, &str)]) -> Vec<RawFile> {
    all.iter().map(|(path, text)| RawFile::of(path, text.as_bytes().to_vec())).collect()
}

/// The edits between two states, a line each: `3 storage: 120 GiB > 130 GiB`; `-` where something is absent.
fn told(before: &[(&str, &str)], after: &[(&str, &str)]) -> Vec<String> {
    let edited = EditedLines::between(&files(before), &files(after));
    let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let line = |edit: &EditedLine| {
        format!("{} {}: {} > {}", edit.place.line, edit.word, shown(&edit.was), shown(&edit.is)).replace(" : ", ": ")
    };
    edited.edits.iter().map(|known| line(&known.edit)).collect()
}

/// The edits of one file's text.
fn of(before: &str, after: &str) -> Vec<String> {
    told(&[("a.kdl", before)], &[("a.kdl", after)])
}

#[test]
fn an_edit_is_the_smallest_thing_that_changed() {
    for (before, after, edits) in [
        (
            "offer a { app x y { storage 120 GiB; }; }",
            "offer a { app x y { storage 130 GiB; }; }",
            &["1 storage: 120 GiB > 130 GiB"][..],
        ),
        (
            "offer a { app x y { storage 120 GiB; }; }",
            "offer a { app x y { storage 120 MiB; }; }",
            &["1 storage: 120 GiB > 120 MiB"],
        ),
        (
            "offer a { defaults { backup { every night at=\"02:30\"; keep daily=7 weekly=4; }; }; }",
            "offer a { defaults { backup { every night at=\"03:30\"; keep daily=7 weekly=5; }; }; }",
            &["1 every night at: 02:30 > 03:30", "1 keep … weekly: 4 > 5"],
        ),
        (
            "offer a { defaults { nights asleep from=\"22:00\" to=\"06:30\"; }; }",
            "offer a { defaults { nights asleep from=\"21:00\" to=\"07:00\"; }; }",
            &["1 nights asleep from: 22:00 > 21:00", "1 nights … to: 06:30 > 07:00"],
        ),
        (
            "offer a { defaults { nights awake; }; }",
            "offer a { defaults { nights asleep; }; }",
            &["1 nights: awake > asleep"],
        ),
        (
            "offer a { grants { cpu 2 cores; }; }",
            "offer a { grants { cpu 1 core; }; }",
            &["1 grants cpu: 2 cores > 1 core"],
        ),
        ("offer a { title \"A b\"; }", "offer a { title \"A c\"; }", &["1 title: A b > A c"]),
        // The order, the layout, comments and quotes say nothing.
        ("offer a { title x; allow env; }", "// why\noffer a {\n    allow env // that\n    title \"x\"\n}\n", &[]),
        // A list is told whole.
        (
            "organisation a { app n c { modules calendar deck; }; }",
            "organisation a { app n c { modules calendar deck \"two words\"; }; }",
            &["1 modules: calendar deck > calendar deck \"two words\""],
        ),
        (
            "cluster a { provides { postgres cloudnative-pg { instances 2; }; }; }",
            "cluster a { provides { postgres cloudnative-pg { instances 3; }; }; }",
            &["1 postgres instances: 2 > 3"],
        ),
        (
            "definition a { releases { channel stable 1; release 1 image=\"i:1\"; }; }",
            "definition a { releases { channel stable 2; release 2 image=\"i:2\" after=1; release 1 image=\"i:1.1\"; }; }",
            &["1 channel stable: 1 > 2", "1 release 2: - > image=i:2 after=1", "1 release 1 image: i:1 > i:1.1"],
        ),
        (
            "garden a { people { person b email=c in=d; }; }",
            "garden a { people { person b email=c in=\"d e\"; }; }",
            &["1 people person b … in: d > d e"],
        ),
    ] {
        let mut found = of(before, after);
        found.sort();
        let mut edits: Vec<String> = edits.iter().map(|edit| (*edit).to_owned()).collect();
        edits.sort();
        assert_eq!(found, edits, "{before}\n{after}");
    }
}

#[test]
fn nodes_are_new_gone_or_another() {
    for (before, after, edits) in [
        (
            "organisation a { cluster c; }",
            "organisation a {\n    cluster c\n    app hedgedoc pads { storage 1 GiB; }\n}",
            &["3 app: - > hedgedoc pads"][..],
        ),
        ("organisation a {\n\n    app hedgedoc pads\n}", "organisation a { }", &["3 app: hedgedoc pads > -"]),
        (
            "organisation a { app hedgedoc pads { storage 1 GiB; }; }",
            "organisation a { retired app hedgedoc pads { keep-data 90 days; }; }",
            &["1: app hedgedoc pads > retired app hedgedoc pads"],
        ),
        (
            "organisation a { retired app hedgedoc pads { keep-data 90 days; }; }",
            "organisation a { app hedgedoc pads; }",
            &["1: retired app hedgedoc pads > app hedgedoc pads"],
        ),
        (
            "organisation a { app hedgedoc pads { storage 1 GiB; }; }",
            "organisation a { app hedgedoc notes { was pads; storage 2 GiB; }; }",
            &["1 app: hedgedoc pads > hedgedoc notes", "1 storage: 1 GiB > 2 GiB"],
        ),
        (
            "organisation a { app hedgedoc pads; }",
            "organisation a { app etherpad pads; }",
            &["1 app pads: hedgedoc > etherpad"],
        ),
        (
            "organisation a { app n c; }",
            "organisation a { app n c { backup { every night at=\"03:00\"; keep daily=7; }; }; }",
            &["1 backup: - > every night at=03:00; keep daily=7"],
        ),
        (
            "organisation a { contact x@y role=technical; }",
            "organisation a { contact z@y role=technical; }",
            &["1 contact x@y: role=technical > -", "1 contact z@y: - > role=technical"],
        ),
        (
            "organisation a { app n c { peak from=\"1\" to=\"2\" min=3; peak from=\"5\" to=\"6\" min=3; }; }",
            "organisation a { app n c { peak from=\"1\" to=\"2\" min=3; peak from=\"5\" to=\"6\" min=4; }; }",
            &["1 peak … min: 3 > 4"],
        ),
        (
            "organisation a { title x; }",
            "organisation a { title x; }\norganisation b { title y; }",
            &["2 organisation: - > b"],
        ),
        (
            "organisation a { title x; }",
            "retired organisation a { title x; keep-data 90 days; }",
            &["1: organisation a > retired organisation a"],
        ),
        ("edition 2026\n", "edition 2027\n", &["1 edition: 2026 > 2027"]),
        ("organisation a { offer b; }", "organisation a { }", &["1 offer: b > -"]),
    ] {
        assert_eq!(of(before, after), edits, "{before}\n{after}");
    }
}

#[test]
fn what_moves_to_another_file_is_the_same() {
    let (one, other) = ("edition 2026\norganisation a { title x; }\n", "edition 2026\n\norganisation a { title y; }\n");
    assert_eq!(told(&[("a.kdl", one)], &[("b.kdl", one)]), ["1 file: a.kdl > b.kdl"]);
    assert_eq!(told(&[("a.kdl", one)], &[("b.kdl", other)]), ["3 title: x > y"]);
    assert_eq!(told(&[("a.kdl", one)], &[("a.kdl", one)]), [""; 0]);
    assert_eq!(told(&[], &[("a.kdl", one)]), ["2 organisation: - > a"]);
    assert_eq!(told(&[("a.kdl", one)], &[]), ["2 organisation: a > -"]);
    // A file with a definition that passes into one with several.
    let both = "edition 2026\norganisation a { title x; }\noffer b { title z; }\n";
    assert_eq!(told(&[("a.kdl", one)], &[("a.kdl", both)]), ["3 offer: - > b"]);
}

#[test]
fn ends_of_lines_and_letters_of_several_bytes_change_nothing() {
    let text = "edition 2026\norganisation a {\n    title \"Ünï — 新しい\"\n    app n c { storage 1 GiB; }\n}\n";
    assert_eq!(of(text, &text.replace('\n', "\r\n")), [""; 0]);
    let edited = text.replace("新しい", "古い").replace('\n', "\r\n");
    assert_eq!(of(text, &edited), ["3 title: Ünï — 新しい > Ünï — 古い"]);
    let edited = EditedLines::between(&files(&[("a.kdl", text)]), &files(&[("a.kdl", &edited)]));
    assert_eq!(edited.edits[0].edit.place.column, 11);
}

#[test]
fn a_file_that_cannot_be_read_is_compared_by_lines() {
    let broken = "organisation a {\n    title \"x\"\n    // why\n    storage 1 GiB\n";
    let found = of(broken, &broken.replace("1 GiB", "2 GiB").replace("why", "because"));
    assert_eq!(found, ["4: storage 1 GiB > storage 2 GiB"]);
    assert_eq!(
        of("organisation a { title x; }\n", "organisation a { title x\n"),
        ["1: organisation a { title x; } > organisation a { title x"]
    );
}

#[test]
fn what_looks_secret_is_not_shown() {
    let app = |line: &str| format!("organisation a {{ app n c {{ {line}; }}; }}");
    let found = of(&app("env DB_PASSWORD \"hunter2\""), &app("env DB_PASSWORD \"hunter3\""));
    assert_eq!(found, ["1 env DB_PASSWORD: (secret) > (secret)"]);
    let found = of(&app("env URL \"https://a\""), &app("env URL \"postgres://u:pass@b/c\""));
    assert_eq!(found, ["1 env URL: https://a > (secret)"]);
    let found = of(&app("backup { every night; }"), &app("admin-password hunter2"));
    assert!(found.iter().all(|edit| !edit.contains("hunter2")), "{found:?}");
    // The name of a Secret is none.
    let found = of(&app("env A secret=relay key=password"), &app("env A secret=other key=password"));
    assert_eq!(found, ["1 env A secret: relay > other"]);
    // Also where only lines are compared.
    let found = of("a {\n", "a {\n    password \"hunter2\"\n    token=hunter2\n");
    assert!(found.iter().all(|edit| !edit.contains("token=hunter2")), "{found:?}");
}

#[test]
fn long_values_are_cut_where_they_differ() {
    let text = |word: &str| {
        format!("organisation a {{ app n c {{ banner \"{}{word}{}\"; }}; }}", "é".repeat(300), "x".repeat(300))
    };
    let found = of(&text("one"), &text("two"));
    assert!(found[0].contains("éone") && found[0].contains("étwo"), "{found:?}");
    assert!(found[0].chars().count() < 220, "{found:?}");
    let block: String = (0..2_000).map(|at| format!("groups g{at}; ")).collect();
    let found =
        of("organisation a { title x; }", &format!("organisation a {{ title x; app n c; extra {{ {block} }}; }}"));
    assert!(found.iter().all(|edit| edit.chars().count() < 220), "{found:?}");
}

#[test]
fn edits_are_bounded_and_the_rest_is_counted() {
    let app = |at: usize, size: usize| format!("app n a{at} {{ storage {size} GiB; }}\n");
    let text = |size: usize| -> String { (0..3_000).map(|at| app(at, size)).collect::<String>() };
    let file = |name: &str, size: usize| format!("organisation {name} {{\n{}}}\n", text(size));
    let (one, other) = ((file("a", 1), file("b", 1)), (file("a", 2), file("b", 2)));
    let edited = EditedLines::between(
        &files(&[("a.kdl", &one.0), ("b.kdl", &one.1)]),
        &files(&[("a.kdl", &other.0), ("b.kdl", &other.1)]),
    );
    assert_eq!((edited.edits.len(), edited.more), (MOST_EDITS, 1_000));
}

#[test]
fn organisations_are_compared_with_their_own_past() {
    let name = |text: &str| Name::new(text).unwrap();
    let state = |size: u32| files(&[("a.kdl", &format!("offer a {{ app n c {{ storage {size} GiB; }}; }}"))]);
    let of = |names: &[&str]| names.iter().map(|text| name(text)).collect::<BTreeSet<_>>();
    let states = [(of(&["a", "b"]), Some(state(1))), (of(&["c"]), Some(state(3))), (of(&["d"]), None)];
    let edited = EditedLines::since(&states, &state(3));
    let seen = |organisation: &str| {
        let states = edited.states_of(&name(organisation));
        edited.edits.iter().filter(|edit| edit.is_of(states)).count()
    };
    assert_eq!((seen("a"), seen("b"), seen("c"), seen("d"), seen("new")), (1, 1, 0, 0, 1));
    assert_eq!(edited.states_of(&name("d")), 0, "its past is unknown");
}
