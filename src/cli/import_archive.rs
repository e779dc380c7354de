//! A folder as a tar.gz in a temporary file, to be sent whole. Reads file by file, so a folder may be larger than memory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use anyhow::Context;
use flate2::Compression;
use flate2::write::GzEncoder;

/// A folder, packed. The file goes when this is dropped.
pub(super) struct Archive {
    pub(super) path: PathBuf,
    /// Files in it.
    pub(super) files: u64,
    /// Paths that are not in it, and why.
    pub(super) left_out: Vec<(PathBuf, &'static str)>,
}

impl Drop for Archive {
    fn drop(&mut self) {
        // The system clears its temporary folder; nothing depends on this.
        let _ = fs::remove_file(&self.path);
    }
}

/// Packs all plain files below `folder`. Links, devices and what version control keeps for itself are left out.
///
/// A skill's own folder goes in under its name, which the skill may have no other name than: it is then known by the same
/// source as when the folder above is imported.
pub(super) fn pack_folder(folder: &Path, step: impl Fn()) -> anyhow::Result<Archive> {
    let path = std::env::temp_dir().join(format!("pclr-import-{}.tar.gz", uuid::Uuid::now_v7().simple()));
    let file = OpenOptions::new().write(true).create_new(true).open(&path);
    let file = file.with_context(|| format!("cannot create {}", path.display()))?;
    let mut archive = Archive { path, files: 0, left_out: Vec::new() };
    // Speed before size: it goes over the line once.
    let gzip = GzEncoder::new(BufWriter::new(file), Compression::fast());
    let mut tar = tar::Builder::new(gzip);
    let inside = name_of_skill(folder).unwrap_or_default();
    let mut folders = vec![PathBuf::new()];
    while let Some(below) = folders.pop() {
        let mut entries: Vec<_> = fs::read_dir(folder.join(&below))
            .and_then(Iterator::collect::<io::Result<Vec<fs::DirEntry>>>)
            .with_context(|| format!("cannot read {}", folder.join(&below).display()))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let relative = below.join(entry.file_name());
            let kind = entry.file_type()?;
            match why_not(&relative, kind) {
                Some(why) => archive.left_out.push((relative, why)),
                None if kind.is_dir() => folders.push(relative),
                None => {
                    append(&mut tar, folder, &relative, &inside)
                        .with_context(|| format!("cannot pack {}", folder.join(&relative).display()))?;
                    archive.files += 1;
                    step();
                }
            }
        }
    }
    let finished = tar.into_inner().and_then(GzEncoder::finish).and_then(|file| Ok(file.into_inner()?));
    finished.with_context(|| format!("cannot write {}", archive.path.display()))?;
    Ok(archive)
}

fn why_not(relative: &Path, kind: fs::FileType) -> Option<&'static str> {
    let name = relative.file_name().and_then(|name| name.to_str());
    match name {
        None => Some("its name is not UTF-8"),
        Some(".git" | ".hg" | ".svn" | ".jj" | ".DS_Store" | "Thumbs.db") => Some("no part of the content"),
        Some(_) if kind.is_symlink() => Some("it is a link"),
        Some(_) if !kind.is_dir() && !kind.is_file() => Some("it is no plain file"),
        Some(_) => None,
    }
}

/// The folder's own name, if it is a skill.
fn name_of_skill(folder: &Path) -> Option<PathBuf> {
    let name = folder.join("SKILL.md").is_file().then(|| folder.canonicalize().ok())??;
    name.file_name()?.to_str().map(PathBuf::from)
}

fn append(tar: &mut tar::Builder<impl io::Write>, folder: &Path, relative: &Path, inside: &Path) -> io::Result<()> {
    let mut file = File::open(folder.join(relative))?;
    let metadata = file.metadata()?;
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(metadata.len());
    header.set_mode(if is_executable(&metadata) { 0o755 } else { 0o644 });
    tar.append_data(&mut header, inside.join(relative), &mut file)
}

#[cfg(unix)]
fn is_executable(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_plain_files_and_names_what_it_leaves_out() {
        let folder = tempfile::tempdir().unwrap();
        let deep = format!("{}/{}", "d".repeat(120), "写".repeat(60));
        for path in ["b.md", "a/x.md", ".git/HEAD", &deep] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "text").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join("link")).unwrap();
        let archive = pack_folder(folder.path(), || {}).unwrap();
        let mut reader = tar::Archive::new(flate2::read::GzDecoder::new(File::open(&archive.path).unwrap()));
        let mut found: Vec<String> =
            reader.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect();
        found.sort();
        assert_eq!(found, ["a/x.md", "b.md", &deep]);
        assert_eq!(archive.files, 3);
        assert_eq!(archive.left_out[0], (PathBuf::from(".git"), "no part of the content"));
        #[cfg(unix)]
        assert_eq!(archive.left_out[1], (PathBuf::from("link"), "it is a link"));

        let path = archive.path.clone();
        drop(archive);
        assert!(!path.exists());
    }
    #[test]
    fn the_folder_of_a_skill_keeps_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let skill = folder.path().join("tidy");
        fs::create_dir(&skill).unwrap();
        fs::write(skill.join("SKILL.md"), "Tidies up.").unwrap();
        let archive = pack_folder(&skill, || {}).unwrap();
        let mut reader = tar::Archive::new(flate2::read::GzDecoder::new(File::open(&archive.path).unwrap()));
        let paths: Vec<_> =
            reader.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().into_owned()).collect();
        assert_eq!(paths, [PathBuf::from("tidy/SKILL.md")]);
    }
}
