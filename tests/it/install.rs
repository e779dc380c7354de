//! Projects through the program: what `add`, `install`, `update`, `remove`, `tree` and `why` do and print.

use std::fs;

use crate::backend::started_on_every_backend;
use crate::project::{Bench, ended};

const TEAM: &str = "
    acme/base 1.0.0
    acme/base 1.1.0
    acme/base 2.0.0
    acme/mid 1.0.0: acme/base ^1
    acme/top 1.0.0: acme/mid ^1, acme/base >=1 <2";

started_on_every_backend! {
    Bench:
    a_package_is_added_with_all_that_it_needs
    the_same_again_writes_nothing_and_asks_nobody
    comments_and_order_survive_and_ranges_are_as_typed
    an_update_moves_only_what_it_may
    a_removed_package_goes_with_what_nobody_else_needs
    what_is_locked_stays_though_newer_or_yanked
    prereleases_come_only_to_those_who_name_them
    what_does_not_fit_is_told_with_what_to_change_and_nothing_is_written
    what_names_no_package_is_left_out_and_said
    a_cycle_is_installed_and_told_with_its_path
    the_nearest_project_and_its_registry_count
}

fn a_package_is_added_with_all_that_it_needs(bench: Bench) {
    bench.publish(TEAM);
    insta::assert_snapshot!(bench.done(&["add", "acme/top"]), @"
    + acme/base 1.1.0
    + acme/mid 1.0.0
    + acme/top 1.0.0
    3 packages in pcl_modules (3 written)
    ");
    assert_eq!(bench.read("pclr.toml"), "[dependencies]\n\"acme/top\" = \"^1.0.0\"\n");
    let files = ["acme/base", "acme/mid", "acme/top"].map(|name| format!("pcl_modules/{name}/SKILL.md"));
    assert_eq!(bench.files(), files);
    assert!(bench.read("pcl_modules/acme/base/SKILL.md").contains("Version 1.1.0 of acme/base"));

    insta::assert_snapshot!(bench.done(&["tree"]), @"
    pclr.toml
    └── acme/top 1.0.0 (^1.0.0)
        ├── acme/base 1.1.0 (>=1 <2)
        └── acme/mid 1.0.0 (^1)
            └── acme/base 1.1.0 (^1)
    ");
    insta::assert_snapshot!(bench.done(&["why", "acme/base"]), @"
    pclr.toml -> acme/top 1.0.0 (^1.0.0) -> acme/base 1.1.0 (>=1 <2)
    pclr.toml -> acme/top 1.0.0 (^1.0.0) -> acme/mid 1.0.0 (^1) -> acme/base 1.1.0 (^1)
    ");
    assert_eq!(bench.json(&["tree"])["packages"][0]["dependencies"][1]["name"], "acme/mid");
    assert_eq!(bench.json(&["why", "acme/base"])["ways"].as_array().unwrap().len(), 2);
    assert!(bench.refused(1, &["why", "acme/other"]).contains("acme/other is not in pclr.lock"));
}

fn the_same_again_writes_nothing_and_asks_nobody(mut bench: Bench) {
    bench.publish(TEAM);
    bench.done(&["add", "acme/top"]);
    let before = (bench.read("pclr.toml"), bench.read("pclr.lock"));
    let modified =
        |bench: &Bench| fs::metadata(bench.path("pcl_modules/acme/top/SKILL.md")).unwrap().modified().unwrap();
    let first = modified(&bench);
    bench.stop_registry();
    insta::assert_snapshot!(bench.done(&["install"]), @"3 packages in pcl_modules (3 unchanged)");
    let done = bench.json(&["install"]);
    assert_eq!((&done["changes"], &done["targets"][0]["written"]), (&serde_json::json!([]), &serde_json::json!([])));
    assert_eq!((bench.read("pclr.toml"), bench.read("pclr.lock")), before);
    assert_eq!(modified(&bench), first);
}

fn comments_and_order_survive_and_ranges_are_as_typed(bench: Bench) {
    bench.publish(TEAM);
    bench.write("pclr.toml", "# ours\n[dependencies]\n\"acme/base\" = \"1.x\"  # not 2\n");
    bench.done(&["add", "acme/mid@>=1", "acme/top@1.0.0"]);
    assert_eq!(
        bench.read("pclr.toml"),
        "# ours\n[dependencies]\n\"acme/base\" = \"1.x\"  # not 2\n\"acme/mid\" = \">=1\"\n\"acme/top\" = \"1.0.0\"\n"
    );
    assert!(bench.refused(2, &["add", "acme/mid@beta"]).contains("names no range"));
    let error = bench.refused(1, &["add", "acme/nothing"]);
    assert!(error.contains("the registry has no acme/nothing") && error.contains("hint: "), "{error}");
}

fn an_update_moves_only_what_it_may(bench: Bench) {
    bench.publish("acme/base 1.0.0\n acme/other 1.0.0\n acme/top 1.0.0: acme/base ^1");
    bench.done(&["add", "acme/top", "acme/other"]);
    bench.publish("acme/base 1.1.0\n acme/other 1.1.0\n acme/other 2.0.0\n acme/top 1.1.0: acme/base ^1");
    assert_eq!(bench.done(&["install"]), "3 packages in pcl_modules (3 unchanged)\n");
    insta::assert_snapshot!(bench.done(&["update", "acme/base"]), @"
    ~ acme/base 1.0.0 -> 1.1.0
    3 packages in pcl_modules (1 written, 2 unchanged)
    ");
    bench.done(&["update"]);
    assert_eq!(bench.locked(), "acme/base@1.1.0 acme/other@1.1.0 acme/top@1.1.0");
    assert!(bench.read("pcl_modules/acme/other/SKILL.md").contains("Version 1.1.0"));
    assert!(bench.refused(1, &["update", "acme/nothing"]).contains("acme/nothing is not in pclr.lock"));
}

fn a_removed_package_goes_with_what_nobody_else_needs(bench: Bench) {
    bench.publish(TEAM);
    bench.done(&["add", "acme/top", "acme/base@^1"]);
    assert!(bench.refused(1, &["remove", "acme/mid"]).contains("pclr.toml does not ask for acme/mid"));
    insta::assert_snapshot!(bench.done(&["remove", "acme/top"]), @"
    - acme/mid 1.0.0
    - acme/top 1.0.0
    1 package in pcl_modules (1 unchanged, 2 removed)
    ");
    assert_eq!(bench.files(), ["pcl_modules/acme/base/SKILL.md"]);
    bench.done(&["remove", "acme/base"]);
    assert!(!bench.path("pcl_modules").exists(), "nothing is left of what was installed");
}

fn what_is_locked_stays_though_newer_or_yanked(bench: Bench) {
    bench.publish("acme/base 1.0.0\n acme/base 1.1.0");
    bench.done(&["add", "acme/base@^1"]);
    bench.publish("acme/base 1.2.0\n acme/top 1.0.0: acme/base ^1");
    bench.done(&["yank", "acme/base@1.1.0"]);
    let added = bench.run(&["add", "acme/top"]);
    assert_eq!(bench.locked(), "acme/base@1.1.0 acme/top@1.0.0");
    assert!(added.stderr.contains("acme/base 1.1.0 is yanked"), "{}", added.stderr);
    bench.done(&["update"]);
    assert_eq!(bench.locked(), "acme/base@1.2.0 acme/top@1.0.0");
}

fn prereleases_come_only_to_those_who_name_them(bench: Bench) {
    bench.publish("acme/base 1.0.0\n acme/base 1.1.0-rc.1");
    bench.done(&["add", "acme/base"]);
    assert_eq!(bench.locked(), "acme/base@1.0.0");
    bench.done(&["add", "acme/base@^1.1.0-rc.0"]);
    assert_eq!(bench.locked(), "acme/base@1.1.0-rc.1");
}

fn what_does_not_fit_is_told_with_what_to_change_and_nothing_is_written(bench: Bench) {
    bench.publish(TEAM);
    bench.done(&["add", "acme/top"]);
    let before = (bench.read("pclr.toml"), bench.read("pclr.lock"), bench.files());
    insta::assert_snapshot!(bench.refused(1, &["add", "acme/base@^2"]), @r#"
    error: no versions fit together:
      pclr.toml asks for acme/top ^1.0.0
      acme/top 1.0.0 needs acme/base >=1 <2
      but pclr.toml asks for acme/base ^2
    hint: with one change in pclr.toml they fit: "acme/base" = "^1.1.0"
    "#);
    insta::assert_snapshot!(bench.refused(1, &["add", "acme/base@^9"]), @r#"
    error: pclr.toml asks for acme/base ^9, but no version is in ^9; the highest are 2.0.0, 1.1.0, 1.0.0
    hint: with one change in pclr.toml they fit: "acme/base" = "^1.1.0"
    "#);
    bench.publish("acme/lost 1.0.0: other/gone ^1");
    insta::assert_snapshot!(bench.refused(1, &["add", "acme/lost"]), @r#"
    error: no versions fit together:
      pclr.toml asks for acme/lost ^1.0.0
      acme/lost 1.0.0 needs other/gone ^1, but the registry has no other/gone
    hint: publish other/gone, or do without it: skip = ["other/gone"] at the top of pclr.toml
    "#);
    bench.publish("acme/one 1.0.0: acme/base ^1\n acme/two 1.0.0: acme/base ^2\n acme/both 1.0.0: acme/one, acme/two");
    insta::assert_snapshot!(bench.refused(1, &["add", "acme/both"]), @"
    error: no versions fit together:
      pclr.toml asks for acme/both ^1.0.0
      acme/both 1.0.0 needs any version of acme/one
      acme/both 1.0.0 needs any version of acme/two
      acme/one 1.0.0 needs acme/base ^1
      but acme/two 1.0.0 needs acme/base ^2
    hint: no other range of one package in pclr.toml helps: do without one of acme/both
    ");
    assert_eq!((bench.read("pclr.toml"), bench.read("pclr.lock"), bench.files()), before);
}

fn what_names_no_package_is_left_out_and_said(bench: Bench) {
    bench.publish("acme/pdf 1.0.0\n acme/top 1.0.0: pdf, SecurityExpert, ./config, gone, acme/pdf latest");
    let added = bench.run(&["add", "acme/top"]);
    assert_eq!(bench.locked(), "acme/pdf@1.0.0 acme/top@1.0.0");
    insta::assert_snapshot!(added.stderr, @"
    note: acme/top 1.0.0 names things that are no packages, skipped: ./config, SecurityExpert
    note: acme/top 1.0.0 names things that the registry does not have, skipped: acme/gone
    note: acme/top 1.0.0 has ranges that are none, any version is taken: acme/pdf latest
    ");
    // `*` would look like the mark of what is repeated.
    assert!(bench.done(&["tree"]).ends_with("acme/pdf 1.0.0 (any)\n"));
    assert!(bench.done(&["why", "acme/pdf"]).ends_with("acme/pdf 1.0.0 (any)\n"));
    bench.publish("acme/lost 1.0.0: other/gone ^1");
    bench.write("pclr.toml", &format!("skip = [\"other/gone\"]\n{}", bench.read("pclr.toml")));
    let added = bench.run(&["add", "acme/lost"]);
    assert!(added.stderr.contains("needs packages that pclr.toml skips: other/gone"), "{}", added.stderr);
    assert_eq!(bench.locked(), "acme/lost@1.0.0 acme/pdf@1.0.0 acme/top@1.0.0");
}

fn a_cycle_is_installed_and_told_with_its_path(bench: Bench) {
    bench.publish(
        "acme/team 1.0.0: acme/persona ^1\n acme/persona 1.0.0: acme/skill ^1\n acme/skill 1.0.0: acme/team ^1",
    );
    let added = bench.run(&["add", "acme/persona"]);
    assert_eq!(added.code, Some(0), "{}", added.stderr);
    let cycle = "acme/persona -> acme/skill -> acme/team -> acme/persona";
    assert!(added.stderr.contains(cycle), "{}", added.stderr);
    assert_eq!(bench.files().len(), 3);
    insta::assert_snapshot!(bench.done(&["tree"]), @"
    pclr.toml
    └── acme/persona 1.0.0 (^1.0.0)
        └── acme/skill 1.0.0 (^1)
            └── acme/team 1.0.0 (^1)
                └── acme/persona 1.0.0 (^1) (*)
    ");
    assert_eq!(bench.json(&["tree"])["cycles"][0].as_array().unwrap().len(), 4);
}

fn the_nearest_project_and_its_registry_count(mut bench: Bench) {
    let error = bench.refused(2, &["install"]);
    assert!(error.contains("there is no pclr.toml") && error.contains("pclr add"), "{error}");
    bench.publish(TEAM);
    bench.done(&["add", "acme/base"]);
    fs::create_dir_all(bench.path("src/deep")).unwrap();
    let below = ended(bench.command(&["install"]).current_dir(bench.path("src/deep")).output().unwrap());
    assert_eq!(below.stdout, "1 package in pcl_modules (1 unchanged)\n");
    assert!(!bench.path("src/deep/pcl_modules").exists());

    bench.write("pclr.toml", &format!("registry = \"http://127.0.0.1:1\"\n{}", bench.read("pclr.toml")));
    let asks = |bench: &Bench| ended(bench.command(&["update"]).env_remove("PCLR_REGISTRY").output().unwrap());
    assert!(asks(&bench).stderr.contains("http://127.0.0.1:1"));
    bench.done(&["update"]);
    bench.stop_registry();
    let ended = bench.run(&["update"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
}
