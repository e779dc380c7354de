//! What the changes of a transaction need, read before they are decided: documents of all collections in one message.
//!
//! Each message waits for its answer, and takes the server a third of a millisecond of its own: eight queries took three times as
//! long as the one that looks all of it up beside the event counter. Large batches ask collection by collection: one answer is one
//! document, and a document of MongoDB has at most 16 MiB.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use crate::domain::{ActorId, Area, Repository, UserName};

use super::super::rules::{Wanted, wanted};
use super::super::{Act, MetaError, shown};
use super::keys::{self, pair, parse};
use super::rows;
use super::session::Asked;
use super::unit::Unit;

/// Documents that are read in one message.
const TOGETHER: usize = 500;

/// Keys of documents, by their collection.
#[derive(Default)]
struct Keys {
    repositories: Vec<String>,
    manifests: Vec<String>,
    tags: Vec<String>,
    packages: Vec<String>,
    versions: Vec<String>,
    collections: Vec<String>,
    links: Vec<String>,
    blobs: Vec<String>,
}

impl Keys {
    fn of(wanted: &[Wanted]) -> Self {
        let mut keys = Self::default();
        for wanted in wanted {
            keys.collections.extend(wanted.collection.iter().map(ToString::to_string));
            keys.blobs.extend(wanted.brought.iter().map(|(area, digest)| pair(area, digest)));
            let Some(repository) = &wanted.repository else { continue };
            keys.repositories.push(repository.to_string());
            keys.tags.extend(wanted.tags.iter().map(|tag| pair(repository, tag)));
            keys.manifests.extend(wanted.manifest.iter().map(|digest| pair(repository, digest)));
            keys.links.extend(wanted.blobs.iter().map(|digest| pair(repository, digest)));
            // Where a link mostly points to.
            for area in [Area::Public, Area::private(repository)] {
                keys.blobs.extend(wanted.blobs.iter().map(|digest| pair(&area, digest)));
            }
            if let Some(name) = repository.package() {
                keys.packages.push(name.to_string());
                keys.versions.extend(wanted.versions.iter().map(|version| rows::Release::key(&name, version)));
            }
        }
        keys
    }
}

