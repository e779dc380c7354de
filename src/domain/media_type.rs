//! Media types: which documents are manifests, and which artifact types are ours to index.

use super::Kind;

/// OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// OCI artifact manifest: withdrawn before 1.1, still pushed by old clients.
pub const OCI_ARTIFACT: &str = "application/vnd.oci.artifact.manifest.v1+json";
/// Docker image manifest, schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker manifest list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// The empty JSON object as a config: `{}`.
pub const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// Bytes of unknown type.
pub const OCTET_STREAM: &str = "application/octet-stream";

/// Artifact type of a skill folder, as the Agent Skills community writes it.
pub const SKILL: &str = "application/vnd.agentskills.skill.v1";
/// Config of a skill folder.
pub const SKILL_CONFIG: &str = "application/vnd.agentskills.skill.config.v1+json";
/// Layer of a skill folder.
pub const SKILL_CONTENT: &str = "application/vnd.agentskills.skill.content.v1.tar+gzip";
/// Layer of every other artifact.
pub const PCL_CONTENT: &str = "application/vnd.pcl.content.v1.tar+gzip";

/// Annotation with the name of a skill.
pub const SKILL_NAME_ANNOTATION: &str = "io.agentskills.skill.name";
/// Annotation with the file name of a layer.
pub const TITLE_ANNOTATION: &str = "org.opencontainers.image.title";

/// The three media types that one artifact is written with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactTypes {
    /// `artifactType` of the manifest.
    pub artifact: String,
    /// Media type of the config.
    pub config: String,
    /// Media type of the layer.
    pub content: String,
}

impl ArtifactTypes {
    /// The types for an artifact of this kind. `skill_folder`: its primary file is a `SKILL.md`.
    pub fn new(kind: Kind, skill_folder: bool) -> Self {
        if skill_folder {
            return Self { artifact: SKILL.into(), config: SKILL_CONFIG.into(), content: SKILL_CONTENT.into() };
        }
        Self {
            artifact: format!("application/vnd.pcl.{kind}.v1"),
            config: format!("application/vnd.pcl.{kind}.config.v1+json"),
            content: PCL_CONTENT.into(),
        }
    }
}

/// The kind of artifact that a type stands for, if we index it. Takes an `artifactType`, or the media type of a config.
pub fn known_kind(media_type: &str) -> Option<Kind> {
    if let Some(rest) = media_type.strip_prefix("application/vnd.pcl.") {
        let kind = rest.strip_suffix(".config.v1+json").or_else(|| rest.strip_suffix(".v1"))?;
        return kind.parse().ok();
    }
    // Six packagings of skills exist in the wild; the first is the one that we write.
    let skill = matches!(
        media_type,
        SKILL
            | SKILL_CONFIG
            | "dev.toolhive.skills.v1"
            | "application/vnd.agent.skill.v1+json"
            | "application/vnd.cncf.skill.manifest.v1+json"
            | "application/vnd.cncf.skill.config.v1+json"
    );
    skill.then_some(Kind::Skill)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_write_is_known() {
        for kind in Kind::ALL {
            let types = ArtifactTypes::new(kind, false);
            assert_eq!(known_kind(&types.artifact), Some(kind));
            assert_eq!(known_kind(&types.config), Some(kind));
            assert_eq!(known_kind(&types.content), None);
        }
        assert_eq!(known_kind(&ArtifactTypes::new(Kind::Skill, true).artifact), Some(Kind::Skill));
        assert_eq!(known_kind("application/vnd.pcl.recipe.v1"), None);
        assert_eq!(known_kind(OCI_MANIFEST), None);
    }
}
