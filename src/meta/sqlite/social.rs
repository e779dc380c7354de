//! Downloads and stars.

use async_trait::async_trait;
use rusqlite::types::Value;
use rusqlite::{Row, params, params_from_iter};

use crate::domain::{Day, Kind, Name, Package, STAR_WEIGHT, Timestamp, UserName, Version};

use super::super::social::{RANKED, highest_first};
use super::super::{DownloadBatch, Downloads, MetaError, Social, StarRow, Starred, Totals};
use super::Sqlite;
use super::list::{PACKAGE, package};
use super::sql::{get, parse, parse_optional, signed, unsigned};

#[async_trait]
impl Social for Sqlite {
    async fn count(&self, batch: &DownloadBatch) -> Result<(), MetaError> {
        let batch = batch.clone();
        self.change(move |sql| {
            let first = "INSERT INTO download_batches (sender, number) VALUES (?1, ?2)
                         ON CONFLICT DO UPDATE SET number = excluded.number WHERE excluded.number > number";
            if sql.run(first, params![batch.sender.to_string(), signed(batch.number)])? == 0 {
                return Ok(());
            }
            let counted = "INSERT INTO downloads (name, version, day, number)
                           SELECT name, ?2, ?3, ?4 FROM packages WHERE name = ?1
                           ON CONFLICT DO UPDATE SET number = number + excluded.number";
            let daily = "INSERT INTO daily_downloads (day, name, number)
                         SELECT ?2, name, ?3 FROM packages WHERE name = ?1
                         ON CONFLICT DO UPDATE SET number = number + excluded.number";
            let shown = "UPDATE packages SET downloads = downloads + ?2 WHERE name = ?1";
            for Downloads { name, version, day, number } in &batch.downloads {
                let number = signed(*number);
                sql.run(counted, params![name.as_str(), version.number(), day.number(), number])?;
                sql.run(daily, params![name.as_str(), day.number(), number])?;
                sql.run(shown, params![name.as_str(), number])?;
            }
            Ok(())
        })
        .await
    }

    async fn star(&self, name: &Name, user: &UserName, at: Option<Timestamp>) -> Result<Starred, MetaError> {
        let (name, user) = (name.to_string(), user.to_string());
        self.change(move |sql| {
            if !sql.is_user(&user)? {
                return Ok(Starred::NoUser);
            }
            if sql.row("SELECT 1 FROM packages WHERE name = ?1", [&name], |_| Ok(()))?.is_none() {
                return Ok(Starred::NoPackage);
            }
            let changed = match at {
                Some(at) => {
                    let given = "INSERT INTO stars (user, name, starred, day) VALUES (?1, ?2, ?3, ?4)
                                 ON CONFLICT DO NOTHING";
                    signed(sql.run(given, params![user, name, at.micros(), Day::of(at).number()])? as u64)
                }
                None => -signed(sql.run("DELETE FROM stars WHERE user = ?1 AND name = ?2", [&user, &name])? as u64),
            };
            if changed != 0 {
                sql.run("UPDATE packages SET stars = stars + ?2 WHERE name = ?1", params![name, changed])?;
            }
            Ok(Starred::Done)
        })
        .await
    }

