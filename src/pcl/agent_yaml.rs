//! Agents and teams in YAML: a map `agents`, of which one makes a persona and several a team.

use serde_json::{Map, Value};

use crate::domain::{Declared, Dependency, DependencyType, Kind};

use super::finding::Finding;
use super::front_matter::FrontMatter;
use super::{markdown, paths};

/// Reads a YAML file. Never fails. Without a kind, the number of its agents decides.
pub(super) fn read(path: &str, bytes: &[u8], hint: Option<Kind>) -> Finding {
    let text = String::from_utf8_lossy(bytes);
    let yaml = FrontMatter::read(text.trim_start_matches('\u{feff}'));
    let mut agents = agents(&yaml.fields);
    let line = |name: &str| {
        let names = |line: &str| line.trim_end().strip_suffix(':').is_some_and(|key| key.trim() == name);
        text.lines().position(names).and_then(|line| u32::try_from(line + 1).ok()).unwrap_or(0)
    };
    // In the order of the file, which the map does not keep.
    agents.sort_by_cached_key(|(name, _)| line(name));
    let kind = hint.unwrap_or(match agents.len() {
        0 | 1 => Kind::Persona,
        _ => Kind::Team,
    });
    let mut finding = Finding::new(kind, path);
    if let Some(problem) = &yaml.problem {
        finding.note(1, problem.replace("front matter", "the file"));
    }
    if matches!(text, std::borrow::Cow::Owned(_)) {
        finding.note(0, "the file is not valid UTF-8; what is not was replaced for reading, and kept as it is");
    }
    let mut own = yaml.fields.clone();
    own.retain(|key, _| !matches!(key.as_str(), "agents" | "models" | "instruction" | "prompt" | "mcps" | "providers"));
    if let Some(Value::Object(metadata)) = own.get_mut("metadata") {
        metadata.remove("readme");
    }
    let version = yaml.version();
    markdown::take_fields(&mut finding, &own, version);
    take_agents(&mut finding, &agents, &yaml.fields);
    for (name, _) in &agents {
        finding.about.declares.push(Declared { kind: Kind::Persona, name: (*name).to_owned(), line: line(name) });
    }
    finding.finish(paths::stem(path))
}

/// Whether a text looks like an agent file, even if it cannot be parsed.
pub(super) fn is_agent(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| *byte == b'\n');
    lines.any(|line| line.starts_with(b"agents:"))
}

fn agents(fields: &Map<String, Value>) -> Vec<(&str, &Value)> {
    match fields.get("agents") {
        Some(Value::Object(agents)) => {
            agents.iter().take(AGENTS_MAX).map(|(name, agent)| (name.as_str(), agent)).collect()
        }
        _ => Vec::new(),
    }
}

/// Most agents of a file that are looked at.
const AGENTS_MAX: usize = 200;

/// The agent called `root` leads, else the first one.
fn take_agents(finding: &mut Finding, agents: &[(&str, &Value)], file: &Map<String, Value>) {
    let Some((_, lead)) = agents.iter().find(|(name, _)| *name == "root").or_else(|| agents.first()) else { return };
    let text = |key: &str| lead.get(key).and_then(Value::as_str);
    let about = &mut finding.about;
    if about.description.is_none() {
        about.description = text("description").or_else(|| text("instruction")).and_then(markdown::first_paragraph);
    }
    let model = text("model").map(|name| {
        let defined = file.get("models").and_then(|models| models.get(name));
        let part = |key: &str| defined.and_then(|model| model.get(key)).and_then(Value::as_str);
        match (part("provider"), part("model")) {
            (Some(provider), Some(model)) => format!("{provider}/{model}"),
            _ => name.to_owned(),
        }
    });
    about.capabilities.model = about.capabilities.model.take().or(model);
    if agents.len() > 1 {
        let members: Vec<&str> = agents.iter().map(|(name, _)| *name).collect();
        about.metadata.insert("members".to_owned(), members.into());
    }
    // Links to other agents, of this file or of a registry.
    for (_, agent) in agents {
        for key in ["sub_agents", "handoffs"] {
            let links = agent.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            about.dependencies.extend(links.map(|name| Dependency {
                name: name.to_owned(),
                kind: DependencyType::Member,
                range: None,
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_agent_is_a_persona_several_are_a_team() {
        let one =
            "agents:\n  root:\n    model: m\n    description: Says hello\nmodels:\n  m: {provider: p, model: q}\n";
        let finding = read("hello.yaml", one.as_bytes(), None);
        assert_eq!((finding.kind, finding.title.as_str()), (Kind::Persona, "hello"));
        assert_eq!(finding.about.description.as_deref(), Some("Says hello"));
        assert_eq!(finding.about.capabilities.model.as_deref(), Some("p/q"));

        let two =
            "agents:\n  root:\n    sub_agents: [b, acme/c]\n    description: Leads\n  b:\n    description: Helps\n";
        let finding = read("team.yaml", two.as_bytes(), None);
        assert_eq!(finding.kind, Kind::Team);
        let names: Vec<&str> = finding.about.dependencies.iter().map(|dependency| dependency.name.as_str()).collect();
        assert_eq!(names, ["b", "acme/c"]);
        assert_eq!(finding.about.declares.iter().map(|declared| declared.line).collect::<Vec<_>>(), [2, 5]);
    }

    #[test]
    fn broken_yaml_is_kept_with_a_diagnostic() {
        let finding = read("a.yaml", b"agents: [\ndescription: x\n\xff", None);
        assert_eq!(finding.about.diagnostics.len(), 2);
        assert_eq!(finding.about.description.as_deref(), Some("x"));
    }
}
