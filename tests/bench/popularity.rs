//! Downloads and stars of the large catalogue, spread as they are among people: a few packages have most of both, most have none.

use std::fs;
use std::path::Path;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use pcl_registry::domain::{Day, Timestamp};
use pcl_registry::meta::{DownloadBatch, Downloads, Meta, PAGE_MAX, Starred};
use uuid::Uuid;

use crate::population::{Population, RELEASES, Random};

/// Days with downloads, the last one that of the first run.
const DAYS: u32 = 60;
/// Versions that are downloaded on a day, those that are met twice once.
const A_DAY: u64 = 5000;
const USERS: u64 = 200;
/// Stars that each user gives, those to one package once.
const STARS: u64 = 30;
/// Stars that are on their way at once.
const AT_ONCE: usize = 32;

/// Adds what is not there yet. `mark`: the file that says so. Interrupted, it begins again, and nothing counts twice.
pub async fn fill(meta: &Meta, population: Population, mark: &Path) {
    if mark.exists() {
        return;
    }
    let first = mark.with_extension("day");
    if !first.exists() {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        let today = Day::of(Timestamp::from_micros(now.as_micros() as i64));
        fs::write(&first, today.number().to_string()).expect("a day");
    }
    let today = fs::read_to_string(&first).expect("the day").parse().expect("a number");
    downloads(meta, population, Day::from_number(today)).await;
    stars(meta, population).await;
    fs::write(mark, "").expect("a mark");
}

async fn downloads(meta: &Meta, population: Population, today: Day) {
    let (mut number, mut rows) = (0, 0);
    for back in 0..DAYS {
        let mut random = Random::new(u64::from(back) << 40);
        let day: Vec<Downloads> = (0..A_DAY)
            .map(|_| {
                let package = random.rank(population.packages);
                let version = Population::version(RELEASES - 1 - random.rank(RELEASES));
                Downloads {
                    name: population.name(package),
                    version,
                    day: today.back(back),
                    number: 1 + random.rank(50),
                }
            })
            .collect();
        for downloads in day.chunks(PAGE_MAX) {
            number += 1;
            rows += downloads.len();
            let batch = DownloadBatch { sender: Uuid::from_u128(1), number, downloads: downloads.to_vec() };
            meta.social.count(&batch).await.expect("downloads are counted");
        }
    }
    eprintln!("filling: {rows} downloads of {DAYS} days");
}

async fn stars(meta: &Meta, population: Population) {
    let mut given = Vec::new();
    for at in 0..USERS {
        let user = format!("reader-{at}").parse().expect("a name");
        meta.accounts.add_user(&user, population.time(1)).await.expect("a user");
        let mut random = Random::new(at << 44);
        for star in 0..STARS {
            given.push((user.clone(), population.name(random.rank(population.packages)), population.time(star)));
        }
    }
    let stars = given.iter().map(|(user, name, time)| meta.social.star(name, user, Some(*time)));
    let stars: Vec<Starred> =
        stream::iter(stars.collect::<Vec<_>>()).buffer_unordered(AT_ONCE).try_collect().await.expect("stars are given");
    assert!(stars.iter().all(|star| *star == Starred::Done), "each package and user is there");
    eprintln!("filling: {} stars", stars.len());
}
