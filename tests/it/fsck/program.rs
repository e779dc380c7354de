//! `pclr fsck`, as somebody types it.

use pcl_registry::domain::Digest;
use serde_json::Value;

use super::support::{blob_of, filled, flip, put, review};
use crate::cli::pclr;
use crate::inside::{DataFolder, Owner};

fn run(folder: &DataFolder, arguments: &[&str]) -> String {
    let data = folder.path().to_str().unwrap();
    let metadata = match folder.owner {
        Owner::Store => &["--metadata", "memory:"][..],
        _ => &[],
    };
    pclr(["fsck", "--data", data].iter().chain(metadata).chain(arguments)).replace(data, "DATA")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_exit_code_tells_how_bad_it_is() {
    for owner in [Owner::Sqlite, Owner::Store] {
        let folder = filled(owner).await;
        let clean = run(&folder, &[]);
        assert!(clean.starts_with("exit: 0\n") && clean.contains("\nnothing is wrong\n"), "{clean}");
        assert_eq!(run(&folder, &["--quiet"]), "exit: 0\n-- stdout\n\n-- stderr\n");
        put(folder.path().join("store/events/notes.txt"), b"x");
        let untidy = run(&folder, &[]);
        assert!(untidy.starts_with("exit: 1\n") && untidy.contains("\nuntidy: events/notes.txt\n"), "{untidy}");
        flip(blob_of(&folder, review().packed.layer.digest));
        let damage = run(&folder, &[]);
        assert!(damage.starts_with("exit: 4\n") && damage.contains("2 findings"), "{damage}");
        assert!(damage.contains("needed by acme/review@1.0.0"), "{damage}");
        let kept = run(&folder, &["--repair"]);
        assert!(kept.starts_with("exit: 4\n") && kept.contains("not mended: moved to quarantine"), "{kept}");
        let printed = run(&folder, &["--output", "json"]);
        let json = printed.split_once("-- stdout\n").unwrap().1.split_once("\n-- stderr").unwrap().0;
        let lines: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 3, "{printed}");
        assert_eq!((&lines[1]["finding"], &lines[1]["severity"]), (&"blob-missing".into(), &"damage".into()));
        for member in ["where", "what", "means", "mends", "digest", "area"] {
            assert!(lines[1][member].is_string(), "{member}: {}", lines[1]);
        }
        assert_eq!((&lines[2]["done"], &lines[2]["found"], &lines[2]["left"]), (&true.into(), &2.into(), &2.into()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_mended_is_told_and_is_no_failure() {
    let folder = filled(Owner::Sqlite).await;
    put(blob_of(&folder, Digest::sha256(b"forgotten")), b"forgotten");
    assert!(run(&folder, &[]).starts_with("exit: 1\n"));
    let mended = run(&folder, &["--repair"]);
    assert!(mended.starts_with("exit: 0\n"), "{mended}");
    assert!(mended.contains("\n  mended: left to collection\n") && mended.contains("\n1 finding mended\n"), "{mended}");
    assert!(run(&folder, &[]).starts_with("exit: 0\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_runs_is_no_obstacle_to_looking_and_one_to_mending() {
    for owner in [Owner::Sqlite, Owner::Store] {
        let folder = filled(owner).await;
        let open = folder.open().await;
        assert!(run(&folder, &[]).starts_with("exit: 0\n"));
        let refused = run(&folder, &["--repair"]);
        assert!(refused.starts_with("exit: 1\n") && refused.contains("another server uses"), "{refused}");
        assert!(refused.contains("\nhint: stop it first"), "{refused}");
        drop(open);
    }
    let absent = pclr(["fsck", "--data", "/nowhere/at/all"]);
    assert!(absent.starts_with("exit: 1\n") && absent.contains("there is no registry in /nowhere/at/all"), "{absent}");
}
