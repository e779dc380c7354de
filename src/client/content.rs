//! Blobs and manifests by the OCI distribution specification 1.1. Everything read is hashed before it is handed out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use reqwest::{Body, Method, StatusCode, Url};

use super::answer::{header, read_body};
use super::error::ClientError;
use super::transport::Client;
use crate::domain::media_type::{DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST};
use crate::domain::{Algorithm, Descriptor, Digest, MANIFEST_MAX, Manifest, Name, Reference, Tag};
use crate::pack::Blob;

const DIGEST_HEADER: &str = "docker-content-digest";
/// Parts that a body is sent in, in bytes: small enough that a slow line shows progress.
const PART: usize = 64 << 10;

/// Whether an answer named the digest of its manifest, which registries do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// It did.
    ByDigest,
    /// It did not.
    Not,
}

impl Client {
    /// A manifest by tag or digest. Its digest is what was asked for, or what the registry says that the tag names.
    pub async fn manifest(&self, name: &Name, reference: &Reference) -> Result<Manifest, ClientError> {
        if self.are_files() {
            return self.manifest_of_files(name, reference).await;
        }
        match self.pushed_manifest(name, reference).await {
            Ok((manifest, Named::ByDigest)) => Ok(manifest),
            // A server of files that has `v2/` answers with what lies there, and with less than a registry says. Where it has not,
            // the documents still know. Nothing of `v2/` counts then.
            Ok(_) | Err(ClientError::NotFound { .. } | ClientError::NotUnderstood { .. })
                if self.has_files().await? =>
            {
                self.manifest_of_files(name, reference).await
            }
            Err(ClientError::NeedsServer { .. }) => self.manifest_of_files(name, reference).await,
            answer => answer.map(|(manifest, _)| manifest),
        }
    }

