//! Makes `v2/` of a copied tree anew, out of its documents and its content: for a copy that came through a medium which keeps no
//! colons in names, or that was made without `v2/`.
//!
//! Promises that the old `v2/` stays until all of the new one is there, that no manifest gets into it which does not have its digest,
//! and that nothing outside of it changes. Nothing that documents say becomes a path but names and digests.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::cache::read;
use super::super::folder::{FilesError, failed};
use super::staging::{Put, Staging};
use crate::domain::public::{
    Medium, OciDocument, PUBLIC_DOCUMENT_MAX, PUBLIC_FORMAT, PackageDocument, Piece, PublicPath, RegistryDocument,
    RepositoryDocument, content_path, oci_tree, read_document,
};
use crate::domain::{Digest, Hasher, MANIFEST_READ_MAX, Name, Repository};

/// Where documents of packages lie.
const PACKAGES: &str = "index";
/// Where documents of other repositories lie.
const REPOSITORIES: &str = "repositories";
/// Folders below each other that are looked into: a repository has at most 200 characters.
const DEPTH_MAX: usize = 101;

/// Which content is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hashing {
    /// Manifests, which are put into `v2/`.
    Manifests,
    /// All that the documents name.
    Everything,
}

/// What was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rebuilt {
    /// Packages whose documents were read.
    pub packages: u64,
    /// Other repositories.
    pub repositories: u64,
    /// Files of `v2/`.
    pub files: u64,
    /// Blobs that are named, and there.
    pub blobs: u64,
    /// What is not as it should be; the rest was made.
    pub problems: Vec<Problem>,
}

/// Something of a copy that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The path below the folder.
    pub path: String,
    /// What is wrong with it.
    pub what: String,
}

/// Makes `v2/` in a folder that is a copy of a tree.
///
/// # Errors
/// [`FilesError::Absent`] if there is no `registry.json` in the folder; [`FilesError::Io`] where files cannot be read or written. The
/// old `v2/` is as it was then.
pub fn rebuild_tree(folder: &Path, hashing: Hashing, mut step: impl FnMut()) -> Result<Rebuilt, FilesError> {
    let registry = folder.join(PublicPath::Registry.path());
    let found = read(&registry, PUBLIC_DOCUMENT_MAX).map_err(failed("read", &registry))?;
    let found = found.ok_or_else(|| FilesError::Absent(registry.clone()))?;
    let is_ours = |document: RegistryDocument| document.format == PUBLIC_FORMAT;
    if !serde_json::from_slice(&found).is_ok_and(is_ours) {
        let why = "it is not that of a registry, or of a format that this release of pclr does not read";
        return Err(failed("read", &registry)(std::io::Error::new(ErrorKind::InvalidData, why)));
    }
    Building::new(folder, hashing)?.run(&mut step)
}

/// A new `v2/`, and what was found on the way.
struct Building<'a> {
    folder: &'a Path,
    staging: Staging<'a>,
    hashing: Hashing,
    seen: BTreeSet<Digest>,
    /// Manifests that are not there as they should be.
    bad: BTreeSet<Digest>,
    done: Rebuilt,
}

impl<'a> Building<'a> {
    fn new(folder: &'a Path, hashing: Hashing) -> Result<Self, FilesError> {
        let (staging, done) = (Staging::new(folder)?, Rebuilt::default());
        Ok(Self { folder, staging, hashing, seen: BTreeSet::new(), bad: BTreeSet::new(), done })
    }

    fn run(mut self, step: &mut impl FnMut()) -> Result<Rebuilt, FilesError> {
        for path in self.documents(PACKAGES, 2)? {
            let name = path.strip_suffix(".json").and_then(|path| path[PACKAGES.len() + 1..].parse::<Name>().ok());
            let Some(name) = name else { continue };
            let document = self.document(&path, |document: &PackageDocument| document.name == name)?;
            if let Some(document) = document {
                self.done.packages += 1;
                self.build(&name.repository(), &document.oci)?;
            }
            step();
        }
        for path in self.documents(REPOSITORIES, DEPTH_MAX)? {
            let name = path.strip_suffix("/_.json").and_then(|path| path.get(REPOSITORIES.len() + 1..));
            let Some(repository) = name.and_then(|name| name.parse::<Repository>().ok()) else { continue };
            let document = self.document(&path, |document: &RepositoryDocument| document.repository == repository)?;
            if let Some(document) = document {
                self.done.repositories += 1;
                self.build(&repository, &document.oci)?;
            }
            step();
        }
        self.staging.take_its_place()?;
        Ok(self.done)
    }

