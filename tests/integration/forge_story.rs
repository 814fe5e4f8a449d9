//! A garden in a repository, a forge beside it, and the jobs that its CI runs.

use serde_json::json;

use crate::command::{Output, TestEnvironment};
use crate::forge::{Kind, StandIn, TOKEN, pull};

const GARDEN: &str = "edition 2026\n\ngarden plots {\n    title \"Plots\"\n    \
                      allow W0443 \"a story\"\n    \
                      ceiling { cpu 64 cores; memory 256 GiB; storage 8 TiB; }\n}\n\ncluster ada {\n    title \"Ada\"\n    \
                      uid \"0c0ffee0-0000-4000-8000-000000000000\"\n    timezone \"Europe/Paris\"\n    \
                      network { nodes \"203.0.113.0/26\"; api-server \"203.0.113.2\"; }\n    provides {\n        \
                      volume storage-class { class fast; }\n        \
                      postgres cloudnative-pg { storage-class fast; }\n        \
                      route gateway-api { gateway public; namespace gateways; certificates letsencrypt; }\n    }\n}\n";

/// The file whose lines the stories change.
pub(crate) const FILE: &str = "organisations/alpha.kdl";

/// An organisation, the line of whose storage is the tenth.
pub(crate) fn organisation(storage: &str) -> String {
    format!(
        "edition 2026\n\norganisation alpha {{\n    title \"Alpha\"\n    cluster ada\n    domain alpha.example\n\n    \
         app hedgedoc pads {{\n        // What they write.\n        storage {storage}\n    }}\n}}\n"
    )
}

/// A merge request and those who work on it.
pub(crate) struct Review {
    pub(crate) environment: TestEnvironment,
    pub(crate) forge: StandIn,
    /// What comes to the variables of the next jobs.
    pub(crate) more: Vec<(&'static str, String)>,
}

impl Review {
    /// A garden on `main`, and a merge request that has no commit of its own yet.
    pub(crate) fn new(kind: Kind) -> Self {
        let (environment, forge) = (TestEnvironment::new(), StandIn::start(kind));
        environment.garden([("garden.kdl", GARDEN.to_owned()), (FILE, organisation("5 GiB"))]);
        let base = environment.commit("a garden");
        {
            let mut world = forge.world();
            (world.base, world.head) = (base.clone(), base);
        }
        Self { environment, forge, more: Vec::new() }
    }

    /// A garden with rules of consent, whose people have accounts on the forge, and a clone that knows where the branch is.
    pub(crate) fn with_consent(kind: Kind, rules: &str) -> Self {
        let mut review = Self::new(kind);
        review.environment.garden([("garden.kdl", review.garden_with(rules))]);
        let base = review.environment.commit("who must agree");
        review.forge.world().base.clone_from(&base);
        let repository = review.environment.repository();
        repository.remote("origin", "https://git.example.org/garden").unwrap();
        repository.reference("refs/remotes/origin/main", git2::Oid::from_str(&base).unwrap(), true, "").unwrap();
        review.more.push(("CI_DEFAULT_BRANCH", "main".to_owned()));
        review
    }

    /// The garden's own file with people and rules; `FORGE` in these is the source of reviews.
    pub(crate) fn garden_with(&self, rules: &str) -> String {
        let kind = format!("{:?}", self.forge.world().kind).to_lowercase();
        let person = |name: &str, group: &str| {
            format!(
                "        person {name} email=\"{name}@example.org\" in={group} {{\n            account {kind} \"{name}\"\n        }}\n"
            )
        };
        let people: String = [
            ("ada", "operators"),
            ("bo", "operators"),
            ("cleo", "operators"),
            ("dora", "council"),
            ("emma", "council"),
        ]
        .map(|(name, group)| person(name, group))
        .concat();
        let source = format!("source forge {kind} \"{}\" credentials=forge", self.forge.project());
        let rules = rules.replace("FORGE", &source);
        let own = format!("    people {{\n{people}    }}\n    consent {{\n        {rules}\n    }}\n    ceiling");
        GARDEN.replacen("    ceiling", &own, 1)
    }

    /// What the comment says of the agreement: the verdict, then its lines.
    pub(crate) fn agreement(&self) -> Vec<String> {
        let comment = self.comment();
        let part = comment.split("**Agreement:** ").nth(1).unwrap_or_default();
        let lines = part.lines().enumerate().filter(|(_, line)| !line.is_empty());
        let own = lines.take_while(|(at, line)| *at == 0 || line.starts_with("- "));
        own.map(|(_, line)| line.trim_start_matches("- ").to_owned()).collect()
    }

