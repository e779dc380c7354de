//! What artifacts have to do with each other, asked of the program on each of the four stores: all answer alike.

use std::net::SocketAddr;

use bytes::Bytes;
use pcl_registry::domain::{About, Dependency, DependencyType, Skill};
use serde_json::{Value, json};

use crate::inside::Package;
use crate::shared::{Shared, get, json as ask, publish};
use crate::world::start_server_with;

/// What is published: name and version, what it needs, its tags and its skills.
type Line<'a> = (&'a str, &'a [(&'a str, DependencyType, Option<&'a str>)], &'a [&'a str], &'a [(&'a str, &'a str)]);

const LINES: &[Line] = &[
    ("acme/base@1.0.0", &[], &["code", "rare"], &[("sql", "expert"), ("review", "beginner")]),
    ("acme/base@1.1.0", &[], &["code", "rare"], &[("sql", "expert"), ("review", "beginner")]),
    ("acme/base@2.0.0", &[("acme/ring", DependencyType::Import, None)], &["code", "rare"], &[("sql", "expert")]),
    (
        "acme/all@1.0.0",
        &[
            ("acme/base", DependencyType::Import, Some("^1")),
            ("acme/base", DependencyType::Extends, Some("^3")),
            ("acme/base", DependencyType::Implements, None),
            ("acme/base", DependencyType::Requires, Some("not a range")),
            ("acme/leaf", DependencyType::Member, None),
            ("acme/leaf", DependencyType::Skill, None),
            ("acme/nowhere", DependencyType::Step, None),
            ("./beside.pcl", DependencyType::Import, None),
        ],
        &["code", "common"],
        &[("review", "expert")],
    ),
    ("acme/leaf@1.0.0", &[], &["common"], &[("tests", "intermediate")]),
    ("acme/ring@1.0.0", &[("acme/all", DependencyType::Requires, Some("*"))], &["rare", "common"], &[]),
    // A package as sources write it: of the same organisation, of another, and what is none.
    (
        "other/user@1.0.0",
        &[
            ("@acme/leaf", DependencyType::Import, Some("^1")),
            ("near", DependencyType::Skill, None),
            ("@other/near", DependencyType::Member, None),
            ("leaf", DependencyType::Step, None),
            ("SecurityExpert", DependencyType::Requires, None),
            ("near.pcl", DependencyType::Import, None),
        ],
        &[],
        &[],
    ),
    ("other/near@1.0.0", &[("user", DependencyType::Requires, Some("^1"))], &[], &[]),
    ("acme/near@1.0.0", &[], &[], &[]),
];

fn package(line: &Line) -> Package {
    let (spec, needs, tags, skills) = line;
    let (name, version) = spec.split_once('@').unwrap();
    let need = |(name, kind, range): &(&str, DependencyType, Option<&str>)| Dependency {
        name: (*name).to_owned(),
        kind: *kind,
        range: range.map(str::to_owned),
    };
    let skill = |(name, level): &(&str, &str)| Skill { name: (*name).to_owned(), level: Some(level.parse().unwrap()) };
    let about = About {
        dependencies: needs.iter().map(need).collect(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        skills: skills.iter().map(skill).collect(),
        ..About::default()
    };
    Package::of_file(&name.parse().unwrap(), version, Bytes::from(format!("# {spec}\n")), about)
}

/// Members of each row, as `a b c`.
fn rows(answer: &Value, members: &[&str]) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let items = answer["items"].as_array().unwrap_or_else(|| panic!("{answer}"));
    items.iter().map(|item| members.iter().map(|member| text(&item[member])).collect::<Vec<_>>().join(" ")).collect()
}

