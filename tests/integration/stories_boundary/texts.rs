//! The garden of these stories, and the texts of a stranger in it.

pub(super) const GARDEN: &str = r#"edition 2026

garden lines {
    title "Lines"
    people {
        person ada email=ada@lines.example in=operators
        person bea email=bea@lines.example in=friends
    }
    consent {
        waiting 24 hours for=people
        source signatures
    }
    ceiling {
        cpu 2 cores
        memory 4 GiB
        storage 30 GiB
    }
    allow W0443 "what is tried here is lost anyway"
}
"#;

pub(super) const CLUSTER: &str = r#"edition 2026

cluster ada {
    title "Ada"
    uid "0c0ffee0-0000-4000-8000-000000000000"
    timezone "Europe/Paris"
    domain ada.example
    provides {
        postgres cloudnative-pg { storage-class fast; }
        volume storage-class { class fast; }
        route gateway-api { gateway public; namespace gateways; certificates letsencrypt; }
    }
    network { nodes "203.0.113.0/26"; api-server "203.0.113.2"; }
}
"#;

pub(super) const OFFERS: &str = r#"edition 2026

offer basic {
    title "Basic"
    grants {
        cpu 4 cores
        memory 8 GiB
        storage 50 GiB
    }
}

offer small {
    title "Small"
    grants {
        storage 5 GiB
    }
}
"#;

pub(super) const BOARD: &str = r#"edition 2026

definition board {
    about "A board."
    releases {
        channel stable 1
        release 1 image="example.org/board:1"
    }
    needs {
        route web { host "${settings.at}"; to web; }
    }
    object ConfigMap text { data { a "1"; }; }
    workload web {
        image "${release.image}"
        port http 8080
        run-as 1000
        ready http path="/"
    }
    test smallest {
        given { at board.example.org; }
        expect "objects.Deployment.web.spec.replicas == 1"
    }
}
"#;

pub(super) fn organisation(name: &str, inside: &str) -> String {
    format!(
        "edition 2026\n\norganisation {name} {{\n    title \"{name}\"\n    cluster ada\n    domain {name}.example\n\n    \
         {inside}\n}}\n"
    )
}

/// Texts that mean harm to others, with what each tries.
pub(super) fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    declaring().into_iter().chain(reaching()).collect()
}

/// Texts that declare what is not theirs, with what each tries.
fn declaring() -> Vec<(&'static str, Vec<u8>)> {
    let own = organisation("alpha", "app static-site www");
    let text = |text: &str| text.as_bytes().to_vec();
    let beside = |more: &str| format!("{own}\n{more}\n").into_bytes();
    vec![
        ("another image for everybody", beside(&BOARD[14..].replace("example.org", "evil.example"))),
        ("a built-in definition replaced", beside(&BOARD[14..].replace("definition board", "definition hedgedoc"))),
        ("a definition that does not load", beside("definition board { nonsense; }")),
        ("a definition that uses itself", beside("definition board { use board; }")),
        (
            "an offer of its own",
            text(&own.replace("    app", "    offer mine\n    app"))
                .into_iter()
                .chain(text("\noffer mine { title M; allow env patch; }\n"))
                .collect(),
        ),
        (
            "the offer of others",
            beside(
                "offer basic { title B; allow env patch; grants { cpu 1 millicores; memory 1 MiB; storage 1 MiB; }; }",
            ),
        ),
        ("the offer of others, broken", beside("offer basic { grants { cpu 4 apples; }; }")),
        ("the cluster of others", beside(&CLUSTER[14..].replace("0c0ffee0", "badc0ffe"))),
        ("the cluster of others, broken", beside("cluster ada { title 7; nonsense; }")),
        ("a line of the cluster", beside("cluster ada")),
        ("a line of an offer", beside("offer basic")),
        (
            "a garden",
            beside("garden lines { title L; hold \"everything\"; pin abc; rollback to=abc; severity W0101 error; }"),
        ),
        ("a garden of another name", beside("garden mine { title M; allow E0701 \"x\"; organisations offers; }")),
        ("a garden without a ceiling, broken", beside("garden lines { nonsense; }")),
        ("another organisation", beside("organisation beta { title B; cluster ada; without board; }")),
        (
            "another organisation retired",
            beside("retired organisation beta { keep-data 1 days; title B; cluster ada; }"),
        ),
        ("another organisation alone", text(&organisation("beta", "app static-site www"))),
        ("itself twice", beside(&own[14..])),
        ("itself alive and retired", beside("retired organisation alpha { title A; cluster ada; }")),
    ]
}

/// Texts whose form is wrong, and settings that reach for others.
fn reaching() -> Vec<(&'static str, Vec<u8>)> {
    let own = organisation("alpha", "app static-site www");
    let text = |text: &str| text.as_bytes().to_vec();
    let beside = |more: &str| format!("{own}\n{more}\n").into_bytes();
    vec![
        ("an unknown word", beside("nonsense everything { board; basic; ada; }")),
        ("a word that is cut off", beside("defini")),
        ("nothing", Vec::new()),
        ("an edition alone", text("edition 2026\n")),
        ("another edition", text(&own.replace("2026", "2031"))),
        ("no edition", text(&own[14..])),
        ("a text without end", beside("title \"")),
        ("lines without end", beside("title \"\"\"\nx")),
        ("a comment without end", beside("/* offer basic {")),
        ("a block without end", text(&own[..own.len() - 2])),
        ("a brace too many", beside("}")),
        ("a merge conflict", beside("<<<<<<< mine\noffer basic {}\n=======\n>>>>>>> theirs")),
        ("bytes that are no text", vec![0xff, 0xfe, 0x00, 0x66]),
        ("a text with bytes that are none", [&own.clone().into_bytes()[..], &[0xff, b'\n']].concat()),
        ("a mark of another order of bytes", beside("\u{202e}offer basic")),
        ("deep nesting", beside(&("a {".repeat(60) + &"}".repeat(60)))),
        ("a file over the limit", beside(&" ".repeat(1 << 20))),
        (
            "a doubt allowed for all",
            text(&own.replace("    app", "    allow W0101 \"x\"\n    allow E0301 \"x\"\n    app")),
        ),
        ("what is not allowed to be weighed", text(&own.replace("    app", "    severity W0101 error\n    app"))),
        ("the host of another", text(&own.replace("static-site www", "static-site www { at board.beta.example; }"))),
        ("the domain of another", text(&own.replace("alpha.example", "beta.example"))),
        (
            "a host of another lent on",
            text(&own.replace("    app", "    delegate board.beta.example to=gamma\n    app")),
        ),
        (
            "the app of another",
            text(&own.replace(
                "app static-site www",
                "app static-site www { env A \"1\"; patch Deployment www { metadata { namespace beta; }; }; }",
            )),
        ),
        ("no ceiling", text(&own.replace("app static-site www", "app static-site www { scale min=500 max=900; }"))),
    ]
}
