//! Real artifacts that others wrote: in the folder that `PCLR_CORPUS` names, else beside the project. Tests that need them
//! say that they are skipped where they are absent.

use std::path::{Path, PathBuf};

use pcl_registry::domain::File;

/// The corpus, if it is there.
pub fn folder() -> Option<PathBuf> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let folder = std::env::var_os("PCLR_CORPUS").map_or_else(default, PathBuf::from);
    let found = folder.join("INDEX.jsonl").is_file();
    if !found {
        eprintln!("SKIPPED: no corpus at {}; set PCLR_CORPUS to its folder", folder.display());
    }
    found.then_some(folder)
}

/// All files below a folder, with paths relative to it.
pub fn files(folder: &Path) -> Vec<File> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let relative = path.strip_prefix(folder).unwrap().to_str().unwrap();
            let content = std::fs::read(&path).unwrap().into();
            files.push(File { path: relative.parse().unwrap(), executable: false, content });
        }
    }
    files
}

/// The lines of its index.
pub fn index(folder: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(folder.join("INDEX.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