    /// The state and description of the status of consent on a commit.
    pub(crate) fn consent(&self, commit: &str) -> Option<(String, String)> {
        let world = self.forge.world();
        world.status_called("parcelle/consent", commit).map(|(state, text)| (state.to_owned(), text.to_owned()))
    }

    /// Somebody pushes another size of the storage; the diff shows all lines of the file.
    pub(crate) fn push(&self, storage: &str) -> String {
        self.push_file(&organisation(storage))
    }

    pub(crate) fn push_file(&self, text: &str) -> String {
        self.environment.garden([(FILE, text)]);
        let head = self.environment.commit("a change");
        let mut world = self.forge.world();
        world.push("ada", &head);
        let lines = (1..).zip(text.lines()).map(|(line, _)| line).collect();
        world.diff.insert(FILE.to_owned(), lines);
        head
    }

    /// The variables that the CI of this forge gives a job for the merge request as it is now.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let world = self.forge.world();
        let site = format!("http://{}", self.forge.address);
        let api = format!("{site}{}", world.kind.root());
        let mut variables: Vec<(&'static str, String)> = match world.kind {
            Kind::GitLab => vec![
                ("GITLAB_CI", "true".to_owned()),
                ("CI_API_V4_URL", api),
                ("CI_SERVER_URL", site.clone()),
                ("CI_MERGE_REQUEST_PROJECT_PATH", "collective/sub/garden".to_owned()),
                ("CI_MERGE_REQUEST_PROJECT_ID", "3".to_owned()),
                ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", if world.fork { "9" } else { "3" }.to_owned()),
                ("CI_MERGE_REQUEST_IID", "7".to_owned()),
                ("CI_COMMIT_SHA", world.head.clone()),
                ("CI_MERGE_REQUEST_DIFF_BASE_SHA", world.base.clone()),
                ("CI_PIPELINE_ID", "55".to_owned()),
                ("CI_JOB_URL", format!("{site}/jobs/1")),
                ("GITLAB_TOKEN", TOKEN.to_owned()),
            ],
            kind => {
                let event = json!({"action": "synchronize", "number": 7, "pull_request": pull(&world)});
                self.environment.write("event.json", event.to_string());
                let event = self.environment.path("event.json").display().to_string();
                let mut variables = vec![
                    ("GITHUB_ACTIONS", "true".to_owned()),
                    ("GITHUB_API_URL", api),
                    ("GITHUB_SERVER_URL", site),
                    ("GITHUB_REPOSITORY", "collective/garden".to_owned()),
                    ("GITHUB_EVENT_PATH", event),
                    ("GITHUB_RUN_ID", "12".to_owned()),
                    ("GITHUB_RUN_NUMBER", "3".to_owned()),
                    ("GITHUB_TOKEN", TOKEN.to_owned()),
                ];
                match kind {
                    Kind::Forgejo => variables.push(("FORGEJO_ACTIONS", "true".to_owned())),
                    Kind::Gitea => variables.push(("GITEA_ACTIONS", "true".to_owned())),
                    Kind::GitHub | Kind::GitLab => {}
                }
                variables
            }
        };
        variables.extend(self.more.iter().cloned());
        variables
    }

    /// Runs a job for the merge request as it is now. Nothing that it says holds the token.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.run_as(&self.variables(), arguments)
    }

    /// Runs a job with the variables of an earlier moment.
    pub(crate) fn run_as(&self, variables: &[(&'static str, String)], arguments: &[&str]) -> Output {
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let own = ["review", "--forge-patience", "3"];
        let output = self.environment.run_with(&variables, own.iter().chain(arguments));
        assert!(!output.text().contains(TOKEN), "the token is in what is said: {}", output.text());
        output
    }

    /// The body of the one comment.
    pub(crate) fn comment(&self) -> String {
        let world = self.forge.world();
        let own = world.own();
        assert_eq!(own.len(), 1, "{own:#?}");
        own[0].body.clone()
    }

    /// The state of a commit, as the forge calls it, and its description.
    pub(crate) fn status(&self, commit: &str) -> (String, String) {
        let world = self.forge.world();
        let (state, description) = world.status_of(commit).expect("a status was set");
        (state.to_owned(), description.to_owned())
    }
}
