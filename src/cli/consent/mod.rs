//! `parcelle approve`, `object`, `withdraw`, `urgent`, `consent`: what people say of a change, and what comes of it.

use std::path::PathBuf;

use clap::Args;

use super::show::ShowFormat;
use super::workspace::{find, now};
use super::{ClusterFlags, CommandFailure, Common, Exit, Output, session};
use crate::consent::statement::{LONGEST_REASON, Statement, hear};
use crate::consent::{Agreement, ConsentWord, Given};
use crate::git::{LARGEST_STATEMENT, statement_ref};
use crate::report::escape;
use crate::visible;

mod change;
mod sign;

use change::LookedAt;

/// How a statement is signed, and where it goes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Signing")]
struct Signing {
    /// The key: a private file, or a public one whose private half an agent holds [default: Git's `user.signingkey`, else the one in
    /// ~/.ssh that the garden knows]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The branch or commit that the change goes to [default: as the branch tells it]
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// The remote that it is pushed to [default: origin, else the only one]
    #[arg(long, value_name = "NAME")]
    remote: Option<String>,
    /// Write the signed statement into a file, for somebody who may push
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What `approve` takes.
#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// The change: a branch, a commit, or BASE..HEAD [default: HEAD]
    #[arg(value_name = "REV", conflicts_with = "from")]
    revision: Option<String>,
    /// Push what somebody else signed and wrote with `--output`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "base", "output"])]
    from: Option<PathBuf>,
    #[command(flatten)]
    signing: Signing,
}

/// What `object` and `urgent` take.
#[derive(Debug, Args)]
pub(crate) struct ReasonArgs {
    /// The change: a branch, a commit, or BASE..HEAD
    #[arg(value_name = "REV")]
    revision: String,
    /// Why, in a sentence
    #[arg(value_name = "REASON")]
    reason: String,
    #[command(flatten)]
    signing: Signing,
}

/// What `withdraw` takes.
#[derive(Debug, Args)]
pub(crate) struct WithdrawArgs {
    /// The change: a branch, a commit, or BASE..HEAD [default: HEAD]
    #[arg(value_name = "REV")]
    revision: Option<String>,
    #[command(flatten)]
    signing: Signing,
}

/// What `consent` takes.
#[derive(Debug, Args)]
pub(crate) struct ConsentArgs {
    /// A change: a branch, a commit, or BASE..HEAD [default: all that waits on the branch]
    #[arg(value_name = "REV")]
    revision: Option<String>,
    /// The branch or commit that it goes to [default: as the branch tells it]
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// How to print it
    #[arg(long, short, value_enum, default_value_t = ShowFormat::Text)]
    format: ShowFormat,
    #[command(flatten)]
    clusters: ClusterFlags,
}

pub(crate) fn approve(common: &Common, args: &ApproveArgs, output: &Output) -> Result<Exit, CommandFailure> {
    match &args.from {
        Some(file) => hand_over(common, file, args.signing.remote.as_deref(), output),
        None => say(common, (ConsentWord::Approve, args.revision.as_deref(), ""), &args.signing, output),
    }
}

pub(crate) fn object(common: &Common, args: &ReasonArgs, output: &Output) -> Result<Exit, CommandFailure> {
    say(common, (ConsentWord::Object, Some(&args.revision), &args.reason), &args.signing, output)
}

pub(crate) fn urgent(common: &Common, args: &ReasonArgs, output: &Output) -> Result<Exit, CommandFailure> {
    say(common, (ConsentWord::Urgent, Some(&args.revision), &args.reason), &args.signing, output)
}

pub(crate) fn withdraw(common: &Common, args: &WithdrawArgs, output: &Output) -> Result<Exit, CommandFailure> {
    say(common, (ConsentWord::Withdraw, args.revision.as_deref(), ""), &args.signing, output)
}

/// Signs what somebody says of a change, after it was shown, and pushes it.
fn say(
    common: &Common,
    (word, revision, reason): (ConsentWord, Option<&str>, &str),
    signing: &Signing,
    output: &Output,
) -> Result<Exit, CommandFailure> {
    let reason = reason.trim();
    if matches!(word, ConsentWord::Object | ConsentWord::Urgent) && reason.is_empty() {
        return Err(CommandFailure::asked("there is no reason", "say why in a sentence: people decide by it"));
    }
    if reason.len() > LONGEST_REASON || reason.contains(['\n', '\r', '\0']) {
        let help = format!("say it in one line of at most {LONGEST_REASON} bytes");
        return Err(CommandFailure::asked("the reason is too long, or has several lines", help));
    }
    let workspace = find(common, None)?;
    let looked_at = LookedAt::of(&workspace, revision, signing.base.as_deref())?;
    let key = sign::key(signing.key.as_deref(), &looked_at.people, &workspace)?;
    let statement = Statement {
        garden: looked_at.garden.clone(),
        word,
        change: looked_at.change.clone(),
        given: Given { head: looked_at.head.clone(), base: looked_at.base.clone() },
        when: now().as_second(),
        reason: reason.to_owned(),
    };
    output.note(&looked_at.words());
    looked_at.uncommitted(&workspace, revision).iter().for_each(|note| output.note(note));
    let text = statement.text();
    let signature = sign::sign(&text, &key)?;
    let signed = format!("{text}{signature}");
    // What is pushed must be what others will read.
    let voice = hear(&looked_at.garden, &looked_at.people, signed.as_bytes()).map_err(|why| {
        CommandFailure::asked(format!("what was signed does not count: {why}"), "sign with another key")
    })?;
    output.note(&format!("signed as {}: {}", voice.person, of_word(word)));
    if let Some(file) = &signing.output {
        super::files::write_text(file, &signed)?;
        let file = file.display();
        output.note(&format!("written to {file}; whoever may push hands it over: parcelle approve --from {file}"));
        return Ok(Exit::Good);
    }
    push(&workspace, &voice, signed.as_bytes(), signing.remote.as_deref(), output)
}

