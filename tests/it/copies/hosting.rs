//! `docs/hosting.md` was followed as written: what has a prompt in it is run, and prints what stands below it.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::copy::KEPT;
use super::server::{find, free_port};
use crate::guide::document::{calls, is_same};
use crate::guide::mask::masked;
use crate::guide::run::run_with;
use crate::stores::bucket::{Bucket, Cloud};
use crate::world::start_server_with;

#[test]
fn the_hosting_guide_was_followed_as_written() {
    let needed = ["bash", "curl", "python3", "nginx", "skopeo"];
    let Some(bucket) = Bucket::new(Cloud::S3) else { return };
    if needed.iter().any(|program| find(program, true).is_none()) {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/hosting.md")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let calls = calls(&lines);
    assert!(calls.len() > 32, "{}", calls.len());

    let folder = tempfile::tempdir().unwrap();
    // nginx, started by root, reads as another user.
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    for name in ["tests", "deploy"] {
        symlink(root.join(name), folder.path().join(name)).unwrap();
    }
    let (registry, _server) = start_server_with(&folder.path().join("pclr-data"), &KEPT);
    // What stands in the guide, and what it is here: servers on ports that are free, and a bucket of this test's own.
    let (own, server) = of_bucket(&bucket);
    let mut places = vec![("127.0.0.1:8333".to_owned(), server), ("my-bucket".to_owned(), own)];
    places.extend([8000, 8080, 8081].map(|port| (format!("127.0.0.1:{port}"), format!("127.0.0.1:{}", free_port()))));
    let mut commands = calls.iter().map(|call| call.command.clone()).collect::<Vec<_>>();
    for command in &mut commands {
        for (written, here) in &places {
            *command = command.replace(written, here);
            // Python's server takes the port by itself.
            if let (Some((_, written)), Some((_, here))) = (written.split_once(':'), here.split_once(':')) {
                *command = command.replace(&format!(" {written} "), &format!(" {here} "));
            }
        }
    }
    let rendered = "until [[ $(<pclr-data/store/public/registry.json) =~ \\\"as_of\\\":([0-9]+) && $(curl -s http://REGISTRY/ready) =~ \
         \\\"head\\\":${BASH_REMATCH[1]}, ]]; do sleep 0.05; done 2>/dev/null";
    let answers = run_with(&commands, folder.path(), registry, rendered);
    let mut differing = Vec::new();
    for (call, answer) in calls.iter().zip(answers) {
        let mut answer = answer;
        for (written, here) in &places {
            answer = answer.replace(here, written);
        }
        let written = masked(&lines[call.printed.0..call.printed.1].join("\n"));
        let to_lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        // A hint is cut short in the guide.
        let cut = written.replace("hint: …", "…");
        if !is_same(&to_lines(&cut), &to_lines(&answer)) {
            differing.push(format!("line {}: $ {}\nwritten:\n{written}\nprinted:\n{answer}", call.line, call.command));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n\n"));
}

/// The name of a bucket that nobody else uses, and host and port of its server.
fn of_bucket(bucket: &Bucket) -> (String, String) {
    let (front, options) = bucket.text().split_once('?').unwrap();
    let endpoint = options.split('&').find_map(|option| option.strip_prefix("endpoint=http://"));
    (front.rsplit('/').next().unwrap().to_owned(), endpoint.expect("it names a server on this machine").to_owned())
}
