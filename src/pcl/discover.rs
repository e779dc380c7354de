//! Finds the artifacts in a folder, a corpus or a single file.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::domain::{File, Kind, Primary, Source, Tree};

use super::finding::{Discovery, Finding, Found, LeftOut};
use super::language::PclFile;
use super::tree::{markdown_kind, read_file};
use super::{agent_json, agent_yaml, front_matter, markdown, older_pack, older_registry, paths, prompts};

/// Groups files into artifacts. Every file is part of an artifact, or is named in `left_out` with the reason.
///
/// - A folder with `SKILL.md` is one skill with all files below it, but for skill folders within, which are their own. Its
///   source is the folder's path, `.` at the top.
/// - A PCL file gives one artifact a declaration, each with the whole file; the source's item is the identifier.
/// - A CSV file with columns `act` and `prompt` gives one persona a row; the item is the row, from 1.
/// - Markdown, and agents in JSON or YAML, give one artifact a file.
/// - Files of the older TypeScript registry, and its packs, give one artifact an entry and version; the item is the entry's id.
///
/// A file that stands alone is an artifact whatever it is. The order of `files` does not matter.
pub fn discover(files: &[File]) -> Discovery {
    let mut sorted: Vec<&File> = files.iter().collect();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    let skills: HashSet<&str> = sorted
        .iter()
        .map(|file| file.path.as_str())
        .filter(|path| paths::is_skill_file(path))
        .map(paths::folder)
        .collect();
    let mut folders: BTreeMap<&str, Vec<&File>> = BTreeMap::new();
    let mut rest: Vec<&File> = Vec::new();
    for file in sorted {
        match skill_folder(file.path.as_str(), &skills) {
            Some(folder) => folders.entry(folder).or_default().push(file),
            None => rest.push(file),
        }
    }
    let mut discovery = Discovery::default();
    for (folder, files) in folders {
        skill(folder, &files, &mut discovery);
    }
    let by_path: HashMap<&str, &File> = rest.iter().map(|file| (file.path.as_str(), *file)).collect();
    let alone = files.len() == 1;
    for file in &rest {
        let before = discovery.found.len() + discovery.left_out.len();
        loose_file(file, &by_path, alone, &mut discovery);
        let path = file.path.as_str();
        if before == discovery.found.len() + discovery.left_out.len() && !sibling_of_system(path, &by_path) {
            leave_out(&mut discovery, path, "it has no entries");
        }
    }
    discovery.found.sort_by(|a, b| a.finding.source.path.cmp(&b.finding.source.path));
    discovery.left_out.sort_by(|a, b| a.path.cmp(&b.path));
    discovery
}

/// The nearest folder with a `SKILL.md` above a file.
fn skill_folder<'p>(path: &'p str, skills: &HashSet<&str>) -> Option<&'p str> {
    let mut folder = paths::folder(path);
    loop {
        if skills.contains(folder) {
            return Some(folder);
        }
        if folder.is_empty() {
            return None;
        }
        folder = paths::folder(folder);
    }
}

fn skill(folder: &str, files: &[&File], into: &mut Discovery) {
    let prefix = if folder.is_empty() { 0 } else { folder.len() + 1 };
    let mut relative = Vec::with_capacity(files.len());
    for file in files {
        match file.path.as_str()[prefix..].parse() {
            Ok(path) => relative.push(File { path, ..(*file).clone() }),
            Err(error) => leave_out(into, file.path.as_str(), &error.to_string()),
        }
    }
    let main = relative.iter().find(|file| paths::is_skill_file(file.path.as_str())).cloned();
    let Some(main) = main else { return };
    let path = if folder.is_empty() { "." } else { folder };
    let name = if folder.is_empty() { "skill" } else { paths::file_name(folder) };
    let mut finding = markdown::read(main.path.as_str(), &main.content, Some(Kind::Skill));
    if finding.identifier.is_empty() && front_matter::split(&String::from_utf8_lossy(&main.content)).is_none() {
        finding.note(0, format!("it gives no name; its folder is called {name:?}"));
    } else if !finding.identifier.is_empty() && !folder.is_empty() && finding.identifier != name {
        finding.note(1, format!("its name is {:?}, its folder is called {name:?}", finding.identifier));
    }
    if finding.title == "SKILL" || finding.title.is_empty() {
        finding.set_title(name);
        finding.about.title = Some(finding.title.clone());
    }
    finding.source = Source { path: path.to_owned(), item: None };
    add(finding, relative, into);
}

