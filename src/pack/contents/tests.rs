//! Artifacts as this program and others pack them, opened.

use super::super::{pack, write_archive, write_tar};
use super::*;
use crate::domain::media_type::{OCI_MANIFEST, SKILL, SKILL_CONFIG};
use crate::domain::{About, Algorithm, File, Primary};

fn tree(files: &[(&str, &str)]) -> Tree {
    let file = |(path, content): &(&str, &str)| File {
        path: path.parse().unwrap(),
        executable: false,
        content: Bytes::copy_from_slice(content.as_bytes()),
    };
    Tree::new(files.iter().map(file).collect()).unwrap()
}

fn config(tree: &Tree) -> Config {
    Config {
        schema: CONFIG_SCHEMA,
        name: "hello".to_owned(),
        version: "1.0.0".parse().unwrap(),
        kind: Kind::Skill,
        about: About::default(),
        primary: Primary { file: "SKILL.md".to_owned(), declaration: None },
        source: None,
        tree: tree.digest(),
    }
}

/// A layer as some tool pushed it: media type, title, content.
type Layer<'a> = (&'a str, Option<&'a str>, Bytes);

fn opened(config: (&str, &str), layers: &[Layer]) -> Result<Contents, UnpackError> {
    let descriptor = |(media_type, title, content): &Layer| {
        let annotations = title.map(|title| serde_json::json!({TITLE_ANNOTATION: title}));
        serde_json::json!({
            "mediaType": media_type, "digest": Digest::sha256(content), "size": content.len(),
            "annotations": annotations.unwrap_or(serde_json::json!({})),
        })
    };
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": SKILL,
        "config": {"mediaType": config.0, "digest": Digest::sha256(config.1.as_bytes()), "size": config.1.len()},
        "layers": layers.iter().map(descriptor).collect::<Vec<_>>(),
    });
    let manifest = Manifest::parse(Bytes::from(manifest.to_string()), None, Algorithm::Sha256).unwrap();
    let contents = layers.iter().map(|(_, _, content)| content.clone());
    let layers: Vec<_> = manifest.layers.clone().into_iter().zip(contents).collect();
    unpack(&manifest, Some(config.1.as_bytes()), &layers, &Limits::default())
}

fn paths(contents: &Contents) -> Vec<&str> {
    contents.tree.files().iter().map(|file| file.path.as_str()).collect()
}

const EMPTY: (&str, &str) = (OCI_EMPTY, "{}");
const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const TAR: &str = "application/vnd.oci.image.layer.v1.tar";

#[test]
fn what_was_packed_comes_back() {
    let tree = tree(&[("SKILL.md", "# Hello"), ("scripts/run.sh", "true")]);
    let packed = pack(&tree, &config(&tree)).unwrap();
    let manifest = Manifest::parse(packed.manifest.content, None, Algorithm::Sha256).unwrap();
    let layers = [(manifest.layers[0].clone(), packed.layer.content)];
    let contents = unpack(&manifest, Some(&packed.config.content), &layers, &Limits::default()).unwrap();
    assert_eq!(contents.tree, tree);
    let found = contents.config.unwrap();
    assert_eq!(found, config(&tree));
    let version = |text: &str| text.parse().unwrap();
    assert_eq!(check_identity(&found, "hello", &version("1.0.0")), Ok(()));
    assert!(matches!(check_identity(&found, "other", &version("1.0.0")), Err(IdentityError::Name { .. })));
    assert!(matches!(check_identity(&found, "hello", &version("1.0.0+b")), Err(IdentityError::Version { .. })));
    let missing = unpack(&manifest, Some(&packed.config.content), &[], &Limits::default());
    assert!(matches!(missing, Err(UnpackError::LayerMissing(_))));
}

#[test]
fn plain_files_are_named_by_their_titles() {
    let text = Bytes::from_static(b"# Hello");
    let titled = |title| (TAR, Some(title), text.clone());
    let contents = opened(EMPTY, &[titled("SKILL.md"), ("text/plain", Some("./docs/a.txt"), text.clone())]).unwrap();
    assert_eq!(paths(&contents), ["SKILL.md", "docs/a.txt"]);
    assert!(contents.config.is_none() && contents.foreign.is_none() && contents.diagnostics.is_empty());
    for bad in ["../SKILL.md", "/etc/passwd", "a\\b", ""] {
        assert!(opened(EMPTY, &[titled("SKILL.md"), titled(bad)]).is_err(), "{bad:?}");
    }
    let clash = opened(EMPTY, &[titled("a"), ("text/x", Some("a"), Bytes::from_static(b"2"))]);
    assert!(matches!(clash, Err(UnpackError::Tree(_))));
}

