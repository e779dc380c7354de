//! Signatures on artifacts: put there, and found again (`spec/signature.md`). Who is trusted is decided elsewhere.

use bytes::Bytes;
use reqwest::{Method, StatusCode, Url};
use serde::{Deserialize, Serialize};

use super::answer;
use super::error::ClientError;
use super::transport::Client;
use super::wanted::Wanted;
use crate::domain::media_type::OCI_EMPTY;
use crate::domain::{Descriptor, Digest, Manifest, Name, Reference, Timestamp};
use crate::pack::Blob;
use crate::trust::{
    ATTACHED_MAX, Attached, BUNDLE_MAX, BUNDLE_TYPE, Bundle, KeyId, PAYLOAD_MAX, SignatureImage, SigningKey,
    SimpleSignature, Statement, bundle_layer, referrer, signature_image, signature_tag, simple_layers, verify_by_keys,
};

/// Longest list of referrers that is read, in bytes.
const REFERRERS_MAX: u64 = 4 << 20;

/// What became of a signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Signed {
    /// The package.
    pub name: Name,
    /// Digest of the manifest that was signed.
    pub digest: Digest,
    /// Who signed.
    pub key: KeyId,
    /// Whether a signature was added; all that this key would add may have been there.
    pub added: bool,
}

/// An index of referrers, as far as it matters here.
#[derive(Deserialize)]
struct Referrers {
    manifests: Vec<Referring>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Referring {
    digest: Digest,
    #[serde(default)]
    artifact_type: Option<String>,
}

impl Client {
    /// Digest of the manifest that is wanted.
    pub async fn digest_of(&self, wanted: &Wanted) -> Result<Digest, ClientError> {
        let (reference, _, _) = self.reference(wanted).await?;
        Ok(self.manifest(&wanted.name, &reference).await?.digest)
    }

    /// Signs a manifest that is there, in both forms: a bundle that refers to it, and a payload of simple signing under the tag that
    /// container tools look for. What this key has signed already is not signed again.
    pub async fn sign(
        &self,
        name: &Name,
        digest: &Digest,
        key: &SigningKey,
        created: Timestamp,
    ) -> Result<Signed, ClientError> {
        let manifest = self.manifest(name, &Reference::Digest(*digest)).await?;
        let (repository, public) = (name.repository(), key.public());
        let mut added = false;
        let bundles = self.bundles(name, digest).await?;
        if verify_by_keys(digest, &repository, &bundles, std::slice::from_ref(&public)).is_err() {
            let bundle = Bundle::sign(&Statement::new(*digest, &repository), key).to_bytes();
            let subject = Descriptor {
                media_type: manifest.media_type.clone(),
                digest: *digest,
                size: manifest.bytes.len() as u64,
                urls: Vec::new(),
                annotations: std::collections::BTreeMap::new(),
                artifact_type: None,
            };
            let carrier = referrer(&subject, &bundle, created);
            self.put_blob(name, &blob(BUNDLE_TYPE, bundle)).await?;
            self.put_blob(name, &blob(OCI_EMPTY, Bytes::from_static(b"{}"))).await?;
            self.put_manifest(name, &carrier.digest.to_string(), &carrier).await?;
            added = true;
        }
        if let Some(tag) = signature_tag(digest) {
            let existing = self.signature_image(name, digest).await?;
            let simple = SimpleSignature::sign(&self.host(), &repository, *digest, key);
            let image = signature_image(existing.as_ref(), &[simple]);
            let refused = |error: crate::trust::AttachError| self.not_understood(tag.as_str(), error);
            let SignatureImage { payloads, config, manifest } = image.map_err(refused)?;
            for content in payloads.iter().chain([&config]).filter(|_| !payloads.is_empty()) {
                self.put_blob(name, content).await?;
            }
            if !payloads.is_empty() {
                self.put_manifest(name, tag.as_str(), &manifest).await?;
                added = true;
            }
        }
        Ok(Signed { name: name.clone(), digest: *digest, key: public.id(), added })
    }

