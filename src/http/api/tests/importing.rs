//! Imports: archives and single files in, a line for each artifact out.

use std::io::Write;

use axum::body::Body;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::stream;
use serde_json::Value;

use super::world::{Answered, World};
use crate::http::Options;
use crate::pack;
use crate::registry::Limits;

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const SKILL: &[u8] = b"---\nname: tidy\ndescription: Tidies up\n---\n# Tidy\n";
const AGENT: &[u8] = b"---\nname: host\ndescription: Welcomes guests\n---\nYou welcome guests.\n";

fn lines(answered: &Answered) -> Vec<Value> {
    assert_eq!(answered.status, 200, "{}", answered.text());
    answered.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn an_archive_becomes_packages_and_again_adds_nothing() {
    let world = World::empty(Options::default()).await;
    let files =
        tar(&[("skills/tidy/SKILL.md", SKILL), ("skills/tidy/run.sh", b"echo\n"), ("skills/agents/host.md", AGENT)]);
    for (body, outcome) in [(gzip(&files), "published"), (files, "unchanged")] {
        let answered = world.ask("POST", "/api/v1/import?org=acme", body).await;
        assert_eq!(answered.header("content-type"), "application/x-ndjson");
        let lines = lines(&answered);
        let (summary, items) = lines.split_last().unwrap();
        assert_eq!((&summary["done"], &summary["found"], &summary[outcome]), (&true.into(), &2.into(), &2.into()));
        let mut names: Vec<_> = items.iter().map(|item| item["name"].as_str().unwrap()).collect();
        names.sort_unstable();
        assert_eq!(names, ["acme/host", "acme/tidy"]);
    }
    // The one folder that holds everything is part of where it came from.
    let package = world.get("/api/v1/artifacts/acme/tidy").await.json();
    assert_eq!(package["source"]["path"], "skills/tidy");
    world.registry.settled().await;
    assert_eq!(world.get("/api/v1/search?q=guests").await.each("/hits", "/name"), ["acme/host"]);
}

#[tokio::test]
async fn all_or_nothing_names_all_that_are_to_blame() {
    let archive = pack::Limits { file: 2000, ..pack::Limits::default() };
    let world = World::limited(Options::default(), Limits { archive, ..Limits::default() }).await;
    let huge = format!("---\nname: huge\ndescription: Huge\n---\n{}\n", "x".repeat(3000));
    let files = tar(&[
        ("tidy/SKILL.md", SKILL),
        ("one/SKILL.md", huge.as_bytes()),
        ("two/SKILL.md", huge.replace("uge", "uger").as_bytes()),
        ("agents/host.md", AGENT),
    ]);
    let refused = world.ask("POST", "/api/v1/import?org=acme&atomic=true", gzip(&files)).await;
    assert_eq!((refused.status, refused.header("content-type")), (409, "application/problem+json"));
    let mut sources = refused.each("/items", "/source");
    sources.sort_unstable();
    assert_eq!(sources, ["one", "two"], "{}", refused.text());
    assert!(refused.json()["items"][0]["error"].as_str().unwrap().contains("2000"), "{}", refused.text());
    assert_eq!(world.get("/api/v1/artifacts").await.each("/items", "/name"), [""; 0]);
    let files = tar(&[("tidy/SKILL.md", SKILL), ("agents/host.md", AGENT)]);
    for outcome in ["published", "unchanged"] {
        let lines = lines(&world.ask("POST", "/api/v1/import?org=acme&atomic=true", gzip(&files)).await);
        assert_eq!(lines.len(), 3);
        assert_eq!((&lines[2]["done"], &lines[2][outcome]), (&true.into(), &2.into()));
    }
    assert_eq!(world.get("/api/v1/artifacts").await.each("/items", "/name"), ["acme/host", "acme/tidy"]);
    assert_eq!(world.ask("POST", "/api/v1/import?org=acme&atomic=perhaps", gzip(&files)).await.status, 400);
}

#[tokio::test]
async fn one_file_is_imported_under_its_name() {
    let world = World::empty(Options::default()).await;
    let table = "act,prompt\nPoet,Write poems.\nChef,Cook.\n";
    let lines = lines(&world.ask("POST", "/api/v1/import?org=acme&path=prompts.csv", table).await);
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[2]["kinds"], serde_json::json!([{"value": "persona", "count": 2}]));
    let source = world.get("/api/v1/artifacts/acme/poet/versions/1.0.0/source").await;
    assert!(source.text().contains("Write poems."), "{}", source.text());
}

