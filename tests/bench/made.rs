//! What is pushed: artifacts of the sizes that the table names, and packages whose text others wrote.

use bytes::Bytes;
use pcl_registry::domain::{About, CONFIG_SCHEMA, Config, Digest, File, Kind, Name, Primary, Tree};
use pcl_registry::pack;
use serde_json::json;

use crate::corpus;

/// An artifact, ready to be pushed.
pub struct Made {
    pub repository: String,
    pub tag: String,
    /// Digests and bytes: the config first.
    pub blobs: Vec<(String, Bytes)>,
    pub manifest: Bytes,
}

/// Bytes that nothing compresses and no two seeds share.
pub fn noise(seed: u64, length: usize) -> Bytes {
    // SplitMix64 of Steele, Lea and Flood.
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x5851_f42d_4c95_7f2d);
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend((mixed ^ (mixed >> 31)).to_le_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

impl Made {
    /// A plain artifact: a config of 512 bytes, a layer of `layer` bytes, distinct for each seed.
    pub fn plain(repository: &str, seed: u64, layer: usize) -> Self {
        let config = format!("{:<512}", json!({ "seed": seed, "in": repository }).to_string());
        let salted = seed.wrapping_add(u64::from(crc(repository)) << 32);
        let blobs =
            [Bytes::from(config), noise(salted, layer)].map(|bytes| (Digest::sha256(&bytes).to_string(), bytes));
        let descriptor = |media_type: &str, (digest, bytes): &(String, Bytes)| json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() });
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.example.config.v1+json", &blobs[0]),
            "layers": [descriptor("application/octet-stream", &blobs[1])],
        });
        let manifest = manifest.to_string().into();
        Self { repository: repository.to_owned(), tag: format!("v{seed}"), blobs: blobs.into(), manifest }
    }

    /// A skill with a title and a text.
    pub fn skill(name: &str, title: &str, text: &str) -> Self {
        let description = Some(format!("About {title}"));
        let about = About { title: Some(title.to_owned()), description, ..About::default() };
        Self::version(&name.parse().expect("a name"), "1.0.0", about, &format!("# {title}\n\n{text}\n"))
    }

    /// A version of a skill with its text.
    pub fn version(name: &Name, version: &str, about: About, text: &str) -> Self {
        let content = Bytes::from(text.to_owned());
        let file = File { path: "SKILL.md".parse().expect("a path"), executable: false, content };
        let tree = Tree::new(vec![file]).expect("a tree");
        let config = Config {
            schema: CONFIG_SCHEMA,
            name: name.slug().to_owned(),
            version: version.parse().expect("a version"),
            kind: Kind::Skill,
            about,
            primary: Primary { file: "SKILL.md".into(), declaration: None },
            source: None,
            tree: tree.digest(),
        };
        let packed = pack::pack(&tree, &config).expect("it can be packed");
        let blobs = [&packed.config, &packed.layer].map(|blob| (blob.digest.to_string(), blob.content.clone()));
        Self {
            repository: name.repository().to_string(),
            tag: version.to_owned(),
            blobs: blobs.into(),
            manifest: packed.manifest.content,
        }
    }
}

/// A number that differs between the few repositories of a run.
fn crc(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Titles and texts of the corpus, if it is there.
pub fn corpus_texts() -> Option<Vec<(String, String)>> {
    let folder = corpus::folder()?;
    let mut texts = Vec::new();
    for line in corpus::index(&folder) {
        let (Some(path), Some(title)) = (line["path"].as_str(), line["name"].as_str()) else { continue };
        let file = folder.join(path);
        // A file of many prompts is not the text of one.
        let text = match std::fs::read_to_string(&file) {
            Ok(text) if file.extension().is_some_and(|kind| kind == "md") => text,
            _ => line["description"].as_str().unwrap_or_default().to_owned(),
        };
        let end = text.floor_char_boundary(16 << 10);
        texts.push((title.to_owned(), text[..end].to_owned()));
    }
    (!texts.is_empty()).then_some(texts)
}
