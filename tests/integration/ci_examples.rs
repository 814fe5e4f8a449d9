//! The CI files of `examples/ci/` do what they say: each command of theirs is run by the built binary on a small repository.

use std::path::Path;

use serde_json::Value;

use crate::command::{Output, TestEnvironment};

const GARDEN: &str = "edition 2026\n\ngarden ci {\n    title \"CI\"\n    \
                      ceiling { cpu 64 cores; memory 256 GiB; storage 8 TiB; }\n}\n\ncluster ada {\n    title \"Ada\"\n    \
                      uid \"0c0ffee0-0000-4000-8000-000000000000\"\n    timezone \"Europe/Paris\"\n    \
                      network { nodes \"203.0.113.0/26\"; api-server \"203.0.113.2\"; }\n    provides {\n        \
                      volume storage-class { class fast; }\n        \
                      postgres cloudnative-pg { storage-class fast; }\n        \
                      route gateway-api { gateway public; namespace gateways; certificates letsencrypt; }\n    }\n}\n";

fn organisation(name: &str, title: &str, storage: u32) -> String {
    format!(
        "edition 2026\n\norganisation {name} {{\n    title \"{title}\"\n    cluster ada\n    domain {name}.example\n\n    \
         app hedgedoc pads {{\n        storage {storage} GiB\n    }}\n}}\n"
    )
}

/// A CI, as the commands of its file see it.
struct Ci {
    file: &'static str,
    /// What it sets on a merge request that began at this commit.
    of_request: fn(&str) -> Vec<(&'static str, String)>,
    /// What it sets on the main branch.
    of_main: &'static [(&'static str, &'static str)],
}

const CIS: [Ci; 3] = [
    Ci {
        file: "gitlab-ci.yml",
        of_request: |began| {
            let base = ("CI_MERGE_REQUEST_DIFF_BASE_SHA", began.to_owned());
            let target = ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main".to_owned());
            vec![("GITLAB_CI", "true".to_owned()), ("CI_DEFAULT_BRANCH", "main".to_owned()), base, target]
        },
        of_main: &[("GITLAB_CI", "true"), ("CI_DEFAULT_BRANCH", "main"), ("CI_COMMIT_BRANCH", "main")],
    },
    Ci {
        file: "github.yml",
        of_request: |_| vec![("GITHUB_ACTIONS", "true".to_owned()), ("GITHUB_BASE_REF", "main".to_owned())],
        of_main: &[("GITHUB_ACTIONS", "true")],
    },
    Ci {
        file: "forgejo.yml",
        of_request: |_| {
            let own = ["GITHUB_ACTIONS", "FORGEJO_ACTIONS"].map(|name| (name, "true".to_owned()));
            own.into_iter().chain([("GITHUB_BASE_REF", "main".to_owned())]).collect()
        },
        of_main: &[("GITHUB_ACTIONS", "true"), ("FORGEJO_ACTIONS", "true")],
    },
];

/// The lines that a CI file runs, and whether each is for merge requests alone.
fn commands(file: &str) -> Vec<(String, bool)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ci").join(file);
    let yaml: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut commands = Vec::new();
    let is_of_request =
        |text: &Value| text.to_string().contains("merge_request_event") || text.to_string().contains("'pull_request'");
    for (_, job) in yaml.as_object().unwrap() {
        let lines = job["script"].as_array().into_iter().flatten();
        commands.extend(lines.map(|line| (line.as_str().unwrap().to_owned(), is_of_request(&job["rules"]))));
        for (_, job) in yaml["jobs"].as_object().into_iter().flatten().filter(|_| job.get("check").is_some()) {
            let steps = job["steps"].as_array().unwrap().iter().filter(|step| step["run"].is_string());
            commands.extend(steps.map(|step| (step["run"].as_str().unwrap().to_owned(), is_of_request(&step["if"]))));
        }
    }
    // What reviews a merge request needs a forge: `ci_reviews` runs it.
    commands.retain(|(line, _)| line.starts_with("parcelle") && !line.starts_with("parcelle review"));
    assert!(commands.len() >= 2, "{file} runs {commands:?}");
    commands
}

/// The words of a line as a shell reads them, and where it writes to. More than this no example uses.
fn words(line: &str, variables: &[(&str, String)]) -> (Vec<String>, Option<String>) {
    let mut expanded = line.to_owned();
    let mut known: Vec<_> = variables.iter().collect();
    known.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    for (name, value) in known {
        expanded = expanded.replace(&format!("${name}"), value);
    }
    assert!(!expanded.contains(['$', '`', '|', ';', '&']), "{line} asks for what nobody sets: {expanded}");
    let mut words: Vec<String> = expanded.split_whitespace().map(|word| word.trim_matches('"').to_owned()).collect();
    let redirect = words.iter().position(|word| word == ">" || word == ">>");
    let to = redirect.map(|at| words.drain(at..).next_back().unwrap());
    (words, to)
}

