//! Projects when something is not as it should be: locks out of step, no network, damage, changed files, two at once.

use std::fs;
use std::process::{Command, Stdio};

use pcl_registry::domain::Digest;
use serde_json::json;

use crate::project::{Bench, ended};
use crate::stand_in::{Answer, StandIn};

const TWO: &str = "acme/base 1.0.0\n acme/top 1.0.0: acme/base ^1";

#[test]
fn locked_refuses_every_change_of_the_lock() {
    let bench = Bench::start();
    bench.publish(TWO);
    bench.write("pclr.toml", "[dependencies]\n\"acme/top\" = \"^1\"\n");
    for flag in ["--locked", "--frozen"] {
        let error = bench.refused(1, &["install", flag]);
        assert!(error.contains("pclr.lock would change: there is none") && error.contains("hint: "), "{error}");
    }
    assert!(!bench.path("pclr.lock").exists() && bench.files().is_empty());
    bench.done(&["install"]);
    bench.done(&["install", "--locked"]);
    let lock = bench.read("pclr.lock");
    bench.publish("acme/base 1.1.0\n acme/new 1.0.0");
    bench.done(&["install", "--locked"]);
    for (manifest, why) in [
        ("\"acme/top\" = \"^2\"", "pclr.toml asks for acme/top ^2, pclr.lock has 1.0.0"),
        ("\"acme/top\" = \"^1\"\n\"acme/new\" = \"*\"", "pclr.toml asks for acme/new, which is not in pclr.lock"),
        ("\"acme/base\" = \"^1\"", "nothing needs acme/top any more"),
    ] {
        bench.write("pclr.toml", &format!("[dependencies]\n{manifest}\n"));
        let error = bench.refused(1, &["install", "--locked"]);
        assert!(error.contains(why), "{error}");
        assert!(bench.refused(1, &["tree"]).contains(why));
    }
    assert_eq!(bench.read("pclr.lock"), lock);
}

#[test]
fn every_command_can_be_told_to_leave_the_lock() {
    let bench = Bench::start();
    bench.publish(TWO);
    bench.done(&["add", "acme/top"]);
    bench.publish("acme/base 1.1.0\n acme/new 1.0.0");
    let before = (bench.read("pclr.toml"), bench.read("pclr.lock"), bench.files());
    for flag in ["--locked", "--frozen"] {
        for command in [["add", "acme/new@^1", flag], ["remove", "acme/top", flag]] {
            let error = bench.refused(1, &command);
            assert!(error.contains("pclr.lock would change") && error.contains("hint: without --locked"), "{error}");
        }
        bench.done(&["tree", flag]);
        bench.done(&["why", "acme/base", flag]);
    }
    assert!(bench.refused(1, &["update", "--locked"]).contains("versions would move"));
    bench.done(&["tree", "--offline"]);
    assert_eq!((bench.read("pclr.toml"), bench.read("pclr.lock"), bench.files()), before);
    bench.done(&["update"]);
    bench.done(&["update", "--locked"]);
}

#[test]
fn offline_works_from_the_cache_or_says_what_is_missing() {
    let mut bench = Bench::start();
    bench.publish(TWO);
    bench.publish("acme/never 1.0.0\n acme/later 1.0.0");
    bench.done(&["add", "acme/top", "acme/later"]);
    bench.publish("acme/later 1.1.0");
    bench.done(&["add", "acme/later@1.0.0"]);
    bench.done(&["remove", "acme/later"]);
    bench.stop_registry();
    fs::remove_dir_all(bench.path("pcl_modules")).unwrap();
    bench.done(&["install", "--frozen"]);
    fs::remove_file(bench.path("pclr.lock")).unwrap();
    bench.done(&["install", "--offline"]);
    assert_eq!(bench.locked(), "acme/base@1.0.0 acme/top@1.0.0");
    // A version that is known but was never fetched does not count.
    bench.write("pclr.toml", "[dependencies]\n\"acme/base\" = \"^1\"\n\"acme/later\" = \"*\"\n");
    bench.done(&["install", "--offline"]);
    assert_eq!(bench.locked(), "acme/base@1.0.0 acme/later@1.0.0");
    bench.write("pclr.toml", "[dependencies]\n\"acme/later\" = \"^1.1\"\n");
    let error = bench.refused(1, &["install", "--offline"]);
    assert!(error.contains("acme/later ^1.1") && error.contains("without --offline"), "{error}");
    bench.write("pclr.toml", "[dependencies]\n\"acme/top\" = \"^1\"\n");
    bench.done(&["install", "--offline"]);

    let error = bench.refused(3, &["add", "acme/never", "--offline"]);
    assert!(error.contains("acme/never is not in the cache") && error.contains("--offline"), "{error}");

    fs::remove_dir_all(bench.path("pcl_modules")).unwrap();
    fs::remove_dir_all(bench.beside("cache")).unwrap();
    let error = bench.refused(3, &["install", "--frozen"]);
    assert!(error.contains("is not in the cache"), "{error}");
    assert!(bench.files().is_empty());
}

