//! The four metadata stores, for tests that run the same on each.

use crate::{mongo, postgres};

/// Which store holds the metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Memory,
    Sqlite,
    Postgres,
    Mongo,
}

impl Backend {
    /// A place for one registry's metadata; `None`, and said, where there is no server. With `CI=true` that is a failure.
    pub fn place(self) -> Option<Place> {
        Some(match self {
            Self::Memory => Place::Memory,
            Self::Sqlite => Place::Sqlite,
            Self::Postgres => Place::Postgres(postgres::database::Database::new()?),
            Self::Mongo => Place::Mongo(mongo::Database::new()?),
        })
    }
}

/// Where the metadata of one registry are. A database on a server goes with it.
pub enum Place {
    Memory,
    /// In the data folder.
    Sqlite,
    Postgres(postgres::database::Database),
    Mongo(mongo::Database),
}

impl Place {
    /// What tells the program.
    pub fn flags(&self) -> Vec<String> {
        match self {
            Self::Memory => metadata("memory:".to_owned()),
            Self::Sqlite => Vec::new(),
            Self::Postgres(database) => metadata(database.url()),
            Self::Mongo(database) => metadata(database.url()),
        }
    }

    /// The same where the server is reached at another host and port.
    pub fn flags_at(&self, place: &str) -> Vec<String> {
        match self {
            Self::Memory | Self::Sqlite => self.flags(),
            Self::Postgres(database) => metadata(database.url().replace(&database.place(), place)),
            Self::Mongo(database) => metadata(database.url_at(place)),
        }
    }

    /// Host and port of the server.
    pub fn server(&self) -> Option<String> {
        match self {
            Self::Memory | Self::Sqlite => None,
            Self::Postgres(database) => Some(database.place()),
            Self::Mongo(database) => Some(database.place()),
        }
    }
}

fn metadata(address: String) -> Vec<String> {
    vec!["--metadata".to_owned(), address]
}

/// Declares for each function one test a backend. The function takes an empty registry on it.
macro_rules! on_every_backend {
    ($($test:ident)*) => {$(
        mod $test {
            use crate::backend::Backend;
            use crate::world::World;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_memory() {
                let Some(world) = World::on(Backend::Memory) else { return };
                super::$test(world).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                let Some(world) = World::on(Backend::Sqlite) else { return };
                super::$test(world).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                let Some(world) = World::on(Backend::Postgres) else { return };
                super::$test(world).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_mongodb() {
                let Some(world) = World::on(Backend::Mongo) else { return };
                super::$test(world).await;
            }
        }
    )*};
}

/// The same for functions that take what the `on` of a type starts on a backend.
macro_rules! started_on_every_backend {
    ($started:ident: $($test:ident)*) => {$(
        mod $test {
            use crate::backend::Backend;

            fn on(backend: Backend) {
                if let Some(started) = super::$started::on(backend) {
                    super::$test(started);
                }
            }

            #[test]
            fn on_memory() {
                on(Backend::Memory);
            }

            #[test]
            fn on_sqlite() {
                on(Backend::Sqlite);
            }

            #[test]
            fn on_postgres() {
                on(Backend::Postgres);
            }

            #[test]
            fn on_mongodb() {
                on(Backend::Mongo);
            }
        }
    )*};
}

pub(crate) use {on_every_backend, started_on_every_backend};