#[tokio::test]
async fn an_import_that_finds_nothing_says_so() {
    let world = World::empty(Options::default()).await;
    let body = tar(&[("a.bin", b"\0\x01"), ("b.bin", b"\0\x02")]);
    let lines = lines(&world.ask("POST", "/api/v1/import?org=acme", body).await);
    assert_eq!((lines.len(), &lines[0]["found"], &lines[0]["left_out"]), (1, &0.into(), &2.into()));
}

#[tokio::test]
async fn what_cannot_be_imported_is_refused_before_anything_is_published() {
    let world = World::empty(Options { import_max: 64 << 10, ..Options::default() }).await;
    let good = tar(&[("tidy/SKILL.md", SKILL)]);
    let bomb = gzip(&tar(&[("tidy/SKILL.md", SKILL), ("zeros", &vec![0; 1 << 20])]));
    assert!(bomb.len() < 64 << 10);
    let mut outside = tar(&[("aa/SKILL.md", SKILL)]);
    outside[..2].copy_from_slice(b"..");
    // The header's checksum: two dots instead of two letters.
    let sum = outside[..512]
        .iter()
        .enumerate()
        .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) });
    outside.splice(148..156, format!("{:06o}\0 ", sum.sum::<u32>()).into_bytes());
    let cases: [(&str, Vec<u8>, u16); 9] = [
        ("?org=acme", b"no archive".to_vec(), 400),
        ("?org=acme", Vec::new(), 400),
        ("?org=acme", good[..600].to_vec(), 400),
        ("?org=acme", outside, 400),
        ("?org=acme", bomb, 413),
        ("?org=acme", vec![0; 65 << 10], 413),
        ("?org=acme&path=a.md", vec![b'x'; 65 << 10], 413),
        ("?org=Acme", good.clone(), 400),
        ("", good.clone(), 400),
    ];
    for (query, body, status) in cases {
        let answered = world.ask("POST", &format!("/api/v1/import{query}"), body).await;
        assert_eq!(answered.status, status, "{query}: {}", answered.text());
    }
    let unknown_length = stream::iter((0..70).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 1 << 10])));
    let body = Body::from_stream(unknown_length);
    assert_eq!(world.ask("POST", "/api/v1/import?org=acme&path=a.md", body).await.status, 413);
    let broken = stream::iter([Ok(good[..600].to_vec()), Err(std::io::Error::other("the client hung up"))]);
    let answered = world.ask("POST", "/api/v1/import?org=acme", Body::from_stream(broken)).await;
    assert_eq!(answered.status, 400);
    assert!(answered.text().contains("hung up"), "{}", answered.text());
    assert_eq!(world.get("/api/v1/artifacts").await.each("/items", "/name"), [""; 0]);
}

#[tokio::test]
async fn what_follows_a_good_archive_does_not_hurt() {
    let world = World::empty(Options::default()).await;
    let mut padded = tar(&[("tidy/SKILL.md", SKILL)]);
    padded.extend(vec![0; 200 << 10]);
    let parts: Vec<_> = padded.chunks(1000).map(|part| Ok::<_, std::io::Error>(part.to_vec())).collect();
    let answered = world.ask("POST", "/api/v1/import?org=acme", Body::from_stream(stream::iter(parts))).await;
    assert_eq!(lines(&answered)[1]["published"], 1);
}
