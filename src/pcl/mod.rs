//! Readers: PCL source in its five dialects, SKILL.md folders, agent files, tables of prompts, older registries. They never fail.