async fn check(address: SocketAddr, store: &str) {
    for line in LINES {
        assert_eq!(publish([address, address], &package(line)).await, 201, "{store}: {}", line.0);
    }
    let path = "/api/v1/artifacts/acme";
    let near = ask(address, &format!("{path}/all/dependencies")).await;
    let expected = [
        "acme/base import ^1 1.1.0 1",
        "acme/base extends ^3 null 1",
        "acme/base implements null 2.0.0 1",
        "acme/base requires not a range null 1",
        "acme/leaf member null 1.0.0 1",
        "acme/leaf skill null 1.0.0 1",
        "acme/nowhere step null null 1",
        "./beside.pcl import null null 1",
    ];
    let members = ["name", "type", "range", "version", "depth"];
    assert_eq!(rows(&near, &members), expected, "{store}");
    assert_eq!((&near["version"], &near["is_complete"]), (&json!("1.0.0"), &json!(true)));
    assert_eq!(near["cycles"], json!([]), "{store}: the near ones are in no circle");
    for kind in DependencyType::ALL.map(DependencyType::as_str) {
        let only = ask(address, &format!("{path}/all/dependencies?type={kind}")).await;
        let of_kind: Vec<_> = expected.iter().filter(|row| row.split(' ').nth(1) == Some(kind)).collect();
        assert!(!of_kind.is_empty(), "{kind}");
        assert_eq!(rows(&only, &members), of_kind.into_iter().copied().collect::<Vec<_>>(), "{store} {kind}");
        let users = ask(address, &format!("{path}/base/dependents?type={kind}")).await;
        let uses = ["import", "extends", "implements", "requires"].contains(&kind);
        assert_eq!(
            rows(&users, &["name", "type"]),
            uses.then(|| format!("acme/all {kind}")).into_iter().collect::<Vec<_>>()
        );
    }
    let far = ask(address, &format!("{path}/all/dependencies?depth=20&type=implements,import,requires")).await;
    let circle = json!([["acme/all", "acme/base", "acme/ring", "acme/all"]]);
    assert_eq!(far["cycles"], circle, "{store}");
    assert!(rows(&far, &["name", "by", "depth"]).contains(&"acme/all acme/ring 3".to_owned()), "{store} {far}");
    let old = ask(address, &format!("{path}/base/dependencies?version=1.0.0&depth=9")).await;
    assert_eq!(rows(&old, &["name"]), [""; 0], "{store}");
    let meant = ask(address, "/api/v1/artifacts/other/user/dependencies?depth=2").await;
    let expected = [
        "@acme/leaf acme/leaf import ^1 1.0.0 1",
        "near other/near skill null 1.0.0 1",
        "@other/near other/near member null 1.0.0 1",
        "leaf other/leaf step null null 1",
        "SecurityExpert null requires null null 1",
        "near.pcl null import null null 1",
        "user other/user requires ^1 1.0.0 2",
    ];
    assert_eq!(rows(&meant, &["name", "package", "type", "range", "version", "depth"]), expected, "{store}");
    assert_eq!(meant["cycles"], json!([["other/user", "other/near", "other/user"]]), "{store}");
    let needed: [(&str, &[&str]); 5] = [
        ("acme/leaf", &["acme/all member", "acme/all skill", "other/user import"]),
        ("other/near", &["other/user skill", "other/user member"]),
        ("other/user", &["other/near requires"]),
        ("other/leaf", &["other/user step"]),
        ("acme/near", &[]),
    ];
    for (name, expected) in needed {
        let users = ask(address, &format!("/api/v1/artifacts/{name}/dependents")).await;
        assert_eq!(rows(&users, &["name", "type"]), expected, "{store} {name}");
    }

    for wrong in ["type=needs", "depth=0", "depth=21", "depth=x", "version=1", "kind=x"] {
        assert_eq!(get(address, &format!("{path}/all/dependencies?{wrong}")).await.status, 400, "{store} {wrong}");
    }
    assert_eq!(get(address, &format!("{path}/base/dependents?type=needs")).await.status, 400, "{store}");
    assert_eq!(get(address, &format!("{path}/nobody/dependencies")).await.status, 404, "{store}");
    assert_eq!(get(address, &format!("{path}/all/dependencies?version=9.0.0")).await.status, 404, "{store}");

    // Two of four have `rare`, three `common`, two `code`: what few have weighs more.
    let related = ask(address, &format!("{path}/all/related")).await;
    assert_eq!(rows(&related, &["name"]), ["acme/base", "acme/leaf", "acme/ring"], "{store}");
    let related = ask(address, &format!("{path}/ring/related?limit=1")).await;
    assert_eq!(rows(&related, &["name", "shared"]), [r#"acme/base ["rare"]"#], "{store}");

    let matched = ask(address, "/api/v1/match?skill=sql&skill=review&skill=tests:expert").await;
    let expected = [r#"acme/all ["review"] ["sql","tests"]"#, r#"acme/base ["sql"] ["review","tests"]"#];
    assert_eq!(rows(&matched, &["name", "has", "lacks"]), expected, "{store}");
    for (kinds, expected) in
        [("kind=team,skill", 1), ("kind=team&kind=skill", 1), ("kind=team,persona", 0), ("kind=team&kind=persona", 0)]
    {
        let matched = ask(address, &format!("/api/v1/match?skill=sql&{kinds}")).await;
        assert_eq!(rows(&matched, &["name"]).len(), expected, "{store} {kinds}");
    }
    let team = ask(address, "/api/v1/match?skill=sql,review:expert,tests&team=true&kind=skill").await;
    let members = team["team"]["members"].as_array().unwrap().iter().map(|member| member["name"].as_str().unwrap());
    let mut members: Vec<_> = members.collect();
    members.sort_unstable();
    assert_eq!(members, ["acme/all", "acme/base", "acme/leaf"], "{store} {team}");
    assert_eq!((&team["team"]["missing"], &team["team"]["is_smallest"]), (&json!([]), &json!(true)), "{store}");
}

async fn on(store: &str, flags: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let (address, server) = start_server_with(&folder.path().join("data"), flags);
    check(address, store).await;
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relations_are_the_same_with_sqlite() {
    on("sqlite", &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relations_are_the_same_in_memory() {
    on("memory", &["--metadata", "memory:"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relations_are_the_same_with_postgresql() {
    let Some(database) = Shared::postgres() else { return };
    on("postgres", &["--metadata", &database.address()]).await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relations_are_the_same_with_mongodb() {
    let Some(database) = Shared::mongo() else { return };
    on("mongo", &["--metadata", &database.address()]).await;
    database.remove().await;
}
