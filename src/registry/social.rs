//! Stars, statistics and trends.

use std::sync::Arc;

use crate::domain::api::{Count, DayDownloads, PackageStatistics, Star, Statistics, Trending, VersionDownloads};
use crate::domain::{Action, Actor, Day, Kind, Name, Scope, User, Version, Visibility, WEIGHT_TODAY, trend_weights};
use crate::meta::{StarRow, Starred};

use super::{Registry, RegistryError};

/// Most packages in a trend.
pub const TRENDING_MAX: usize = 100;

/// Most days that one answer tells of.
const DAYS_MAX: i32 = 1000;

impl Registry {
    /// Gives a package a star of the caller. One that is there stays as it is.
    pub async fn star(&self, actor: &Actor, name: &Name) -> Result<(), RegistryError> {
        let user = account(actor)?;
        self.package(actor, name).await?;
        match self.0.meta.social.star(name, &user.name, Some(self.0.clock.now())).await? {
            Starred::Done => Ok(()),
            Starred::NoUser => Err(RegistryError::AccountUnknown(format!("user {}", user.name))),
            Starred::NoPackage => Err(RegistryError::PackageUnknown(name.to_string())),
        }
    }

    /// Takes the caller's star away. That there is none, or no such package, is fine: nobody learns here what there is.
    pub async fn unstar(&self, actor: &Actor, name: &Name) -> Result<(), RegistryError> {
        let user = account(actor)?;
        self.0.meta.social.star(name, &user.name, None).await?;
        Ok(())
    }

    /// The caller's stars by name of the package, after `after`, at most `limit`, and whether there are more. Packages that cannot be
    /// read are left out, so that a page may be shorter; the last name of the page that was looked at is returned too.
    pub async fn stars(
        &self,
        actor: &Actor,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<(Vec<Star>, Option<Name>), RegistryError> {
        let user = account(actor)?;
        self.require(actor, Action::Read, Scope::Registry)?;
        let mut rows = self.0.meta.social.stars(&user.name, after, limit.saturating_add(1)).await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|row| row.name.clone());
        let mut stars = Vec::with_capacity(rows.len());
        for StarRow { name, starred, visibility } in rows {
            let is_seen = match visibility {
                Some(Visibility::Public | Visibility::Unlisted) => true,
                Some(Visibility::Private) => self.sees(actor, &name.repository()).await?,
                None => false,
            };
            stars.extend(is_seen.then_some(Star { name, starred }));
        }
        Ok((stars, next))
    }

    /// Public packages whose downloads and stars in the last days count most, the newer the more; `limit` of them, and at most
    /// [`TRENDING_MAX`]. Of any of these kinds, or of every kind if none is named. Up to some seconds old, without what has gone out of
    /// sight meanwhile.
    pub async fn trending(
        &self,
        actor: &Actor,
        window: u32,
        kinds: &[Kind],
        limit: usize,
    ) -> Result<Vec<Trending>, RegistryError> {
        self.require(actor, Action::Read, Scope::Registry)?;
        let today = Day::of(self.0.clock.now());
        let kinds = one_way_to_say(kinds);
        let load = async {
            let weights = trend_weights(today, window);
            let found = self.0.meta.social.trending(&weights, &kinds, TRENDING_MAX).await?;
            let trending = found.into_iter().map(|(package, score)| {
                let score = score as f64 / WEIGHT_TODAY as f64;
                Trending { package, score: (score * 1000.0).round() / 1000.0 }
            });
            Ok::<_, RegistryError>(trending.collect::<Arc<[Trending]>>())
        };
        let key = (today, window, kinds.clone());
        let found = self.0.cache.get_or_sum_up(&self.0.cache.trending, key, load).await?;
        Ok(found.iter().take(limit).cloned().collect())
    }

    /// How a package is used: ever, and on each day of a span, by default the last thirty days; there of one version, if it is named.
    pub async fn package_statistics(
        &self,
        actor: &Actor,
        name: &Name,
        version: Option<&Version>,
        from: Option<Day>,
        to: Option<Day>,
    ) -> Result<PackageStatistics, RegistryError> {
        let to = to.unwrap_or_else(|| Day::of(self.0.clock.now()));
        let from = from.unwrap_or_else(|| to.back(29));
        if to.number().saturating_sub(from.number()) >= DAYS_MAX {
            return Err(RegistryError::BadRequest(format!(
                "{from} to {to} are more than the {DAYS_MAX} days that one answer tells of; ask for fewer"
            )));
        }
        let package = self.package(actor, name).await?;
        let versions = self.0.meta.social.versions(name).await?;
        let days = self.0.meta.social.days(name, version, from, to).await?;
        let of_version = |(version, downloads)| VersionDownloads { version, downloads };
        Ok(PackageStatistics {
            name: package.name,
            downloads: package.downloads,
            stars: package.stars,
            versions: versions.into_iter().map(of_version).collect(),
            days: days.into_iter().map(|(day, downloads)| DayDownloads { day, downloads }).collect(),
        })
    }

    /// What public packages come to together. Up to some seconds old, without what has gone out of sight meanwhile.
    pub async fn statistics(&self, actor: &Actor) -> Result<Statistics, RegistryError> {
        self.require(actor, Action::Read, Scope::Registry)?;
        let load = async {
            let totals = self.0.meta.social.totals().await?;
            let kinds = totals.kinds.iter().map(|(kind, count)| Count { value: kind.to_string(), count: *count });
            Ok::<_, RegistryError>(Statistics {
                packages: totals.kinds.iter().map(|(_, count)| count).sum(),
                kinds: kinds.collect(),
                organisations: totals.organisations,
                versions: totals.versions,
                downloads: totals.downloads,
                stars: totals.stars,
            })
        };
        self.0.cache.get_or_sum_up(&self.0.cache.statistics, (), load).await
    }
}

/// The same kinds, however they were named.
fn one_way_to_say(kinds: &[Kind]) -> Vec<Kind> {
    let mut kinds = kinds.to_vec();
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.len() == Kind::ALL.len() { Vec::new() } else { kinds }
}

/// Whose stars they are.
fn account(actor: &Actor) -> Result<&User, RegistryError> {
    match actor {
        Actor::User(user) => Ok(user),
        Actor::Anonymous(_) => Err(RegistryError::LoginNeeded),
        Actor::Operator => {
            let message = "the operator has no account, and so no stars; use the token of a user";
            Err(RegistryError::BadRequest(message.to_owned()))
        }
    }
}