impl Unit<'_> {
    /// Reads what the acts of these actors need. What an earlier one of them leads to may need more, and is read when it does.
    pub fn load<'b>(&mut self, acts: impl Iterator<Item = (&'b Act, &'b ActorId)> + Clone) -> Result<(), MetaError> {
        let wanted: Vec<Wanted> = acts.clone().map(|(act, _)| wanted(act)).collect();
        self.load_wanted(&wanted)?;
        let begun = self.counter()?.packages;
        // Whatever is said of a version, the package looks at the one that it shows.
        let said_of = acts.clone().zip(&wanted).filter(|((act, _), _)| !matches!(act, Act::Accept(_)));
        let said_of = said_of.filter(|(_, wanted)| !wanted.versions.is_empty());
        let shown = said_of.filter_map(|(_, wanted)| {
            let package = self.packages.peek(wanted.repository.as_ref()?.package()?.as_str())?;
            Some(rows::Release::key(&package.id, &package.shown.as_deref()?.parse().ok()?))
        });
        self.versions.load(self.session, shown)?;
        let (mut labels, mut postings) = (Vec::new(), Vec::new());
        // Packages that begin get the next numbers. Where one is refused, the others may come to lie in a chunk that is not read yet.
        let mut beginning = BTreeMap::new();
        for (act, actor) in acts {
            let Act::Accept(accept) = act else { continue };
            let Some(publication) = &accept.publication else { continue };
            let Some(name) = accept.accepted.repository.package() else { continue };
            let known = self.packages.peek(name.as_str());
            let owners = match known {
                Some(package) => {
                    package.owners.iter().map(|owner| parse(owner)).collect::<Result<Vec<UserName>, _>>()?
                }
                None => Vec::from_iter(actor.user()),
            };
            let said = shown::labels(&name, publication.config.as_deref(), shown::Standing::default(), &owners);
            let said: BTreeSet<String> = said.iter().map(|(label, text)| keys::label(*label, text)).collect();
            let next = begun + beginning.len() as i64;
            let begin = || *beginning.entry(name.to_string()).or_insert(next);
            let number = known.map_or_else(begin, |package| package.number);
            let (changed, found_by) = match known.filter(|package| package.shown.is_some()) {
                // Nothing else changes, and mostly these do not either.
                Some(package) => {
                    let held: BTreeSet<String> = package.labels.iter().cloned().collect();
                    let changed: Vec<String> = said.symmetric_difference(&held).cloned().collect();
                    (changed.clone(), changed)
                }
                None => {
                    let counted: Vec<String> = said.into_iter().chain([keys::org(name.org())]).collect();
                    let also = [keys::kind(publication.kind.as_str()), keys::PUBLIC.to_owned()];
                    (counted.clone(), counted.into_iter().chain(also).collect())
                }
            };
            labels.extend(changed);
            postings.extend(found_by.iter().map(|key| keys::posting(key, number)));
        }
        self.load_found_by(labels, postings)
    }

    /// Reads counts of labels, and postings.
    pub fn load_found_by(&mut self, labels: Vec<String>, postings: Vec<String>) -> Result<(), MetaError> {
        self.load_together(vec![self.labels.lacking(&labels), self.postings.lacking(&postings)])?;
        self.labels.load(self.session, labels)?;
        self.postings.load(self.session, postings)
    }

    pub fn load_wanted(&mut self, wanted: &[Wanted]) -> Result<(), MetaError> {
        let keys = Keys::of(wanted);
        self.load_together(vec![
            self.repositories.lacking(&keys.repositories),
            self.manifests.lacking(&keys.manifests),
            self.tags.lacking(&keys.tags),
            self.packages.lacking(&keys.packages),
            self.versions.lacking(&keys.versions),
            self.collections.lacking(&keys.collections),
            self.links.lacking(&keys.links),
            self.blobs.lacking(&keys.blobs),
        ])?;
        // Nothing is left to read here, unless it was too much at once.
        let session = &mut *self.session;
        self.repositories.load(session, keys.repositories)?;
        self.manifests.load(session, keys.manifests)?;
        self.tags.load(session, keys.tags)?;
        self.packages.load(session, keys.packages)?;
        self.versions.load(session, keys.versions)?;
        self.collections.load(session, keys.collections)?;
        self.links.load(session, keys.links.iter().cloned())?;
        let linked: Vec<String> =
            keys.links.iter().filter_map(|link| self.links.peek(link)).map(|link| link.blob.clone()).collect();
        self.blobs.load(session, linked.into_iter().chain(keys.blobs))?;
        // How packages begin is of no more use once they are there.
        let is_new = |wanted: &&Wanted| {
            let package = wanted.repository.as_ref().and_then(Repository::package);
            package.is_none_or(|name| self.packages.peek(name.as_str()).is_none())
        };
        let orgs = wanted.iter().filter(is_new).filter_map(|wanted| wanted.org.as_ref());
        self.orgs.load(session, orgs.map(ToString::to_string))
    }

    /// Reads documents of several collections in one message, unless they are too many for that.
    fn load_together(&mut self, mut asked: Asked) -> Result<(), MetaError> {
        asked.retain(|(_, keys)| !keys.is_empty());
        let documents: usize = asked.iter().map(|(_, keys)| keys.len()).sum();
        if asked.len() < 2 || documents > TOGETHER {
            // The counter is never of a later moment than what is read.
            return self.counter().map(drop);
        }
        let Some(found) = self.session.together(&asked)? else { return self.counter().map(drop) };
        let broken = |error: &dyn Display| MetaError::Corrupt(format!("what was read of the event counter: {error}"));
        let counter = found.get_document("counter").map_err(|error| broken(&error))?;
        let counter = mongodb::bson::deserialize_from_slice(counter.as_bytes());
        self.hold_counter(counter.map_err(|error| broken(&error))?);
        self.repositories.hold(&asked, &found)?;
        self.manifests.hold(&asked, &found)?;
        self.tags.hold(&asked, &found)?;
        self.packages.hold(&asked, &found)?;
        self.versions.hold(&asked, &found)?;
        self.collections.hold(&asked, &found)?;
        self.links.hold(&asked, &found)?;
        self.blobs.hold(&asked, &found)?;
        self.labels.hold(&asked, &found)?;
        self.postings.hold(&asked, &found)
    }
}
