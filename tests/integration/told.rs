//! What people are told by the binary: of what is wrong in the world, in a CI, in sentences, and why a value is as it is.

use std::fs;
use std::path::Path;

use crate::command::TestEnvironment;

/// Words of libraries and systems that help nobody.
const RAW: &[&str] = &[
    "os error",
    "at line 1 column",
    "expected value",
    "class=",
    "code=",
    "git_object",
    "revspec",
    "ServiceError",
    "(Connect)",
    "<input>",
    "incluster",
    "stream did not",
    "panicked",
];

const GARDEN: &str = r#"edition 2026

garden g {
    title "G"
    ceiling { cpu 64 cores; memory 256 GiB; storage 8 TiB; }
}

cluster ada {
    title "Ada"
    uid "5c0f6f5e-7f59-4f3e-9a51-3f9f0a1f6a11"
    timezone "Europe/Paris"
    provides {
        route gateway-api { gateway public; namespace gateways; certificates letsencrypt; }
    }
    network { nodes "203.0.113.0/26"; api-server "203.0.113.2"; }
}
"#;

const ORGANISATION: &str = r#"edition 2026

organisation alpha {
    title "Alpha"
    cluster ada
    domain alpha.example

    app static-site www {
        title "Alpha"
    }
}
"#;

/// A garden with one organisation, in surroundings of its own.
fn place() -> TestEnvironment {
    let place = TestEnvironment::new();
    place.garden([("garden.kdl", GARDEN), ("organisations/alpha.kdl", ORGANISATION)]);
    place
}

/// A run that fails because of the world: it says `what` and one of the ways out, in no raw words.
fn fails(place: &TestEnvironment, arguments: &[&str], what: &[&str]) {
    let said = place.run(arguments);
    let text = said.text();
    assert_eq!(said.code, 2, "{arguments:?}: {text}");
    assert!(text.contains("failed: "), "{arguments:?}: {text}");
    what.iter().for_each(|what| assert!(text.contains(what), "{arguments:?} does not say {what:?}:\n{text}"));
    RAW.iter().for_each(|raw| assert!(!text.contains(raw), "{arguments:?} says {raw:?}:\n{text}"));
}

#[test]
fn a_repository_that_cannot_be_used_is_told_in_plain_words() {
    let place = place();
    place.write("file", "x");
    let empty = place.path("empty").display().to_string();
    git2::Repository::init(&empty).unwrap();
    let run = |repository: &str, branch: &str, what: &[&str]| {
        let branch: &[&str] = if branch.is_empty() { &[] } else { &["--branch", branch] };
        let arguments = ["run", "--once", "--sandbox", "--sandbox-state", "none", "--repo", repository];
        fails(&place, &[&arguments[..], branch].concat(), what);
    };
    let way = "help    name a folder that holds a repository";
    run("/nowhere", "", &["the repository's folder `/nowhere` is not there", "named with --repo"]);
    run("file:///nowhere", "", &["the repository's folder `file:///nowhere` is not there", "named with --repo"]);
    run("../file", "", &["there is no Git repository in `../file`", way]);
    run(".", "", &["there is no Git repository in `.`", way]);
    run("htp://x/y", "", &["`htp://x/y` is neither a folder nor an address", way]);
    run(&empty, "", &["has no commit on its main branch yet", "help    commit the garden first"]);
    run("https://127.0.0.1:1/x.git", "", &["nothing listens at `127.0.0.1`", "help    check the address"]);
    place.commit("a garden");
    let garden = place.path("garden").display().to_string();
    run(&garden, "nope", &["the repository has no branch `nope`; it has `ma"]);
}