fn loose_file(file: &File, others: &HashMap<&str, &File>, alone: bool, into: &mut Discovery) {
    let path = file.path.as_str();
    let folder = paths::kind_of_folder(path);
    match paths::extension(path).as_str() {
        "pcl" => {
            for finding in PclFile::read(path, &file.content).findings(None) {
                add_file(finding, file, into);
            }
        }
        "csv" if prompts::is_table(&file.content) => prompts::discover(path, &file.content, into),
        "json" => json(file, &file.content, folder, alone, into),
        "gz" => match older_registry::gunzip(&file.content) {
            Ok(unpacked) => json(file, &unpacked, folder, alone, into),
            Err(why) => leave_out(into, path, &why),
        },
        "yaml" | "yml" if alone || agent_yaml::is_agent(&file.content) => single(file, None, into),
        "md" | "markdown" | "mdx" => {
            let front = front_matter::split(&String::from_utf8_lossy(&file.content)).is_some();
            match (sibling_of_system(path, others), paths::is_housekeeping(path) && !front) {
                (true, _) => {}
                (false, true) if !alone => leave_out(into, path, "it is about its folder, not an artifact"),
                _ => markdown_file(file, others, into),
            }
        }
        "txt" if folder.is_some() && !paths::is_housekeeping(path) => single(file, folder, into),
        _ if alone => single(file, None, into),
        _ => leave_out(into, path, "nothing in it is known to be an artifact, and no skill's folder holds it"),
    }
}

/// `user.md` beside `system.md` is part of that prompt.
fn sibling_of_system(path: &str, others: &HashMap<&str, &File>) -> bool {
    paths::file_name(path) == "user.md" && others.contains_key(beside(path, "system.md").as_str())
}

fn beside(path: &str, name: &str) -> String {
    match paths::folder(path) {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}

fn markdown_file(file: &File, others: &HashMap<&str, &File>, into: &mut Discovery) {
    let path = file.path.as_str();
    let finding = read_file(path, &file.content, markdown_kind(path, None), None);
    let user = (paths::file_name(path) == "system.md").then(|| others.get(beside(path, "user.md").as_str())).flatten();
    match user.and_then(|user| Some(File { path: "user.md".parse().ok()?, ..(*user).clone() })) {
        Some(user) => add_files(finding, file, vec![user], into),
        None => add_file(finding, file, into),
    }
}

fn json(file: &File, bytes: &[u8], folder: Option<Kind>, alone: bool, into: &mut Discovery) {
    let path = file.path.as_str();
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let has = |word: &[u8]| text.windows(word.len()).any(|window| window == word);
    match serde_json::from_slice::<serde_json::Value>(text) {
        Ok(value) if older_pack::is_pack(&value) => older_pack::discover(path, &value, folder, into),
        Ok(value) if older_registry::is_registry(&value) => older_registry::discover(path, &value, folder, into),
        Ok(value) if agent_json::is_agent(&value) => single(file, folder, into),
        // Half an agent is still somebody's agent.
        Err(_) if has(b"\"systemRole\"") || has(b"\"meta\"") => single(file, folder, into),
        Err(error) if has(b"\"artifacts\"") && !alone => {
            leave_out(into, path, &format!("it looks like a registry but is not valid JSON: {error}"))
        }
        _ if alone => single(file, folder, into),
        _ => leave_out(into, path, "it is no agent and no registry"),
    }
}

fn single(file: &File, hint: Option<Kind>, into: &mut Discovery) {
    add_file(read_file(file.path.as_str(), &file.content, hint, None), file, into);
}

fn add_file(finding: Finding, file: &File, into: &mut Discovery) {
    add_files(finding, file, Vec::new(), into);
}

/// Adds an artifact whose main file lies at its top, with others beside it.
fn add_files(mut finding: Finding, file: &File, mut files: Vec<File>, into: &mut Discovery) {
    let name = file.path.file_name();
    let Ok(path) = name.parse() else {
        return leave_out(into, file.path.as_str(), "its name is none that an artifact may hold");
    };
    files.push(File { path, ..file.clone() });
    finding.source.path = file.path.as_str().to_owned();
    finding.primary = Primary { file: name.to_owned(), ..finding.primary };
    for diagnostic in &mut finding.about.diagnostics {
        diagnostic.file = name.to_owned();
    }
    add(finding, files, into);
}

fn add(finding: Finding, files: Vec<File>, into: &mut Discovery) {
    match Tree::new(files) {
        Ok(tree) => into.found.push(Found { finding, tree }),
        Err(error) => leave_out(into, &finding.source.path, &error.to_string()),
    }
}

fn leave_out(into: &mut Discovery, path: &str, why: &str) {
    into.left_out.push(LeftOut { path: path.to_owned(), item: None, why: why.to_owned() });
}
