//! A store with a clock that a check sets, and the verbs that checks are written in.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use crate::domain::{
    About, Accepted, Actor, Area, CONFIG_SCHEMA, Collection, Config, Day, Digest, Event, Kind, Name, Package, Primary,
    Profile, Repository, Skill, Timestamp, Version, Visibility, media_type,
};

use super::super::{
    Accept, Act, Atomicity, Change, DownloadBatch, Downloads, ManifestFacts, Meta, MetaError, Outcome, Publication,
    Releases, Replay, Starred,
};
use super::{Failure, Stores};

/// The first moment of a world's clock: 2026-01-01T00:00:00Z.
const BEGINNING: i64 = 1_767_225_600_000_000;

/// A store and a clock.
pub struct World {
    /// The store.
    pub meta: Meta,
    clock: AtomicI64,
    /// What collections said.
    pub(super) documents: Mutex<BTreeMap<Digest, Arc<Collection>>>,
    /// What organisations said.
    pub(super) profiles: Mutex<BTreeMap<Digest, Arc<Profile>>>,
}

/// Something to push: `org/name@version`, or a plain image `repository:tag`.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// Where it goes.
    pub repository: Repository,
    /// Tags that it asks for.
    pub tags: Vec<String>,
    /// Version, and with it the publication.
    pub version: Option<Version>,
    /// What it is.
    pub kind: Kind,
    /// What its config says.
    pub about: About,
    /// What its bytes are made of: the same seed gives the same bytes.
    pub seed: String,
    /// Where its bytes lie.
    pub area: Area,
    /// What it refers to.
    pub subject: Option<Digest>,
}

/// Reads a value of the domain.
pub(super) fn parse<T: FromStr>(text: &str) -> Result<T, Failure>
where
    Failure: From<T::Err>,
{
    Ok(text.parse::<T>()?)
}

/// A skill called `org/name@version`, to be published.
pub(super) fn artifact(spec: &str) -> Result<Artifact, Failure> {
    Artifact::new(spec)
}

/// A plain image called `repository:tag`.
pub(super) fn image(spec: &str) -> Result<Artifact, Failure> {
    Artifact::image(spec)
}

impl Artifact {
    /// A skill called `org/name@version`, to be published.
    pub fn new(spec: &str) -> Result<Self, Failure> {
        let (repository, version) = spec.split_once('@').ok_or("org/name@version")?;
        let version: Version = version.parse()?;
        let plain = Self::image(&format!("{repository}:{}", version.tag()))?;
        Ok(Self { version: Some(version), seed: spec.to_owned(), ..plain })
    }

    /// A plain image called `repository:tag`.
    pub fn image(spec: &str) -> Result<Self, Failure> {
        let (repository, tag) = spec.split_once(':').ok_or("repository:tag")?;
        Ok(Self {
            repository: repository.parse()?,
            tags: vec![tag.to_owned()],
            version: None,
            kind: Kind::Skill,
            about: About::default(),
            seed: spec.to_owned(),
            area: Area::Public,
            subject: None,
        })
    }

    /// The same under other bytes.
    pub fn seed(self, seed: &str) -> Self {
        Self { seed: seed.to_owned(), ..self }
    }

    /// The same as another kind.
    pub fn kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// The same with these tags instead.
    pub fn tags(self, tags: &[&str]) -> Self {
        Self { tags: tags.iter().map(|tag| (*tag).to_owned()).collect(), ..self }
    }

    /// The same with labels.
    pub fn labels(mut self, tags: &[&str], skills: &[&str]) -> Self {
        self.about.tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        self.about.skills = skills.iter().map(|name| Skill { name: (*name).to_owned(), level: None }).collect();
        self
    }

    /// Digest of its manifest.
    pub fn digest(&self) -> Digest {
        self.content("manifest").0
    }

    /// Digest of its record.
    pub fn record(&self) -> Digest {
        self.content("record").0
    }

    /// Its config and its layer, with their sizes in bytes.
    pub fn blobs(&self) -> Vec<(Digest, u64)> {
        vec![self.content("config"), self.content("layer")]
    }

    fn content(&self, what: &str) -> (Digest, u64) {
        let content = format!("{what} of {}", self.seed);
        (Digest::sha256(content.as_bytes()), content.len() as u64)
    }

    /// What the config says.
    pub fn config(&self) -> Option<Config> {
        let version = self.version.clone()?;
        Some(Config {
            schema: CONFIG_SCHEMA,
            name: self.repository.package()?.slug().to_owned(),
            version,
            kind: self.kind,
            about: self.about.clone(),
            primary: Primary { file: "SKILL.md".to_owned(), declaration: None },
            source: None,
            tree: self.content("tree").0,
        })
    }