#[test]
fn folders_and_files_beside_each_other_are_one_tree() {
    let scripts = write_archive(&tree(&[("run.sh", "true")]), "scripts");
    let readme = Bytes::from_static(b"# Hello");
    let contents = opened(EMPTY, &[(TAR, Some("SKILL.md"), readme), (GZIP, Some("scripts"), scripts.clone())]).unwrap();
    assert_eq!(paths(&contents), ["SKILL.md", "scripts/run.sh"]);
    // Alone, the folder is the root of the tree.
    assert_eq!(paths(&opened(EMPTY, &[(GZIP, Some("scripts"), scripts)]).unwrap()), ["run.sh"]);
}

#[test]
fn other_packagings_of_skills_are_read() {
    let skill = tree(&[("SKILL.md", "# Hello")]);
    let archive = write_archive(&skill, "hello");
    for (config, media_type, title) in [
        (("application/vnd.oci.image.config.v1+json", r#"{"architecture":"amd64"}"#), GZIP, Some("skill.tar.gz")),
        (EMPTY, "application/vnd.agent.skill.content.v1.tar+gzip", None),
        (("application/vnd.cncf.skill.config.v1+json", "{}"), "application/vnd.cncf.skill.bundle.v1.tar+gzip", None),
        (
            ("application/vnd.kitops.modelkit.config.v1+json", "{}"),
            "application/vnd.kitops.modelkit.code.v1.tar+gzip",
            None,
        ),
        (
            (SKILL_CONFIG, r#"{"name":"hello","schema":"v0"}"#),
            "application/vnd.agentskills.skill.content.v1.tar+gzip",
            None,
        ),
        (EMPTY, "application/vnd.docker.image.rootfs.diff.tar.gzip", None),
    ] {
        let contents = opened(config, &[(media_type, title, archive.clone())]).unwrap();
        assert_eq!(contents.tree, skill, "{media_type}");
        assert_eq!(contents.foreign.is_some(), config.0 != OCI_EMPTY, "{media_type}");
    }
    let plain = Bytes::from(write_tar(&skill, "hello"));
    assert_eq!(opened(EMPTY, &[("application/vnd.cncf.model.doc.v1.tar", None, plain)]).unwrap().tree, skill);
    let server = opened(EMPTY, &[("application/json", None, Bytes::from_static(b"{}"))]).unwrap();
    assert!(paths(&server)[0].ends_with(".json"));
    assert!(server.diagnostics[0].message.contains("has no title"));
}

#[test]
fn what_cannot_be_read_is_refused_with_the_reason() {
    let skill = tree(&[("SKILL.md", "# Hello")]);
    let archive = write_archive(&skill, "hello");
    let cut = archive.slice(..archive.len() - 9);
    let damaged = opened(EMPTY, &[(GZIP, Some("skill.tar.gz"), cut)]).unwrap_err();
    assert!(damaged.to_string().contains("damaged"), "{damaged}");
    let no_archive = opened(EMPTY, &[(GZIP, Some("skill.tar.gz"), Bytes::from_static(b"text"))]);
    assert!(matches!(no_archive, Err(UnpackError::Layer { .. })));
    let zstd = opened(EMPTY, &[("application/vnd.oci.image.layer.v1.tar+zstd", Some("a"), archive.clone())]);
    assert!(matches!(zstd, Err(UnpackError::Compression { .. })));
    assert!(matches!(opened(EMPTY, &[]), Err(UnpackError::Empty)));

    let with_config = |change: &dyn Fn(&mut Value)| {
        let mut value = serde_json::to_value(config(&skill)).unwrap();
        change(&mut value);
        opened((SKILL_CONFIG, &value.to_string()), &[(GZIP, None, archive.clone())])
    };
    assert!(with_config(&|_| {}).unwrap().config.is_some());
    let newer = with_config(&|config| config["schema"] = 2.into()).unwrap_err();
    assert!(newer.to_string().contains("schema 2"), "{newer}");
    let kind = with_config(&|config| config["kind"] = "team".into());
    assert!(matches!(kind, Err(UnpackError::KindDiffers { .. })));
    let other_tree = with_config(&|config| config["tree"] = Digest::sha256(b"").to_string().into());
    assert!(matches!(other_tree, Err(UnpackError::TreeDiffers(_))));
    let primary = with_config(&|config| config["primary"]["file"] = "other.md".into());
    assert!(matches!(primary, Err(UnpackError::PrimaryAbsent(_))));
    assert!(matches!(with_config(&|config| config["version"] = "1".into()), Err(UnpackError::Config(_))));
}
