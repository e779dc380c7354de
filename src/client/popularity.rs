//! Stars, trends and statistics.

use reqwest::Method;

use super::catalogue::NOTHING;
use super::error::ClientError;
use super::transport::Client;
use crate::domain::api::{List, PackageStatistics, Star, Statistics, Trending};
use crate::domain::{Day, Kind, Name, Version};

impl Client {
    /// Gives a package a star of the caller.
    pub async fn star(&self, name: &Name) -> Result<(), ClientError> {
        self.ask(Method::PUT, &format!("/api/v1/artifacts/{name}/star"), name.as_str(), NOTHING).await
    }

    /// Takes the caller's star away.
    pub async fn unstar(&self, name: &Name) -> Result<(), ClientError> {
        self.ask(Method::DELETE, &format!("/api/v1/artifacts/{name}/star"), name.as_str(), NOTHING).await
    }

    /// All stars of the caller, all pages together.
    pub async fn stars(&self) -> Result<Vec<Star>, ClientError> {
        let (mut stars, mut cursor) = (Vec::new(), String::new());
        loop {
            let page: List<Star> = self.document("the stars", "/api/v1/user/stars", &[("cursor", &cursor)]).await?;
            stars.extend(page.items);
            match page.next {
                Some(next) if next > cursor => cursor = next,
                Some(_) => return Err(self.not_understood("the stars", "its pages do not end")),
                None => return Ok(stars),
            }
        }
    }

    /// What is downloaded and starred most in so many days, of any of these kinds, or of every kind if none is named.
    pub async fn trending(&self, days: u32, kinds: &[Kind], limit: Option<u32>) -> Result<List<Trending>, ClientError> {
        let mut query = vec![("window", format!("{days}d"))];
        query.extend(kinds.iter().map(|kind| ("kind", kind.to_string())));
        query.extend(limit.map(|limit| ("limit", limit.to_string())));
        self.document("what is trending", "/api/v1/trending", &query).await
    }

    /// How a package is used, and on which days since `from`, there of one version if it is named.
    pub async fn package_statistics(
        &self,
        name: &Name,
        version: Option<&Version>,
        from: Option<Day>,
    ) -> Result<PackageStatistics, ClientError> {
        let version = version.map(|version| ("version", version.to_string()));
        let from = from.map(|from| ("from", from.to_string()));
        let query: Vec<_> = [version, from].into_iter().flatten().collect();
        let path = format!("/api/v1/artifacts/{name}/statistics");
        self.document(&format!("the statistics of {name}"), &path, &query).await
    }

    /// What is public in the registry.
    pub async fn statistics(&self) -> Result<Statistics, ClientError> {
        self.document("the statistics", "/api/v1/statistics", &()).await
    }
}