/// Pushes what somebody else signed.
fn hand_over(
    common: &Common,
    file: &std::path::Path,
    remote: Option<&str>,
    output: &Output,
) -> Result<Exit, CommandFailure> {
    let signed = super::files::read_text(file, LARGEST_STATEMENT as u64)?;
    let workspace = find(common, None)?;
    let (garden, people) = change::people(&workspace, None)?;
    let voice = hear(&garden, &people, signed.as_bytes()).map_err(|why| {
        let file = file.display();
        CommandFailure::asked(
            format!("the statement in {file} does not count: {why}"),
            "ask whoever signed it for another one",
        )
    })?;
    let (person, change) = (&voice.person, voice.change.short());
    output.note(&format!("{person} says of the change {change}: {}", of_word(voice.word)));
    push(&workspace, &voice, signed.as_bytes(), remote, output)
}

fn push(
    workspace: &crate::git::Workspace,
    voice: &crate::consent::Voice,
    signed: &[u8],
    remote: Option<&str>,
    output: &Output,
) -> Result<Exit, CommandFailure> {
    let crate::consent::Via::Signature { digest } = &voice.via else { return Ok(Exit::Good) };
    let name = statement_ref(voice.change.short(), &voice.person, voice.word.as_str(), digest);
    let repository = workspace.repository()?;
    repository.put_statement(&name, signed)?;
    match sign::push(repository, &name, remote)? {
        Some(remote) => {
            output.note(&format!("pushed to {remote}; the loop sees it when it looks at the repository next"));
        }
        None => {
            output.note("this repository has no remote: a loop that follows this folder sees it when it looks next");
        }
    }
    output.result(&format!("{name}\n"))?;
    Ok(Exit::Good)
}

fn of_word(word: ConsentWord) -> &'static str {
    match word {
        ConsentWord::Approve => "yes",
        ConsentWord::Object => "no; nothing of it is applied until it is withdrawn",
        ConsentWord::Withdraw => "what was said before counts no longer",
        ConsentWord::Urgent => "now; to be agreed afterwards",
    }
}

pub(crate) async fn consent(common: &Common, args: &ConsentArgs, output: &Output) -> Result<Exit, CommandFailure> {
    let workspace = find(common, None)?;
    let looked_at =
        args.revision.as_deref().map(|revision| LookedAt::of(&workspace, Some(revision), args.base.as_deref()));
    let looked_at = looked_at.transpose()?;
    let mut session = session::over(workspace, &args.clusters, Some("HEAD"), output).await?;
    let told = match &looked_at {
        None => session.agreement_at("HEAD", now()).await.map(|agreement| {
            let settled = |one: &Agreement| (!one.is_open()).then(|| "nothing waits for anybody".to_owned());
            agreement.map(|one| (settled(&one).into_iter().chain(one.lines()).collect(), one.json(), !one.is_open()))
        }),
        Some(one) => {
            let of = (one.target.as_str(), &one.base, &one.head);
            let explained = session.explain_change(of, now()).await;
            explained.map(|found| {
                found.map(|(open, notes)| {
                    let value = open.json_with(&notes);
                    let lines = open.explained().into_iter().chain(notes).collect();
                    (lines, value, open.verdict.allowed.is_some())
                })
            })
        }
    };
    session.close().await;
    let told = told?;
    if told.is_none() {
        output.note("the garden asks nobody: what is on the branch is applied (`consent` in garden.kdl)");
    }
    let (lines, value, is_settled) = told.unwrap_or_else(|| (Vec::new(), serde_json::Value::Null, true));
    if let Some(one) = &looked_at {
        output.note(&one.words());
    }
    let listed = |line: &dyn Fn(&str) -> String| lines.iter().map(|one| line(&visible::line(one))).collect::<String>();
    match args.format {
        ShowFormat::Json => output.result(&visible::json(format!("{value:#}\n")))?,
        _ if value.is_null() => {}
        ShowFormat::Text => output.result(&listed(&|line| format!("{line}\n")))?,
        ShowFormat::Markdown => output.result(&listed(&|line| format!("- {}\n", escape(line))))?,
    }
    Ok(if is_settled { Exit::Good } else { Exit::Garden })
}