    /// A manifest as the distribution specification gives it, and whether the answer named its digest.
    pub(super) async fn pushed_manifest(
        &self,
        name: &Name,
        reference: &Reference,
    ) -> Result<(Manifest, Named), ClientError> {
        let what = match reference {
            Reference::Tag(tag) => format!("{name}:{tag}"),
            Reference::Digest(digest) => format!("{name}@{digest}"),
        };
        let path = format!("/v2/{name}/manifests/{reference}");
        let accept = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST].join(", ");
        let (bytes, content_type, said) = self
            .repeat(|| async {
                let request = self.request(Method::GET, &path).header(ACCEPT, &accept);
                let response = self.send(request, &what).await?;
                let content_type = header(&response, CONTENT_TYPE.as_str()).map(str::to_owned);
                let said = header(&response, DIGEST_HEADER).map(str::to_owned);
                let bytes = read_body(self, response, &what, MANIFEST_MAX as u64, self.timeouts.idle).await?;
                Ok((bytes, content_type, said))
            })
            .await?;
        let not_verified = |why: String| ClientError::NotVerified { what: what.clone(), why };
        let named = if said.is_some() { Named::ByDigest } else { Named::Not };
        let expected = match (reference, said) {
            (Reference::Digest(digest), _) => Some(*digest),
            (Reference::Tag(_), Some(said)) => Some(said.parse().map_err(|error| not_verified(format!("{error}")))?),
            (Reference::Tag(_), None) => None,
        };
        if let Some(expected) = expected.filter(|expected: &Digest| !expected.matches(&bytes)) {
            let found = Digest::of(expected.algorithm(), &bytes);
            return Err(not_verified(format!("expected {expected}, the content is {found}")));
        }
        let algorithm = expected.map_or(Algorithm::Sha256, |digest| digest.algorithm());
        let manifest = Manifest::parse(bytes, content_type.as_deref(), algorithm);
        manifest.map(|manifest| (manifest, named)).map_err(|error| self.not_understood(&what, error))
    }

    /// The content that a descriptor names, of at most `maximum` bytes, with exactly its size and digest.
    pub(super) async fn blob(&self, name: &Name, wanted: &Descriptor, maximum: u64) -> Result<Bytes, ClientError> {
        let what = format!("{name}@{}", wanted.digest);
        if wanted.size > maximum {
            return Err(ClientError::TooLarge { what, maximum });
        }
        let not_verified = |why: String| ClientError::NotVerified { what: what.clone(), why };
        let path = format!("/v2/{name}/blobs/{}", wanted.digest);
        let server = self.repeat(|| async {
            let response = self.send(self.request(Method::GET, &path), &what).await?;
            read_body(self, response, &what, wanted.size, self.timeouts.idle).await
        });
        let answer = match self.are_files() {
            true => self.raw_content(&what, &wanted.digest, wanted.size).await,
            false => match server.await {
                Err(ClientError::NotFound { .. }) if self.has_files().await? => {
                    self.raw_content(&what, &wanted.digest, wanted.size).await
                }
                answer => answer,
            },
        };
        let bytes = answer.map_err(|error| match error {
            ClientError::TooLarge { .. } => not_verified(format!("it is larger than its {} bytes", wanted.size)),
            other => other,
        })?;
        if bytes.len() as u64 != wanted.size {
            return Err(not_verified(format!("expected {} bytes, {} came", wanted.size, bytes.len())));
        }
        if !wanted.digest.matches(&bytes) {
            let found = Digest::of(wanted.digest.algorithm(), &bytes);
            return Err(not_verified(format!("expected {}, the content is {found}", wanted.digest)));
        }
        Ok(bytes)
    }

    /// Makes sure that a blob is in the repository. `false`: it was there already, nothing was sent.
    pub(super) async fn put_blob(&self, name: &Name, blob: &Blob) -> Result<bool, ClientError> {
        let what = format!("{name}@{}", blob.digest);
        // The whole exchange is named by the content's digest: doing it twice leaves the same.
        self.repeat(|| async {
            let path = format!("/v2/{name}/blobs/{}", blob.digest);
            match self.send(self.request(Method::HEAD, &path), &what).await {
                Ok(_) => return Ok(false),
                Err(ClientError::NotFound { .. }) => {}
                Err(other) => return Err(other),
            }
            // OCI distribution 1.1, "POST then PUT": the session's address comes back in Location.
            let path = format!("/v2/{name}/blobs/uploads/");
            let opened = self.send(self.request(Method::POST, &path).header(CONTENT_LENGTH, 0), &what).await?;
            let address = self.upload_address(&opened, &blob.digest, &what)?;
            let sent = Arc::new(AtomicU64::new(0));
            let is_own = self.is_own(&address);
            let request = self.http.put(address);
            let request = if is_own { self.authorized(request) } else { request };
            let request = request
                .header(CONTENT_TYPE, "application/octet-stream")
                .header(CONTENT_LENGTH, blob.content.len())
                .body(self.body(blob.content.clone(), sent.clone()));
            self.send_moving(request, &what, self.timeouts.idle, &sent).await?;
            Ok(true)
        })
        .await
    }

    /// Lets a tag name a manifest that the registry has.
    pub async fn set_tag(&self, name: &Name, tag: &Tag, digest: &Digest) -> Result<(), ClientError> {
        let Manifest { bytes, digest, media_type, .. } = self.manifest(name, &Reference::Digest(*digest)).await?;
        self.put_manifest(name, tag.as_str(), &Blob { media_type, digest, content: bytes }).await
    }

    /// Removes a tag. What it names stays.
    pub async fn remove_tag(&self, name: &Name, tag: &Tag) -> Result<(), ClientError> {
        let path = format!("/v2/{name}/manifests/{tag}");
        self.send(self.request(Method::DELETE, &path), &format!("{name}:{tag}")).await.map(drop)
    }

    /// Puts a manifest under a tag. The same bytes again succeed, so it is repeated if need be.
    pub(super) async fn put_manifest(&self, name: &Name, tag: &str, manifest: &Blob) -> Result<(), ClientError> {
        let what = format!("{name}:{tag}");
        let response = self
            .repeat(|| {
                let request = self
                    .request(Method::PUT, &format!("/v2/{name}/manifests/{tag}"))
                    .header(CONTENT_TYPE, &manifest.media_type)
                    .body(manifest.content.clone());
                async { self.send(request, &what).await }
            })
            .await?;
        match header(&response, DIGEST_HEADER) {
            Some(said) if said != manifest.digest.to_string() => Err(ClientError::NotVerified {
                what,
                why: format!("{} was sent, the registry says that it stored {said}", manifest.digest),
            }),
            _ if response.status() == StatusCode::CREATED => Ok(()),
            _ => Err(self.not_understood(&what, format!("expected 201, got {}", response.status()))),
        }
    }

    /// OCI distribution 1.1, "Pushing a blob monolithically": Location may be relative, and may hold a query already.
    fn upload_address(&self, opened: &reqwest::Response, digest: &Digest, what: &str) -> Result<Url, ClientError> {
        let location = header(opened, LOCATION.as_str());
        let location = location.ok_or_else(|| self.not_understood(what, "an upload was opened without a Location"))?;
        let mut address = opened.url().join(location).map_err(|error| self.not_understood(what, error))?;
        if !matches!(address.scheme(), "http" | "https") {
            return Err(self.not_understood(what, format!("an upload cannot go to {location:?}")));
        }
        address.query_pairs_mut().append_pair("digest", &digest.to_string());
        Ok(address)
    }

    fn body(&self, content: Bytes, sent: Arc<AtomicU64>) -> Body {
        let client = self.clone();
        let parts = (0..content.len()).step_by(PART).map(move |from| {
            let part = content.slice(from..content.len().min(from + PART));
            sent.fetch_add(part.len() as u64, Ordering::Relaxed);
            client.moved(part.len() as u64);
            Ok::<_, std::io::Error>(part)
        });
        Body::wrap_stream(futures::stream::iter(parts))
    }
}
