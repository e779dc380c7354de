//! From the command line to an exit code.

use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use tokio::signal::unix::{SignalKind, signal};

use super::args::{Cli, Command, Global};
use super::failure::{Exit, Failure};
use super::output::aside;

/// How long a command that is stopped tells stores that it goes.
const LEAVE: Duration = Duration::from_secs(5);

/// Reads the arguments, does what they say, and tells how it ended.
pub fn main() -> ExitCode {
    crate::client::install_tls_provider();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too, to standard output and with code 0.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::Usage as u8));
        }
    };
    warn_of_unknown_variables();
    match run(cli) {
        Ok(exit) => exit.into(),
        Err(error) if Failure::is_closed_pipe(&error) => Exit::Done.into(),
        Err(error) => {
            let failure = Failure::of(error);
            aside("error", &failure.message);
            if let Some(hint) = &failure.hint {
                aside("hint", hint);
            }
            failure.exit.into()
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<Exit> {
    // One command of a client waits for the network more than it works; a server has the machine to itself.
    let mut runtime = match cli.command {
        Command::Serve(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = runtime.enable_all().build()?;
    let result = runtime.block_on(async {
        if let Command::Serve(serve) = cli.command {
            // A server stops by itself, and gracefully.
            return serve.run().await;
        }
        // Leaving by a signal removes what was half written.
        let exit = tokio::select! {
            result = dispatch(cli.command, &cli.global) => return result,
            exit = signalled() => exit?,
        };
        // Or others take it for one that is at work. Whoever asks twice does not wait.
        let left = tokio::time::timeout(LEAVE, crate::registry::leave_stores());
        tokio::select! {
            left = left => if !matches!(left, Ok(Ok(()))) {
                aside("warning", "the store still says that this command is at work; others take it for gone after 40 minutes, a collection after a day");
            },
            _ = signalled() => {}
        }
        Ok(exit)
    });
    // A thread that still reads a file must not keep the program from ending.
    runtime.shutdown_background();
    result
}

/// Waits for somebody to end the program, and gives what it ends with.
async fn signalled() -> std::io::Result<Exit> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => Ok(Exit::Interrupted),
        _ = terminate.recv() => Ok(Exit::Terminated),
    }
}

async fn dispatch(command: Command, global: &Global) -> anyhow::Result<Exit> {
    match command {
        Command::Serve(serve) => serve.run().await,
        Command::Push(push) => push.run(global).await,
        Command::Pull(pull) => pull.run(global).await,
        Command::Add(add) => add.run(global).await,
        Command::Install(install) => install.run(global).await,
        Command::Update(update) => update.run(global).await,
        Command::Remove(remove) => remove.run(global).await,
        Command::Tree(tree) => tree.run(global),
        Command::Why(why) => why.run(global),
        Command::Show(show) => show.run(global).await,
        Command::Versions(versions) => versions.run(global).await,
        Command::List(list) => list.run(global).await,
        Command::Search(search) => search.run(global).await,
        Command::Complete(complete) => complete.run(global).await,
        Command::Resolve(resolve) => resolve.run(global).await,
        Command::Tags(counts) => counts.run(global, super::tags::Of::Tags).await,
        Command::Skills(counts) => counts.run(global, super::tags::Of::Skills).await,
        Command::Trending(trending) => trending.run(global).await,
        Command::Stats(stats) => stats.run(global).await,
        Command::Star(star) => star.give(global).await,
        Command::Unstar(star) => star.take(global).await,
        Command::Stars(stars) => stars.run(global).await,
        Command::Match(matching) => matching.run(global).await,
        Command::Related(like) => like.run(global).await,
        Command::Dependencies(needs) => needs.run(global).await,
        Command::Dependents(dependents) => dependents.run(global).await,
        Command::Import(import) => import.run(global).await,
        Command::Draft(drafts) => drafts.run(global).await,
        Command::Yank(yank) => yank.run(global).await,
        Command::Deprecate(deprecate) => deprecate.run(global).await,
        Command::Rollback(rollback) => rollback.run(global).await,
        Command::Tag(tag) => tag.run(global).await,
        Command::Diff(diff) => diff.run(global).await,
        Command::History(history) => history.run(global).await,
        Command::Visibility(visibility) => visibility.run(global).await,
        Command::Delete(delete) => delete.run(global).await,
        Command::Purge(purge) => purge.run(global).await,
        Command::Restore(restore) => restore.run(global).await,
        Command::Collection(collection) => collection.run(global).await,
        Command::Owner(owner) => owner.run(global).await,
        Command::Org(org) => org.run(global).await,
        Command::User(user) => user.run(global).await,
        Command::Token(token) => token.run(global).await,
        Command::Whoami(whoami) => whoami.run(global).await,
        Command::Rebuild(rebuild) => rebuild.run(global).await,
        Command::Migrate(migrate) => migrate.run(global).await,
        Command::Collect(collect) => collect.run(global).await,
        Command::Static(tree) => tree.run(global).await,
        Command::Fsck(fsck) => fsck.run(global).await,
        Command::Key(key) => key.run(global).await,
        Command::Sign(sign) => sign.run(global).await,
        Command::Verify(verify) => verify.run(global).await,
        Command::Log(log) => log.run(global).await,
        Command::Completions(completions) => completions.run(),
    }
}

fn warn_of_unknown_variables() {
    let command = Cli::command();
    let arguments = command.get_subcommands().chain([&command]).flat_map(clap::Command::get_arguments);
    let known: Vec<&str> = arguments.filter_map(|argument| argument.get_env()?.to_str()).collect();
    let set = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for (name, nearest) in super::variables::unknown_variables(set, &known) {
        let nearest = nearest.map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default();
        aside("warning", &format!("{name} is no setting of pclr and is ignored{nearest}"));
    }
}
