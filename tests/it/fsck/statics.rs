//! The static tree beside what it is made of.

use std::path::PathBuf;
use std::time::Duration;

use pcl_registry::registry::{Limits, Mend, Severity};

use super::support::{assert_clean, fill, fsck, kinds};
use crate::inside::{DataFolder, Owner};
use crate::rebuild::close;

/// A closed registry with everything in it, and its tree.
async fn rendered(owner: Owner) -> DataFolder {
    let folder = DataFolder::new(owner);
    let limits = Limits { static_tree: Some(Duration::from_millis(1)), ..Limits::default() };
    let open = folder.open_with(limits, |meta| meta).await;
    fill(&open).await;
    open.registry.rendered().await;
    close(&folder, open).await;
    folder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_the_tree_is_told() {
    for owner in [Owner::Sqlite, Owner::Store] {
        let folder = rendered(owner).await;
        let report = fsck(&folder, Mend::Nothing).await;
        assert_clean(&report);
        assert!(report.summary.statics.number > 20, "{:?}", report.summary);
        let file = |path: &str| -> PathBuf { folder.path().join("store/public").join(path) };
        let document = std::fs::read_to_string(file("index/acme/review.json")).unwrap();
        let as_of = document.split_once("\"as_of\":").unwrap().1.split_once(',').unwrap().0;
        let beyond = document.replacen(&format!("\"as_of\":{as_of}"), "\"as_of\":99999", 1);
        let spoils: [(&str, Option<&str>, &str); 5] = [
            ("v2/acme/review/manifests/1.0.0", None, "names it, and it is not there"),
            ("v2/acme/review/manifests/9.9.9", Some("{}"), "no document of the tree names it"),
            ("v2/acme/secret/manifests/1.0.0", Some("{}"), "no document of the tree names it"),
            ("index/acme/planner.json", Some("{\"format\":"), "cannot be read"),
            ("index/acme/review.json", Some(&beyond), "shows event 99999"),
        ];
        for (path, content, expected) in spoils {
            let before = std::fs::read(file(path)).ok();
            match content {
                Some(content) => {
                    std::fs::create_dir_all(file(path).parent().unwrap()).unwrap();
                    std::fs::write(file(path), content).unwrap();
                }
                None => std::fs::remove_file(file(path)).unwrap(),
            }
            let report = fsck(&folder, Mend::Nothing).await;
            assert_eq!(report.worst(), Some(Severity::Untidy), "{path}: {report:?}");
            assert!(kinds(&report).iter().all(|kind| kind == "static-wrong"), "{report:?}");
            let told: Vec<_> = report.found.iter().map(|found| found.finding.words()).collect();
            assert!(told.iter().any(|words| words.what.contains(expected)), "{path}: {told:?}");
            match before {
                Some(bytes) => std::fs::write(file(path), bytes).unwrap(),
                None => std::fs::remove_file(file(path)).unwrap(),
            }
            assert_clean(&fsck(&folder, Mend::Nothing).await);
        }
    }
}
