//! What `docs/operations.md` says to type, and typing it.

use std::path::Path;
use std::process::Command;

use crate::inside::DataFolder;

/// The guide.
pub fn text() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    std::fs::read_to_string(path).expect("docs/operations.md is there")
}

/// The commands of the first block behind these words.
pub fn commands(behind: &str) -> Vec<String> {
    let text = text();
    let (_, rest) = text.split_once(behind).unwrap_or_else(|| panic!("the guide says {behind:?}"));
    let (_, block) = rest.split_once("```console\n").expect("it shows commands");
    let (block, _) = block.split_once("```").expect("the block ends");
    block.lines().filter_map(|line| line.strip_prefix("$ ")).map(str::to_owned).collect()
}

/// A shell that is to run a command in a place, with the program and what is in further folders at hand.
pub fn shell(place: &Path, command: &str, folders: &[&Path]) -> Command {
    let own = Path::new(env!("CARGO_BIN_EXE_pclr")).parent().expect("the program is in a folder");
    let folders: Vec<String> = folders.iter().chain([&own]).map(|folder| folder.display().to_string()).collect();
    let path = format!("{}:{}", folders.join(":"), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PCLR_")) {
        shell.env_remove(name);
    }
    shell.args(["-c", command]).current_dir(place).env("PATH", path);
    shell
}

/// Runs what must succeed.
pub fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Lets the folder be `pclr-data` in a place, as the guide calls it.
pub fn link(folder: &DataFolder, place: &Path) {
    let name = place.join("pclr-data");
    let _ = std::fs::remove_file(&name);
    std::os::unix::fs::symlink(folder.path(), name).unwrap();
}

/// The command that copies the database of SQLite.
const DATABASE: &str = "sqlite3 pclr-data/metadata.sqlite \".backup 'backup/metadata.sqlite'\"";

/// Runs the commands that copy a data folder, and something after each; `copy_database` takes the place of the one for its database.
pub async fn back_up(folder: &DataFolder, place: &Path, copy_database: impl Fn(&Path), after: impl AsyncFn(usize)) {
    link(folder, place);
    let mut copied_database = false;
    for (at, command) in commands("## Backup and restore\n").into_iter().enumerate() {
        if command.starts_with("sqlite3 ") {
            assert_eq!(command, DATABASE);
            copy_database(place);
            copied_database = true;
        } else {
            run(&mut shell(place, &command, &[]));
        }
        after(at).await;
    }
    assert!(copied_database);
}

/// Puts the copy of the store where that of the folder was.
pub fn restore_store(place: &Path, folder: &DataFolder) {
    let store = folder.path().join("store");
    if store.exists() {
        std::fs::remove_dir_all(&store).unwrap();
    }
    run(Command::new("cp").arg("-r").arg(place.join("backup/store")).arg(&store));
}
