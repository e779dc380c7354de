//! The manifest of an artifact: its config, its one layer, and the OCI image manifest that names both.
//!
//! `spec/artifact.md`, "Manifest". No time goes into it: the same tree and config give the same manifest, so that
//! publishing again is seen to be the same.

use bytes::Bytes;
use serde_json::{Value, json};

use super::limits::{ArchiveError, Limits};
use super::write::write_archive;
use crate::domain::media_type::{ArtifactTypes, OCI_MANIFEST, SKILL_NAME_ANNOTATION, TITLE_ANNOTATION};
use crate::domain::{Config, Digest, Kind, Name, Tree};

/// The file that makes a folder a skill in the sense of the Agent Skills community.
pub(super) const SKILL_FILE: &str = "SKILL.md";
/// Longest description in an annotation, in bytes; the whole one is in the config.
const DESCRIPTION_MAX: usize = 4096;

/// Bytes to push, with the type and digest to push them under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Media type.
    pub media_type: String,
    /// sha256 of the content.
    pub digest: Digest,
    /// The bytes.
    pub content: Bytes,
}

impl Blob {
    fn new(media_type: &str, content: Bytes) -> Self {
        Self { media_type: media_type.to_owned(), digest: Digest::sha256(&content), content }
    }

    fn descriptor(&self) -> Value {
        json!({"mediaType": self.media_type, "digest": self.digest, "size": self.content.len()})
    }
}

/// An artifact, ready to push: config and layer first, the manifest last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The config, as JSON with sorted keys.
    pub config: Blob,
    /// The files, as tar and gzip.
    pub layer: Blob,
    /// The OCI image manifest.
    pub manifest: Blob,
    /// The manifest's `artifactType`.
    pub artifact_type: String,
}

/// The config is for other files than those that came with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the config says tree digest {config}, the files have {tree}")]
pub struct TreeDiffers {
    /// What the config says.
    pub config: Digest,
    /// What the files give.
    pub tree: Digest,
}

/// Why a tree and a config make no artifact.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// There is nothing in it.
    #[error("an artifact needs at least one file")]
    Empty,
    /// The config's name cannot be the last component of a repository.
    #[error("{0:?} cannot be the name of an artifact: lower-case letters and digits, joined by '.', '_' or '-'")]
    Name(String),
    /// The config names a primary file that is not there.
    #[error("the primary file {0:?} is not among the files of the artifact")]
    PrimaryAbsent(String),
    /// The config was made for other files.
    #[error(transparent)]
    TreeDiffers(#[from] Box<TreeDiffers>),
    /// More than any registry of this kind takes.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The config cannot be written as JSON.
    #[error("the config cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Makes the blobs and the manifest of an artifact. `config` names the tree, its digest included.
pub fn pack(tree: &Tree, config: &Config) -> Result<Packed, PackError> {
    if tree.files().is_empty() {
        return Err(PackError::Empty);
    }
    if format!("org/{}", config.name).parse::<Name>().is_err() {
        return Err(PackError::Name(config.name.clone()));
    }
    if tree.get(&config.primary.file).is_none() {
        return Err(PackError::PrimaryAbsent(config.primary.file.clone()));
    }
    check_tree(config, tree)?;
    Limits::default().check(tree, &config.name)?;

    let skill_folder = config.kind == Kind::Skill && config.primary.file == SKILL_FILE;
    let types = ArtifactTypes::new(config.kind, skill_folder);
    let config_blob = Blob::new(&types.config, config_json(config, skill_folder)?);
    let layer = Blob::new(&types.content, write_archive(tree, &config.name));
    let mut layer_descriptor = layer.descriptor();
    layer_descriptor["annotations"] = json!({TITLE_ANNOTATION: format!("{}.tar.gz", config.name)});
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": types.artifact,
        "config": config_blob.descriptor(),
        "layers": [layer_descriptor],
        "annotations": annotations(config, skill_folder),
    });
    let manifest = Blob::new(OCI_MANIFEST, Bytes::from(manifest.to_string()));
    Ok(Packed { config: config_blob, layer, manifest, artifact_type: types.artifact })
}

/// Whether the config's digest is that of the tree.
pub(super) fn check_tree(config: &Config, tree: &Tree) -> Result<(), Box<TreeDiffers>> {
    let differs = TreeDiffers { config: config.tree, tree: tree.digest() };
    if differs.config == differs.tree { Ok(()) } else { Err(Box::new(differs)) }
}

/// One flat object with sorted keys: going through `Value` sorts them. For a skill folder it is also the community's
/// config, its front matter as JSON: `name`, `description`, `license` and `metadata` are the same there; tools are one string.
fn config_json(config: &Config, skill_folder: bool) -> Result<Bytes, PackError> {
    let mut value = serde_json::to_value(config)?;
    let tools = &config.about.capabilities.allowed_tools;
    if skill_folder && !tools.is_empty() {
        value["allowed-tools"] = Value::from(tools.join(" "));
    }
    Ok(Bytes::from(value.to_string()))
}

