//! Installing into the folders that agents read.

use std::fs;

use crate::project::Bench;

const AGENT: &str = "---\nname: reviewer\ndescription: Reviews\nkind: persona\n---\nReview.\n";

fn mixed() -> Bench {
    let bench = Bench::start();
    bench.publish("acme/pdf 1.0.0\n acme/csv 1.0.0");
    bench.push("acme/poet@1.0.0", "poet.pcl", "persona Poet {\n  description: \"Writes\"\n}\n");
    bench.push("acme/pair@1.0.0", "pair.pcl", "team Pair {\n  description: \"Two\"\n  members: [\"acme/poet\"]\n}\n");
    bench
}

#[test]
fn agents_get_what_they_read_and_are_told_of_the_rest() {
    let bench = mixed();
    let added = bench.run(&["add", "acme/pdf", "acme/pair", "--target", "claude"]);
    assert_eq!(bench.files(), [".claude/skills/pdf/SKILL.md"]);
    insta::assert_snapshot!(format!("{}{}", added.stdout, added.stderr), @"
    + acme/pair 1.0.0
    + acme/pdf 1.0.0
    + acme/poet 1.0.0
    1 package in .claude (1 written)
    note: not installed into .claude: acme/pair (claude reads no team)
    note: not installed into .claude: acme/poet (poet.pcl is no Markdown with name and description in front, and claude reads nothing else)
    ");
    // Where it went before it goes again, and what cannot go there is not fetched for it.
    assert_eq!(bench.done(&["install", "--frozen"]), "1 package in .claude (1 unchanged)\n");
    bench.done(&["install", "--target", "modules"]);
    bench.done(&["remove", "acme/pdf"]);
    assert_eq!(bench.files(), ["pcl_modules/acme/pair/pair.pcl", "pcl_modules/acme/poet/poet.pcl"]);
}

#[test]
fn each_target_has_a_folder_of_its_own() {
    let bench = mixed();
    let all = ["claude", "codex", "copilot", "cursor", "gemini", "opencode"];
    let flags: Vec<&str> = all.iter().flat_map(|target| ["--target", target]).collect();
    bench.done(&[&["add", "acme/pdf"][..], &flags].concat());
    let folders = [".agents", ".claude", ".cursor", ".gemini", ".github", ".opencode"];
    assert_eq!(bench.files(), folders.map(|folder| format!("{folder}/skills/pdf/SKILL.md")));
    let error = bench.refused(2, &["install", "--target", "emacs"]);
    assert!(error.contains("modules, claude, codex"), "{error}");
}

#[test]
fn the_project_can_name_its_targets() {
    let bench = mixed();
    bench.write("pclr.toml", "targets = [\"claude\", \"cursor\"]\n\n[dependencies]\n\"acme/pdf\" = \"*\"\n");
    bench.done(&["install"]);
    assert_eq!(bench.files(), [".claude/skills/pdf/SKILL.md", ".cursor/skills/pdf/SKILL.md"]);
}

#[test]
fn a_persona_in_markdown_becomes_an_agent() {
    let bench = Bench::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("reviewer.md");
    fs::write(&path, AGENT).unwrap();
    bench.done(&["push", path.to_str().unwrap(), "acme/reviewer@1.0.0", "--kind", "persona"]);
    bench.done(&["add", "acme/reviewer", "--target", "claude", "--target", "cursor"]);
    assert_eq!(bench.files(), [".claude/agents/reviewer.md", ".cursor/agents/reviewer.md"]);
    assert_eq!(bench.read(".claude/agents/reviewer.md"), AGENT);
    bench.write(".claude/agents/reviewer.md", "mine");
    assert!(bench.refused(1, &["install"]).contains(".claude/agents/reviewer.md was changed by hand"));
    bench.done(&["install", "--force"]);
    bench.done(&["remove", "acme/reviewer"]);
    assert!(bench.files().is_empty() && !bench.path(".claude").exists());
}

#[test]
fn what_was_there_before_is_left_alone() {
    let bench = mixed();
    bench.write(".claude/skills/pdf/SKILL.md", "mine");
    bench.write(".claude/skills/own/SKILL.md", "mine");
    bench.write(".claude/settings.json", "{}");
    let error = bench.refused(1, &["add", "acme/pdf", "--target", "claude"]);
    assert!(error.contains(".claude/skills/pdf is there, and was not installed by pclr"), "{error}");
    assert!(!bench.path("pclr.toml").exists() && !bench.path("pclr.lock").exists());
    bench.done(&["add", "acme/csv", "--target", "claude"]);
    bench.done(&["remove", "acme/csv"]);
    let left = [".claude/settings.json", ".claude/skills/own/SKILL.md", ".claude/skills/pdf/SKILL.md"];
    assert_eq!(bench.files(), left);
}

/// A project that somebody else wrote may bring such a link along.
#[test]
fn nothing_is_written_through_a_link_out_of_the_project() {
    use std::os::unix::fs::symlink;
    let bench = mixed();
    std::fs::create_dir_all(bench.beside("outside/skills")).unwrap();
    for link in [".claude", ".claude/skills"] {
        std::fs::create_dir_all(bench.path(link).parent().unwrap()).unwrap();
        symlink(bench.beside("outside"), bench.path(link)).unwrap();
        let error = bench.refused(1, &["add", "acme/pdf", "--target", "claude"]);
        assert!(error.contains(&format!("{link} is a link out of the project")), "{error}");
        assert!(
            !bench.path("pclr.lock").exists()
                && std::fs::read_dir(bench.beside("outside/skills")).unwrap().count() == 0
        );
        std::fs::remove_file(bench.path(link)).unwrap();
    }
    std::fs::remove_dir_all(bench.path(".claude")).unwrap();
    // One that stays within is a way to share a folder between agents.
    std::fs::create_dir_all(bench.path(".agents/skills")).unwrap();
    symlink(bench.path(".agents"), bench.path(".claude")).unwrap();
    bench.done(&["add", "acme/pdf", "--target", "claude"]);
    assert!(bench.path(".agents/skills/pdf/SKILL.md").exists());
}

#[test]
fn two_skills_of_one_name_carry_their_organisation() {
    let bench = mixed();
    bench.publish("other/pdf 1.0.0");
    bench.done(&["add", "acme/pdf", "--target", "claude"]);
    bench.done(&["add", "other/pdf"]);
    assert_eq!(bench.files(), [".claude/skills/acme-pdf/SKILL.md", ".claude/skills/other-pdf/SKILL.md"]);
    bench.done(&["install", "--frozen"]);
    bench.done(&["remove", "acme/pdf"]);
    assert_eq!(bench.files(), [".claude/skills/pdf/SKILL.md"]);
    assert!(bench.read(".claude/skills/pdf/SKILL.md").contains("other/pdf"));
}

/// `a/b-c` and `a-b/c` would both be `a-b-c` where others have their slugs too: one is placed, the other is named, none is lost.
#[test]
fn two_names_never_share_a_folder() {
    let bench = Bench::start();
    bench.publish("a/b-c 1.0.0\na-b/c 1.0.0\nx/b-c 1.0.0\nx/c 1.0.0");
    let added = bench.run(&["add", "a/b-c", "a-b/c", "x/b-c", "x/c", "--target", "claude"]);
    assert!(added.stderr.contains("skills/a-b-c is the place of a-b/c"), "{}", added.stderr);
    let text = std::fs::read_to_string(bench.path(".claude/skills/a-b-c/SKILL.md")).unwrap();
    assert!(text.contains("of a-b/c"), "{text}");
    bench.done(&["install"]);
    assert_eq!(std::fs::read_dir(bench.path(".claude/skills")).unwrap().count(), 3);
}