    /// What the bytes of the manifest say.
    pub fn facts(&self) -> ManifestFacts {
        ManifestFacts {
            subject: self.subject,
            artifact_type: Some(media_type::SKILL.to_owned()),
            annotations: BTreeMap::from([("seed".to_owned(), self.seed.clone())]),
            blobs: self.blobs(),
        }
    }

    /// The act that takes it in.
    pub fn accept(&self) -> Result<Act, Failure> {
        let tags: Result<Vec<_>, _> = self.tags.iter().map(|tag| tag.parse()).collect();
        let (digest, size) = self.content("manifest");
        let (record, record_size) = self.content("record");
        let publication = self.config().map(|config| Publication {
            version: config.version.clone(),
            kind: self.kind,
            record,
            record_size,
            config: Some(Arc::new(config)),
        });
        Ok(Act::Accept(Box::new(Accept {
            accepted: Accepted {
                repository: self.repository.clone(),
                area: self.area.clone(),
                digest,
                media_type: media_type::OCI_MANIFEST.to_owned(),
                size,
                tags: tags?,
            },
            facts: Some(self.facts()),
            publication,
        })))
    }
}

impl World {
    /// A world with an empty store.
    pub async fn new(stores: &dyn Stores) -> Result<Self, MetaError> {
        Ok(Self::over(stores.empty().await?))
    }

    /// A world over a store that is open.
    pub fn over(meta: Meta) -> Self {
        Self { meta, clock: AtomicI64::new(BEGINNING), documents: Mutex::default(), profiles: Mutex::default() }
    }

