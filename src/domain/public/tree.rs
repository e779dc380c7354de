//! The part of `v2/` that a repository has, made of what its document says and of nothing else.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::media_type::OCI_INDEX;
use super::super::{Digest, Reference, Repository, Tag};
use super::{ManifestForm, OciDocument, OciManifest, PublicPath};

/// Where the tree lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// In files: they have no media types, and servers find blobs where content lies.
    Files,
    /// In objects that have media types of their own.
    Objects,
}

/// What file servers take for pages and programs. Some look at the last extension that they know, and not only at the last.
const ACTIVE: [&str; 36] = [
    "asp", "ashx", "aspx", "cfm", "cgi", "hta", "htm", "html", "jsp", "jspx", "mht", "mhtml", "phar", "php", "php3",
    "php4", "php5", "php7", "php8", "pht", "phtml", "pl", "py", "rb", "rdf", "sh", "shtm", "shtml", "svg", "svgz",
    "xht", "xhtm", "xhtml", "xml", "xsl", "xslt",
];

/// Whether a file of this name may be served as something that runs: a page with a manifest's words in it, on the address of the registry.
fn is_active(tag: &Tag) -> bool {
    let mut extensions = tag.as_str().split('.').skip(1);
    extensions.any(|extension| ACTIVE.iter().any(|active| extension.eq_ignore_ascii_case(active)))
}

/// What a document of `v2/` holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The bytes of this content.
    Content(Digest),
    /// These bytes.
    Text(String),
}

/// All documents that `v2/` has of a repository, by their paths below `public/`.
pub fn oci_tree(
    repository: &Repository,
    document: &OciDocument,
    medium: Medium,
) -> BTreeMap<String, (PublicPath, Piece)> {
    let mut tree = BTreeMap::new();
    let mut add = |path: PublicPath, piece| tree.insert(path.path(), (path, piece));
    if document.manifests.is_empty() {
        return tree;
    }
    let mut forms = BTreeMap::new();
    let mut referrers: BTreeMap<Digest, Vec<&OciManifest>> = BTreeMap::new();
    for manifest in &document.manifests {
        let Some(form) = ManifestForm::of(&manifest.media_type) else { continue };
        forms.insert(manifest.digest, form);
        if let Some(subject) = manifest.subject {
            referrers.entry(subject).or_default().push(manifest);
        }
        for digest in manifest.blobs.iter().filter(|_| medium == Medium::Objects) {
            let (repository, digest) = (repository.clone(), *digest);
            add(PublicPath::Blob { repository, digest }, Piece::Content(digest));
        }
    }
    let by_digest = forms.keys().map(|digest| (Reference::Digest(*digest), *digest));
    // In files a name is all that tells servers a type.
    let tags = document.tags.iter().filter(|(tag, _)| medium == Medium::Objects || !is_active(tag));
    let by_tag = tags.clone().map(|(tag, digest)| (Reference::Tag(tag.clone()), *digest));
    for (reference, digest) in by_digest.chain(by_tag) {
        // A tag on what is not here names nothing.
        let Some(&form) = forms.get(&digest) else { continue };
        let repository = repository.clone();
        if medium == Medium::Files && form.suffix().is_some() {
            let (repository, reference) = (repository.clone(), reference.clone());
            add(PublicPath::TypedManifest { repository, reference, form }, Piece::Content(digest));
        }
        add(PublicPath::Manifest { repository, reference, form }, Piece::Content(digest));
    }
    // OCI distribution 1.1, "Listing Tags": in the order of their bytes.
    let tags: Vec<_> = tags.filter(|(_, digest)| forms.contains_key(digest)).map(|(tag, _)| tag).collect();
    let tags = json!({ "name": repository, "tags": tags });
    add(PublicPath::TagList(repository.clone()), Piece::Text(tags.to_string()));
    for (subject, manifests) in referrers {
        let index = referrers_index(&manifests);
        add(PublicPath::Referrers { repository: repository.clone(), subject }, Piece::Text(index));
    }
    tree
}

