//! The rows, and the facts that decisions read from them.
//!
//! Keys are texts where ranges over a prefix are read: an empty text comes before all others.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use crate::domain::{Area, Digest, Event, Name, Repository, Tag, Timestamp, Version, Visibility};

pub(super) use super::super::Life;
use super::super::engine::Rows;
use super::super::rules::{Facts, VersionFacts, Wanted, Write};
use super::super::{Head, MetaError};
pub(super) use super::rows::{BlobState, Gathered, Held, Link, PackageRow, Said, ShownVersion, VersionRow};
use super::table::Table;

/// Names every table once, with its key and its row, so that what is done to all of them cannot forget one: first those that are written
/// down, then those that follow from them ([`State::indexes`]).
macro_rules! tables {
    ($visit:ident) => {
        $visit! {
            {
                /// Events by repository.
                history: (String, u64) => (),
                /// Every repository that was ever pushed to.
                repositories: String => Repository,
                /// By repository and digest.
                manifests: (String, Digest) => Arc<Held>,
                /// By repository and tag.
                tags: (String, String) => (Tag, Digest),
                packages: String => Arc<PackageRow>,
                /// Who sees what is under a name, as was said before there was a package.
                names: String => Visibility,
                /// By package and number.
                versions: (String, String) => Arc<VersionRow>,
                collections: String => Arc<Gathered>,
                orgs: String => Arc<Said>,
                blobs: (Area, Digest) => BlobState,
                links: (Repository, Digest) => Link,
            }
            {
                /// By repository, subject, event and digest.
                subjects: (String, Digest, u64, Digest) => (),
                /// Packages that can be found, latest change first.
                by_time: (Reverse<Timestamp>, String) => (),
                /// Packages that can be found, newest first.
                by_age: (Reverse<Timestamp>, String) => (),
                /// Numbers of the versions that can be read, by package and rank.
                ranks: (String, String) => String,
                /// Numbers by package, digest and event.
                by_digest: (String, Digest, u64) => String,
                /// Packages and numbers by the id of the event that published them.
                by_id: Uuid => (Name, Version),
                /// Collections by the packages in them.
                gathered: (String, String) => (),
                linked: (Digest, Area, String) => (),
            }
        }
    };
}
pub(super) use tables;

