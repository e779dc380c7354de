//! What a path says about the file that it names.

use crate::domain::Kind;

/// The last component.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Everything before the last `/`; empty at the top.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The file name without its extensions: `python-expert` of `a/python-expert.skill.pcl`.
pub(super) fn stem(path: &str) -> &str {
    let name = file_name(path);
    let mut stem = name;
    for extension in [
        "gz", "pcl", "md", "markdown", "mdx", "json", "yaml", "yml", "csv", "txt", "skill", "persona", "team",
        "workflow",
    ] {
        if let Some(shorter) = stem.strip_suffix(extension).and_then(|stem| stem.strip_suffix('.')) {
            stem = shorter;
        }
    }
    if stem.is_empty() { name } else { stem }
}

/// The extension in lower case; empty if there is none.
pub(super) fn extension(path: &str) -> String {
    let name = file_name(path);
    name.rsplit_once('.')
        .filter(|(stem, _)| !stem.is_empty())
        .map_or_else(String::new, |(_, end)| end.to_ascii_lowercase())
}

pub(super) fn is_skill_file(path: &str) -> bool {
    file_name(path).eq_ignore_ascii_case("SKILL.md")
}

/// The kind in a name such as `python-expert.skill.pcl`.
pub(super) fn kind_of_name(path: &str) -> Option<Kind> {
    file_name(path).split('.').rev().skip(1).find_map(|part| part.parse().ok())
}

/// The kind that the nearest telling folder of a path gives what lies below it.
pub(super) fn kind_of_folder(path: &str) -> Option<Kind> {
    folder(path).split('/').rev().find_map(|folder| match folder.to_ascii_lowercase().as_str() {
        "commands" | "workflows" => Some(Kind::Workflow),
        "agents" | "subagents" | "personas" | "prompts" => Some(Kind::Persona),
        "skills" => Some(Kind::Skill),
        "teams" => Some(Kind::Team),
        _ => None,
    })
}

/// Whether a file is about the folder it lies in rather than an artifact: licences, readmes, change logs and the like.
pub(super) fn is_housekeeping(path: &str) -> bool {
    const NAMES: [&str; 14] = [
        "readme",
        "license",
        "licence",
        "licenses",
        "copying",
        "notice",
        "authors",
        "contributors",
        "contributing",
        "changelog",
        "code_of_conduct",
        "codeowners",
        "unlicense",
        "third_party_notices",
    ];
    // Words that also name agents and commands: only in capitals are they about the folder.
    const LOUD: [&str; 5] = ["SECURITY", "SUPPORT", "GOVERNANCE", "INSTALL", "MAINTAINERS"];
    let loud = LOUD.contains(&file_name(path).split('.').next().unwrap_or_default());
    let name = file_name(path).to_ascii_lowercase().replace('-', "_");
    // `README.zh-CN.md`, `LICENSE-MIT`: the first word tells.
    let head = name.split('.').next().unwrap_or_default();
    let licence = ["LICENSE-", "LICENCE-", "README-"].iter().any(|start| file_name(path).starts_with(start));
    name.starts_with('.') || loud || licence || NAMES.contains(&head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_tell() {
        assert_eq!(stem("a/python-expert.skill.pcl"), "python-expert");
        assert_eq!(stem("x/registry.json.gz"), "registry");
        assert_eq!(stem(".md"), ".md");
        assert_eq!(kind_of_name("a/python-expert.skill.pcl"), Some(Kind::Skill));
        assert_eq!(kind_of_name("a/skill.pcl"), Some(Kind::Skill));
        assert_eq!(kind_of_folder("plugin/commands/x.md"), Some(Kind::Workflow));
        assert_eq!(kind_of_folder("skills/a/agents/x.md"), Some(Kind::Persona));
        assert_eq!(kind_of_folder("x.md"), None);
        for path in ["README.md", "a/LICENSE", "LICENSE-MIT", "x/readme.zh-CN.md", ".gitignore"] {
            assert!(is_housekeeping(path), "{path}");
        }
        assert!(!is_housekeeping("agents/license-engineer.md") && !is_housekeeping("a/security-audit.md"));
        assert_eq!(extension("a.b/README"), "");
    }
}