    /// Paths of files below a folder of the tree, with `/` between components, in their order. What begins with a dot belongs to others.
    fn documents(&self, below: &str, depth: usize) -> Result<Vec<String>, FilesError> {
        let (mut found, mut folders) = (Vec::new(), vec![(below.to_owned(), depth)]);
        while let Some((folder, depth)) = folders.pop() {
            let path = self.folder.join(&folder);
            let entries = match fs::read_dir(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                entries => entries.map_err(failed("read", &path))?,
            };
            for entry in entries {
                let entry = entry.map_err(failed("read", &path))?;
                let name = entry.file_name();
                let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
                let below = format!("{folder}/{name}");
                match entry.file_type().map_err(failed("read", &path))? {
                    kind if kind.is_dir() && depth > 1 => folders.push((below, depth - 1)),
                    kind if kind.is_file() && name.ends_with(".json") => found.push(below),
                    _ => {}
                }
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// A document, if it is one and speaks of what its path says.
    fn document<T: DeserializeOwned>(&mut self, at: &str, is_it: impl Fn(&T) -> bool) -> Result<Option<T>, FilesError> {
        let path = self.folder.join(at);
        let bytes = read(&path, PUBLIC_DOCUMENT_MAX).map_err(failed("read", &path))?.unwrap_or_default();
        match read_document::<T>(&bytes) {
            Ok(Some(document)) if !is_it(&document) => {
                self.problem(at, "it speaks of something else than its name says");
                Ok(None)
            }
            Ok(document) => Ok(document),
            Err(error) => {
                self.problem(at, &format!("it cannot be read: {error}"));
                Ok(None)
            }
        }
    }

    fn build(&mut self, repository: &Repository, document: &OciDocument) -> Result<(), FilesError> {
        for (at, (_, piece)) in oci_tree(repository, document, Medium::Files) {
            let put = match piece {
                Piece::Text(text) => self.staging.write(&at, text.as_bytes())?,
                Piece::Content(digest) => match self.staging.again(&at, &digest)? {
                    Some(put) => put,
                    None => match self.manifest(&digest)? {
                        Some(bytes) => self.staging.write_manifest(&at, digest, &bytes)?,
                        None => continue,
                    },
                },
            };
            match put {
                Put::Written => self.done.files += 1,
                Put::Taken => {
                    self.problem(
                        &at,
                        "a folder of another repository is in its place, or a file in that of its folder",
                    );
                }
            }
        }
        for manifest in &document.manifests {
            for digest in &manifest.blobs {
                self.check(digest)?;
            }
        }
        Ok(())
    }

    /// A manifest's bytes, if they are there and have its digest.
    fn manifest(&mut self, digest: &Digest) -> Result<Option<Vec<u8>>, FilesError> {
        if self.bad.contains(digest) {
            return Ok(None);
        }
        let at = content_path(digest);
        let path = self.folder.join(&at);
        let is_new = self.seen.insert(*digest);
        // A pipe or a device would never end.
        let problem = if fs::metadata(&path).is_ok_and(|found| !found.is_file()) {
            "it is no file"
        } else {
            match read(&path, MANIFEST_READ_MAX as u64).map_err(failed("read", &path))? {
                Some(bytes) if digest.matches(&bytes) => return Ok(Some(bytes)),
                Some(_) => "it does not have the digest that it is named by",
                None => "it is missing",
            }
        };
        self.bad.insert(*digest);
        if is_new {
            self.problem(&at, problem);
        }
        Ok(None)
    }

    /// Looks at content that a manifest names, once.
    fn check(&mut self, digest: &Digest) -> Result<(), FilesError> {
        if !self.seen.insert(*digest) {
            return Ok(());
        }
        let at = content_path(digest);
        let path = self.folder.join(&at);
        if fs::metadata(&path).is_ok_and(|found| !found.is_file()) {
            self.problem(&at, "it is no file");
            return Ok(());
        }
        let file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.problem(&at, "it is missing");
                return Ok(());
            }
            file => file.map_err(failed("read", &path))?,
        };
        if self.hashing == Hashing::Everything && hash(file, digest).map_err(failed("read", &path))? != *digest {
            self.problem(&at, "it does not have the digest that it is named by");
            return Ok(());
        }
        self.done.blobs += 1;
        Ok(())
    }

    fn problem(&mut self, path: &str, what: &str) {
        self.done.problems.push(Problem { path: path.to_owned(), what: what.to_owned() });
    }
}

fn hash(mut file: File, expected: &Digest) -> std::io::Result<Digest> {
    let mut hasher = Hasher::new(expected.algorithm());
    let mut part = vec![0; 256 << 10];
    loop {
        match file.read(&mut part)? {
            0 => return Ok(hasher.finish()),
            length => hasher.update(&part[..length]),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MANIFEST: &str =
        r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;

    fn write(folder: &Path, at: &str, bytes: &[u8]) {
        let path = folder.join(at);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// A copy with one repository, which has an index as `v1` that names a blob.
    fn copy() -> (tempfile::TempDir, Digest, Digest) {
        let folder = tempfile::tempdir().unwrap();
        let (manifest, blob) = (Digest::sha256(MANIFEST.as_bytes()), Digest::sha256(b"blob"));
        write(folder.path(), "registry.json", br#"{"format":1,"as_of":2,"packages":0}"#);
        let document = json!({"format": 1, "as_of": 2, "repository": "team/app", "oci": {
            "tags": {"v1": manifest},
            "manifests": [{"digest": manifest, "mediaType": "application/vnd.oci.image.index.v1+json", "size": MANIFEST.len(), "blobs": [blob]}],
        }});
        write(folder.path(), "repositories/team/app/_.json", document.to_string().as_bytes());
        write(folder.path(), &content_path(&manifest), MANIFEST.as_bytes());
        write(folder.path(), &content_path(&blob), b"blob");
        (folder, manifest, blob)
    }

    fn rebuilt(folder: &Path) -> Rebuilt {
        rebuild_tree(folder, Hashing::Everything, || {}).unwrap()
    }

    #[test]
    fn the_tree_is_made_anew_and_what_was_there_goes() {
        let (folder, manifest, _) = copy();
        write(folder.path(), "v2/gone/app/manifests/v1", b"old");
        write(folder.path(), ".v2.new/rest", b"of one that was interrupted");
        let done = rebuilt(folder.path());
        assert_eq!((done.packages, done.repositories, done.files, done.blobs), (0, 1, 5, 1));
        assert_eq!(done.problems, []);
        let manifests = folder.path().join("v2/team/app/manifests");
        for name in ["v1".to_owned(), "v1@index".to_owned(), manifest.to_string(), format!("{manifest}@index")] {
            assert_eq!(fs::read_to_string(manifests.join(&name)).unwrap(), MANIFEST, "{name}");
        }
        let tags = fs::read_to_string(folder.path().join("v2/team/app/tags/list")).unwrap();
        assert_eq!(tags, r#"{"name":"team/app","tags":["v1"]}"#);
        assert!(!folder.path().join("v2/gone").exists());
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().starts_with('.')), "{left:?}");
    }

    /// A stranger's document may have hundreds of thousands of tags on one manifest.
    #[cfg(unix)]
    #[test]
    fn many_names_of_a_manifest_are_one_file() {
        use std::os::unix::fs::MetadataExt as _;
        let (folder, manifest, _) = copy();
        let path = folder.path().join("repositories/team/app/_.json");
        let mut document: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let tags = (0..1000).map(|number| (format!("v{number}"), json!(manifest)));
        document["oci"]["tags"] = serde_json::Value::Object(tags.collect());
        fs::write(&path, document.to_string()).unwrap();
        assert_eq!(rebuilt(folder.path()).files, 2 * 1001 + 1);
        let found = fs::metadata(folder.path().join("v2/team/app/manifests/v999@index")).unwrap();
        assert_eq!(found.nlink(), 2 * 1001);
        assert_eq!(fs::metadata(folder.path().join(content_path(&manifest))).unwrap().nlink(), 1, "content is apart");
    }

    #[test]
    fn what_does_not_have_its_digest_does_not_get_in() {
        let (folder, manifest, blob) = copy();
        write(folder.path(), &content_path(&manifest), b"{}");
        fs::remove_file(folder.path().join(content_path(&blob))).unwrap();
        let done = rebuilt(folder.path());
        let problems: Vec<_> =
            done.problems.iter().map(|problem| (problem.path.clone(), problem.what.as_str())).collect();
        let expected = [
            (content_path(&manifest), "it does not have the digest that it is named by"),
            (content_path(&blob), "it is missing"),
        ];
        assert_eq!(problems, expected);
        assert!(!folder.path().join("v2/team/app/manifests").exists());
        write(folder.path(), &content_path(&blob), b"blub");
        assert_eq!(rebuilt(folder.path()).problems.len(), 2, "it is hashed");
        let quick = rebuild_tree(folder.path(), Hashing::Manifests, || {}).unwrap();
        assert_eq!(quick.problems.len(), 1, "unless nobody asks for it");
    }

    #[test]
    fn a_document_that_speaks_of_something_else_makes_nothing() {
        let (folder, ..) = copy();
        let path = folder.path().join("repositories/team/app/_.json");
        let text = fs::read_to_string(&path).unwrap();
        for other in [text.replace("team/app", "team/other"), text.replace("\"v1\"", "\"../../x\""), "[]".to_owned()] {
            fs::write(&path, other).unwrap();
            let done = rebuilt(folder.path());
            assert_eq!((done.files, done.problems.len()), (0, 1), "{:?}", done.problems);
        }
        fs::write(&path, r#"{"as_of":3,"gone":true}"#).unwrap();
        assert_eq!(rebuilt(folder.path()), Rebuilt::default(), "a tombstone");
    }

    #[test]
    fn a_folder_that_is_no_copy_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "v2/mine", b"mine");
        assert!(matches!(rebuild_tree(folder.path(), Hashing::Manifests, || {}), Err(FilesError::Absent(_))));
        write(folder.path(), "registry.json", b"[]");
        assert!(matches!(rebuild_tree(folder.path(), Hashing::Manifests, || {}), Err(FilesError::Io { .. })));
        assert!(folder.path().join("v2/mine").is_file());
    }
}
