//! Downloads and stars. What changes them holds the counter, since it changes rows of packages.

use async_trait::async_trait;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgRow;

use crate::domain::{Day, Kind, Name, Package, STAR_WEIGHT, Timestamp, UserName, Version};

use super::super::column::{signed, unsigned};
use super::super::social::{RANKED, highest_first};
use super::super::{DownloadBatch, Downloads, MetaError, Social, StarRow, Starred, Totals};
use super::Postgres;
use super::list::{PACKAGE, PACKAGE_COLUMNS, package};
use super::sql::{get, parse, parse_optional, query};
use super::transaction::End;

/// $1 sender, $2 number. A row, unless the batch was counted before.
const FIRST: &str = "
    INSERT INTO download_batches (sender, number) VALUES ($1, $2)
    ON CONFLICT (sender) DO UPDATE SET number = excluded.number WHERE excluded.number > download_batches.number
    RETURNING sender";

/// $1 to $4: names, versions, days, numbers.
const COUNT: &str = "
    WITH given AS (
        SELECT g.name, g.version, g.day, sum(g.number)::bigint AS number
        FROM unnest($1::text[], $2::text[], $3::integer[], $4::bigint[]) AS g (name, version, day, number)
        JOIN packages p ON p.name = g.name GROUP BY g.name, g.version, g.day
    ), counted AS (
        INSERT INTO downloads (name, version, day, number) SELECT name, version, day, number FROM given
        ON CONFLICT (name, version, day) DO UPDATE SET number = downloads.number + excluded.number
    ), daily AS (
        INSERT INTO daily_downloads (day, name, number)
        SELECT day, name, sum(number)::bigint FROM given GROUP BY day, name
        ON CONFLICT (day, name) DO UPDATE SET number = daily_downloads.number + excluded.number
    )
    UPDATE packages p SET downloads = p.downloads + g.number
    FROM (SELECT name, sum(number)::bigint AS number FROM given GROUP BY name) g WHERE p.name = g.name";

/// $1 user, $2 package. Whether there is each.
const KNOWN: &str =
    "SELECT EXISTS (SELECT 1 FROM users WHERE name = $1), EXISTS (SELECT 1 FROM packages WHERE name = $2)";