#[test]
fn a_damaged_cache_is_never_used() {
    let mut bench = Bench::start();
    bench.publish(TWO);
    bench.done(&["add", "acme/top"]);
    let whole = bench.read("pcl_modules/acme/top/SKILL.md");
    let blobs = bench.cached_blobs();
    assert_eq!(blobs.len(), 6, "manifest, config and layer of two packages");
    for blob in &blobs {
        let bytes = fs::read(blob).unwrap();
        for damaged in [bytes[..bytes.len() / 2].to_vec(), bytes.iter().map(|byte| byte ^ 1).collect(), Vec::new()] {
            fs::remove_dir_all(bench.path("pcl_modules")).unwrap();
            fs::write(blob, damaged).unwrap();
            let error = bench.refused(4, &["install", "--frozen"]);
            assert!(error.contains("is damaged in the cache") && error.contains("fetched again"), "{error}");
            assert!(bench.files().is_empty());
            bench.done(&["install", "--locked"]);
            assert_eq!(fs::read(blob).unwrap(), bytes, "it was fetched again");
            assert_eq!(bench.read("pcl_modules/acme/top/SKILL.md"), whole);
        }
    }
    bench.stop_registry();
    fs::remove_dir_all(bench.path("pcl_modules")).unwrap();
    bench.done(&["install", "--frozen"]);
}

#[test]
fn what_is_not_what_the_lock_says_is_refused() {
    let bench = Bench::start();
    bench.publish(TWO);
    bench.done(&["add", "acme/top"]);
    let lock = bench.read("pclr.lock");
    let value = |key: &str| {
        let at = lock.find(&format!("\n{key} = \"")).unwrap() + key.len() + 5;
        lock[at..].split('"').next().unwrap().to_owned()
    };
    let other = format!("sha256:{}", "0".repeat(64));
    // The tree digest: what comes is hashed and compared. The version: the artifact says its own.
    for (key, replacement, expected) in [
        ("tree", other.as_str(), "expects files with tree digest"),
        ("version", "1.0.9", "the artifact says that it is"),
    ] {
        fs::remove_dir_all(bench.path("pcl_modules")).unwrap();
        let key_line = |value: &str| format!("\n{key} = \"{value}\"");
        bench.write("pclr.lock", &lock.replacen(&key_line(&value(key)), &key_line(replacement), 1));
        let error = bench.refused(4, &["install", "--locked"]);
        assert!(error.contains(expected) && error.contains("nothing was written"), "{error}");
        assert!(bench.files().is_empty(), "{key}");
        bench.write("pclr.lock", &lock);
        bench.done(&["install", "--locked"]);
    }
    // A registry that says another digest of a version that is locked.
    bench.write("pclr.lock", &lock.replacen(&value("digest"), &other, 1));
    bench.publish("acme/new 1.0.0");
    let error = bench.refused(4, &["add", "acme/new"]);
    assert!(error.contains("are locked as sha256:000"), "{error}");
    // A lock with the marks of a merge, or of a newer program.
    for (text, expected) in [("<<<<<<< ours\n", "cannot be read"), ("version = 9\n", "format 9")] {
        bench.write("pclr.lock", text);
        assert!(bench.refused(2, &["install"]).contains(expected));
    }
}

/// What a registry, or somebody on the way, may send instead of what is pinned.
#[tokio::test]
async fn bytes_that_are_not_those_of_their_digest_are_never_kept() {
    let (manifest, tree) = (b"{\"schemaVersion\":2}".as_slice(), Digest::sha256(b"tree").to_string());
    let release = json!({"version": "1.0.0", "digest": Digest::sha256(manifest).to_string(), "tree": tree,
        "yanked": false, "deprecated": false, "published": "2026-01-01T00:00:00Z"});
    let resolution = |name: &str| json!({"name": name, "kind": "skill", "versions": [release.clone()]});
    let other = Answer::Whole(200, Vec::new(), b"{\"schemaVersion\":2} ".to_vec());
    for (answers, code, expected) in [
        (vec![Answer::json(200, resolution("acme/x")), other], 4, "failed verification"),
        (vec![Answer::json(200, resolution("acme/other"))], 3, "it speaks of acme/other"),
        (vec![Answer::Whole(200, Vec::new(), b"<html>".to_vec())], 3, "is not understood"),
    ] {
        let server = StandIn::start(answers).await;
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_pclr"));
        command.args(["add", "acme/x@^1", "--registry", &server.url()]).current_dir(folder.path());
        command.env("PCLR_CACHE", folder.path().join("cache"));
        let ended = ended(tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap());
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
        assert_eq!(server.asked()[0], "GET /api/v1/artifacts/acme/x/resolution");
        for absent in ["pclr.toml", "pclr.lock", "pcl_modules", "cache/blobs"] {
            assert!(!folder.path().join(absent).exists(), "{absent}");
        }
    }
}

