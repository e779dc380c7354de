//! `pclr log`: the transparency log of a registry, from outside.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::value::RawValue;

use super::args::Global;
use super::failure::{Exit, Failure};
use super::log_key;
use super::log_memory::Memory;
use super::output::{count, pairs, plain};
use super::progress::Progress;
use super::units::Span;
use crate::client::{Client, Log as RegistryLog, Seen};
use crate::tlog::{Checkpoint, Entry, Frontier, Hash, KeyName, NoteVerifier, TILE_WIDTH};

/// Look at a registry's transparency log, and check it
#[derive(Debug, Args)]
#[command(
    after_help = "What was seen of a log is remembered: one that is shorter later, says something else, or is gone is refused, \
    with exit code 4."
)]
pub(super) struct Log {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show the head of the log, or one event in it
    Show {
        /// Number of an event
        #[arg(value_name = "EVENT")]
        event: Option<u64>,
        /// Public key of a witness whose signature to check; repeat it for more
        #[arg(long, value_name = "KEY")]
        witness: Vec<NoteVerifier>,
        #[command(flatten)]
        memory: Memory,
    },
    /// Read the whole log and check that its head is made of it
    Verify {
        #[command(flatten)]
        memory: Memory,
    },
    /// Print events as they are logged, each proven to be in the log
    Watch {
        /// How often to look
        #[arg(long, value_name = "TIME", default_value = "2s")]
        every: Span,
        #[command(flatten)]
        memory: Memory,
    },
    /// Make the key that a registry keeps its log with
    Key {
        /// Name of the log for ever, such as registry.example/log
        origin: KeyName,
        /// New file to write to
        file: PathBuf,
    },
}

/// The head of a log.
#[derive(Serialize)]
struct Head {
    origin: String,
    size: u64,
    root: String,
    key: String,
    /// Witnesses whose good signatures are on it.
    witnesses: Vec<String>,
    /// What was remembered of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<u64>,
}

/// An entry of a log.
#[derive(Serialize)]
struct Shown<'a> {
    event: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    long: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    says: Option<&'a RawValue>,
}

/// What a whole log holds.
#[derive(Default, Serialize)]
struct Whole {
    origin: String,
    size: u64,
    events: u64,
    sealed: u64,
}

impl Log {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        match self.verb {
            Verb::Key { origin, file } => {
                let key = log_key::make(origin, &file)?;
                let public = key.verifier().to_string();
                global.output().outcome(&serde_json::json!({ "key": public, "file": file }), |_| {
                    format!(
                        "{public}\nthe private key is in {}: keep a copy, a log cannot have another",
                        file.display()
                    )
                })?;
            }
            Verb::Show { event: None, witness, memory } => show_head(global, &witness, &memory).await?,
            Verb::Show { event: Some(event), memory, .. } => {
                let Seen { log, head, .. } = seen(&global.client()?, &memory).await?;
                let included = log.entry(head.checkpoint(), event).await?;
                show_entry(global, &included.entry)?;
            }
            Verb::Verify { memory } => verify(global, &memory).await?,
            Verb::Watch { every: Span(every), memory } => watch(global, every, &memory).await?,
        }
        Ok(Exit::Done)
    }
}

async fn seen(client: &Client, memory: &Memory) -> anyhow::Result<Seen> {
    let seen = client.seen_log(&memory.open()?).await?;
    let hint = "its operator starts it with --log-key to keep one";
    Ok(seen.ok_or_else(|| Failure::no(format!("{} keeps no transparency log", client.address()), hint))?)
}

