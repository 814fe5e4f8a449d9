//! Nothing that a garden, a repository or a cluster says steers the terminal or the CI that reads what the program prints.

use crate::command::TestEnvironment;

pub(crate) const GARDEN: &str = r#"edition 2026

garden g {
    title "G"
}
"#;

pub(crate) const CLUSTER: &str = r#"edition 2026

cluster ada {
    title "Ada"
    uid "5c0f6f5e-7f59-4f3e-9a51-3f9f0a1f6a11"
    provides {
        route gateway-api { gateway public; namespace gateways; certificates letsencrypt; }
    }
    network { nodes "203.0.113.0/26"; api-server "203.0.113.2"; }
}
"#;

pub(crate) const OFFER: &str = r#"edition 2026

offer small {
    title "Small"
    grants { cpu 4 cores; memory 4 GiB; storage 10 GiB; }
}
"#;

/// Texts that begin commands of a CI or move a terminal, as KDL and as JSON write them.
const HOSTILE: &str =
    r"a\n::stop-commands::x\n  ::add-mask::y ##[group]z \u{1b}[2J\u{9b}2J\r\u{b}\u{2028}\u{AD}\u{3164}\u{E0041}";

/// What of them a text of one line may hold, and one of several.
const ONE_LINE: &str = r"::stop-commands::x ##[group]z \u{AD}\u{3164}\u{E0041}";
const LINES: &str = r"a\n::stop-commands::x\n  ::add-mask::y ##[group]z \u{AD}\u{3164}\u{E0041}";

/// An organisation that says them wherever a text may stand, right and wrong.
fn organisation(title: &str) -> String {
    format!(
        r#"edition 2026

organisation alpha {{
    title "{title}"
    offer small
    cluster ada
    domain alpha.example
    hold "{HOSTILE}"

    app static-site www {{
        title "{HOSTILE}"
        size "{HOSTILE}"
        "{HOSTILE}" 1
        at "{HOSTILE}"
    }}
    "{HOSTILE}" "{HOSTILE}"
    app "{HOSTILE}" "{HOSTILE}"
}}
"#
    )
}

fn place(organisation: &str) -> TestEnvironment {
    let place = TestEnvironment::new();
    let files = [
        ("garden.kdl", GARDEN),
        ("clusters/ada.kdl", CLUSTER),
        ("offers/small.kdl", OFFER),
        ("organisations/alpha.kdl", organisation),
        ("organisations/b\n::stop-commands::x\n\u{1b}[2J ##[group].kdl", "organisation \"::x\" {\n"),
    ];
    place.garden(files);
    place
}

/// Holds every line against what a CI or a terminal would read in it; lines of the program's own begin with `own`.
fn is_harmless(text: &str, what: &str, own: &str) {
    let steers = |letter: char| {
        letter != '\n' && (letter.is_control() || matches!(letter, '\u{AD}' | '\u{2028}' | '\u{3164}' | '\u{E0041}'))
    };
    for line in text.split('\n') {
        assert!(!line.contains(steers), "{what}: {line:?}");
        assert!(!line.contains("##["), "{what}: {line:?}");
        let begins = line.trim_start().starts_with("::") && (own.is_empty() || !line.starts_with(own));
        assert!(!begins, "{what}: {line:?}");
    }
}

#[test]
fn findings_are_harmless_in_every_format() {
    let place = place(&organisation(HOSTILE));
    for format in ["text", "short", "json", "sarif", "gitlab", "github", "junit"] {
        let said = place.run(["check", "--format", format]);
        assert_eq!(said.code, 1, "{format}: {}", said.text());
        let own = if format == "github" { "::error file=" } else { "" };
        is_harmless(&said.stdout, format, own);
        is_harmless(&said.stderr, format, "");
    }
    let narrated = place.run(["check", "--narrated"]);
    is_harmless(&narrated.text(), "narrated", "");
}

#[test]
fn what_looks_like_a_secret_is_shown_in_no_format() {
    let place = place(
        "edition 2026\n\norganisation alpha {\n    title A\n    offer small\n    cluster ada\n    domain alpha.example\n    \
         app nextcloud cloud {\n        office-server \"https://me:hunter2secret@office.alpha.example\"\n        \
         env DB_PASSWORD \"hunter3secret\"\n        env KEY ghp_16C7e42F292c6912E7710c838347Ae178B4a ; patch ghp_16C7e42F292c6912E7710c838347Ae178B4a \n    }\n}\n",
    );
    for format in ["text", "short", "json", "sarif", "gitlab", "github", "junit"] {
        let said = place.run(["check", "--format", format]).text();
        assert!(said.contains("E0701") && !said.contains("E0204"), "{format}: {said}");
        for secret in ["hunter2", "hunter3", "16C7e42F"] {
            assert!(!said.contains(secret), "{format}: {said}");
        }
    }
    assert!(!place.run(["check", "--narrated"]).text().contains("hunter"));
    let said = place.run(["fix"]);
    assert!(!said.text().contains("hunter") && place.read("garden/organisations/alpha.kdl").contains("hunter2secret"));
}