/// $1 user, $2 package, $3 time, $4 day.
const GIVE: &str = "
    WITH given AS (
        INSERT INTO stars (\"user\", name, starred, day) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING name
    )
    UPDATE packages SET stars = stars + 1 WHERE name IN (SELECT name FROM given)";

/// $1 user, $2 package.
const TAKE: &str = "
    WITH taken AS (DELETE FROM stars WHERE \"user\" = $1 AND name = $2 RETURNING name)
    UPDATE packages SET stars = stars - 1 WHERE name IN (SELECT name FROM taken)";

#[async_trait]
impl Social for Postgres {
    async fn count(&self, batch: &DownloadBatch) -> Result<(), MetaError> {
        let (sender, number) = (batch.sender.to_string(), signed(batch.number));
        let rows = &batch.downloads;
        let names: Vec<String> = rows.iter().map(|row| row.name.to_string()).collect();
        let versions: Vec<String> = rows.iter().map(|row| row.version.number()).collect();
        let days: Vec<i32> = rows.iter().map(|row| row.day.number()).collect();
        let numbers: Vec<i64> = rows.iter().map(|row| signed(row.number)).collect();
        let counted = self.pool.change(move |sql, _| {
            if sql.row(query(FIRST).bind(sender.clone()).bind(number), |_| Ok(()))?.is_none() {
                return Ok(((), End::RollBack));
            }
            let rows = query(COUNT).bind(names.clone()).bind(versions.clone());
            sql.run(rows.bind(days.clone()).bind(numbers.clone()))?;
            Ok(((), End::Commit))
        });
        counted.await
    }

    async fn star(&self, name: &Name, user: &UserName, at: Option<Timestamp>) -> Result<Starred, MetaError> {
        let (name, user) = (name.to_string(), user.to_string());
        let starred = self.pool.change(move |sql, _| {
            let key = |sql: &'static str| query(sql).bind(user.clone()).bind(name.clone());
            let known = sql.row(key(KNOWN), |row| Ok((get::<bool>(row, 0)?, get::<bool>(row, 1)?)))?;
            match known {
                Some((true, true)) => {}
                Some((true, false)) => return Ok((Starred::NoPackage, End::RollBack)),
                _ => return Ok((Starred::NoUser, End::RollBack)),
            }
            match at {
                Some(at) => sql.run(key(GIVE).bind(at.micros()).bind(Day::of(at).number()))?,
                None => sql.run(key(TAKE))?,
            }
            Ok((Starred::Done, End::Commit))
        });
        starred.await
    }

    async fn stars(&self, user: &UserName, after: Option<&Name>, limit: usize) -> Result<Vec<StarRow>, MetaError> {
        let sql = "SELECT s.name, s.starred, CASE WHEN p.shown IS NOT NULL THEN p.visibility END
                   FROM stars s LEFT JOIN packages p ON p.name = s.name
                   WHERE s.\"user\" = $1 AND s.name > $2 ORDER BY s.name LIMIT $3";
        let after = after.map(Name::to_string).unwrap_or_default();
        let page = || query(sql).bind(user.to_string()).bind(after.clone()).bind(signed(limit as u64));
        let star = |row: &PgRow| {
            let starred = Timestamp::from_micros(get(row, 1)?);
            Ok(StarRow { name: parse(row, 0)?, starred, visibility: parse_optional(row, 2)? })
        };
        self.pool.rows(page, star).await
    }

    async fn counted(&self, after: Option<&Downloads>, limit: usize) -> Result<Vec<Downloads>, MetaError> {
        let sql = "SELECT name, version, day, number FROM downloads WHERE (name, version, day) > ($1, $2, $3)
                   ORDER BY name, version, day LIMIT $4";
        let (name, version, day) = match after {
            Some(row) => (row.name.to_string(), row.version.number(), row.day.number()),
            None => (String::new(), String::new(), 0),
        };
        let page = || query(sql).bind(name.clone()).bind(version.clone()).bind(day).bind(signed(limit as u64));
        let counted = |row: &PgRow| {
            let (day, number) = (Day::from_number(get(row, 2)?), unsigned(get(row, 3)?));
            Ok(Downloads { name: parse(row, 0)?, version: parse(row, 1)?, day, number })
        };
        self.pool.rows(page, counted).await
    }

    async fn versions(&self, name: &Name) -> Result<Vec<(Version, u64)>, MetaError> {
        let sql = "SELECT version, sum(number)::bigint FROM downloads WHERE name = $1 GROUP BY version";
        let sum = |row: &PgRow| Ok((parse(row, 0)?, unsigned(get(row, 1)?)));
        Ok(highest_first(self.pool.rows(|| query(sql).bind(name.to_string()), sum).await?))
    }

    async fn days(
        &self,
        name: &Name,
        version: Option<&Version>,
        first: Day,
        last: Day,
    ) -> Result<Vec<(Day, u64)>, MetaError> {
        // Two statements: those of one version are one range of the key.
        let of_all = "SELECT day, sum(number)::bigint FROM downloads
                      WHERE name = $1 AND day BETWEEN $2 AND $3 GROUP BY day ORDER BY day";
        let of_one = "SELECT day, number FROM downloads
                      WHERE name = $1 AND day BETWEEN $2 AND $3 AND version = $4 ORDER BY day";
        let wanted = || {
            let days = |sql: &'static str| query(sql).bind(name.to_string()).bind(first.number()).bind(last.number());
            match version {
                None => days(of_all),
                Some(version) => days(of_one).bind(version.number()),
            }
        };
        self.pool.rows(wanted, |row| Ok((Day::from_number(get(row, 0)?), unsigned(get(row, 1)?)))).await
    }

    async fn trending(
        &self,
        weights: &[(Day, u64)],
        kinds: &[Kind],
        limit: usize,
    ) -> Result<Vec<(Package, u64)>, MetaError> {
        let sql = format!(
            "WITH w AS (SELECT * FROM unnest($1::integer[], $2::bigint[]) AS w (day, weight)),
                 found AS (
                     SELECT d.name, d.number * w.weight AS score FROM w JOIN daily_downloads d ON d.day = w.day
                     UNION ALL
                     SELECT s.name, {STAR_WEIGHT} * w.weight FROM w JOIN stars s ON s.day = w.day),
                 ranked AS MATERIALIZED (
                     SELECT name, sum(score)::bigint AS score FROM found GROUP BY name HAVING sum(score) > 0
                     ORDER BY 2 DESC, 1 LIMIT $4)
             SELECT {PACKAGE}, r.score, c.number FROM (SELECT count(*) AS number FROM ranked) c
             LEFT JOIN (ranked r JOIN packages p ON p.name = r.name AND p.shown IS NOT NULL
                 AND p.visibility = 'public' AND ($3::text[] = '{{}}' OR p.kind = ANY($3))) ON true
             ORDER BY r.score DESC, r.name LIMIT $5"
        );
        let days: Vec<i32> = weights.iter().map(|(day, _)| day.number()).collect();
        let weights: Vec<i64> = weights.iter().map(|(_, weight)| signed(*weight)).collect();
        let kinds: Vec<&'static str> = kinds.iter().map(|kind| kind.as_str()).collect();
        let mut ranked = RANKED.max(limit);
        loop {
            let wanted = || {
                let weighed = query(AssertSqlSafe(sql.as_str())).bind(days.clone()).bind(weights.clone());
                weighed.bind(kinds.clone()).bind(signed(ranked as u64)).bind(signed(limit as u64))
            };
            let rows = self.pool.rows(wanted, scored).await?;
            let is_all = rows.first().is_none_or(|(number, _)| *number < ranked as u64);
            let found: Vec<(Package, u64)> = rows.into_iter().filter_map(|(_, found)| found).collect();
            if found.len() == limit || is_all {
                return Ok(found);
            }
            ranked = ranked.saturating_mul(10);
        }
    }

    async fn totals(&self) -> Result<Totals, MetaError> {
        let sql = "SELECT kind, count(*), sum(versions)::bigint, sum(downloads)::bigint, sum(stars)::bigint,
                       (SELECT count(*) FROM labels WHERE type = 101 AND public > 0)
                   FROM packages WHERE shown IS NOT NULL AND visibility = 'public' GROUP BY kind";
        let sums = |row: &PgRow| {
            let sum = |column| Ok::<_, MetaError>(unsigned(get(row, column)?));
            Ok((parse::<Kind>(row, 0)?, sum(1)?, [sum(2)?, sum(3)?, sum(4)?], sum(5)?))
        };
        let mut totals = Totals::default();
        for (kind, packages, sums, organisations) in self.pool.rows(|| query(sql), sums).await? {
            totals.add(kind, packages, sums);
            totals.organisations = organisations;
        }
        Ok(totals)
    }
}

/// How many packages were ranked, and one of them with its score, unless none of them is wanted.
fn scored(row: &PgRow) -> Result<(u64, Option<(Package, u64)>), MetaError> {
    let score: Option<i64> = get(row, PACKAGE_COLUMNS)?;
    let found = score.map(|score| Ok::<_, MetaError>((package(row)?, unsigned(score)))).transpose()?;
    Ok((unsigned(get(row, PACKAGE_COLUMNS + 1)?), found))
}