fn annotations(config: &Config, skill_folder: bool) -> Value {
    let about = &config.about;
    let mut annotations = json!({
        TITLE_ANNOTATION: about.title.as_deref().unwrap_or(&config.name),
        "org.opencontainers.image.version": config.version,
    });
    if let Some(description) = &about.description {
        annotations["org.opencontainers.image.description"] = Value::from(cut(description, DESCRIPTION_MAX));
    }
    if let Some(license) = &about.license {
        annotations["org.opencontainers.image.licenses"] = Value::from(license.as_str());
    }
    if skill_folder {
        annotations[SKILL_NAME_ANNOTATION] = Value::from(config.name.as_str());
    }
    annotations
}

/// At most `maximum` bytes of the text, cut between two characters.
pub(super) fn cut(text: &str, maximum: usize) -> &str {
    &text[..text.floor_char_boundary(maximum)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{About, Algorithm, CONFIG_SCHEMA, Capabilities, File, Manifest, Primary};

    fn tree(paths: &[&str]) -> Tree {
        let file = |path: &&str| File {
            path: path.parse().unwrap(),
            executable: false,
            content: Bytes::from_static(b"content"),
        };
        Tree::new(paths.iter().map(file).collect()).unwrap()
    }

    fn config(kind: Kind, tree: &Tree, primary: &str) -> Config {
        let about = About {
            description: Some("Says hello".to_owned()),
            license: Some("MIT".to_owned()),
            capabilities: Capabilities { allowed_tools: vec!["Read".into(), "Bash(git:*)".into()], model: None },
            ..About::default()
        };
        Config {
            schema: CONFIG_SCHEMA,
            name: "hello".to_owned(),
            version: "1.0.0+b".parse().unwrap(),
            kind,
            about,
            primary: Primary { file: primary.to_owned(), declaration: None },
            source: None,
            tree: tree.digest(),
        }
    }

    fn check(kind: Kind, primary: &str, artifact_type: &str, layer: &str, annotation: Option<&str>) {
        let tree = tree(&[primary, "b/c"]);
        let config = config(kind, &tree, primary);
        let packed = pack(&tree, &config).unwrap();
        assert_eq!(packed, pack(&tree, &config).unwrap());
        let manifest = Manifest::parse(packed.manifest.content.clone(), None, Algorithm::Sha256).unwrap();
        assert_eq!(manifest.digest, packed.manifest.digest);
        assert_eq!(manifest.artifact_type.as_deref(), Some(artifact_type));
        assert_eq!(packed.artifact_type, artifact_type);
        assert_eq!(manifest.kind(), Some(kind));
        assert_eq!(manifest.layers[0].media_type, layer);
        assert_eq!(manifest.layers[0].annotations[TITLE_ANNOTATION], "hello.tar.gz");
        assert_eq!(manifest.annotations.get(SKILL_NAME_ANNOTATION).map(String::as_str), annotation);
        assert_eq!(manifest.annotations["org.opencontainers.image.version"], "1.0.0+b");
        assert_eq!(manifest.required_blobs().count(), 2);
        let read: Config = serde_json::from_slice(&packed.config.content).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), serde_json::to_value(&config).unwrap());
    }

    #[test]
    fn skill_folders_are_written_as_their_community_does() {
        let content = "application/vnd.agentskills.skill.content.v1.tar+gzip";
        check(Kind::Skill, "SKILL.md", "application/vnd.agentskills.skill.v1", content, Some("hello"));
    }

    #[test]
    fn all_else_is_written_with_our_types() {
        let content = "application/vnd.pcl.content.v1.tar+gzip";
        check(Kind::Skill, "hello.pcl", "application/vnd.pcl.skill.v1", content, None);
        check(Kind::Persona, "SKILL.md", "application/vnd.pcl.persona.v1", content, None);
    }

    #[test]
    fn json_is_written_with_sorted_keys() {
        let tree = tree(&["SKILL.md"]);
        let packed = pack(&tree, &config(Kind::Skill, &tree, "SKILL.md")).unwrap();
        let text = String::from_utf8(packed.config.content.to_vec()).unwrap();
        assert!(text.starts_with(r#"{"allowed-tools":"Read Bash(git:*)","capabilities":"#), "{text}");
        let text = String::from_utf8(packed.manifest.content.to_vec()).unwrap();
        assert!(text.starts_with(r#"{"annotations":{"io.agentskills.skill.name":"hello","#), "{text}");
    }

    #[test]
    fn refuses_what_a_registry_would_refuse() {
        let tree = tree(&["a"]);
        let good = config(Kind::Type, &tree, "a");
        let packed = |config: Config| pack(&tree, &config).map(|_| ());
        assert!(matches!(pack(&Tree::default(), &good), Err(PackError::Empty)));
        assert!(matches!(packed(Config { name: "a/b".into(), ..good.clone() }), Err(PackError::Name(_))));
        assert!(matches!(packed(Config { name: "..".into(), ..good.clone() }), Err(PackError::Name(_))));
        let tree_differs = packed(Config { tree: Digest::sha256(b""), ..good.clone() });
        assert!(matches!(tree_differs, Err(PackError::TreeDiffers(_))));
        assert!(matches!(packed(config(Kind::Type, &tree, "b")), Err(PackError::PrimaryAbsent(_))));
    }
}