/// OCI distribution 1.1, "Listing Referrers": an image index of descriptors, with `artifactType` and annotations copied from each manifest.
fn referrers_index(manifests: &[&OciManifest]) -> String {
    let descriptor = |manifest: &&OciManifest| {
        let mut descriptor =
            json!({ "mediaType": manifest.media_type, "digest": manifest.digest, "size": manifest.size });
        if let Some(artifact_type) = &manifest.artifact_type {
            descriptor["artifactType"] = json!(artifact_type);
        }
        if !manifest.annotations.is_empty() {
            descriptor["annotations"] = json!(manifest.annotations);
        }
        descriptor
    };
    let descriptors: Vec<Value> = manifests.iter().map(descriptor).collect();
    json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": descriptors }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::media_type::{OCI_INDEX, OCI_MANIFEST};

    fn manifest(seed: &str, media_type: &str, subject: Option<Digest>) -> OciManifest {
        OciManifest {
            digest: Digest::sha256(seed.as_bytes()),
            media_type: media_type.to_owned(),
            size: 2,
            artifact_type: None,
            subject,
            annotations: BTreeMap::new(),
            blobs: vec![Digest::sha256(b"{}")],
        }
    }

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Vectors {
        trees: Vec<Vector>,
        shards: Vec<ShardVector>,
    }

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Vector {
        case: String,
        repository: Repository,
        oci: OciDocument,
        files: BTreeMap<String, Value>,
        objects: BTreeMap<String, Value>,
    }

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct ShardVector {
        name: crate::domain::Name,
        shard: String,
    }

    #[test]
    fn every_vector_of_the_contract_holds() {
        let text = include_str!("../../../spec/vectors/static.json");
        let vectors: Vectors = serde_json::from_str(text).unwrap();
        assert!(vectors.trees.len() > 3 && vectors.shards.len() > 3);
        for vector in &vectors.trees {
            for (medium, expected) in [(Medium::Files, &vector.files), (Medium::Objects, &vector.objects)] {
                let tree = oci_tree(&vector.repository, &vector.oci, medium);
                let found = tree.into_iter().map(|(path, (_, piece))| match piece {
                    Piece::Content(digest) => (path, json!({ "content": digest })),
                    Piece::Text(text) => (path, json!({ "json": serde_json::from_str::<Value>(&text).unwrap() })),
                });
                assert_eq!(&found.collect::<BTreeMap<_, _>>(), expected, "{}, {medium:?}", vector.case);
            }
        }
        for vector in &vectors.shards {
            assert_eq!(super::super::Shard::of(&vector.name).as_str(), vector.shard, "{}", vector.name);
        }
    }

    #[test]
    fn tags_that_servers_would_take_for_pages_are_no_files() {
        let image = manifest("image", OCI_MANIFEST, None);
        let digest = image.digest;
        let kept = ["1.0.0", "html", "next.js", "v1.json", "x.htmlx"];
        let active = ["index.html", "x.HTML", "x.html.1", "logo.svg", "v1.xml", "x.php"];
        let tags = kept.iter().chain(&active).map(|tag| (tag.parse().unwrap(), digest)).collect();
        let document = OciDocument { tags, manifests: vec![image], removed: Vec::new() };
        let found = |medium| {
            let tree = oci_tree(&"acme/app".parse().unwrap(), &document, medium);
            let (_, Piece::Text(list)) = &tree["v2/acme/app/tags/list"] else { panic!("no list") };
            let list: Value = serde_json::from_str(list).unwrap();
            let listed = list["tags"].as_array().unwrap().len();
            let there = |tag: &&&str| tree.contains_key(&format!("v2/acme/app/manifests/{tag}"));
            let by_digest = tree.contains_key(&format!("v2/acme/app/manifests/{digest}"));
            (kept.iter().filter(there).count(), active.iter().filter(there).count(), listed, by_digest)
        };
        assert_eq!(found(Medium::Files), (5, 0, 5, true));
        assert_eq!(found(Medium::Objects), (5, 6, 11, true));
    }

    #[test]
    fn a_tree_has_all_that_clients_ask_for_and_nothing_else() {
        let repository: Repository = "acme/app".parse().unwrap();
        let image = manifest("image", OCI_MANIFEST, None);
        let index = manifest("index", OCI_INDEX, Some(image.digest));
        let tag = |tag: &str| tag.parse::<Tag>().unwrap();
        let tags = [(tag("v1"), image.digest), (tag("all"), index.digest), (tag("lost"), Digest::sha256(b"lost"))];
        let (one, two) = (image.digest, index.digest);
        let document =
            OciDocument { tags: tags.into_iter().collect(), manifests: vec![image, index], removed: Vec::new() };
        let mut expected = [
            format!("v2/acme/app/manifests/{one}"),
            format!("v2/acme/app/manifests/{two}"),
            "v2/acme/app/manifests/v1".to_owned(),
            "v2/acme/app/manifests/all".to_owned(),
            "v2/acme/app/tags/list".to_owned(),
            format!("v2/acme/app/referrers/{one}"),
        ];
        expected.sort();
        let paths = |medium| oci_tree(&repository, &document, medium).into_keys().collect::<Vec<_>>();
        let mut objects = expected.to_vec();
        objects.push(format!("v2/acme/app/blobs/{}", Digest::sha256(b"{}")));
        objects.sort();
        assert_eq!(paths(Medium::Objects), objects);
        let mut files = expected.to_vec();
        files.push(format!("v2/acme/app/manifests/{two}@index"));
        files.push("v2/acme/app/manifests/all@index".to_owned());
        files.sort();
        assert_eq!(paths(Medium::Files), files);
        let tree = oci_tree(&repository, &document, Medium::Files);
        let (_, Piece::Text(list)) = &tree["v2/acme/app/tags/list"] else { panic!("no list") };
        assert_eq!(list, r#"{"name":"acme/app","tags":["all","v1"]}"#, "a tag on what is not here names nothing");
        assert!(oci_tree(&repository, &OciDocument::default(), Medium::Objects).is_empty());
    }
}