    async fn stars(&self, user: &UserName, after: Option<&Name>, limit: usize) -> Result<Vec<StarRow>, MetaError> {
        let page = (user.to_string(), after.map(Name::to_string).unwrap_or_default(), signed(limit as u64));
        let sql = "SELECT s.name, s.starred, CASE WHEN p.shown IS NOT NULL THEN p.visibility END
                   FROM stars s LEFT JOIN packages p ON p.name = s.name
                   WHERE s.user = ?1 AND s.name > ?2 ORDER BY s.name LIMIT ?3";
        let star = |row: &Row<'_>| {
            let starred = Timestamp::from_micros(get(row, 1)?);
            Ok(StarRow { name: parse(row, 0)?, starred, visibility: parse_optional(row, 2)? })
        };
        self.pool.read(move |reader| reader.rows(sql, page, star)).await
    }

    async fn counted(&self, after: Option<&Downloads>, limit: usize) -> Result<Vec<Downloads>, MetaError> {
        let (name, version, day) = match after {
            Some(row) => (row.name.to_string(), row.version.number(), row.day.number()),
            None => (String::new(), String::new(), 0),
        };
        let page = (name, version, day, signed(limit as u64));
        let sql = "SELECT name, version, day, number FROM downloads WHERE (name, version, day) > (?1, ?2, ?3)
                   ORDER BY name, version, day LIMIT ?4";
        let counted = |row: &Row<'_>| {
            let (day, number) = (Day::from_number(get(row, 2)?), unsigned(get(row, 3)?));
            Ok(Downloads { name: parse(row, 0)?, version: parse(row, 1)?, day, number })
        };
        self.pool.read(move |reader| reader.rows(sql, page, counted)).await
    }

    async fn versions(&self, name: &Name) -> Result<Vec<(Version, u64)>, MetaError> {
        let name = name.to_string();
        let sql = "SELECT version, sum(number) FROM downloads WHERE name = ?1 GROUP BY version";
        let sum = |row: &Row<'_>| Ok((parse(row, 0)?, unsigned(get(row, 1)?)));
        Ok(highest_first(self.pool.read(move |reader| reader.rows(sql, [name], sum)).await?))
    }

    async fn days(
        &self,
        name: &Name,
        version: Option<&Version>,
        first: Day,
        last: Day,
    ) -> Result<Vec<(Day, u64)>, MetaError> {
        // Two statements: those of one version are one range of the key.
        let of_all = "SELECT day, sum(number) FROM downloads
                      WHERE name = ?1 AND day BETWEEN ?2 AND ?3 GROUP BY day ORDER BY day";
        let of_one = "SELECT day, number FROM downloads
                      WHERE name = ?1 AND day BETWEEN ?2 AND ?3 AND version = ?4 ORDER BY day";
        let (name, version) = (name.to_string(), version.map(Version::number));
        let (first, last) = (first.number(), last.number());
        let sum = |row: &Row<'_>| Ok((Day::from_number(get(row, 0)?), unsigned(get(row, 1)?)));
        self.pool
            .read(move |reader| match version {
                None => reader.rows(of_all, params![name, first, last], sum),
                Some(version) => reader.rows(of_one, params![name, first, last, version], sum),
            })
            .await
    }

    async fn trending(
        &self,
        weights: &[(Day, u64)],
        kinds: &[Kind],
        limit: usize,
    ) -> Result<Vec<(Package, u64)>, MetaError> {
        if weights.is_empty() {
            return Ok(Vec::new());
        }
        let days = vec!["(?, ?)"; weights.len()].join(", ");
        let of_kinds = match kinds.len() {
            0 => String::new(),
            some => format!("AND p.kind IN ({})", vec!["?"; some].join(", ")),
        };
        let scores = format!(
            "WITH w (day, weight) AS (VALUES {days}),
                 found AS (
                     SELECT d.name, d.number * w.weight AS score FROM w CROSS JOIN daily_downloads d ON d.day = w.day
                     UNION ALL
                     SELECT s.name, {STAR_WEIGHT} * w.weight FROM w CROSS JOIN stars s ON s.day = w.day)
             SELECT name, sum(score) AS total FROM found GROUP BY name HAVING sum(score) > 0
             ORDER BY total DESC, name LIMIT ?"
        );
        let wanted = format!(
            "SELECT {PACKAGE} FROM packages p
             WHERE p.name = ? AND p.shown IS NOT NULL AND p.visibility = 'public' {of_kinds}"
        );
        let mut values: Vec<Value> = Vec::new();
        for (day, weight) in weights {
            values.extend([Value::from(day.number()), Value::from(signed(*weight))]);
        }
        let kinds: Vec<&'static str> = kinds.iter().map(|kind| kind.as_str()).collect();
        self.pool
            .read(move |sql| {
                let mut ranked = RANKED.max(limit);
                loop {
                    let values = values.iter().cloned().chain([Value::from(signed(ranked as u64))]);
                    let score = |row: &Row<'_>| Ok((get::<String>(row, 0)?, unsigned(get(row, 1)?)));
                    let scored = sql.rows(&scores, params_from_iter(values), score)?;
                    let is_all = scored.len() < ranked;
                    let mut found = Vec::new();
                    for (name, score) in scored {
                        if found.len() == limit {
                            break;
                        }
                        let values = std::iter::once(name.as_str()).chain(kinds.iter().copied());
                        let package = sql.row(&wanted, params_from_iter(values), package)?;
                        found.extend(package.map(|package| (package, score)));
                    }
                    if found.len() == limit || is_all {
                        return Ok(found);
                    }
                    ranked = ranked.saturating_mul(10);
                }
            })
            .await
    }

    async fn totals(&self) -> Result<Totals, MetaError> {
        self.pool
            .read(|sql| {
                let mut totals = Totals::default();
                let by_kind = "SELECT kind, count(*), sum(versions), sum(downloads), sum(stars) FROM packages
                               WHERE shown IS NOT NULL AND visibility = 'public' GROUP BY kind";
                let sums = |row: &Row<'_>| {
                    let sum = |column| Ok::<_, MetaError>(unsigned(get(row, column)?));
                    Ok((parse::<Kind>(row, 0)?, sum(1)?, [sum(2)?, sum(3)?, sum(4)?]))
                };
                for (kind, packages, sums) in sql.rows(by_kind, [], sums)? {
                    totals.add(kind, packages, sums);
                }
                let orgs = "SELECT count(*) FROM label_counts WHERE type = 101 AND public > 0";
                totals.organisations = sql.row(orgs, [], |row| Ok(unsigned(get(row, 0)?)))?.unwrap_or_default();
                Ok(totals)
            })
            .await
    }
}
