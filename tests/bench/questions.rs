//! What is asked of a catalogue, and how long the answers take: one connection, one question after the other, over HTTP, as a
//! client sees it.

use std::time::{Duration, Instant};

use pcl_registry::domain::Package;
use pcl_registry::meta::{Cursor, Filter, Label, LabelCount, Order};

use crate::backend::SAMPLE;
use crate::connection::Connection;
use crate::population::{Population, RELEASES, Random, publisher, skill, tag};

/// Questions of one sort, at most.
const QUESTIONS: usize = 300;
/// Time for one sort, at most.
const TIME: Duration = Duration::from_millis(2500);

const ORDERS: [(Order, &str); 5] = [
    (Order::Name, "name"),
    (Order::Updated, "updated"),
    (Order::Created, "created"),
    (Order::Downloads, "downloads"),
    (Order::Stars, "stars"),
];

/// Filters of which the longest pages are asked for too.
const LONG: [&str; 4] = ["everything", "a common tag", "two common tags", "kind, tag, licence and field"];

/// One sort of question: what it is called, and where to ask.
pub struct Sort {
    pub name: String,
    pub targets: Vec<String>,
}

/// Times in microseconds: half, 95 and 99 in a hundred were faster.
pub type Times = [f64; 3];

/// The three times of some that were measured.
pub fn times(mut micros: Vec<f64>) -> Times {
    micros.sort_by(f64::total_cmp);
    [50, 95, 99]
        .map(|part| micros.get((micros.len() * part / 100).min(micros.len().saturating_sub(1))).copied().unwrap_or(0.0))
}

/// Asks until all is asked or the time is used up; the first few are not counted.
pub fn ask(connection: &mut Connection, sort: &Sort) -> Times {
    let (mut micros, begun) = (Vec::new(), Instant::now());
    for (at, target) in sort.targets.iter().enumerate() {
        let asked = Instant::now();
        let answer = connection.send("GET", target, "", &[]);
        assert_eq!(answer.status, 200, "{target}: {}", String::from_utf8_lossy(&answer.body));
        if at >= 3 {
            micros.push(asked.elapsed().as_secs_f64() * 1e6);
        }
        if begun.elapsed() > TIME && at >= 10 {
            break;
        }
    }
    times(micros)
}

/// All sorts, in the order of the table. `connection` is asked for the places of deep pages.
pub fn sorts(population: Population, connection: &mut Connection) -> Vec<Sort> {
    let mut random = Random::new(7);
    let mut many = |name: &str, target: &mut dyn FnMut(u64) -> String| {
        let targets = (0..QUESTIONS).map(|_| target(random.below(population.packages))).collect();
        Sort { name: name.to_owned(), targets }
    };
    let sampled = |package: u64| package / SAMPLE * SAMPLE;
    let name = |package: u64| population.name(package);
    let version = |package: u64| Population::version(package % RELEASES);
    let artifact = |package: u64| format!("/api/v1/artifacts/{}", name(package));
    let digest = |package: u64| population.published(population.event_of(package, package % RELEASES)).blobs[0].0;
    let mut sorts = vec![
        many("a package by name", &mut |package| artifact(package)),
        many("a version by number", &mut |package| {
            format!("{}/versions/{}", artifact(sampled(package)), version(package))
        }),
        many("a version by id", &mut |package| {
            let event = population.event_of(sampled(package), package % RELEASES);
            format!("/api/v1/versions/{}", population.published(event).replay.event.id)
        }),
        many("a manifest by digest, first read", &mut |package| {
            format!("/v2/{}/manifests/{}", name(sampled(package)), digest(sampled(package)))
        }),
        many("a manifest by tag, cached", &mut |package| {
            format!("/v2/{}/manifests/1.1.0", name(sampled(package % 200)))
        }),
        many("the best version of a range", &mut |package| format!("{}/resolve?range=^1.0.0", artifact(package))),
        many("all versions with what they need", &mut |package| format!("{}/resolution", artifact(package))),
        many("history", &mut |package| format!("{}/history", artifact(package))),
    ];
    sorts.extend(lists(population, connection));
    sorts.extend([
        many("tags with counts", &mut |_| "/api/v1/tags".to_owned()),
        many("skills with counts", &mut |_| "/api/v1/skills".to_owned()),
        many("tags with counts, further on", &mut |package| {
            let after = LabelCount { label: tag(package % 3000), count: 1 + package % 30 };
            format!("/api/v1/tags?cursor={}", after.cursor())
        }),
        many("trending, another window each time", &mut |package| {
            format!("/api/v1/trending?window={}d&limit={}", 1 + package % 60, 1 + package % 100)
        }),
        many("statistics", &mut |_| "/api/v1/statistics".to_owned()),
        many("statistics of a package", &mut |package| format!("{}/statistics", artifact(package))),
        many("organisations", &mut |_| "/api/v1/orgs".to_owned()),
        many("an organisation", &mut |package| format!("/api/v1/orgs/{}", name(package).org())),
        many("related", &mut |package| format!("{}/related", artifact(package))),
        many("dependencies, three steps", &mut |package| format!("{}/dependencies?depth=3", artifact(package))),
        many("dependents", &mut |package| format!("{}/dependents", artifact(package % 500))),
        many("match, three skills", &mut |package| format!("/api/v1/match?{}", skills(package, 3))),
        many("match, a team for five skills", &mut |package| format!("/api/v1/match?team=true&{}", skills(package, 5))),
        many("complete a name, a tag, a skill", &mut |package| {
            let slug = name(package).slug().to_owned();
            format!("/api/v1/complete?prefix={}", slug.chars().take(2 + package as usize % 4).collect::<String>())
        }),
        many("search, a title", &mut |package| {
            let title = population.about(package).title.unwrap_or_default();
            format!("/api/v1/search?q={}", encoded(&title))
        }),
        many("search, one word", &mut |package| {
            let title = population.about(package).title.unwrap_or_default();
            format!("/api/v1/search?q={}", title.split(' ').next().unwrap_or_default())
        }),
    ]);
    sorts
}

