//! Whatever is edited: every object that the plan counts has one cause.

use super::{causes, counted, garden, objects};

/// Edits of the garden: file, what stands there, what is written instead.
const EDITS: &[(&str, &str, &str)] = &[
    ("offers/liiibre.kdl", "02:30", "04:45"),
    ("offers/liiibre.kdl", "to=\"06:30\"", "to=\"05:30\""),
    ("offers/liiibre.kdl", "daily=7", "daily=9"),
    ("offers/liiibre.kdl", "storage 50 GiB", "storage 60 GiB"),
    ("offers/liiibre.kdl", "    app hedgedoc pads\n", "    app hedgedoc pads { anonymous none; }\n"),
    ("offers/liiibre.kdl", "    app hedgedoc pads\n", "    app hedgedoc pads\n    app hedgedoc more\n"),
    ("clusters/ada-lovelace.kdl", "instances 2", "instances 3"),
    ("clusters/ada-lovelace.kdl", "host smtp.indiehosters.example", "host mail.indiehosters.example"),
    ("clusters/ada-lovelace.kdl", "timezone \"Europe/Paris\"", "timezone \"Europe/London\""),
    ("organisations/alternatiba.kdl", "title \"Alternatiba\"", "title \"Alternatiba ☀\""),
    ("organisations/alternatiba.kdl", "storage 120 GiB", "storage 140 GiB"),
    ("organisations/alternatiba.kdl", "modules calendar", "modules mail calendar"),
    ("organisations/alternatiba.kdl", "    app rocket-chat chat\n", ""),
    ("organisations/alternatiba.kdl", "at id.alternatiba.example", "at moi.alternatiba.example"),
    ("organisations/alternatiba.kdl", "    retired app hedgedoc old-pads {\n        keep-data 90 days\n    }\n", ""),
    ("organisations/cnam.kdl", "app hedgedoc pads {", "app hedgedoc blocs {\n        was pads"),
    ("organisations/cnam.kdl", "sign-up off", "sign-up on"),
    ("organisations/cnam.kdl", "scale min=2 max=6", "scale min=1 max=4"),
    ("organisations/cnam.kdl", "    sign-on sso {\n        admins dsi@cnam.example\n    }\n", ""),
    ("organisations/cnam.kdl", "size large", "size medium"),
    ("organisations/tiers-lieux.kdl", "domain tiers-lieux.example", "domain tl.example"),
    ("organisations/tiers-lieux.kdl", "organisation tiers-lieux", "retired organisation tiers-lieux"),
    (
        "organisations/tiers-lieux.kdl",
        "    cluster ada-lovelace\n",
        "    cluster ada-lovelace\n    hold \"until Friday\"\n",
    ),
    (
        "organisations/tiers-lieux.kdl",
        "modules calendar",
        "backup { every week at=\"01:00\"; }\n        modules calendar",
    ),
    ("garden.kdl", "title \"IndieHosters\"", "title \"Hosters\""),
    ("garden.kdl", "keep-data 30 days", "keep-data 40 days"),
];

/// Numbers without an end, the same in every run.
fn numbers(seed: u64) -> impl Iterator<Item = usize> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap()
    })
}

#[test]
fn every_object_of_a_plan_has_one_cause() {
    let environment = garden(&[]);
    let base = environment.commit("the base");
    let mut told = 0;
    for seed in 1..8 {
        environment.reset(&base);
        let mut edited = Vec::new();
        for at in numbers(seed).take(6) {
            let (file, from, to) = EDITS[at % EDITS.len()];
            let text = environment.read(&format!("garden/{file}"));
            environment.garden([(file, text.replacen(from, to, 1))]);
            edited.push(format!("{file}: {to}"));
        }
        let output = environment.run(["plan", "--base", "HEAD"]);
        assert!(output.code < 2, "{}", output.text());
        let text = output.stdout;
        assert_eq!(objects(&text), counted(&text), "seed {seed}: {edited:#?}\n{}", causes(&text).join("\n"));
        told += objects(&text);
    }
    assert!(told > 100, "the edits do something: {told}");
}
