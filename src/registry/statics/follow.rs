//! The job that keeps the static tree: follows the events from the one that `registry.json` shows, and renders what each touched.
//!
//! A store without `registry.json` is rendered whole first. Between two steps nothing of the registry is held: who closed it may open it
//! again.

use std::collections::BTreeMap;
use std::sync::Weak;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::domain::public::Medium;
use crate::domain::{Body, Event, Name, Repository, Visibility};
use crate::meta::MetaError;

use super::super::{Inner, Registry, RegistryError};
use super::failing::{Failing, RETRY};
use super::gather::WasShown;
use super::render::{Outcome, Thoroughness};

/// Most events whose repositories are rendered at once.
const BATCH_MAX: usize = 256;
/// Repositories of a step of the first rendering.
const STEP: usize = 64;
/// Most packages whose changes gather.
const PENDING_MAX: usize = 4096;
/// How often what others may have left is looked for.
const MEND: Duration = Duration::from_secs(60 * 60);
/// At most one part in so many of the time goes into what shows many packages.
const PART: u32 = 20;

/// How far the job is.
pub(super) struct Progress {
    stage: Stage,
    /// Packages that changed and are not shown yet in what shows many.
    pub(super) pending: BTreeMap<Name, WasShown>,
    /// Something is hidden that is shown still.
    urgent: bool,
    /// Not before this does what shows many change again.
    not_before: Instant,
    /// When what others may have left is looked for; `None`: never.
    mend_at: Option<Instant>,
    /// What could not be rendered; `None`: an error ends the work.
    failing: Option<Failing>,
}

enum Stage {
    /// Nothing is known of the tree.
    Beginning,
    /// Everything is rendered, in the order of the repositories, those after this one still. What is committed meanwhile comes after.
    Whole { after: Option<String>, head: Option<u64>, thoroughness: Thoroughness },
    /// All up to this event is rendered; `saved`: and `registry.json` says so.
    Following { through: u64, saved: bool },
}

/// When the next step is.
pub(super) enum Next {
    Now,
    At(Instant),
    Change,
}

/// Follows the events until the registry is dropped.
pub(in crate::registry) async fn follow(
    registry: Weak<Inner>,
    mut head: watch::Receiver<u64>,
    rendered: watch::Sender<u64>,
    gather: Duration,
) {
    let mut progress = Progress::new();
    // Nobody else writes to a disk, and whoever died there goes on after `registry.json`.
    progress.mend_at =
        registry.upgrade().filter(|inner| inner.storage.medium() == Medium::Objects).map(|_| Instant::now());
    progress.failing = Some(Failing::default());
    loop {
        head.mark_unchanged();
        let next = {
            let Some(inner) = registry.upgrade() else { return };
            let outcome = Registry(inner).render_next(&mut progress, gather).await;
            if let Stage::Following { through, saved: true } = progress.stage
                && !progress.is_look_due()
            {
                rendered.send_replace(progress.shown(through));
            }
            outcome.unwrap_or_else(|error| {
                tracing::error!(%error, "the static tree could not be written, trying again");
                Next::At(Instant::now() + RETRY)
            })
        };
        let changed = match next {
            Next::Now => continue,
            Next::Change => head.changed().await,
            Next::At(time) => match tokio::time::timeout_at(time, head.changed()).await {
                Ok(changed) => changed,
                Err(_) => Ok(()),
            },
        };
        if changed.is_err() {
            return;
        }
    }
}

impl Progress {
    /// Goes on where the tree ends.
    pub(super) fn new() -> Self {
        Self {
            stage: Stage::Beginning,
            pending: BTreeMap::new(),
            urgent: false,
            not_before: Instant::now(),
            mend_at: None,
            failing: None,
        }
    }

    /// Renders everything.
    pub(super) fn whole(thoroughness: Thoroughness) -> Self {
        Self { stage: Stage::Whole { after: None, head: None, thoroughness }, ..Self::new() }
    }

    /// Whether it is time to look for what others may have left: until then it is not known whether the tree shows what is hidden.
    fn is_look_due(&self) -> bool {
        self.mend_at.is_some_and(|time| Instant::now() >= time)
    }

    /// The last event that is shown whole, of all up to `through`.
    fn shown(&self, through: u64) -> u64 {
        self.failing.as_ref().map_or(through, |failing| failing.shown(through))
    }
}

