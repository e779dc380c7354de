//! The `oras` client for Python pushes an artifact that the registry then knows, and pulls what `pclr` pushed.

use std::process::Command;

use super::program::{Home, find, run};
use crate::script::tar_gz;
use crate::world::World;

/// Pushes one file with a config; both with their media types.
const PUSH: &str = r#"
import sys, oras.client
target, layer, config = sys.argv[1:]
client = oras.client.OrasClient(insecure=True)
client.push(target=target, files=[layer], manifest_config=config, quiet=True)
"#;

/// Pulls all files of an artifact and prints their paths.
const PULL: &str = r#"
import sys, oras.client
target, folder = sys.argv[1:]
for path in oras.client.OrasClient(insecure=True).pull(target=target, outdir=folder):
    print(path)
"#;

const SKILL: &[u8] = b"---\nname: hello\ndescription: Greets the marmalade bear\n---\nSay hello.\n";

fn pclr(home: &Home, world: &World, arguments: &[&str]) -> Command {
    let mut command = home.command(env!("CARGO_BIN_EXE_pclr").as_ref());
    command.args(arguments).arg("--registry").arg(format!("http://{}", world.address));
    command
}

#[tokio::test]
async fn a_skill_that_oras_pushed_is_published_and_found() {
    let Some(python) = find("oras") else { return };
    let world = World::start().await;
    let home = Home::new();
    std::fs::write(home.path("hello.tar.gz"), tar_gz(&[("hello/SKILL.md", SKILL)])).unwrap();
    std::fs::write(home.path("config.json"), "{}").unwrap();
    run(home.command(&python).args(["-c", PUSH]).args([
        &format!("{}/acme/hello:1.0.0", world.address),
        "hello.tar.gz:application/vnd.agentskills.skill.content.v1.tar+gzip",
        "config.json:application/vnd.agentskills.skill.config.v1+json",
    ]));

    let versions = run(&mut pclr(&home, &world, &["versions", "acme/hello"]));
    assert!(versions.contains("1.0.0"), "{versions}");
    // Findable within a second of the push; five on a machine that does other work, and the number of searches is bounded.
    // Until then a search that finds nothing answers no, with exit code 1.
    let search = || pclr(&home, &world, &["search", "marmalade", "--output", "json"]).output().unwrap();
    let pushed = std::time::Instant::now();
    let mut searches = (0..100).map(|_| search()).take_while(|_| pushed.elapsed() < std::time::Duration::from_secs(5));
    let found = searches.find(|found| String::from_utf8_lossy(&found.stdout).contains("acme/hello"));
    assert!(found.is_some(), "the searches of five seconds did not find acme/hello");
    run(&mut pclr(&home, &world, &["pull", "acme/hello@1.0.0", "-o", "pulled"]));
    let pulled: Vec<_> = files(&home.path("pulled")).into_iter().filter(|path| path.ends_with("SKILL.md")).collect();
    assert_eq!(pulled.len(), 1, "{pulled:?}");
    assert_eq!(std::fs::read(&pulled[0]).unwrap(), SKILL);
}

#[tokio::test]
async fn oras_pulls_what_pclr_pushed() {
    let Some(python) = find("oras") else { return };
    let world = World::start().await;
    let home = Home::new();
    std::fs::create_dir(home.path("hello")).unwrap();
    std::fs::write(home.path("hello/SKILL.md"), SKILL).unwrap();
    run(&mut pclr(&home, &world, &["push", "hello", "acme/hello@1.0.0"]));

    let target = format!("{}/acme/hello:1.0.0", world.address);
    let paths = run(home.command(&python).args(["-c", PULL, &target, "out"]));
    let archive = std::fs::read(home.path("out").join(paths.lines().next().expect("oras pulled a file"))).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive.as_slice()));
    let mut seen = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
        seen.push((entry.path().unwrap().display().to_string(), bytes));
    }
    assert!(seen.contains(&("hello/SKILL.md".into(), SKILL.to_vec())), "{seen:?}");
}

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}