    /// All signatures that hang on a manifest, in either form. Nobody has verified them.
    pub async fn signatures(&self, name: &Name, digest: &Digest) -> Result<Vec<Attached>, ClientError> {
        let mut found = self.bundles(name, digest).await?;
        let Some(image) = self.signature_image(name, digest).await? else { return Ok(found) };
        for layer in simple_layers(&image).take(ATTACHED_MAX.saturating_sub(found.len())) {
            match self.blob(name, layer, PAYLOAD_MAX as u64).await {
                Ok(payload) => found.push(Attached::simple(layer, payload)),
                Err(error) => found.push(unreadable(error)?),
            }
        }
        Ok(found)
    }

    async fn bundles(&self, name: &Name, digest: &Digest) -> Result<Vec<Attached>, ClientError> {
        let mut found = Vec::new();
        for referring in self.referring(name, digest).await?.into_iter().take(ATTACHED_MAX) {
            match self.bundle(name, &referring).await {
                Ok(Some(bytes)) => found.push(Attached::bundle(&bytes)),
                Ok(None) => {}
                Err(error) => found.push(unreadable(error)?),
            }
        }
        Ok(found)
    }

    /// The bundle that a referrer carries, if it carries one.
    async fn bundle(&self, name: &Name, referring: &Digest) -> Result<Option<Bytes>, ClientError> {
        let manifest = self.manifest(name, &Reference::Digest(*referring)).await?;
        match bundle_layer(&manifest) {
            Some(layer) => self.blob(name, layer, BUNDLE_MAX as u64).await.map(Some),
            None => Ok(None),
        }
    }

    /// Digests of what refers to a manifest and says that it is a bundle.
    async fn referring(&self, name: &Name, digest: &Digest) -> Result<Vec<Digest>, ClientError> {
        if self.has_files().await? {
            let manifests = match self.package_of_files(name).await {
                Ok(package) => package.oci.manifests,
                Err(ClientError::NotFound { .. }) => Vec::new(),
                Err(error) => return Err(error),
            };
            let is_bundle = |kind: Option<&str>| kind == Some(BUNDLE_TYPE);
            let ours = manifests.into_iter().filter(|manifest| manifest.subject == Some(*digest));
            return Ok(ours
                .filter(|manifest| is_bundle(manifest.artifact_type.as_deref()))
                .map(|one| one.digest)
                .collect());
        }
        let what = format!("what refers to {name}@{digest}");
        let bytes = self
            .repeat(|| async {
                let path = format!("/v2/{name}/referrers/{digest}");
                let response = self.exchange(self.request(Method::GET, &path), &what).await?;
                // Registries of before that API.
                if response.status() == StatusCode::NOT_FOUND {
                    return Ok(None);
                }
                let response = answer::judge(self, response, &what).await?;
                answer::read_body(self, response, &what, REFERRERS_MAX, self.timeouts.idle).await.map(Some)
            })
            .await?;
        let Some(bytes) = bytes else { return Ok(Vec::new()) };
        let index: Referrers = serde_json::from_slice(&bytes).map_err(|error| self.not_understood(&what, error))?;
        let bundles = index.manifests.into_iter().filter(|one| one.artifact_type.as_deref() == Some(BUNDLE_TYPE));
        Ok(bundles.map(|one| one.digest).collect())
    }

    /// The image with the simple signatures of a manifest, if there is one.
    async fn signature_image(&self, name: &Name, digest: &Digest) -> Result<Option<Manifest>, ClientError> {
        let Some(tag) = signature_tag(digest) else { return Ok(None) };
        match self.manifest(name, &Reference::Tag(tag)).await {
            Ok(image) => Ok(Some(image)),
            Err(ClientError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Host and port, as container tools write a registry.
    fn host(&self) -> String {
        let Ok(address) = Url::parse(self.address()) else { return String::new() };
        let host = address.host_str().unwrap_or_default();
        address.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
}

fn blob(media_type: &str, content: Bytes) -> Blob {
    Blob { media_type: media_type.to_owned(), digest: Digest::sha256(&content), content }
}

/// A signature that cannot be fetched whole is one that does not count; an outage is another matter.
fn unreadable(error: ClientError) -> Result<Attached, ClientError> {
    match error {
        ClientError::Unavailable { .. } => Err(error),
        other => Ok(Attached::Unreadable(other.to_string())),
    }
}
