//! What is signed: what stands beside it, who verifies it with plain tools, and statements that somebody else brings.

use std::os::unix::fs::PermissionsExt as _;

use git2::Repository;

use super::refused::statements;
use super::{Commons, RULES, alpha, organisation};
use crate::command::Output;

impl Commons {
    /// What another person says in a clone of their own, without a key.
    fn brought(&self, file: &str) -> Output {
        let clone = self.people.path("second");
        if !clone.exists() {
            Repository::clone(&self.this.folder.path().join("garden").display().to_string(), &clone).unwrap();
        }
        let file = self.people.path(file).display().to_string();
        self.people.run_in(&clone.display().to_string(), &[], ["approve", "--from", &file])
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_push_hands_a_statement_to_somebody_who_may() {
    let Some(mut commons) = Commons::begun(RULES).await else { return };
    let change = commons.commit(&[commons.main()], "camille", &[alpha(&["one"])]);
    commons.branch("work", change);
    commons.approved("tim", change);
    let file = commons.people.path("said.txt").display().to_string();
    let said = commons.say("pierre", &["approve", &change.to_string(), "--output", &file]);
    assert_eq!(said.code, 0, "{}", said.text());
    assert!(said.stderr.contains("hands it over: parcelle approve --from "), "{}", said.stderr);
    assert_eq!(statements(&commons).len(), 1, "nothing but tim's was pushed");
    commons.pushed(change).await;
    assert!(!commons.has("alpha", "one").await);
    // What was cut or is of another garden is brought by nobody.
    let whole = commons.people.read("said.txt");
    for (text, why) in [
        (whole[..whole.len() - 60].to_owned(), "does not count: it is cut short"),
        (whole.replace("garden loops", "garden other"), "does not count: it is about the garden `other`"),
        (whole.replace("word approve", "word urgent"), "does not count: the text is another than what was signed"),
        (whole.split("-----BEGIN").next().unwrap().to_owned(), "does not count: it is not signed"),
        ("x".repeat(70_000), "is too large"),
    ] {
        commons.people.write("other.txt", text);
        let said = commons.brought("other.txt");
        assert_eq!(said.code, 2, "{why}: {}", said.text());
        assert!(said.stderr.contains(why), "{why}: {}", said.stderr);
    }
    assert_eq!(statements(&commons).len(), 1);
    let said = commons.brought("said.txt");
    assert_eq!(said.code, 0, "{}", said.text());
    assert!(said.stderr.contains("pierre says of the change "), "{}", said.stderr);
    assert_eq!(statements(&commons).len(), 2);
    let told = commons.looked().await;
    assert!(commons.has("alpha", "one").await, "{:?}", told.consent);
    commons.this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_signs_sees_what_the_key_asks_and_what_is_not_committed() {
    let Some(commons) = Commons::begun(RULES).await else { return };
    let change = commons.commit(&[commons.main()], "camille", &[alpha(&["one"])]);
    commons.branch("work", change);
    // Fetches, and checks the change out.
    let said = commons.say("pierre", &["approve", &change.to_string()]);
    assert!(!said.stderr.contains("not part of what you sign"), "it is not what is checked out: {}", said.stderr);
    let clone = Repository::open(commons.people.path("garden")).unwrap();
    clone.reset(&clone.find_object(change, None).unwrap(), git2::ResetType::Hard, None).unwrap();
    let clean = commons.say("tim", &["approve"]);
    assert!(!clean.stderr.contains("not part of what you sign"), "{}", clean.stderr);
    commons.people.write("garden/organisations/beta.kdl", organisation("beta", &["later"]));
    let program = commons.people.path("programs/ssh-keygen");
    let real = std::fs::read_link(&program).unwrap();
    let script = |last: &str| {
        let _gone = std::fs::remove_file(&program);
        let text = format!("#!/bin/sh\necho 'Confirm user presence for key ED25519-SK' >&2\n{last}\n");
        commons.people.write("programs/ssh-keygen", text);
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    script(&format!("exec {} \"$@\"", real.display()));
    let said = commons.say("hadrien", &["approve"]);
    assert_eq!(said.code, 0, "{}", said.text());
    let at = |text: &str| said.stderr.find(text).unwrap_or_else(|| panic!("{text}: {}", said.stderr));
    let order = [
        at("the change "),
        at("1 file differs from HEAD and is not part of what you sign: organisations/beta.kdl"),
        at("Confirm user presence for key ED25519-SK"),
        at("signed as hadrien: yes"),
        at("pushed to origin"),
    ];
    assert!(order.is_sorted(), "{}", said.stderr);
    // Where nothing was signed nothing says so.
    script("exit 1");
    let before = statements(&commons).len();
    let said = commons.say("camille", &["object", "HEAD", "too early"]);
    assert_eq!(said.code, 2, "{}", said.text());
    assert!(said.stderr.contains("Confirm user presence") && said.stderr.contains("ssh-keygen signs nothing with"));
    assert!(!said.stderr.contains("signed as"), "{}", said.stderr);
    assert_eq!(statements(&commons).len(), before);
    commons.this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_ssh_keygen_verifies_what_was_signed() {
    let Some(commons) = Commons::begun(RULES).await else { return };
    let change = commons.commit(&[commons.main()], "camille", &[alpha(&["one"])]);
    commons.branch("work", change);
    commons.approved("pierre", change);
    let said = commons.say("tim", &["object", &change.to_string(), "zu früh"]);
    assert_eq!(said.code, 0, "{}", said.text());
    let allowed: String =
        ["pierre", "tim"].map(|name| format!("{name} {}", commons.people.read(&format!("keys/{name}.pub")))).concat();
    commons.people.write("allowed", allowed);
    let verify = |who: &str, namespace: &str, text: &str, signature: &str| {
        commons.people.write("text.sig", signature);
        let path = |name: &str| commons.people.path(name).display().to_string();
        let (allowed, signature) = (path("allowed"), path("text.sig"));
        let arguments = ["-Y", "verify", "-f", &allowed, "-I", who, "-n", namespace, "-s", &signature];
        commons.people.run_program("ssh-keygen", &arguments, text.as_bytes())
    };
    let all = statements(&commons);
    assert_eq!(all.len(), 2);
    for (name, bytes) in all {
        let whole = String::from_utf8(bytes).unwrap();
        let (text, signature) = whole.split_at(whole.find("-----BEGIN").unwrap());
        let (who, other) = if name.contains("pierre-approve") { ("pierre", "tim") } else { ("tim", "pierre") };
        let said = verify(who, "parcelle-consent", text, signature);
        assert_eq!(said.code, 0, "{name}: {}", said.text());
        assert!(said.stdout.starts_with("Good \"parcelle-consent\" signature for"), "{}", said.stdout);
        assert_ne!(verify(other, "parcelle-consent", text, signature).code, 0, "{name} by another");
        assert_ne!(verify(who, "git", text, signature).code, 0, "{name} for another purpose");
        assert_ne!(verify(who, "parcelle-consent", &text.replace("word ", "word x"), signature).code, 0, "{name}");
    }
    commons.this.ended().await;
}
