//! Manifests and blobs out of files.

use bytes::Bytes;

use super::super::error::ClientError;
use super::super::transport::Client;
use crate::domain::public::{
    OciDocument, PUBLIC_DOCUMENT_MAX, PublicPath, RepositoryDocument, content_path, read_document,
};
use crate::domain::{Digest, MANIFEST_READ_MAX, Manifest, Name, Reference, Tag};

impl Client {
    /// A manifest by digest, or by what the documents say that the tag names.
    pub(in crate::client) async fn manifest_of_files(
        &self,
        name: &Name,
        reference: &Reference,
    ) -> Result<Manifest, ClientError> {
        let (what, digest) = match reference {
            Reference::Digest(digest) => (format!("{name}@{digest}"), *digest),
            Reference::Tag(tag) => (format!("{name}:{tag}"), self.tag_of_files(name, tag).await?),
        };
        let bytes = self.content(&what, &digest, MANIFEST_READ_MAX as u64).await?;
        // The documents tell its type too; but each is told by its members, and the digest is what counts.
        Manifest::parse(bytes, None, digest.algorithm()).map_err(|error| self.not_understood(&what, error))
    }

    async fn tag_of_files(&self, name: &Name, tag: &Tag) -> Result<Digest, ClientError> {
        let oci = match self.package_of_files(name).await {
            Ok(package) => package.oci,
            Err(ClientError::NotFound { .. }) => self.repository_of_files(name).await?,
            Err(other) => return Err(other),
        };
        oci.tags.get(tag).copied().ok_or_else(|| ClientError::NotFound {
            what: format!("{name}:{tag}"),
            detail: format!("in this copy {name} has no tag {tag}"),
            hint: None,
        })
    }

    /// What a repository has that is no package.
    async fn repository_of_files(&self, name: &Name) -> Result<OciDocument, ClientError> {
        let what = name.as_str();
        let absent = || ClientError::NotFound {
            what: what.to_owned(),
            detail: "this copy has neither a package nor a repository of that name".to_owned(),
            hint: None,
        };
        let path = PublicPath::Repository(name.repository()).path();
        let found = match self.file(what, &path, None, PUBLIC_DOCUMENT_MAX).await {
            Err(ClientError::NotFound { .. }) => return Err(absent()),
            found => found?.ok_or_else(absent)?,
        };
        self.check_format(what, &found.body)?;
        let document: Option<RepositoryDocument> =
            read_document(&found.body).map_err(|error| self.not_understood(what, error))?;
        match document {
            None => Err(absent()),
            Some(other) if other.repository != name.repository() => {
                Err(self.not_understood(what, format!("it speaks of {}", other.repository)))
            }
            Some(document) => Ok(document.oci),
        }
    }

    /// Content of at most `maximum` bytes that has this digest.
    pub(super) async fn content(&self, what: &str, digest: &Digest, maximum: u64) -> Result<Bytes, ClientError> {
        let not_verified = |why: String| ClientError::NotVerified { what: what.to_owned(), why };
        let bytes = self.raw_content(what, digest, maximum).await?;
        if !digest.matches(&bytes) {
            let found = Digest::of(digest.algorithm(), &bytes);
            return Err(not_verified(format!("expected {digest}, the content is {found}")));
        }
        Ok(bytes)
    }

    /// What lies in the place of content, of at most `maximum` bytes. Nobody has hashed it yet.
    pub(in crate::client) async fn raw_content(
        &self,
        what: &str,
        digest: &Digest,
        maximum: u64,
    ) -> Result<Bytes, ClientError> {
        let found = self.file(what, &content_path(digest), None, maximum).await?;
        Ok(found.map(|found| found.body).unwrap_or_default())
    }
}