#[test]
fn plans_outcomes_and_status_are_harmless_in_every_format() {
    let sound = format!(
        "edition 2026\n\norganisation alpha {{\n    title \"{ONE_LINE}\"\n    offer small\n    cluster ada\n    domain \
         alpha.example\n    app static-site www {{ title \"{ONE_LINE}\"; content \"{LINES}\"; }}\n}}\n"
    );
    let place = TestEnvironment::new();
    place.garden([
        ("garden.kdl", GARDEN),
        ("clusters/ada.kdl", CLUSTER),
        ("offers/small.kdl", OFFER),
        ("organisations/alpha.kdl", &sound),
    ]);
    for format in ["text", "json", "markdown"] {
        let said = place.run(["plan", "--sandbox", "--verbose", "--format", format]);
        assert_eq!(said.code, 0, "{format}: {}", said.text());
        is_harmless(&said.text(), format, "");
    }
    let held = sound.replace("domain ", &format!("hold \"{ONE_LINE}\"\n    domain "));
    place.commit("first");
    let said = place.run(["run", "--once", "--sandbox"]);
    assert_eq!(said.code, 0, "{}", said.text());
    is_harmless(&said.text(), "run", "");
    place.write("garden/organisations/alpha.kdl", &held);
    place.commit("a\u{1b}[2J ##[group]b");
    let said = place.run(["run", "--once", "--sandbox"]);
    is_harmless(&said.text(), "run of what is held", "");
    for format in ["text", "json"] {
        let said = place.run(["status", "alpha", "--sandbox", "--format", format]);
        is_harmless(&said.text(), format, "");
    }
    let said = place.run(["render", "alpha", "--format", "json"]);
    is_harmless(&said.text(), "render", "");
    for setting in ["title", "content"] {
        let said = place.run(["explain", &format!("alpha/www.{setting}")]);
        is_harmless(&said.text(), "explain", "");
    }
}

#[test]
fn failures_are_harmless_and_show_no_credentials() {
    let place = place(&organisation("A"));
    let hostile = "https://127.0.0.1:1/x\n::stop-commands::y.git?private_token=hunter2";
    for address in [
        hostile,
        "https://bot:hunter2@127.0.0.1:1/x.git?token=hunter2#hunter2",
        "ssh://bot:hunter2@127.0.0.1:1/x.git",
        "bot:hunter2@git.invalid:x.git",
        "git@git.invalid:x.git?token=hunter2",
        "ext::hunter2\n::stop-commands::z",
    ] {
        let said = place.run(["run", "--once", "--sandbox", "--sandbox-state", "none", "--repo", address]);
        assert_eq!(said.code, 2, "{address}: {}", said.text());
        is_harmless(&said.text(), address, "");
        assert!(!said.text().contains("hunter2") || address.starts_with("ext"), "{}", said.text());
    }
}

#[cfg(unix)]
#[test]
fn what_is_kept_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let place = TestEnvironment::new();
    place.garden([("garden.kdl", GARDEN), ("clusters/ada.kdl", CLUSTER), ("offers/small.kdl", OFFER)]);
    place.commit("first");
    // What stands there already, open to all, is as closed afterwards.
    for name in ["plan.json", "snapshot.json", "kube.yaml"] {
        place.write(name, "x");
        std::fs::set_permissions(place.path(name), std::fs::Permissions::from_mode(0o666)).unwrap();
    }
    let path = |name: &str| place.path(name).display().to_string();
    let address = format!("file://{}", path("garden"));
    assert_eq!(place.run(["run", "--once", "--sandbox", "--repo", &address]).code, 0);
    assert_eq!(place.run(["plan", "--sandbox", "--commit", "HEAD", "--save", &path("plan.json")]).code, 0);
    assert_eq!(place.run(["snapshot", "--sandbox", "--output", &path("snapshot.json")]).code, 0);
    let sandbox = place.spawn(["sandbox", "--listen", "127.0.0.1:0", "--kubeconfig", &path("kube.yaml")]);
    let mut sandbox = sandbox;
    sandbox.wait_for("Ctrl-C");
    sandbox.terminate();
    let mode = |name: &str| std::fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
    for name in ["plan.json", "snapshot.json", "kube.yaml"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    let mut open = Vec::new();
    let mut folders = vec![place.path("state/parcelle")];
    while let Some(folder) = folders.pop() {
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o077, 0, "{}", folder.display());
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            // What lies in a mirror is closed by its folder.
            let is_mirror = path.join("HEAD").exists();
            match path.is_dir() {
                true if is_mirror => open.push(path),
                true => folders.push(path),
                false => {
                    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
                    assert_eq!(mode & 0o077, 0, "{}", path.display());
                }
            }
        }
    }
    assert_eq!(open.len(), 1, "one mirror");
    assert_eq!(std::fs::metadata(&open[0]).unwrap().permissions().mode() & 0o077, 0, "{}", open[0].display());
}