#[test]
fn a_branch_that_is_gone_or_renamed_is_told_by_a_single_round_and_by_the_loop() {
    let place = place();
    place.commit("a garden");
    let repository = place.repository();
    let head = repository.head().unwrap().peel_to_commit().unwrap();
    repository.branch("work", &head, false).unwrap();
    let own = ["run", "--sandbox", "--sandbox-state", "none", "--repo", "."];
    let run = |more: &[&'static str]| [&own[..], more].concat();
    assert_eq!(place.run(run(&["--once", "--branch", "work"])).code, 0);
    let mut daemon = place.spawn(run(&["--branch", "work", "--interval", "1s"]));
    daemon.wait_for("applied");
    repository.find_reference("refs/heads/work").unwrap().delete().unwrap();
    let gone = ["the repository has no branch `work`; it has `main`", "help    name one of them with --branch"];
    fails(&place, &run(&["--once", "--branch", "work"]), &gone);
    assert!(daemon.wait_for(gone[0]).contains("goes on with the commit that it knows"));
    daemon.terminate();
    assert_eq!(daemon.end().code, 0);
    // The main branch, under another name.
    repository.reference("refs/heads/trunk", head.id(), false, "").unwrap();
    repository.find_reference("refs/heads/main").unwrap().delete().unwrap();
    let renamed =
        ["the main branch of the repository", "or was renamed; it has `trunk`", "help    name a branch with --branch"];
    fails(&place, &run(&["--once"]), &renamed);
    assert_eq!(place.run(run(&["--once", "--branch", "trunk"])).code, 0);
}

#[test]
fn a_revision_that_names_nothing_is_told_in_plain_words() {
    let place = place();
    fails(&place, &["check", "--commit", "HEAD"], &["lies in no Git repository"]);
    place.commit("a garden");
    for flag in ["--commit", "--base"] {
        fails(&place, &["check", flag, "zzz"], &["no commit `zzz`", "help    name a branch, a tag"]);
        fails(
            &place,
            &["check", flag, "HEAD:organisations/alpha.kdl"],
            &["`HEAD:organisations/alpha.kdl` names no commit", "without a path"],
        );
    }
    // A clone of the latest commits only is one where Git keeps this file.
    let head = place.read("garden/.git/refs/heads/main");
    place.write("garden/.git/shallow", &head);
    fails(&place, &["plan", "--base", "HEAD~1"], &["no commit `HEAD~1`", "`fetch-depth: 0`", "`GIT_DEPTH: \"0\"`"]);
}

#[test]
fn check_compares_with_where_the_work_began_unless_it_is_told_otherwise() {
    let place = place();
    place.commit("a garden");
    let began = |arguments: &[&str]| {
        let said = place.run(arguments);
        (said.text(), said.code)
    };
    assert_eq!(began(&["check"]).1, 0);
    // The app is taken out on a branch, without a word of what becomes of it.
    place.repository().set_head("refs/heads/work").unwrap();
    let main = place.read("garden/.git/refs/heads/main");
    place.write("garden/.git/refs/heads/work", main);
    let start = ORGANISATION.find("    app").unwrap();
    place.write("garden/organisations/alpha.kdl", format!("{}}}\n", &ORGANISATION[..start]));
    for flags in [&["check"][..], &["check", "--base", "HEAD"]] {
        let (text, code) = began(flags);
        assert!(text.contains("E0410") && code == 1, "{flags:?}: {text}");
    }
    let (text, code) = began(&["check", "--base", "none"]);
    assert_eq!(code, 0, "{text}");
    // The only branch that there is counts; a clone in which there is none is told.
    let head = place.read("garden/.git/refs/heads/work");
    fs::remove_file(place.path("garden/.git/refs/heads/main")).unwrap();
    assert_eq!(began(&["check"]).1, 1);
    fs::remove_file(place.path("garden/.git/refs/heads/work")).unwrap();
    place.write("garden/.git/HEAD", &head);
    fails(&place, &["check"], &["nothing says which branch the work began from", "`--base none`"]);
    place.write("garden/.git/shallow", &head);
    let way = "help    fetch the default branch and all commits: `GIT_DEPTH: \"0\"` in GitLab CI, `fetch-depth: 0`";
    fails(&place, &["check"], &["too shallow to tell where the work began", way, "`--base none`"]);
}

#[test]
fn a_file_that_is_no_plan_or_snapshot_is_told_in_plain_words() {
    let place = place();
    place.commit("a garden");
    for (name, text, what) in [
        ("garbage", "hello", "it is no JSON (line 1, column 1)"),
        ("empty", "", "it is empty"),
        ("cut", "{\n\"schema\": \"parc", "it breaks off in line 2"),
        ("list", "[]", "it names no schema"),
        ("other", "{\"schema\": \"x/v1\"}", "its schema is `x/v1`"),
    ] {
        place.write(name, text);
        let file = format!("../{name}");
        fails(&place, &["plan", "--live", &file], &[what, &file, "help    `parcelle snapshot` writes one"]);
        let apply = ["apply", "--yes", "--sandbox", "--sandbox-state", "none", "--plan", &file];
        fails(&place, &apply, &[what, &file, "help    `parcelle plan --save FILE` writes one"]);
    }
    place.write("lacking", "{\"schema\": \"parcelle.dev/snapshot/v1\"}");
    fails(&place, &["plan", "--live", "../lacking"], &["it lacks `"]);
    fails(
        &place,
        &["plan", "--live", "../nothing"],
        &["cannot read `../nothing`", "there is no such file", "help    check the path"],
    );
    let formats = "there is no format `xml`: text, short, json, sarif, gitlab, github or junit";
    fails(&place, &["check", "--report", "xml=a"], &[formats, "help    write FORMAT=FILE"]);
    fails(&place, &["plan", "--live", ".."], &["cannot read `..`", "it is a folder", "help    name a file"]);
    fails(
        &place,
        &["check", "--report", "gitlab=/nowhere/x"],
        &["cannot write `/nowhere/x`", "there is no such file or folder"],
    );
}

#[test]
fn a_kubeconfig_that_cannot_be_used_is_told_in_plain_words() {
    let place = place();
    place.write("garbage", "hello");
    let config = |server: &str, cluster: &str, user: &str| {
        format!(
            "apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{{server}}}}}]\nusers: [{{name: u, user: {{{user}}}}}]\n\
             contexts: [{{name: other, context: {{cluster: {cluster}, user: u}}}}]\n"
        )
    };
    let server = "server: \"https://127.0.0.1:1\"";
    let refused = |file: &str, context: &str, what: &[&str]| {
        let context = format!("ada={context}");
        fails(&place, &["plan", "--kubeconfig", file, "--context", &context], what);
    };
    let way = "Name the file with --kubeconfig, the context with --context ada=CONTEXT";
    refused("../nothing", "ada", &["`../nothing` cannot be read: there is no such file or folder", way]);
    refused("..", "ada", &["`..` cannot be read: it is a folder", way]);
    refused("../garbage", "ada", &["the kubeconfig `../garbage` is no kubeconfig", way]);
    place.write("one", config(server, "c", "token: x"));
    refused("../one", "ada", &["the kubeconfig `../one` has no context `ada`; it has `other`", way]);
    refused("../one", "other", &["the API server cannot be reached: nothing listens at this address"]);
    place.write("two", config(server, "zz", "token: x"));
    refused("../two", "other", &["context `other` names the cluster `zz`, which is not there"]);
    place.write("three", config("server: not an address", "c", "token: x"));
    refused("../three", "other", &["the `server` of context `other` is no address"]);
    place.write("four", config(&format!("{server}, certificate-authority: /nowhere/ca.pem"), "c", "token: x"));
    refused("../four", "other", &["names `/nowhere/ca.pem` as certificate authority, which cannot be read"]);
    let exec = "exec: {apiVersion: client.authentication.k8s.io/v1, command: nosuchcommand, interactiveMode: Never}";
    place.write("five", config(server, "c", exec));
    refused("../five", "other", &["the command that its kubeconfig names for credentials (`exec`) cannot be run"]);
    fails(&place, &["plan", "--in-cluster", "ada"], &["no service account is mounted here", "leave --in-cluster out"]);
}

#[test]
fn state_that_cannot_be_kept_is_told_in_plain_words() {
    let place = place();
    place.write("garbage", "hello\nworld\n");
    let plan = |state: &str, what: &[&str]| fails(&place, &["plan", "--sandbox", "--sandbox-state", state], what);
    plan(
        "../garbage",
        &["cannot keep the sandbox's state in `../garbage`", "line 1 is not one of a sandbox's state", "help    "],
    );
    plan("../garbage/state", &["`../garbage", "help    "]);
}

const BROKEN: &str = r#"edition 2026

organisation alpha {
    title "Alpha"
    cluster ada
    domain alpha.example

    app static-site www {
        tytle "100 %, really: yes"
    }
}
"#;

#[test]
fn github_gets_annotations_and_a_summary_beside_the_text() {
    let place = place();
    let broken: String = BROKEN.replace("    }\n}", &format!("{}    }}\n}}", "        title \"x\"\n".repeat(12)));
    place.write("garden/organisations/alpha.kdl", &broken);
    let (summary, yes) = (place.path("summary.md").display().to_string(), "true");
    let said = place.run_with(&[("GITHUB_ACTIONS", yes), ("GITHUB_STEP_SUMMARY", &summary)], ["check"]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    let commands: Vec<&str> = said.stdout.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(commands.len(), 10, "GitHub shows ten of a kind: {commands:?}");
    assert!(commands[9].starts_with("::error::and 3 more errors"), "{}", commands[9]);
    assert!(
        commands[0]
            .starts_with("::error file=organisations/alpha.kdl,line=9,endLine=9,col=9,endColumn=14,title=E0101%3A")
    );
    assert!(said.stdout.contains("error[E0101]"), "the text is there too:\n{}", said.stdout);
    assert_eq!(place.read("summary.md").matches("| error E0").count(), 12);
    // Forgejo calls itself GitHub too, and shows no annotations.
    let said = place.run_with(&[("GITHUB_ACTIONS", yes), ("FORGEJO_ACTIONS", yes)], ["check"]);
    assert!(!said.stdout.contains("::error"), "{}", said.stdout);
}

#[test]
fn gitlab_gets_a_report_of_its_own_unless_one_was_asked_for() {
    let place = place();
    place.write("garden/organisations/alpha.kdl", BROKEN);
    let gitlab = [("GITLAB_CI", "true")];
    let said = place.run_with(&gitlab, ["check", "--report", "gitlab=mine.json", "--report", "junit=junit.xml"]);
    assert_eq!(said.code, 1);
    let report = place.path("garden/gl-code-quality-report.json");
    assert!(!report.exists());
    assert!(place.read("garden/junit.xml").contains("<testsuite"));
    let said = place.run_with(&gitlab, ["check"]);
    assert!(said.stderr.contains("`artifacts:reports:codequality`"), "{}", said.stderr);
    let of = |path: &Path| -> serde_json::Value { serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap() };
    assert_eq!(of(&report), of(&place.path("garden/mine.json")));
    assert_eq!(of(&report)[0]["location"]["lines"]["begin"], 9);
    assert!(said.stdout.contains("error[E0101]"), "people read the log: {}", said.stdout);
}

#[test]
fn a_flag_and_a_variable_have_findings_and_plans_told_in_sentences() {
    let place = place();
    let plan = ["plan", "--sandbox", "--sandbox-state", "none"];
    let said = place.run_with(&[("NO_GRAPHICS", "1")], plan);
    assert!(said.stdout.contains("create: ") && !said.stdout.contains("+ "), "{}", said.stdout);
    place.write("garden/organisations/alpha.kdl", BROKEN);
    let flag = place.run(["check", "--narrated"]);
    let variable = place.run_with(&[("NO_GRAPHICS", "1")], ["check"]);
    assert_eq!(flag.stdout, variable.stdout);
    assert!(flag.stdout.starts_with("1 error in 1 file.\n\nFinding 1 of 1, error E0101: "), "{}", flag.stdout);
    assert!(flag.stdout.contains("It is in organisations/alpha.kdl, line 9, column 9: \"tytle\"."), "{}", flag.stdout);
    assert!(!flag.stdout.contains(['│', '┌', '^']), "{}", flag.stdout);
    let drawn = place.run_with(&[("NO_GRAPHICS", "0")], ["check"]);
    assert!(drawn.stdout.contains('┌'), "{}", drawn.stdout);
}

#[test]
fn explain_knows_organisations_apps_settings_codes_and_what_was_meant() {
    let place = place();
    let explain = |subject: &str| place.run(["explain", subject]);
    assert!(explain("alpha").stdout.contains("www              static-site"), "{}", explain("alpha").stdout);
    let title = explain("alpha/www.title").stdout;
    assert!(
        title.contains("-> the app                  title \"Alpha\"") && title.contains("alpha.kdl:9:9"),
        "{title}"
    );
    assert!(title.contains("title \"Welcome\"") && title.contains("replaced by the app"), "{title}");
    let at = explain("alpha/www.at").stdout;
    assert!(at.contains("made by parcelle") && at.contains("NAME         www") && at.contains("alpha.kdl:6:"), "{at}");
    // What an app cannot do is said in the definition's words, as findings say it.
    let alone = place.run(["explain", "alpha/www.mail"]).stdout;
    assert!(alone.contains("  static-site sends no mail\n"), "{alone}");
    assert!(explain("e0412").stdout.starts_with("# E0412"));
    for (wrong, way_out) in [
        ("alpa", "did you mean `alpha`?"),
        ("alpha/ww", "did you mean `www`?"),
        ("alpha/www.titel", "did you mean `title`?"),
        ("alpha/www.scale.minn", "did you mean `min`?"),
        ("E9999", "stands in brackets"),
        ("static-site", "`parcelle docs static-site`"),
        ("ada", "explained by ORG/APP"),
        ("zzzzzz", "the organisations: alpha"),
    ] {
        let said = explain(wrong);
        assert_eq!(said.code, 2, "{wrong}: {}{}", said.stdout, said.stderr);
        assert!(said.stderr.contains(way_out), "{wrong}: {}", said.stderr);
    }
    place.write("garden/organisations/alpha.kdl", BROKEN);
    let stopped = explain("alpha/www.title");
    assert_eq!(stopped.code, 1);
    assert!(stopped.stdout.starts_with("alpha stays as it is applied, stopped by 1 finding:"), "{}", stopped.stdout);
    assert!(stopped.stdout.contains("error[E0101]"), "{}", stopped.stdout);
}