macro_rules! declare_state {
    ($({ $($(#[$doc:meta])* $table:ident: $key:ty => $row:ty,)+ })+) => {
        /// Everything.
        #[derive(Debug)]
        pub(super) struct State {
            pub head: Head,
            /// Exact bytes, of those that no archive keeps.
            pub events: Table<u64, Bytes>,
            $($($(#[$doc])* pub $table: Table<$key, $row>,)+)+
            /// Springs after a write of a change.
            #[cfg(test)]
            pub trap: super::super::trap::Trap,
        }

        impl State {
            pub fn new() -> Self {
                let head = Head { n: 0, time: Timestamp::from_micros(0) };
                Self {
                    head,
                    events: Table::default(),
                    $($($table: Table::default(),)+)+
                    #[cfg(test)]
                    trap: Default::default(),
                }
            }

            /// Keeps everything that was written since the last commit.
            pub fn commit(&mut self) {
                self.events.commit();
                $($(self.$table.commit();)+)+
            }

            /// Takes everything back that was written since the last commit.
            pub fn roll_back(&mut self) {
                self.events.roll_back();
                $($(self.$table.roll_back();)+)+
            }

            /// From now on the rows as they are can be read beside those that later changes make of them.
            pub fn freeze(&mut self) {
                $($(self.$table.freeze();)+)+
            }

            /// Forgets what [`State::freeze`] kept.
            pub fn thaw(&mut self) {
                $($(self.$table.thaw();)+)+
            }
        }
    };
}

tables!(declare_state);

impl State {
    /// The manifest, hidden or not.
    pub fn held(&self, repository: &Repository, digest: &Digest) -> Option<&Arc<Held>> {
        self.manifests.get(&(repository.to_string(), *digest))
    }

    pub fn version(&self, name: &Name, number: &str) -> Option<&Arc<VersionRow>> {
        self.versions.get(&(name.to_string(), number.to_owned()))
    }

    /// All versions of a package.
    pub fn versions_of(&self, name: &Name) -> impl Iterator<Item = &VersionRow> {
        let name = name.to_string();
        let rows = self.versions.after((name.clone(), String::new())).take_while(move |((of, _), _)| *of == name);
        rows.map(|(_, row)| row.as_ref())
    }

    /// Versions of a package that can be read, lowest rank first.
    pub fn ranked(&self, name: &Name) -> impl DoubleEndedIterator<Item = (&str, &Arc<VersionRow>)> {
        self.ranks_of(name).filter_map(move |(rank, number)| Some((rank, self.version(name, number)?)))
    }

    /// Ranks and numbers of the versions of a package that can be read, lowest rank first.
    pub fn ranks_of(&self, name: &Name) -> impl DoubleEndedIterator<Item = (&str, &str)> {
        // Ranks begin with a digit: below ':'.
        let range = (name.to_string(), String::new())..(name.to_string(), ":".to_owned());
        self.ranks.range(range).map(|((_, rank), number)| (rank.as_str(), number.as_str()))
    }

    /// Tags of a repository, after a text.
    pub fn tags_after<'a>(
        &'a self,
        repository: &'a Repository,
        after: &str,
    ) -> impl Iterator<Item = &'a (Tag, Digest)> {
        self.tags
            .after((repository.to_string(), after.to_owned()))
            .take_while(|((of, _), _)| of == repository.as_str())
            .map(|(_, tag)| tag)
    }

    /// The link and its blob, unless that is being deleted.
    pub fn link(&self, repository: &Repository, digest: &Digest) -> Option<(&Link, &BlobState)> {
        let link = self.links.get(&(repository.clone(), *digest))?;
        let blob = self.blobs.get(&(link.area.clone(), *digest))?;
        (blob.life != Life::Deleting).then_some((link, blob))
    }

    /// Every manifest of a repository, hidden ones too.
    pub fn manifests_of(&self, repository: &Repository) -> impl Iterator<Item = &Arc<Held>> {
        self.manifests_after(repository, None).map(|(_, held)| held)
    }

    /// The manifests of a repository after a digest, hidden ones too.
    pub fn manifests_after(
        &self,
        repository: &Repository,
        after: Option<&Digest>,
    ) -> impl Iterator<Item = (&Digest, &Arc<Held>)> {
        let repository = repository.to_string();
        let first = match after {
            Some(after) => Bound::Excluded((repository.clone(), *after)),
            None => Bound::Included((repository.clone(), Digest::LEAST)),
        };
        let rows = self.manifests.range((first, Bound::Unbounded)).take_while(move |((of, _), _)| *of == repository);
        rows.map(|((_, digest), held)| (digest, held))
    }

    /// Everything that a repository keeps, with lengths, which are 0 where they are not known.
    pub fn content(&self, repository: &Repository) -> Vec<(Digest, u64)> {
        let mut kept = BTreeSet::new();
        for held in self.manifests_of(repository) {
            kept.insert(held.row.digest);
            kept.extend(held.blobs.iter().copied());
        }
        if let Some(name) = repository.package() {
            for version in self.versions_of(&name).filter(|version| !version.purged) {
                let deprecated = version.deprecation.as_ref().and_then(|deprecation| deprecation.reason);
                kept.extend([Some(version.record), version.reason, deprecated].into_iter().flatten());
            }
        }
        let areas = [Area::Public, Area::private(repository)];
        let size = |digest: &Digest| {
            let sizes = areas.iter().filter_map(|area| self.blobs.get(&(area.clone(), *digest)));
            sizes.map(|blob| blob.size).max().unwrap_or_default()
        };
        kept.into_iter().map(|digest| (digest, size(&digest))).collect()
    }

    fn package_facts(&self, name: &Name, repository: &Repository, wanted: &Wanted, facts: &mut Facts) {
        let Some(package) = self.packages.get(&name.to_string()) else {
            facts.said = self.names.get(&name.to_string()).copied();
            facts.pushed = self.repositories.get(&repository.to_string()).is_some();
            return;
        };
        facts.package = Some(package.kind);
        facts.visibility = package.visibility;
        facts.owners = package.owners.clone();
        facts.pinned = package.pinned.clone();
        let known = |row: &Arc<VersionRow>| VersionFacts {
            version: row.version.clone(),
            digest: row.digest,
            yanked: row.yanked,
            deleted: row.deleted,
            purged: row.purged,
            deprecation: row.deprecation.clone(),
        };
        facts.versions =
            wanted.versions.iter().filter_map(|version| self.version(name, &version.number())).map(known).collect();
        if let Some(digest) = wanted.manifest.filter(|_| wanted.versions_of_manifest) {
            facts.versions_of_manifest = self
                .by_digest
                .range((name.to_string(), digest, 0)..=(name.to_string(), digest, u64::MAX))
                .filter_map(|(_, number)| self.version(name, number))
                .map(known)
                .collect();
        }
        if let Some(digest) = &wanted.needed {
            let needs =
                |row: &VersionRow| self.held(repository, &row.digest).is_some_and(|held| held.blobs.contains(digest));
            facts.needed_by = self.ranked(name).rev().find(|(_, row)| needs(row)).map(|(_, row)| row.version.clone());
        }
    }
}

impl Rows for State {
    fn facts(&mut self, wanted: &Wanted) -> Result<Facts, MetaError> {
        let mut facts = Facts::default();
        if let Some(name) = &wanted.collection {
            facts.collection = self.collections.get(&name.to_string()).map(|gathered| gathered.row.document);
        }
        if let Some(org) = &wanted.org {
            facts.org = self.orgs.get(&org.to_string()).map(|said| (said.0.document, said.0.profile.visibility));
        }
        for (area, digest) in &wanted.brought {
            if self.blobs.get(&(area.clone(), *digest)).is_some_and(|blob| blob.life == Life::Deleting) {
                facts.vanishing.push(*digest);
            }
        }
        let Some(repository) = &wanted.repository else { return Ok(facts) };
        for tag in &wanted.tags {
            if let Some((_, digest)) = self.tags.get(&(repository.to_string(), tag.to_string())) {
                facts.tags.insert(tag.clone(), *digest);
            }
        }
        if let Some(digest) = &wanted.manifest {
            facts.manifest = self.held(repository, digest).map(|held| held.state);
            if wanted.tags_on_manifest {
                let on_manifest = self.tags_after(repository, "").filter(|(_, target)| target == digest);
                facts.tags_on_manifest = on_manifest.map(|(tag, _)| tag.clone()).collect();
            }
        }
        if let Some(name) = repository.package() {
            self.package_facts(&name, repository, wanted, &mut facts);
        }
        if wanted.content {
            facts.content = self.content(repository);
        }
        for digest in &wanted.blobs {
            match self.link(repository, digest) {
                Some((link, _)) => facts.unrecorded |= !link.recorded,
                None if facts.unreadable.contains(digest) => {}
                None => facts.unreadable.push(*digest),
            }
        }
        Ok(facts)
    }

    fn write(&mut self, write: &Write, event: &Event) -> Result<(), MetaError> {
        self.carry_out(write, event)?;
        self.written()
    }

    fn append(&mut self, event: &Event, bytes: &Bytes) -> Result<(), MetaError> {
        self.events.insert(event.n, bytes.clone());
        if let Some(repository) = event.body.repository() {
            self.history.insert((repository.to_string(), event.n), ());
        }
        self.written()
    }

    fn event(&mut self, n: u64) -> Result<Option<Bytes>, MetaError> {
        Ok(self.events.get(&n).cloned())
    }
}

impl State {
    /// A write of a change was carried out. Nothing can fail here, unless a test wants it to.
    #[cfg(not(test))]
    fn written(&self) -> Result<(), MetaError> {
        Ok(())
    }

    #[cfg(test)]
    fn written(&self) -> Result<(), MetaError> {
        self.trap.passes(super::super::contract::faults::Met::Statement)
    }
}

/// Whether what was written is to stay.
pub enum Keep {
    /// It is.
    Yes,
    /// It is taken back.
    No,
}