    /// The time, one second later at each look.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.clock.fetch_add(1_000_000, Ordering::Relaxed))
    }

    /// Sets the clock, in microseconds after the world's beginning.
    pub fn set_clock(&self, micros: i64) {
        self.clock.store(BEGINNING.saturating_add(micros), Ordering::Relaxed);
    }

    /// The act, asked for by the operator now.
    pub fn change(&self, act: Act) -> Change {
        Change { id: Uuid::now_v7(), actor: Actor::Operator.id(), time: self.now(), act }
    }

    /// Applies one act.
    pub async fn act(&self, act: Act) -> Result<Outcome, Failure> {
        let mut outcomes = self.meta.catalog.apply(&[self.change(act)], Atomicity::Each).await?;
        assert_eq!(outcomes.len(), 1, "one outcome a change");
        Ok(outcomes.remove(0))
    }

    /// Uploads and pushes.
    pub async fn try_push(&self, artifact: &Artifact) -> Result<Outcome, Failure> {
        self.upload(artifact).await?;
        self.act(artifact.accept()?).await
    }

    /// Uploads and pushes what must be taken.
    pub async fn push(&self, artifact: &Artifact) -> Result<Digest, Failure> {
        self.try_push(artifact).await??;
        Ok(artifact.digest())
    }

    /// Uploads and pushes as somebody else than the operator, whom events name so.
    pub async fn push_as(&self, actor: &str, artifact: &Artifact) -> Result<Outcome, Failure> {
        self.upload(artifact).await?;
        let change = Change { actor: actor.parse()?, ..self.change(artifact.accept()?) };
        let mut outcomes = self.meta.catalog.apply(&[change], Atomicity::Each).await?;
        assert_eq!(outcomes.len(), 1, "one outcome a change");
        Ok(outcomes.remove(0))
    }

    /// Publishes `org/name@version`.
    pub async fn publish(&self, spec: &str) -> Result<Artifact, Failure> {
        let artifact = artifact(spec)?;
        self.push(&artifact).await?;
        Ok(artifact)
    }

    /// Deletes `repository:tag`.
    pub async fn delete_tag(&self, spec: &str) -> Result<Outcome, Failure> {
        let (repository, tag) = spec.split_once(':').ok_or("repository:tag")?;
        self.act(Act::DeleteTag { repository: repository.parse()?, tag: tag.parse()? }).await
    }

    /// Deletes a manifest.
    pub async fn delete_manifest(&self, repository: &Repository, digest: Digest) -> Result<Outcome, Failure> {
        self.act(Act::DeleteManifest { repository: repository.clone(), digest }).await
    }

    /// Deletes a blob.
    pub async fn delete_blob(&self, repository: &Repository, digest: Digest) -> Result<Outcome, Failure> {
        self.act(Act::DeleteBlob { repository: repository.clone(), digest }).await
    }

    /// Yanks `org/name@version`.
    pub async fn yank(&self, spec: &str, reason: Option<Digest>) -> Result<Outcome, Failure> {
        let (name, version) = named(spec)?;
        self.act(Act::Yank { name, version, reason, area: None }).await
    }

    /// Takes a yank back.
    pub async fn unyank(&self, spec: &str) -> Result<Outcome, Failure> {
        let (name, version) = named(spec)?;
        self.act(Act::Unyank { name, version }).await
    }

    /// Restores a deleted version.
    pub async fn restore(&self, spec: &str) -> Result<Outcome, Failure> {
        let (name, version) = named(spec)?;
        self.act(Act::Restore { name, version }).await
    }

    /// Lets a package be seen by others.
    pub async fn see(&self, name: &str, visibility: Visibility) -> Result<Outcome, Failure> {
        let name: Name = name.parse()?;
        let copied = self.meta.groups.content(&name.repository()).await?;
        self.act(Act::SetVisibility { name, visibility, copied }).await
    }

    /// Gives a deleted version up.
    pub async fn purge(&self, spec: &str) -> Result<Outcome, Failure> {
        let (name, version) = named(spec)?;
        let known = self.meta.catalog.version(&name, &version).await?;
        let digest = known.map_or_else(|| Digest::sha256(b""), |known| known.digest);
        self.act(Act::Purge { name, version, digest }).await
    }

    /// Counts downloads of `org/name@version`, today.
    pub async fn download(&self, spec: &str, number: u64) -> Result<(), Failure> {
        let (name, version) = named(spec)?;
        let downloads = vec![Downloads { name, version, day: Day::of(self.now()), number }];
        let batch = DownloadBatch { sender: Uuid::now_v7(), number: 1, downloads };
        Ok(self.meta.social.count(&batch).await?)
    }

    /// Gives a package so many stars, of users `u0`, `u1` and so on, who are added where they are not there.
    pub async fn star(&self, name: &str, number: u64) -> Result<(), Failure> {
        for at in 0..number {
            let user = format!("u{at}").parse()?;
            self.meta.accounts.add_user(&user, self.now()).await?;
            let starred = self.meta.social.star(&name.parse()?, &user, Some(self.now())).await?;
            assert_eq!(starred, Starred::Done, "{name}");
        }
        Ok(())
    }

    /// What a tag names: `repository:tag`.
    pub async fn tag(&self, spec: &str) -> Result<Option<Digest>, Failure> {
        let (repository, tag) = spec.split_once(':').ok_or("repository:tag")?;
        Ok(self.meta.refs.tag(&repository.parse()?, &tag.parse()?).await?)
    }

    /// A package that must be there.
    pub async fn package(&self, name: &str) -> Result<Package, Failure> {
        let found = self.meta.catalog.package(&name.parse::<Name>()?).await?;
        Ok(found.ok_or_else(|| format!("{name} is not found"))?)
    }

    /// The versions of a package, as text, highest first.
    pub async fn releases(&self, name: &str) -> Result<Vec<String>, Failure> {
        let releases = self.meta.catalog.releases(&name.parse::<Name>()?, Releases::Readable).await?;
        Ok(releases.iter().map(|release| release.version.to_string()).collect())
    }

    /// All events, read back.
    pub async fn events(&self) -> Result<Vec<Event>, Failure> {
        let events = self.meta.ledger.events(0, usize::MAX).await?;
        events.iter().map(|(_, bytes)| Ok(Event::parse(bytes)?)).collect()
    }

    /// All events, ready to be applied to another store. `of` gives the content of the artifact with that manifest, unless it
    /// was purged.
    pub async fn replays(&self, of: impl Fn(&Digest) -> Option<Artifact>) -> Result<Vec<Replay>, Failure> {
        let mut replays = Vec::new();
        for (_, bytes) in self.meta.ledger.events(0, usize::MAX).await? {
            let event = Event::parse(&bytes)?;
            let accepted = match &event.body {
                crate::domain::Body::Manifest(accepted) | crate::domain::Body::Publish { accepted, .. } => {
                    Some(accepted)
                }
                _ => None,
            };
            let artifact = accepted.and_then(|accepted| of(&accepted.digest));
            let record_size = artifact.as_ref().map_or(0, |artifact| artifact.content("record").1);
            let config = artifact.as_ref().and_then(Artifact::config);
            let collection = match &event.body {
                crate::domain::Body::Collection { document, .. } => {
                    let documents = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
                    documents.get(document).map(|content| (content.clone(), content.to_bytes().len() as u64))
                }
                _ => None,
            };
            let profile = match &event.body {
                crate::domain::Body::Org { profile, .. } => {
                    let profiles = self.profiles.lock().unwrap_or_else(PoisonError::into_inner);
                    profiles.get(profile).map(|said| (said.clone(), said.to_bytes().len() as u64))
                }
                _ => None,
            };
            replays.push(Replay {
                collection,
                profile,
                facts: artifact.as_ref().map(Artifact::facts),
                record: config.map(|config| (Arc::new(config), record_size)),
                event,
                bytes,
            });
        }
        Ok(replays)
    }
}

/// Reads `org/name@version`.
fn named(spec: &str) -> Result<(Name, Version), Failure> {
    let (name, version) = spec.split_once('@').ok_or("org/name@version")?;
    Ok((name.parse()?, version.parse()?))
}
