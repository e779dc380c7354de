//! Where artifacts are installed: the project's own folder, or the folders that an agent reads (`docs/install.md`, "Targets").

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::{Config, Kind, Name, Tree, TreePath};
use crate::resolve::Locked;

/// Who reads what is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// Any program: every artifact, by its full name.
    Modules,
    /// Claude Code.
    Claude,
    /// Codex, and whatever else reads the shared folder `.agents`.
    Codex,
    /// GitHub Copilot.
    Copilot,
    /// Cursor.
    Cursor,
    /// Gemini CLI.
    Gemini,
    /// OpenCode.
    Opencode,
}

impl Target {
    /// All, in the order in which they are written.
    pub const ALL: [Self; 7] =
        [Self::Modules, Self::Claude, Self::Codex, Self::Copilot, Self::Cursor, Self::Gemini, Self::Opencode];

    /// The name, in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Modules => "modules",
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Copilot => "copilot",
            Self::Cursor => "cursor",
            Self::Gemini => "gemini",
            Self::Opencode => "opencode",
        }
    }

    /// Its folder, relative to the project.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Modules => "pcl_modules",
            Self::Claude => ".claude",
            Self::Codex => ".agents",
            Self::Copilot => ".github",
            Self::Cursor => ".cursor",
            Self::Gemini => ".gemini",
            Self::Opencode => ".opencode",
        }
    }

    /// Whether it reads a persona from a Markdown file below `agents`.
    const fn reads_agents(self) -> bool {
        matches!(self, Self::Claude | Self::Cursor)
    }

    /// What of a package can be placed, by its kind alone. `Err`: why nothing is.
    pub(super) fn takes(self, kind: Kind) -> Result<(), String> {
        match kind {
            _ if self == Self::Modules => Ok(()),
            Kind::Skill => Ok(()),
            Kind::Persona if self.reads_agents() => Ok(()),
            _ => Err(format!("{} reads no {kind}", self.as_str())),
        }
    }

    /// Where a package goes, relative to the target's folder, unless its content is nothing for this target: then why.
    /// `clashing` are slugs that several packages have.
    pub(super) fn place(self, name: &Name, artifact: &Artifact, clashing: &BTreeSet<String>) -> Result<Place, String> {
        self.takes(artifact.kind)?;
        let path = |text: String| text.parse::<TreePath>().map_err(|error| error.to_string());
        // Two organisations may have skills of one slug; an agent's folder holds one.
        let own = match clashing.contains(name.slug()) {
            true => format!("{}-{}", name.org(), name.slug()),
            false => name.slug().to_owned(),
        };
        if self == Self::Modules {
            return Ok(Place { at: path(name.to_string())?, only: None });
        }
        if artifact.kind == Kind::Skill {
            return match artifact.tree.get("SKILL.md") {
                Some(_) => Ok(Place { at: path(format!("skills/{own}"))?, only: None }),
                None => Err(format!("it has no SKILL.md, and {} reads nothing else", self.as_str())),
            };
        }
        let primary = artifact.primary().ok_or_else(|| "it has no file that says what it is".to_owned())?;
        let text = artifact.tree.get(primary.as_str()).map(|file| &file.content[..]).unwrap_or_default();
        if !primary.as_str().ends_with(".md") || !has_front_matter(text) {
            let why =
                format!("{primary} is no Markdown with name and description in front, and {} reads", self.as_str());
            return Err(format!("{why} nothing else"));
        }
        Ok(Place { at: path(format!("agents/{own}.md"))?, only: Some(primary) })
    }

    /// Slugs that several of these packages have.
    pub(super) fn clashing(packages: &BTreeMap<Name, Locked>) -> BTreeSet<String> {
        let mut seen: BTreeMap<(&str, Kind), usize> = BTreeMap::new();
        for (name, package) in packages {
            *seen.entry((name.slug(), package.kind)).or_default() += 1;
        }
        seen.into_iter().filter(|(_, count)| *count > 1).map(|((slug, _), _)| slug.to_owned()).collect()
    }
}

