//! Everything that keeps a blob, and what for: what collection goes by, and what a check of the store asks.

use std::collections::HashSet;

use crate::domain::{Area, Digest, Repository};

use super::Memory;
use super::state::State;

/// What a blob is to whoever names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A manifest, deleted versions' too.
    Manifest,
    /// A config or layer that a manifest names.
    Content,
    /// What was read out of an artifact when it was published.
    Record,
    /// Why a version was yanked or deprecated.
    Reason,
    /// What a collection or an organisation says.
    Document,
}

/// A blob that something names.
pub struct NamedBlob<'a> {
    /// The area that must have it.
    pub area: Area,
    /// Which.
    pub digest: Digest,
    /// What for.
    pub role: Role,
    state: &'a State,
    by: By<'a>,
}

enum By<'a> {
    Manifest(&'a str, Digest),
    Version(&'a str, &'a str),
    Other(&'static str, &'a str),
}

impl Memory {
    /// Tells of every blob that something names, once for each that does. Blocks changes meanwhile.
    pub fn references(&self, visit: impl FnMut(NamedBlob<'_>)) {
        self.read().references(visit);
    }
}

impl NamedBlob<'_> {
    /// Who names it, as people write it: versions, else tags, else the digest of the manifest.
    pub fn names(&self) -> Vec<String> {
        match self.by {
            By::Manifest(repository, digest) => {
                let names = self.state.names_of(repository, &digest);
                if names.is_empty() { vec![format!("{repository}@{digest}")] } else { names }
            }
            By::Version(name, number) => vec![format!("{name}@{number}")],
            By::Other(what, name) => vec![format!("{what} {name}")],
        }
    }

    /// The repository, if what names it is a manifest that is no version of a package.
    pub fn plain(&self) -> Option<Repository> {
        match self.by {
            By::Manifest(repository, digest) if self.state.versions_with(repository, &digest).next().is_none() => {
                repository.parse().ok()
            }
            _ => None,
        }
    }
}

impl State {
    /// What collection leaves alone.
    pub(super) fn referenced(&self) -> HashSet<(Area, Digest)> {
        let mut referenced = HashSet::new();
        self.references(|reference| {
            referenced.insert((reference.area, reference.digest));
        });
        referenced
    }

    /// Everything that keeps a blob: manifests (deleted versions' too), what they name, records, reasons, documents of collections and
    /// organisations.
    fn references(&self, mut visit: impl FnMut(NamedBlob<'_>)) {
        let mut tell = |area: Area, digest, role, by| visit(NamedBlob { area, digest, role, state: self, by });
        for ((repository, digest), held) in self.manifests.iter() {
            let by = || By::Manifest(repository, *digest);
            tell(held.row.area.clone(), held.row.digest, Role::Manifest, by());
            held.blobs.iter().for_each(|blob| tell(held.row.area.clone(), *blob, Role::Content, by()));
        }
        for ((name, number), version) in self.versions.iter().filter(|(_, version)| !version.purged) {
            let by = || By::Version(name, number);
            if let Some(held) = self.manifests.get(&(name.clone(), version.digest)) {
                tell(held.row.area.clone(), version.record, Role::Record, by());
            }
            let deprecated = version.deprecation.as_ref().and_then(|deprecation| deprecation.reason);
            for reason in version.reason.into_iter().chain(deprecated) {
                tell(self.area_of_package(name), reason, Role::Reason, by());
            }
        }
        for (name, gathered) in self.collections.iter() {
            tell(Area::Public, gathered.row.document, Role::Document, By::Other("collection", name));
        }
        for (name, said) in self.orgs.iter() {
            tell(Area::Public, said.0.document, Role::Document, By::Other("organisation", name));
        }
    }

    /// Where what is said of the versions of a package lies.
    fn area_of_package(&self, name: &str) -> Area {
        let visibility = self.packages.get(&name.to_owned()).map(|row| row.visibility).unwrap_or_default();
        let repository = name.parse::<Repository>();
        repository.map_or(Area::Public, |repository| Area::of(&repository, visibility))
    }

    /// Numbers of the versions that a manifest is.
    fn versions_with<'a>(&'a self, repository: &str, digest: &Digest) -> impl Iterator<Item = &'a String> {
        let key = |n| (repository.to_owned(), *digest, n);
        self.by_digest.range(key(0)..=key(u64::MAX)).map(|(_, number)| number)
    }

    fn names_of(&self, repository: &str, digest: &Digest) -> Vec<String> {
        let versions: Vec<String> =
            self.versions_with(repository, digest).map(|number| format!("{repository}@{number}")).collect();
        let Some(of) = repository.parse::<Repository>().ok().filter(|_| versions.is_empty()) else { return versions };
        let tags = self.tags_after(&of, "").filter(|(_, target)| target == digest);
        tags.map(|(tag, _)| format!("{repository}:{tag}")).collect()
    }
}