impl Registry {
    pub(super) async fn render_next(&self, progress: &mut Progress, gather: Duration) -> Result<Next, RegistryError> {
        match &progress.stage {
            Stage::Beginning => {
                progress.stage = match self.registry_document().await? {
                    Some(document) => {
                        Stage::Following { through: document.behind.unwrap_or(document.as_of), saved: true }
                    }
                    None => {
                        self.render_former(Thoroughness::Changes).await?;
                        Stage::Whole { after: None, head: None, thoroughness: Thoroughness::Changes }
                    }
                };
                Ok(Next::Now)
            }
            Stage::Whole { after, head, thoroughness } => {
                let thoroughness = *thoroughness;
                // What is committed from here on is followed afterwards.
                let head = match head {
                    Some(head) => *head,
                    None => self.0.meta.ledger.head().await?.n,
                };
                let page = self.0.meta.refs.repositories(after.as_deref(), STEP).await?;
                let last = page.last().map(|last| last.as_str().to_owned());
                // Who starts again without them has to begin at the first event.
                let all = page.into_iter().map(|repository| (repository, 1, false)).collect();
                self.render_all(all, thoroughness, progress).await?;
                progress.stage = match last {
                    Some(last) => Stage::Whole { after: Some(last), head: Some(head), thoroughness },
                    None => Stage::Following { through: head, saved: false },
                };
                Ok(Next::Now)
            }
            Stage::Following { through, saved } => {
                let (through, mut saved) = (*through, *saved);
                let again = progress.failing.as_ref().map(|failing| failing.due(Instant::now())).unwrap_or_default();
                if !again.is_empty() {
                    let before = progress.shown(through);
                    self.render_all(again, Thoroughness::Changes, progress).await?;
                    saved &= progress.shown(through) == before && progress.pending.is_empty();
                    progress.stage = Stage::Following { through, saved };
                }
                let events = self.0.meta.ledger.events(through, BATCH_MAX).await?;
                if let Some((last, _)) = events.last() {
                    self.render_all(touched(through + 1, &events)?, Thoroughness::Changes, progress).await?;
                    progress.stage = Stage::Following { through: *last, saved: false };
                }
                let through = events.last().map_or(through, |(last, _)| *last);
                let is_behind = events.len() == BATCH_MAX;
                if events.is_empty() && saved {
                    if !self.mend_if_due(progress).await? {
                        let again = progress.failing.as_ref().and_then(Failing::next);
                        return Ok(again.into_iter().chain(progress.mend_at).min().map_or(Next::Change, Next::At));
                    }
                    progress.stage = Stage::Following { through, saved: false };
                }
                let is_due = progress.urgent || Instant::now() >= progress.not_before;
                // What is hidden does not wait until all else is rendered.
                if !progress.urgent && progress.pending.len() < PENDING_MAX && (is_behind || !is_due) {
                    let again = progress.failing.as_ref().and_then(Failing::next);
                    let next = again.into_iter().chain([progress.not_before]).min();
                    return Ok(next.filter(|_| !is_behind).map_or(Next::Now, Next::At));
                }
                let begun = Instant::now();
                let behind = progress.failing.as_ref().filter(|failing| !failing.is_empty());
                self.gather(&progress.pending, through, behind.map(|failing| failing.shown(through))).await?;
                progress.pending.clear();
                progress.urgent = false;
                // A catalogue that takes long to write is written more seldom.
                progress.not_before = Instant::now() + gather.max(begun.elapsed() * PART);
                progress.stage = Stage::Following { through, saved: true };
                Ok(Next::Now)
            }
        }
    }

    /// Looks for what others may have left, if it is time; says whether something was found.
    async fn mend_if_due(&self, progress: &mut Progress) -> Result<bool, RegistryError> {
        if !progress.is_look_due() {
            return Ok(false);
        }
        progress.mend_at = Some(Instant::now() + MEND);
        let found = self.mend_tree().await?;
        progress.urgent |= !found.is_empty();
        progress.pending.extend(found.iter().map(|name| (name.clone(), WasShown::Yes)));
        Ok(!found.is_empty())
    }

    /// Renders these, each with the first event that it may not show, and whether that may hide something. What fails is tried again later.
    async fn render_all(
        &self,
        repositories: Vec<(Repository, u64, bool)>,
        thoroughness: Thoroughness,
        progress: &mut Progress,
    ) -> Result<(), RegistryError> {
        let mut last = None;
        for (repository, since, hides) in repositories {
            match self.render_one(&repository, thoroughness, progress).await {
                Ok(()) => {
                    if let Some(failing) = &mut progress.failing {
                        failing.forget(&repository);
                    }
                }
                Err(error) if progress.failing.is_none() => return Err(error),
                Err(error) => {
                    if let Some(failing) = &mut progress.failing {
                        failing.note(&repository, since, hides, Instant::now(), &error);
                    }
                    last = Some(error);
                }
            }
        }
        match last {
            Some(error) if progress.failing.as_ref().is_some_and(Failing::is_too_much) => Err(error),
            _ => Ok(()),
        }
    }

    async fn render_one(
        &self,
        repository: &Repository,
        thoroughness: Thoroughness,
        progress: &mut Progress,
    ) -> Result<(), RegistryError> {
        let outcome = self.render(repository, thoroughness).await?;
        progress.urgent |= outcome == Outcome::Hidden;
        if let Some(name) = repository.package() {
            let was_shown = if outcome == Outcome::Hidden { WasShown::Yes } else { WasShown::Perhaps };
            progress.pending.insert(name, was_shown);
        }
        Ok(())
    }
}

/// The repositories that these events touched, what may hide something first; each with the first event that it may not show.
fn touched(first: u64, events: &[(u64, bytes::Bytes)]) -> Result<Vec<(Repository, u64, bool)>, MetaError> {
    let mut touched: BTreeMap<Repository, bool> = BTreeMap::new();
    for (n, bytes) in events {
        let event = Event::parse(bytes).map_err(|error| MetaError::Corrupt(format!("event {n}: {error}")))?;
        if let Some(repository) = event.body.repository() {
            *touched.entry(repository).or_default() |= hides(&event.body);
        }
    }
    let mut touched: Vec<_> = touched.into_iter().map(|(repository, hides)| (repository, first, hides)).collect();
    touched.sort_by_key(|(_, _, hides)| !hides);
    Ok(touched)
}

/// Whether something may be hidden by it that is shown.
fn hides(body: &Body) -> bool {
    match body {
        Body::Visibility { visibility, .. } => *visibility != Visibility::Public,
        Body::ManifestDelete { .. } | Body::TagDelete { .. } | Body::BlobDelete { .. } | Body::Purge { .. } => true,
        _ => false,
    }
}