impl std::str::FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|target| target.as_str() == text).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|target| target.as_str()).collect();
            format!("{text:?} is not a target: expected one of {}", names.join(", "))
        })
    }
}

/// Where a package is placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Relative to the target's folder.
    pub at: TreePath,
    /// The one file that is placed; `None`: all, as a folder.
    pub only: Option<TreePath>,
}

/// A verified artifact.
#[derive(Clone, Debug)]
pub(super) struct Artifact {
    pub kind: Kind,
    pub tree: Tree,
    pub config: Option<Config>,
}

impl Artifact {
    /// The file that says what it is: as its config has it, else the only Markdown file.
    fn primary(&self) -> Option<TreePath> {
        if let Some(config) = &self.config {
            return config.primary.file.parse().ok();
        }
        let mut markdown = self.tree.files().iter().filter(|file| file.path.as_str().ends_with(".md"));
        let only = markdown.next()?;
        markdown.next().is_none().then(|| only.path.clone())
    }
}

/// Whether a Markdown file begins with what agents ask for: `---`, a name, a description, `---`.
fn has_front_matter(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    if lines.next().map(str::trim_end) != Some("---") {
        return false;
    }
    let front: Vec<&str> = lines.take_while(|line| line.trim_end() != "---").collect();
    ["name:", "description:"].iter().all(|key| front.iter().any(|line| line.starts_with(key)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::File;
    use bytes::Bytes;

    fn artifact(kind: Kind, path: &str, text: &'static str) -> Artifact {
        let content = Bytes::from_static(text.as_bytes());
        let file = File { path: path.parse().unwrap(), executable: false, content };
        Artifact { kind, tree: Tree::new(vec![file]).unwrap(), config: None }
    }

    #[test]
    fn each_target_takes_what_its_agent_reads() {
        const FRONT: &str = "---\nname: x\ndescription: y\n---\nDo.";
        let clashing = BTreeSet::from(["twice".to_owned()]);
        for (target, kind, name, path, text, expected) in [
            (Target::Modules, Kind::Team, "a/x", "x.pcl", "", Ok("a/x")),
            (Target::Modules, Kind::Skill, "a/twice", "SKILL.md", "", Ok("a/twice")),
            (Target::Claude, Kind::Skill, "a/x", "SKILL.md", FRONT, Ok("skills/x")),
            (Target::Claude, Kind::Skill, "a/twice", "SKILL.md", FRONT, Ok("skills/a-twice")),
            (Target::Claude, Kind::Skill, "a/x", "x.skill.pcl", "", Err("it has no SKILL.md")),
            (Target::Claude, Kind::Persona, "a/x", "who.md", FRONT, Ok("agents/x.md")),
            (Target::Claude, Kind::Persona, "a/x", "who.md", "---\nname: x\n---\ndescription: y", Err("who.md is no")),
            (Target::Claude, Kind::Persona, "a/x", "who.pcl", FRONT, Err("it has no file that says")),
            (Target::Codex, Kind::Persona, "a/x", "who.md", FRONT, Err("codex reads no persona")),
            (Target::Cursor, Kind::Workflow, "a/x", "x.pcl", "", Err("cursor reads no workflow")),
        ] {
            let place = target.place(&name.parse().unwrap(), &artifact(kind, path, text), &clashing);
            match (place, expected) {
                (Ok(place), Ok(at)) => assert_eq!(place.at.as_str(), at, "{target:?} {kind}"),
                (Err(why), Err(begins)) => assert!(why.starts_with(begins), "{target:?} {kind}: {why}"),
                (found, expected) => panic!("{target:?} {kind}: {found:?}, expected {expected:?}"),
            }
        }
    }

    #[test]
    fn targets_are_read_as_they_are_written() {
        for target in Target::ALL {
            assert_eq!(target.as_str().parse(), Ok(target));
        }
        let folders: BTreeSet<&str> = Target::ALL.iter().map(|target| target.folder()).collect();
        assert_eq!(folders.len(), Target::ALL.len(), "each has a ledger of its own");
    }
}