fn skills(package: u64, count: u64) -> String {
    let skills = (0..count).map(|at| format!("skill={}", encoded(&skill((package + at * 37) % 100))));
    skills.collect::<Vec<_>>().join("&")
}

/// Filters, each with every order, and counts.
fn lists(population: Population, connection: &mut Connection) -> Vec<Sort> {
    let last = population.packages - 1;
    let field = |text: &str| format!("field={}", encoded(text));
    let common = format!("tag={}", tag(0));
    let filters: Vec<(&str, String)> = vec![
        ("everything", String::new()),
        ("a common kind", "kind=skill".to_owned()),
        ("a rare kind", "kind=enum".to_owned()),
        ("an organisation", format!("org={}", population.name(last).org())),
        ("a common tag", common.clone()),
        ("a rare tag", format!("tag={}", tag(2500))),
        ("a tag that nothing has", "tag=nothing".to_owned()),
        ("two common tags", format!("{common}&tag={}", tag(1))),
        ("any of three tags", format!("any_tag={},{},{}", tag(0), tag(50), tag(900))),
        ("a common skill", format!("skill={}", encoded(&skill(0)))),
        ("a licence", "license=MIT".to_owned()),
        ("a common field", field("governance.risk_classification=low")),
        ("a field deep inside", field("governance.owner.cost_center=77")),
        ("a field of one package", field(&format!("ticket=T-{last}"))),
        (
            "two common fields that never meet",
            format!(
                "{}&{}",
                field("governance.risk_classification=low"),
                field("governance.risk_classification=medium")
            ),
        ),
        (
            "kind, tag, licence and field",
            format!("kind=skill&{common}&license=MIT&{}", field("governance.risk_classification=critical")),
        ),
        ("an owner", format!("owner={}", publisher(&population.name(last)))),
        ("often downloaded and liked", "downloads_min=100&stars_min=3".to_owned()),
        ("changed lately", format!("updated_since={}", population.time(population.versions() / 100 * 98))),
    ];
    let mut sorts = Vec::new();
    for (order, word) in ORDERS {
        for (what, filter) in &filters {
            let target = format!("/api/v1/artifacts?sort={word}&{filter}");
            sorts.push(Sort { name: format!("list by {word}: {what}"), targets: vec![target; 100] });
        }
        let listed = listed(population, order);
        let all = Filter::default();
        let tagged = Filter { labelled: vec![vec![(Label::Tag, tag(0))]], ..Filter::default() };
        let query = format!("&any_tag={}", tag(0));
        for (what, part, filter, query) in [
            ("from the middle", 50, &all, ""),
            ("near the end", 99, &all, ""),
            ("a common tag, from the middle", 50, &tagged, &query),
        ] {
            let mut target = |at: usize| {
                let name = &listed[listed.len() * part / 100 - at];
                let cursor = cursor(connection, name, filter, order);
                format!("/api/v1/artifacts?sort={word}{query}&cursor={cursor}")
            };
            sorts.push(Sort {
                name: format!("list by {word}: {what}"),
                targets: (0..100).map(|at| target(at % 10)).collect(),
            });
        }
    }
    for (what, filter) in filters.iter().filter(|(what, _)| LONG.contains(what)) {
        let target = format!("/api/v1/artifacts?limit=1000&{filter}");
        sorts.push(Sort { name: format!("a page of 1,000: {what}"), targets: vec![target; 40] });
    }
    for (what, filter) in &filters {
        let target = format!("/api/v1/artifacts?total=true&limit=1&{filter}");
        sorts.push(Sort { name: format!("count: {what}"), targets: vec![target; 100] });
    }
    sorts
}

/// Names of some packages, spread evenly, in the order of the list.
fn listed(population: Population, order: Order) -> Vec<String> {
    let step = (population.packages as usize / 2000).max(1);
    let mut names: Vec<String> =
        (0..population.packages).step_by(step).map(|package| population.name(package).to_string()).collect();
    match order {
        // Most have no downloads and no stars, and are by name among themselves.
        Order::Name | Order::Downloads | Order::Stars => names.sort_unstable(),
        // The latest first.
        _ => names.reverse(),
    }
    names
}

/// The place after a package.
fn cursor(connection: &mut Connection, name: &str, filter: &Filter, order: Order) -> Cursor {
    let answer = connection.send("GET", &format!("/api/v1/artifacts/{name}"), "", &[]);
    let package: Package = serde_json::from_slice(&answer.body).expect("a package");
    Cursor::after(filter, order, &package)
}

/// Text for a query.
pub fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