/// A registry that goes on to name another package is given up, before anything is written.
#[tokio::test]
async fn dependencies_without_an_end_are_given_up() {
    let answers = (0..400).map(|at| {
        let next = json!({"name": format!("acme/x{}", at + 1), "type": "requires", "range": "^1"});
        let release = json!({"version": "1.0.0", "digest": Digest::sha256(b"m").to_string(), "yanked": false,
            "tree": Digest::sha256(b"t").to_string(), "deprecated": false, "published": "2026-01-01T00:00:00Z",
            "dependencies": [next]});
        Answer::json(200, json!({"name": format!("acme/x{at}"), "kind": "skill", "versions": [release]}))
    });
    let server = StandIn::start(answers).await;
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pclr"));
    command.args(["add", "acme/x0@^1", "--registry", &server.url()]).current_dir(folder.path());
    command.env("PCLR_CACHE", folder.path().join("cache"));
    let ended = ended(tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap());
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("200 steps deep") || ended.stderr.contains("201 steps deep"), "{}", ended.stderr);
    assert!(server.asked().len() < 210 && !folder.path().join("pclr.toml").exists());
}

/// A lock whose kind was changed would place an artifact where something else is read.
#[test]
fn a_kind_that_is_not_the_locked_one_is_refused() {
    let bench = Bench::start();
    bench.publish("acme/base 1.0.0");
    bench.done(&["add", "acme/base"]);
    fs::remove_dir_all(bench.path("pcl_modules")).unwrap();
    bench.write("pclr.lock", &bench.read("pclr.lock").replace("kind = \"skill\"", "kind = \"persona\""));
    let error = bench.refused(4, &["install", "--locked"]);
    assert!(error.contains("expects a persona, the artifact says that it is a skill"), "{error}");
    assert!(bench.files().is_empty());
}

#[test]
fn files_changed_by_hand_are_never_replaced_unasked() {
    let bench = Bench::start();
    bench.publish("acme/base 1.0.0");
    bench.done(&["add", "acme/base@^1"]);
    bench.publish("acme/base 1.1.0");
    let (file, own) = ("pcl_modules/acme/base/SKILL.md", "pcl_modules/acme/base/NOTES.md");
    let lock = bench.read("pclr.lock");
    bench.write(file, "mine");
    bench.write(own, "mine too");
    for command in [&["install"][..], &["update"], &["add", "acme/base@^1.1"]] {
        let error = bench.refused(1, command);
        assert!(error.contains(&format!("{file} was changed by hand")) && error.contains("--force"), "{error}");
        assert!(error.contains(&format!("{own} was changed by hand")), "{error}");
        assert_eq!((bench.read(file), bench.read("pclr.lock")), ("mine".to_owned(), lock.clone()));
    }
    // What is not needed any more stays too, and is named.
    let removed = bench.run(&["remove", "acme/base"]);
    assert!(removed.stderr.contains("acme/base is not needed any more, but was changed by hand"), "{}", removed.stderr);
    assert_eq!((bench.read(file), bench.read(own)), ("mine".to_owned(), "mine too".to_owned()));
    // Now it is the project's own, and in the way.
    let error = bench.refused(1, &["add", "acme/base"]);
    assert!(error.contains("pcl_modules/acme/base is there, and was not installed by pclr"), "{error}");
    bench.done(&["add", "acme/base", "--force"]);
    assert!(bench.read(file).contains("Version 1.1.0") && !bench.path(own).exists());
    // What was only deleted comes back without a question.
    fs::remove_file(bench.path(file)).unwrap();
    assert_eq!(bench.done(&["install"]), "1 package in pcl_modules (1 written)\n");
}

#[test]
fn what_is_there_already_and_the_same_is_taken_as_installed() {
    let bench = Bench::start();
    bench.publish(TWO);
    bench.done(&["add", "acme/top"]);
    let ledger = "pcl_modules/.pclr-installed.json";
    fs::remove_file(bench.path(ledger)).unwrap();
    assert_eq!(bench.done(&["install"]), "2 packages in pcl_modules (2 unchanged)\n");
    assert!(bench.path(ledger).exists());
    // A ledger that points out of its folder is refused, whatever else it says.
    bench.write("outside", "precious");
    let text = bench.read(ledger);
    bench.write(ledger, &text.replace("\"at\": \"acme/top\"", "\"at\": \"../outside\""));
    let error = bench.refused(2, &["remove", "acme/top"]);
    assert!(error.contains(".pclr-installed.json cannot be used"), "{error}");
    assert_eq!(bench.read("outside"), "precious");
}

#[test]
fn two_processes_at_once_do_not_disturb_each_other() {
    let bench = Bench::start();
    let names: Vec<String> = (0..6).map(|number| format!("acme/p{number}")).collect();
    bench.publish(&names.iter().map(|name| format!("{name} 1.0.0: acme/base ^1\n")).collect::<String>());
    bench.publish("acme/base 1.0.0");
    let running: Vec<_> = names
        .iter()
        .map(|name| bench.command(&["add", name]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
        .collect();
    for child in running {
        let ended = ended(child.wait_with_output().unwrap());
        assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    }
    assert_eq!(bench.files().len(), 7);
    assert_eq!(bench.locked().split(' ').count(), 7);
    assert_eq!(bench.done(&["install", "--frozen"]), "7 packages in pcl_modules (7 unchanged)\n");
}
