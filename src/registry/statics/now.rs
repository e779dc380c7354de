//! What the tree has to say of a repository, from the rows as they are now.

use std::collections::{BTreeMap, HashMap};

use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::domain::api::Reasons;
use crate::domain::public::{
    OciDocument, OciManifest, PUBLIC_FORMAT, PackageDocument, RepositoryDocument, StaticVersion,
};
use crate::domain::{Area, Digest, Name, Package, Published, Release, Repository, SeenBy, Tag, Visibility};
use crate::meta::Needs;

use super::super::standing::REASON_MAX;
use super::super::{Registry, RegistryError};
use super::former::Former;

/// Rows that are read at once.
const PAGE: usize = 1000;
/// Tags that are looked up at once.
const TAGS: usize = 8;
/// Versions that are looked up at once.
const VERSIONS: usize = 500;

impl Registry {
    /// The document that the repository is to have; [`Former::Absent`]: nothing of it is public. `former`: the one that it has, whose
    /// reasons need not be read again.
    pub(super) async fn former_now(
        &self,
        repository: &Repository,
        as_of: u64,
        former: &Former,
    ) -> Result<Former, RegistryError> {
        let seen = match repository.package() {
            Some(name) => self.0.meta.groups.seen_by(&name).await?,
            None => SeenBy::default(),
        };
        if seen.visibility != Visibility::Public {
            return Ok(Former::Absent);
        }
        match repository.package().filter(|_| seen.is_package) {
            Some(name) => {
                let package = self.0.meta.catalog.package(&name).await?;
                match package.filter(|package| package.visibility == Visibility::Public) {
                    Some(package) => self.package_now(repository, package, as_of, former).await,
                    // None of its versions can be read.
                    None => Ok(Former::Absent),
                }
            }
            None => {
                let oci = self.oci_now(repository, &HashMap::new()).await?;
                if oci.manifests.is_empty() {
                    return Ok(Former::Absent);
                }
                let (format, repository) = (PUBLIC_FORMAT, repository.clone());
                Ok(Former::Plain(Box::new(RepositoryDocument { format, as_of, repository, oci })))
            }
        }
    }

    async fn package_now(
        &self,
        repository: &Repository,
        package: Package,
        as_of: u64,
        former: &Former,
    ) -> Result<Former, RegistryError> {
        let (name, kind) = (package.name.clone(), package.kind);
        let needs = self.0.meta.catalog.needs(&name).await?;
        let published = self.published(&name, &needs).await?;
        let known = match former {
            Former::Package(former) => former.versions.as_slice(),
            _ => &[],
        };
        let mut versions = Vec::with_capacity(needs.len());
        for (release, needs) in needs {
            // One that was given up between the two reads is left out.
            let Some(published) = published.get(&release.version.number()) else { continue };
            versions.push(static_version(release, needs, published));
        }
        for version in &mut versions {
            // What is hidden is not told of as what to take instead either.
            if let Some(said) = &mut version.deprecation
                && let Some(instead) = &said.replacement
                && self.listed(instead).await?.is_none()
            {
                said.replacement = None;
            }
            version.reasons = match known.iter().find(|known| has_reasons_of(known, version)) {
                Some(known) => known.reasons.clone(),
                None => self.reasons_now(version).await?,
            };
        }
        let tagged = versions.iter().filter_map(|version| {
            let tag: Tag = version.release.version.tag().parse().ok()?;
            Some((tag, version.release.digest))
        });
        let oci = self.oci_now(repository, &tagged.collect()).await?;
        // Nobody counts here, and a count that stands still says something wrong.
        let package = Package { downloads: 0, stars: 0, ..package };
        let format = PUBLIC_FORMAT;
        Ok(Former::Package(Box::new(PackageDocument { format, as_of, name, kind, versions, package, oci })))
    }

    /// The rows of these releases, by number.
    async fn published(
        &self,
        name: &Name,
        releases: &[(Release, Option<Needs>)],
    ) -> Result<HashMap<String, Published>, RegistryError> {
        let mut found = HashMap::new();
        for releases in releases.chunks(VERSIONS) {
            let wanted: Vec<_> = releases.iter().map(|(release, _)| (name.clone(), release.version.clone())).collect();
            let rows = self.0.meta.catalog.bare_versions(&wanted).await?;
            found.extend(rows.into_iter().map(|row| (row.version.number(), row)));
        }
        Ok(found)
    }

    async fn reasons_now(&self, version: &StaticVersion) -> Result<Reasons, RegistryError> {
        let deprecated = version.deprecation.as_ref().and_then(|deprecation| deprecation.reason);
        let words = async |digest: Option<Digest>| {
            let Some(digest) = digest else { return Ok::<_, RegistryError>(None) };
            let found = self.public_content(&digest, REASON_MAX).await?;
            Ok(found.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
        };
        Ok(Reasons { yanked: words(version.yank_reason).await?, deprecated: words(deprecated).await? })
    }

    /// What OCI clients ask for. `known`: tags whose digest is known already.
    async fn oci_now(
        &self,
        repository: &Repository,
        known: &HashMap<Tag, Digest>,
    ) -> Result<OciDocument, RegistryError> {
        let refs = &self.0.meta.refs;
        let (mut manifests, mut after): (Vec<OciManifest>, Option<Digest>) = (Vec::new(), None);
        loop {
            let page = refs.manifests(repository, after.as_ref(), PAGE).await?;
            let is_last = page.len() < PAGE;
            after = page.last().map(|(row, _)| row.digest);
            // What lies elsewhere is being moved: the event that says so comes next.
            let public = page.into_iter().filter(|(row, _)| row.area == Area::Public);
            manifests.extend(public.map(|(row, blobs)| OciManifest {
                digest: row.digest,
                media_type: row.media_type,
                size: row.size,
                artifact_type: row.artifact_type,
                subject: row.subject,
                annotations: row.annotations,
                blobs,
            }));
            if is_last {
                break;
            }
        }
        let mut names: Vec<Tag> = Vec::new();
        loop {
            let after = names.last().map(|tag| tag.as_str().to_owned());
            let page = refs.tags(repository, after.as_deref(), PAGE).await?.unwrap_or_default();
            let is_last = page.len() < PAGE;
            names.extend(page);
            if is_last {
                break;
            }
        }
        let digest = |tag: Tag| async move {
            match known.get(&tag) {
                Some(digest) => Ok(Some((tag, *digest))),
                None => Ok::<_, RegistryError>(refs.tag(repository, &tag).await?.map(|digest| (tag, digest))),
            }
        };
        let looked_up = stream::iter(names.into_iter().map(digest).collect::<Vec<_>>()).buffered(TAGS);
        let tags: Vec<_> = looked_up.try_collect().await?;
        let tags: BTreeMap<Tag, Digest> = tags.into_iter().flatten().collect();
        Ok(OciDocument { tags, manifests, removed: Vec::new() })
    }
}

fn static_version(release: Release, needs: Option<Needs>, published: &Published) -> StaticVersion {
    let (tree, dependencies) = match needs {
        Some(needs) => (Some(needs.tree), needs.dependencies),
        None => (None, Vec::new()),
    };
    StaticVersion {
        release,
        tree,
        dependencies,
        id: published.id,
        event: published.event,
        record: published.record,
        yank_reason: published.yank_reason,
        deprecation: published.deprecation.clone(),
        reasons: Reasons::default(),
    }
}

/// Whether the reasons of the one are those of the other.
fn has_reasons_of(known: &StaticVersion, version: &StaticVersion) -> bool {
    let same = (known.yank_reason, &known.deprecation) == (version.yank_reason, &version.deprecation);
    known.id == version.id && same
}