/// Runs the lines of a file in their order, and returns what each said; what it redirects is written.
fn run(place: &TestEnvironment, ci: &Ci, of_request: bool, began: &str) -> Vec<(String, Output)> {
    let summary = place.path("summary.md").display().to_string();
    let mut variables = if of_request {
        (ci.of_request)(began)
    } else {
        ci.of_main.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
    };
    if ci.file == "github.yml" {
        variables.push(("GITHUB_STEP_SUMMARY", summary));
    }
    let set: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mine = commands(ci.file).into_iter().filter(|(_, only)| of_request || !only);
    mine.map(|(line, _)| {
        let (words, to) = words(&line, &variables);
        assert_eq!(words[0], "parcelle", "{line}");
        let said = place.run_with(&set, &words[1..]);
        if let Some(to) = to {
            let to = if to.starts_with('/') { to.into() } else { place.path("garden").join(to) };
            let before = std::fs::read_to_string(&to).unwrap_or_default();
            std::fs::write(to, before + &said.stdout).unwrap();
        }
        (line, said)
    })
    .collect()
}

/// A clone of a merge request, as CIs check it out: its commit, detached, and the branch that it goes to, which has gone on.
fn request(storage: u32) -> (TestEnvironment, String) {
    let place = TestEnvironment::new();
    let file =
        |name: &str, title: &str, storage| (format!("organisations/{name}.kdl"), organisation(name, title, storage));
    place.garden([("garden.kdl".to_owned(), GARDEN.to_owned()), file("alpha", "Alpha", 8), file("beta", "Beta", 8)]);
    let began = place.commit("before");
    place.garden([file("beta", "Beta, later on main", 8)]);
    let main = place.commit("main goes on");
    place.reset(&began);
    place.garden([file("alpha", "Alpha, as asked for", storage)]);
    let asked = place.commit("asked for");
    let repository = place.repository();
    repository.remote("origin", "https://git.example.org/garden").unwrap();
    let id = |commit: &str| git2::Oid::from_str(commit).unwrap();
    repository.reference("refs/remotes/origin/main", id(&main), false, "").unwrap();
    repository.set_head_detached(id(&asked)).unwrap();
    repository.find_branch("main", git2::BranchType::Local).unwrap().delete().unwrap();
    (place, began)
}

#[test]
fn every_ci_example_checks_a_merge_request_from_where_it_began() {
    for ci in &CIS {
        let (place, began) = request(16);
        let said = run(&place, ci, true, &began);
        for (line, said) in &said {
            assert_eq!(said.code, 0, "{}: {line}: {}", ci.file, said.text());
        }
        let (_, check) = said.iter().find(|(line, _)| line.starts_with("parcelle check")).unwrap();
        assert!(check.stderr.contains(&format!("compared with {}", &began[..12])), "{}: {}", ci.file, check.text());
    }
}

#[test]
fn every_ci_example_ends_with_1_on_findings_and_leaves_its_reports() {
    for ci in &CIS {
        // A volume that shrinks: a finding only against where the work began.
        let (place, began) = request(4);
        let said = run(&place, ci, true, &began);
        let code = |start: &str| said.iter().find(|(line, _)| line.starts_with(start)).map(|(_, said)| said.code);
        assert_eq!(code("parcelle fmt"), Some(0), "{}", ci.file);
        assert_eq!(code("parcelle check"), Some(1), "{}", ci.file);
        let (_, check) = said.iter().find(|(line, _)| line.starts_with("parcelle check")).unwrap();
        let reports: &[&str] = match ci.file {
            "gitlab-ci.yml" => &["gl-code-quality.json", "junit.xml"],
            "github.yml" => &["parcelle.sarif"],
            _ => &[],
        };
        for report in reports {
            assert!(place.read(&format!("garden/{report}")).contains("E0407"), "{}: {report}", ci.file);
        }
        let annotated = check.stdout.lines().any(|line| line.starts_with("::error"));
        assert_eq!(annotated, ci.file == "github.yml", "{}: {}", ci.file, check.text());
    }
}

#[test]
fn every_ci_example_compares_the_main_branch_with_the_commit_before() {
    for ci in &CIS {
        let (place, began) = request(4);
        let repository = place.repository();
        let head = repository.head().unwrap().target().unwrap();
        repository.reference("refs/remotes/origin/main", head, true, "").unwrap();
        let said = run(&place, ci, false, &began);
        let (_, check) = said.iter().find(|(line, _)| line.starts_with("parcelle check")).unwrap();
        assert!(
            check.stderr.contains(&format!("compared with {}, the commit before", &began[..12])),
            "{}",
            check.text()
        );
        assert!(check.code == 1 && check.text().contains("E0407"), "{}: {}", ci.file, check.text());
    }
}
