//! A database of a test's own on the MongoDB server that the tests were given, and a start without a server.

use pcl_registry::meta::Address;

use crate::world::assert_refused_soon;

/// The variable with the server's address.
const SERVER: &str = "PCLR_TEST_MONGODB";

/// A database that goes when this is dropped, whoever still uses it.
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// A database that is not there yet; `None` if there is no server. With `CI=true` that is a failure.
    pub fn new() -> Option<Self> {
        let Ok(server) = std::env::var(SERVER) else {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "{SERVER} is not set, and CI=true says that it must be"
            );
            eprintln!("skipped: {SERVER} is not set; tests/run starts a server and sets it");
            return None;
        };
        Some(Self { server, name: format!("pclr_it_{}", uuid::Uuid::now_v7().simple()) })
    }

    pub fn url(&self) -> String {
        let (place, options) = self.parts();
        format!("mongodb://{place}/{}{options}", self.name)
    }

    pub fn address(&self) -> Address {
        self.url().parse().unwrap()
    }

    /// Loses all that is in it.
    pub async fn lose(&self) {
        let client = mongodb::Client::with_uri_str(self.url()).await.unwrap();
        client.database(&self.name).drop().await.unwrap();
    }

    /// Host and port of the server.
    pub fn place(&self) -> String {
        self.parts().0.to_owned()
    }

    /// The same database through another place. A member of a set would name its own place otherwise.
    pub fn url_at(&self, place: &str) -> String {
        format!("mongodb://{place}/{}?directConnection=true", self.name)
    }

    fn parts(&self) -> (&str, &str) {
        let rest = self.server.strip_prefix("mongodb://").expect("the server's address is one of MongoDB");
        rest.split_once('/').expect("the server's address ends its host with a slash")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (url, name) = (self.url(), self.name.clone());
        // From a thread of its own: a test is asynchronous or not.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let client = mongodb::Client::with_uri_str(url).await.unwrap();
                let _ = client.database(&name).drop().await;
            });
        });
        let _ = dropping.join();
    }
}

#[test]
fn a_server_that_cannot_be_had_stops_the_start_and_the_password_is_not_told() {
    for (url, code, expected) in [
        ("mongodb://ann:secret@127.0.0.1:1/db", 3, "mongodb://127.0.0.1:1/db: "),
        ("mongo://ann:secret@127.0.0.1:1/db", 2, "mongo://ann@127.0.0.1:1/db is not a metadata store"),
    ] {
        assert_refused_soon(url, code, expected);
    }
}
