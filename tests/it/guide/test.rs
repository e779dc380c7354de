//! The test itself.

use std::path::Path;
use std::process::Command;

use super::document::{Call, calls, is_cut, is_same};
use super::mask::masked;
use super::run::run;
use crate::world::start_server_with;

#[test]
fn every_answer_in_the_rest_guide_is_what_the_registry_says() {
    if !is_there("bash") || !is_there("curl") {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("docs/rest.md");
    let text = std::fs::read_to_string(&path).expect("docs/rest.md is there");
    let lines: Vec<&str> = text.lines().collect();
    let calls = calls(&lines);
    assert!(calls.len() > 60, "{}", calls.len());

    let folder = tempfile::tempdir().unwrap();
    // As in the folder of the source.
    std::os::unix::fs::symlink(root.join("tests"), folder.path().join("tests")).unwrap();
    let (address, _server) = start_server_with(&folder.path().join("pclr-data"), &[]);
    let answers = run(&calls, folder.path(), address);

    let mut differing = Vec::new();
    let (mut blessed, mut kept) = (Vec::new(), 0);
    for (call, answer) in calls.iter().zip(&answers) {
        let (from, to) = call.printed;
        let written = &lines[from..to];
        let is_same = is_same(&to_lines(&masked(&written.join("\n"))), &to_lines(answer));
        if !is_same {
            differing.push(difference(call, written, answer));
        }
        blessed.extend(lines[kept..from].iter().map(|line| (*line).to_owned()));
        match is_same || is_cut(written) {
            true => blessed.extend(written.iter().map(|line| (*line).to_owned())),
            false => blessed.extend(to_lines(answer)),
        }
        kept = to;
    }
    blessed.extend(lines[kept..].iter().map(|line| (*line).to_owned()));
    if std::env::var_os("PCLR_BLESS").is_some() {
        std::fs::write(&path, format!("{}\n", blessed.join("\n"))).expect("docs/rest.md can be written");
        return;
    }
    assert!(
        differing.is_empty(),
        "{} of {} answers in docs/rest.md are others: run `PCLR_BLESS=1 cargo test --test it guide`, read the difference and \
         commit it\n\n{}",
        differing.len(),
        calls.len(),
        differing.join("\n\n")
    );
}

fn to_lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

fn difference(Call { line, command, .. }: &Call, written: &[&str], answer: &str) -> String {
    format!("line {line}: $ {command}\nwritten:\n{}\nprinted:\n{answer}", written.join("\n"))
}

fn is_there(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "{program} is not here, and CI=true says that it must be"
        );
        eprintln!("skipped: {program} is not here");
    }
    found
}
