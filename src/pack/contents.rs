//! What is inside a pushed artifact, whoever packed it: what a server opens at publication and a client at a pull.
//!
//! Reads what [`super::pack`] writes, plain files as general OCI tools push them, and the other packagings of skills:
//! all are one manifest whose layers are tars or single files. `spec/artifact.md`, "Reading".

use bytes::Bytes;
use serde_json::Value;

use super::artifact::{TreeDiffers, check_tree};
use super::limits::{ArchiveError, Limits};
use super::read::{Opened, looks_like_archive, relative};
use crate::domain::media_type::{OCI_EMPTY, TITLE_ANNOTATION, known_kind};
use crate::domain::{CONFIG_SCHEMA, Config, Descriptor, Diagnostic, Digest, Kind, Manifest, Tree, Version};

#[cfg(test)]
mod tests;

/// Largest config that is read, in bytes.
const CONFIG_MAX: usize = 4 << 20;
/// Annotation with the file name of a layer in ModelPack's artifacts.
const MODEL_PATH_ANNOTATION: &str = "org.cncf.model.filepath";

/// An opened artifact.
#[derive(Clone, Debug)]
pub struct Contents {
    /// Its files.
    pub tree: Tree,
    /// Its config, if it is one of ours. It is about this tree: digest and primary file were checked.
    pub config: Option<Config>,
    /// A config that is JSON but not ours.
    pub foreign: Option<Value>,
    /// What was not as expected, though readable.
    pub diagnostics: Vec<Diagnostic>,
}

/// Why an artifact cannot be published or used. In OCI terms each is `MANIFEST_INVALID`.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// A layer that the manifest names was not handed over.
    #[error("layer {0} is missing")]
    LayerMissing(Digest),
    /// A layer cannot be read as an archive.
    #[error("layer {digest} cannot be read: {source}")]
    Layer {
        /// Which.
        digest: Digest,
        /// Why.
        source: ArchiveError,
    },
    /// The layers do not fit together.
    #[error("the layers do not make one file tree: {0}")]
    Tree(ArchiveError),
    /// No files at all.
    #[error("the artifact holds no file")]
    Empty,
    /// Compression that is not read here.
    #[error("layer {digest} is {media_type}: expected a tar, plain or compressed with gzip, or a single file")]
    Compression {
        /// Which.
        digest: Digest,
        /// Its type.
        media_type: String,
    },
    /// Written by a newer release.
    #[error("the config has schema {0}, this program reads schema {CONFIG_SCHEMA}: use a newer release")]
    NewerConfig(u64),
    /// It has our media type and schema, but not the shape.
    #[error("the config is not valid: {0}")]
    Config(String),
    /// The config is for other files.
    #[error(transparent)]
    TreeDiffers(#[from] Box<TreeDiffers>),
    /// The config names a primary file that is not there.
    #[error("the config names {0:?} as primary file, which is not among the files")]
    PrimaryAbsent(String),
    /// The manifest's type and the config disagree.
    #[error("the config says it is a {config}, the manifest's type a {manifest}")]
    KindDiffers {
        /// What the config says.
        config: Kind,
        /// What the type says.
        manifest: Kind,
    },
}

/// Opens an artifact. `config` is the content of the manifest's config; `layers` are its layers with their content,
/// in the manifest's order, whose digests the caller has checked. All layers together are one tree, under one set of limits.
pub fn unpack(
    manifest: &Manifest,
    config: Option<&[u8]>,
    layers: &[(Descriptor, Bytes)],
    limits: &Limits,
) -> Result<Contents, UnpackError> {
    let mut diagnostics = Vec::new();
    for layer in &manifest.layers {
        if layers.iter().any(|(held, _)| held.digest == layer.digest) {
            continue;
        }
        if layer.is_distributable() {
            return Err(UnpackError::LayerMissing(layer.digest));
        }
        diagnostics.push(about_the_whole(format!("layer {} lies elsewhere and was not read", layer.digest)));
    }
    let tree = tree_of(layers, limits, &mut diagnostics)?;
    let (config, foreign) = match (&manifest.config, config) {
        (Some(descriptor), Some(content)) => read_config(descriptor, content, &mut diagnostics)?,
        _ => (None, None),
    };
    if let Some(config) = &config {
        check_tree(config, &tree)?;
        if tree.get(&config.primary.file).is_none() {
            return Err(UnpackError::PrimaryAbsent(config.primary.file.clone()));
        }
        let of_manifest = manifest.kind().unwrap_or(config.kind);
        if of_manifest != config.kind {
            return Err(UnpackError::KindDiffers { config: config.kind, manifest: of_manifest });
        }
    }
    Ok(Contents { tree, config, foreign, diagnostics })
}

/// The config is for another artifact than the one it was pushed as.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Another name than the repository's last component.
    #[error("the config says the artifact is called {config:?}, it was pushed as {pushed:?}")]
    Name {
        /// What the config says.
        config: String,
        /// What it was pushed as.
        pushed: String,
    },
    /// Another version than the tag, build metadata included.
    #[error("the config says version {config}, it was pushed as {pushed}")]
    Version {
        /// What the config says.
        config: Box<Version>,
        /// What it was pushed as.
        pushed: Box<Version>,
    },
}