async fn show_head(global: &Global, witnesses: &[NoteVerifier], memory: &Memory) -> anyhow::Result<()> {
    let Seen { log, before, .. } = seen(&global.client()?, memory).await?;
    let head = log.checkpoint(witnesses).await?;
    let (checkpoint, key) = (head.checkpoint(), log.key());
    let witnesses = head.verified().iter().map(|signed| &signed.verifier).filter(|signed| signed.name() != key.name());
    let head = Head {
        origin: checkpoint.origin().to_owned(),
        size: checkpoint.size(),
        root: checkpoint.root().to_string(),
        key: key.to_string(),
        witnesses: witnesses.map(|witness| witness.name().to_string()).collect(),
        before: before.map(|before| before.size()),
    };
    global.output().document(&head, |head| {
        pairs([
            ("log", head.origin.clone()),
            ("size", head.size.to_string()),
            ("root", head.root.clone()),
            ("key", head.key.clone()),
            ("witnesses", head.witnesses.join(", ")),
            ("seen", head.before.map(|size| format!("at size {size} before; it has only grown")).unwrap_or_default()),
        ])
    })?;
    Ok(())
}

fn show_entry(global: &Global, entry: &Entry) -> anyhow::Result<()> {
    let mut shown = Shown { event: entry.n(), sealed: None, long: None, says: None };
    match entry {
        Entry::Event { bytes, .. } => shown.says = Some(serde_json::from_slice(bytes)?),
        Entry::Sealed { sealed, .. } => shown.sealed = Some(sealed.to_string()),
        Entry::Long { long, .. } => shown.long = Some(long.to_string()),
    }
    global.output().document(&shown, |shown| match (shown.says, &shown.sealed) {
        (Some(says), _) => plain(says.get()),
        (None, Some(sealed)) => format!("event {} is not public: {sealed}", shown.event),
        (None, None) => {
            format!("event {} is too long for an entry: {}", shown.event, shown.long.as_deref().unwrap_or_default())
        }
    })?;
    Ok(())
}

/// Makes the tree of all entries, and compares its root with the one that is signed.
async fn verify(global: &Global, memory: &Memory) -> anyhow::Result<()> {
    let progress = Progress::things(global.output(), "events");
    let Seen { log, head, .. } = seen(&global.client()?, memory).await?;
    let whole = read_whole(&log, head.checkpoint(), |n| progress.at(n)).await?;
    progress.finish();
    global.output().outcome(&whole, |whole| {
        let events = count(whole.events as usize, "public event");
        format!(
            "the log {} is whole: {events}, {} sealed, as its head of size {} says",
            whole.origin, whole.sealed, whole.size
        )
    })?;
    Ok(())
}

async fn read_whole(log: &RegistryLog, checkpoint: &Checkpoint, mut tell: impl FnMut(u64)) -> anyhow::Result<Whole> {
    let not_verified = |message: String| Failure {
        exit: Exit::NotVerified,
        message,
        hint: Some("ask whoever runs the registry, and take nothing new from it until it is explained".to_owned()),
    };
    let mut whole = Whole { origin: checkpoint.origin().to_owned(), size: checkpoint.size(), ..Whole::default() };
    let mut frontier = Frontier::EMPTY;
    for bundle in 0..checkpoint.size().div_ceil(TILE_WIDTH) {
        for bytes in log.bundle(checkpoint.size(), bundle).await? {
            let entry = Entry::parse(frontier.size(), &bytes).map_err(|error| not_verified(error.to_string()))?;
            match entry {
                Entry::Event { .. } | Entry::Long { .. } => whole.events += 1,
                Entry::Sealed { .. } => whole.sealed += 1,
            }
            if frontier.size() < checkpoint.size() {
                frontier.push(Hash::leaf(&bytes));
            }
        }
        tell(frontier.size());
    }
    if frontier.root() != checkpoint.root() {
        let found = frontier.root();
        return Err(not_verified(format!(
            "the entries of the log come to the root {found}, and its head says {}",
            checkpoint.root()
        ))
        .into());
    }
    Ok(whole)
}

async fn watch(global: &Global, every: Duration, memory: &Memory) -> anyhow::Result<()> {
    let client = global.client()?;
    let mut next = seen(&client, memory).await?.head.checkpoint().size() + 1;
    loop {
        tokio::time::sleep(every).await;
        let Seen { log, head, .. } = seen(&client, memory).await?;
        for n in next..=head.checkpoint().size() {
            show_entry(global, &log.entry(head.checkpoint(), n).await?.entry)?;
        }
        next = head.checkpoint().size() + 1;
    }
}
