//! What the document of a package answers.

use bytes::Bytes;

use super::super::error::ClientError;
use super::super::transport::Client;
use crate::domain::api::{ChannelTag, List, Resolved, VersionDetail};
use crate::domain::public::{PUBLIC_DOCUMENT_MAX, PackageDocument, PublicPath, StaticVersion, read_document};
use crate::domain::{Name, RECORD_MAX, Range, Record, Reference, Release, State, Tag, Version};
use crate::resolve;

impl Client {
    /// The document of a package.
    pub(in crate::client) async fn package_of_files(&self, name: &Name) -> Result<PackageDocument, ClientError> {
        match self.changed_package(name, None).await? {
            Some((_, document)) => Ok(document),
            None => Err(self.not_understood(name.as_str(), "304 came though nothing was known")),
        }
    }

    /// The document of a package and its entity tag; `None`: it is still what the tag `known` stands for.
    async fn changed_package(
        &self,
        name: &Name,
        known: Option<&str>,
    ) -> Result<Option<(String, PackageDocument)>, ClientError> {
        let what = name.as_str();
        let absent = || ClientError::NotFound {
            what: what.to_owned(),
            detail: "this copy has no package of that name".to_owned(),
            hint: None,
        };
        let found = match self.file(what, &PublicPath::Package(name.clone()).path(), known, PUBLIC_DOCUMENT_MAX).await {
            Err(ClientError::NotFound { .. }) => return Err(absent()),
            found => found?,
        };
        let Some(found) = found else { return Ok(None) };
        self.check_format(what, &found.body)?;
        let document: Option<PackageDocument> =
            read_document(&found.body).map_err(|error| self.not_understood(what, error))?;
        match document {
            None => Err(absent()),
            Some(other) if other.name != *name || other.package.name != *name => {
                Err(self.not_understood(what, format!("it speaks of {}", other.package.name)))
            }
            Some(document) => Ok(Some((found.etag, document))),
        }
    }

    /// As [`Client::resolution`].
    pub(in crate::client) async fn resolution_of_files(
        &self,
        name: &Name,
        known: Option<&str>,
    ) -> Result<Option<(String, Bytes)>, ClientError> {
        let Some((etag, document)) = self.changed_package(name, known).await? else { return Ok(None) };
        let body = serde_json::to_vec(&document.resolution());
        let body = body.map_err(|error| self.not_understood(name.as_str(), error))?;
        Ok(Some((etag, body.into())))
    }

    /// As [`Client::releases_in`].
    pub(in crate::client) async fn releases_of_files(
        &self,
        name: &Name,
        state: Option<&str>,
    ) -> Result<Vec<Release>, ClientError> {
        let states: Option<Vec<State>> = match state {
            Some(text) => {
                Some(text.split(',').map(str::parse).collect::<Result<_, _>>().map_err(ClientError::NoMatch)?)
            }
            None => None,
        };
        if states.as_ref().is_some_and(|states| states.contains(&State::Deleted)) {
            return Err(self.needs_server(&format!("the deleted versions of {name}")));
        }
        let document = self.package_of_files(name).await?;
        let is_wanted = |release: &Release| match &states {
            Some(states) => states.iter().any(|state| release.is(*state)),
            None => true,
        };
        Ok(releases(&document).into_iter().filter(is_wanted).collect())
    }

    /// As [`Client::version`].
    pub(in crate::client) async fn version_of_files(
        &self,
        name: &Name,
        version: &Version,
    ) -> Result<VersionDetail, ClientError> {
        let document = self.package_of_files(name).await?;
        let found = document.versions.iter().find(|found| found.release.version == *version);
        let found = found.ok_or_else(|| ClientError::NotFound {
            what: format!("{name}@{version}"),
            detail: format!("this copy has no version {version} of {name}"),
            hint: None,
        })?;
        let record = self.record_of_files(name, found).await?;
        Ok(document.detail(found, record))
    }

    /// `None`: it was given up.
    async fn record_of_files(&self, name: &Name, version: &StaticVersion) -> Result<Option<Record>, ClientError> {
        if version.tree.is_none() {
            return Ok(None);
        }
        let what = format!("the record of {name}@{}", version.release.version);
        let bytes = self.content(&what, &version.record, RECORD_MAX).await?;
        serde_json::from_slice(&bytes).map(Some).map_err(|error| self.not_understood(&what, error))
    }

    /// As [`Client::source`].
    pub(in crate::client) async fn source_of_files(
        &self,
        name: &Name,
        version: &Version,
        file: Option<&str>,
    ) -> Result<Bytes, ClientError> {
        let detail = self.version_of_files(name, version).await?;
        let manifest = self.manifest_of_files(name, &Reference::Digest(detail.published.digest)).await?;
        let contents = self.open(name, &manifest).await?;
        let primary = detail.published.config.map(|config| config.primary.file).unwrap_or_default();
        let wanted = file.unwrap_or(&primary);
        contents.tree.get(wanted).map(|file| file.content.clone()).ok_or_else(|| ClientError::NotFound {
            what: format!("{wanted} of {name}@{version}"),
            detail: "the version has no such file".to_owned(),
            hint: Some(format!("`pclr show {name}@{version}` lists its files")),
        })
    }

    /// As [`Client::resolve`].
    pub(in crate::client) async fn resolve_in_files(
        &self,
        name: &Name,
        range: &Range,
    ) -> Result<Resolved, ClientError> {
        let releases = releases(&self.package_of_files(name).await?);
        let release = resolve::best(&releases, range);
        let release = release.map_err(|error| ClientError::NoMatch(format!("{name}: {error}")))?.clone();
        Ok(Resolved { name: name.clone(), range: range.to_string(), tag: None, release })
    }

    /// As [`Client::resolve_tag`].
    pub(in crate::client) async fn resolve_tag_in_files(
        &self,
        name: &Name,
        tag: &Tag,
    ) -> Result<Resolved, ClientError> {
        let document = self.package_of_files(name).await?;
        let digest = document.oci.tags.get(tag);
        let release = releases(&document).into_iter().find(|release| Some(&release.digest) == digest);
        let release = release
            .ok_or_else(|| ClientError::NoMatch(format!("in this copy {name} has no version of the tag {tag}")))?;
        Ok(Resolved { name: name.clone(), range: release.version.to_string(), tag: Some(tag.clone()), release })
    }

    /// As [`Client::channel_tags`].
    pub(in crate::client) async fn channel_tags_of_files(&self, name: &Name) -> Result<List<ChannelTag>, ClientError> {
        let document = self.package_of_files(name).await?;
        let releases = releases(&document);
        let tags = document.oci.tags.iter().filter(|(tag, _)| Version::from_tag(tag).is_none());
        let named = tags.map(|(tag, digest)| ChannelTag {
            tag: tag.clone(),
            digest: *digest,
            version: releases.iter().find(|release| release.digest == *digest).map(|release| release.version.clone()),
        });
        Ok(List::new(named.collect(), None))
    }
}

fn releases(document: &PackageDocument) -> Vec<Release> {
    document.versions.iter().map(|version| version.release.clone()).collect()
}