/// Whether the config is for this name and version. `slug` is the last component of the repository: the organisation is
/// not part of a config, so that copies elsewhere stay valid.
pub fn check_identity(config: &Config, slug: &str, version: &Version) -> Result<(), IdentityError> {
    if config.name != slug {
        return Err(IdentityError::Name { config: config.name.clone(), pushed: slug.to_owned() });
    }
    // Versions compare equal when only their build metadata differ; here that counts.
    if config.version.to_string() != version.to_string() {
        return Err(IdentityError::Version {
            config: Box::new(config.version.clone()),
            pushed: Box::new(version.clone()),
        });
    }
    Ok(())
}

fn tree_of(
    layers: &[(Descriptor, Bytes)],
    limits: &Limits,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Tree, UnpackError> {
    let mut opened = Opened::new(limits);
    for (descriptor, content) in layers {
        let digest = descriptor.digest;
        let added = match form(descriptor, content)? {
            Form::Archive => opened.add_archive(content.as_ref()),
            Form::File(title) => opened.add_file(relative(title), content.clone()),
            Form::Untitled => {
                let name = untitled(descriptor);
                diagnostics.push(about_the_whole(format!("layer {digest} has no title and became {name}")));
                opened.add_file(&name, content.clone())
            }
        };
        added.map_err(|source| UnpackError::Layer { digest, source })?;
    }
    let tree = opened.into_tree().map_err(UnpackError::Tree)?;
    if tree.files().is_empty() { Err(UnpackError::Empty) } else { Ok(tree) }
}

/// What a layer is.
enum Form<'a> {
    Archive,
    File(&'a str),
    Untitled,
}

/// The type says whether it may be an archive, the content whether it is one: `oras push` gives plain files the type of
/// an uncompressed tar layer unless told otherwise.
fn form<'a>(descriptor: &'a Descriptor, content: &[u8]) -> Result<Form<'a>, UnpackError> {
    let media_type = descriptor.media_type.as_str();
    let tar = [".tar", "+tar", ".tar+gzip", ".tar.gzip", "/tar+gzip", "/x-tar"];
    let is_tar_type = tar.iter().any(|suffix| media_type.ends_with(suffix));
    if is_tar_type && looks_like_archive(content) {
        return Ok(Form::Archive);
    }
    if media_type.ends_with("tar+zstd") {
        return Err(UnpackError::Compression { digest: descriptor.digest, media_type: media_type.to_owned() });
    }
    let title = [TITLE_ANNOTATION, MODEL_PATH_ANNOTATION].iter().find_map(|key| descriptor.annotations.get(*key));
    match title.map(String::as_str).filter(|title| !title.is_empty()) {
        // A damaged archive must not pass for a file that happens to be called one.
        Some(title) if !(is_tar_type && is_archive_name(title)) => Ok(Form::File(title)),
        _ if is_tar_type => Ok(Form::Archive),
        _ => Ok(Form::Untitled),
    }
}

fn is_archive_name(title: &str) -> bool {
    [".tar", ".tar.gz", ".tgz"].iter().any(|ending| title.ends_with(ending))
}

/// Tools name a file without title by its digest.
fn untitled(descriptor: &Descriptor) -> String {
    let ending = match descriptor.media_type.as_str() {
        "text/markdown" => ".md",
        "text/plain" => ".txt",
        json if json.ends_with("/json") || json.ends_with("+json") => ".json",
        yaml if yaml.ends_with("yaml") => ".yaml",
        _ => "",
    };
    format!("{}{ending}", descriptor.digest.hex())
}

fn read_config(
    descriptor: &Descriptor,
    content: &[u8],
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<(Option<Config>, Option<Value>), UnpackError> {
    if descriptor.media_type == OCI_EMPTY {
        return Ok((None, None));
    }
    if content.len() > CONFIG_MAX {
        return Err(UnpackError::Config(format!("it is larger than {CONFIG_MAX} bytes")));
    }
    let Ok(value) = serde_json::from_slice::<Value>(content) else {
        diagnostics.push(about_the_whole("the config is not JSON and was not read".to_owned()));
        return Ok((None, None));
    };
    let schema = known_kind(&descriptor.media_type).and_then(|_| value.get("schema")?.as_u64());
    match schema {
        Some(schema) if schema == u64::from(CONFIG_SCHEMA) => {
            let config = serde_json::from_value(value).map_err(|error| UnpackError::Config(error.to_string()))?;
            Ok((Some(config), None))
        }
        Some(schema) if schema > u64::from(CONFIG_SCHEMA) => Err(UnpackError::NewerConfig(schema)),
        _ => Ok((None, Some(value))),
    }
}

fn about_the_whole(message: String) -> Diagnostic {
    Diagnostic { file: String::new(), line: 0, message }
}
