//! What one artifact is about: picks its main file and reads it.

use crate::domain::{File, Kind, Tree};

use super::finding::Finding;
use super::language::PclFile;
use super::{agent_json, agent_yaml, markdown, paths};

/// Reads one artifact as it is pushed: its main file is `SKILL.md`, else the only `.pcl` file, else what `pcl.json` calls
/// `main`, else the `.pcl` file that declares what is asked for, else the only Markdown, YAML or JSON file, else a readme,
/// else the first file. Never fails.
///
/// `hint` is the kind if it is known. `declaration` chooses one of several declarations in a PCL file; without it the first
/// of the hinted kind is taken, else the first.
pub fn read_tree(tree: &Tree, hint: Option<Kind>, declaration: Option<&str>) -> Finding {
    let (main, note) = primary(tree.files(), declaration);
    let Some(main) = main else {
        let mut finding = Finding::new(hint.unwrap_or(Kind::Persona), "");
        finding.note(0, "the artifact has no files");
        return finding.finish("empty");
    };
    let mut finding = read_file(main.path.as_str(), &main.content, hint, declaration);
    if let Some(note) = note {
        finding.note(0, note);
    }
    finding
}

/// Reads one file as an artifact of its own, by its extension.
pub(super) fn read_file(path: &str, bytes: &[u8], hint: Option<Kind>, declaration: Option<&str>) -> Finding {
    let folder = || hint.or_else(|| paths::kind_of_folder(path));
    match paths::extension(path).as_str() {
        "pcl" => PclFile::read(path, bytes).choose(declaration, hint),
        "json" => agent_json::read(path, bytes, folder()),
        "yaml" | "yml" => agent_yaml::read(path, bytes, hint),
        "md" | "markdown" | "mdx" | "txt" => markdown::read(path, bytes, markdown_kind(path, hint)),
        _ => {
            let kind = folder().unwrap_or(Kind::Persona);
            let mut finding = Finding::new(kind, path);
            finding.note(
                0,
                format!("files like {:?} say nothing of themselves; it is kept as a {kind}", paths::file_name(path)),
            );
            finding.finish(paths::stem(path))
        }
    }
}

/// `SKILL.md` is a skill wherever it lies; `system.md` a persona unless its folder says otherwise.
pub(super) fn markdown_kind(path: &str, hint: Option<Kind>) -> Option<Kind> {
    if paths::is_skill_file(path) {
        return hint.or(Some(Kind::Skill));
    }
    let system = (paths::file_name(path) == "system.md").then_some(Kind::Persona);
    hint.or_else(|| paths::kind_of_folder(path)).or(system)
}

fn primary<'t>(files: &'t [File], declaration: Option<&str>) -> (Option<&'t File>, Option<String>) {
    let skills = files.iter().filter(|file| paths::is_skill_file(file.path.as_str()));
    if let Some(skill) = skills.min_by_key(|file| depth(file)) {
        return (Some(skill), None);
    }
    let sources = with_extension(files, &["pcl"]);
    match sources.as_slice() {
        [] => {}
        [only] => return (Some(only), None),
        several => return choose_source(files, several, declaration),
    }
    for extensions in [&["md", "markdown", "mdx"][..], &["yaml", "yml"], &["json"], &["txt"]] {
        let candidates = with_extension(files, extensions);
        let telling = candidates.iter().filter(|file| !paths::is_housekeeping(file.path.as_str()));
        match telling.copied().collect::<Vec<_>>().as_slice() {
            [] => {}
            [only] => return (Some(only), None),
            [first, ..] => {
                let note = format!("several files could be the main one; {:?} was taken", first.path.as_str());
                return (Some(first), Some(note));
            }
        }
    }
    let readme = files.iter().find(|file| paths::stem(file.path.as_str()).eq_ignore_ascii_case("readme"));
    (readme.or_else(|| files.first()), None)
}

/// One of several PCL files.
fn choose_source<'t>(
    files: &'t [File],
    sources: &[&'t File],
    declaration: Option<&str>,
) -> (Option<&'t File>, Option<String>) {
    let manifest = files.iter().filter(|file| file.path.file_name() == "pcl.json").min_by_key(|file| depth(file));
    let manifest =
        manifest.and_then(|file| Some((file, serde_json::from_slice::<serde_json::Value>(&file.content).ok()?)));
    let main = manifest.and_then(|(file, json)| {
        let main = json.get("main")?.as_str()?.trim_start_matches("./").to_owned();
        let folder = paths::folder(file.path.as_str());
        let path = if folder.is_empty() { main } else { format!("{folder}/{main}") };
        files.iter().find(|file| file.path.as_str() == path)
    });
    let declares = |file: &File, name: &str| PclFile::read(file.path.as_str(), &file.content).has(name);
    let asked = declaration.and_then(|name| sources.iter().find(|file| declares(file, name)).copied());
    if let Some(file) = asked.or(main) {
        return (Some(file), None);
    }
    let named = |file: &&&File| matches!(paths::stem(file.path.as_str()), "main" | "index");
    let file = sources.iter().find(named).or(sources.first()).copied();
    let note = file.map(|file| format!("several PCL files could be the main one; {:?} was taken", file.path.as_str()));
    (file, note)
}

fn depth(file: &File) -> usize {
    file.path.as_str().matches('/').count()
}

/// Files with one of these extensions, those nearest to the top first.
fn with_extension<'t>(files: &'t [File], extensions: &[&str]) -> Vec<&'t File> {
    let has = |file: &&File| extensions.contains(&paths::extension(file.path.as_str()).as_str());
    let mut found: Vec<&File> = files.iter().filter(has).collect();
    found.sort_by_key(|file| depth(file));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn check(files: &[(&str, &str)], declaration: Option<&str>, main: &str, title: &str) {
        let file = |(path, content): &(&str, &str)| File {
            path: path.parse().unwrap(),
            executable: false,
            content: Bytes::from((*content).to_owned()),
        };
        let tree = Tree::new(files.iter().map(file).collect()).unwrap();
        let finding = read_tree(&tree, None, declaration);
        assert_eq!((finding.primary.file.as_str(), finding.title.as_str()), (main, title));
        assert_eq!(finding.about.title.as_deref(), Some(title));
    }

    #[test]
    fn the_main_file_is_found() {
        check(&[("SKILL.md", "---\nname: a\n---\n"), ("x.pcl", "persona X {}")], None, "SKILL.md", "a");
        check(&[("README.md", "# R"), ("x.pcl", "persona X {}")], None, "x.pcl", "X");
        let two =
            [("a.pcl", "persona A {}"), ("b.pcl", "persona B {}\npersona C {}"), ("pcl.json", r#"{"main":"./b.pcl"}"#)];
        check(&two, None, "b.pcl", "B");
        check(&two, Some("C"), "b.pcl", "C");
        check(&two[..2], None, "a.pcl", "A");
        check(&[("README.md", "# R"), ("helper.md", "# Helper")], None, "helper.md", "Helper");
        check(&[("README.md", "# R"), ("run.sh", "x")], None, "README.md", "R");
        check(&[("team.yaml", "agents: {a: {}, b: {}}"), ("LICENSE", "x")], None, "team.yaml", "team");
        check(&[("data.bin", "\0")], None, "data.bin", "data.bin");
        check(&[], None, "", "empty");
    }
}
