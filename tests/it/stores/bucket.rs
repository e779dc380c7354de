//! A place of a test's own in a bucket.

use futures::TryStreamExt as _;
use object_store::ObjectStoreExt as _;
use pcl_registry::storage::{Opening, Storage, StoreAddress};

use super::gcs::Gcs;

/// Whose protocol is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cloud {
    S3,
    Azure,
    Gcs,
}

impl Cloud {
    pub const ALL: [Self; 3] = [Self::S3, Self::Azure, Self::Gcs];
}

/// A prefix that nobody else uses.
pub struct Bucket {
    address: String,
    /// Ends with the test.
    gcs: Option<Gcs>,
}

impl Bucket {
    /// `None`, and said, where there is no server. With `CI=true` that is a failure.
    pub fn new(cloud: Cloud) -> Option<Self> {
        let given = |name: &str| {
            let address = std::env::var(name).ok();
            if address.is_none() {
                assert!(
                    std::env::var("CI").as_deref() != Ok("true"),
                    "{name} is not set, and CI=true says that it must be"
                );
                eprintln!("skipped: {name} is not set; tests/run starts a server and sets it");
            }
            address
        };
        let (server, gcs) = match cloud {
            Cloud::S3 => (given("PCLR_TEST_S3")?, None),
            Cloud::Azure => (given("PCLR_TEST_AZURITE")?, None),
            Cloud::Gcs => {
                let gcs = Gcs::start();
                (gcs.address(), Some(gcs))
            }
        };
        let (bucket, options) = server.split_once('?').expect("the address names an endpoint");
        let prefix = format!("t-{}", uuid::Uuid::now_v7().simple());
        Some(Self { address: format!("{bucket}/{prefix}?{options}"), gcs })
    }

    /// As it is given to the program.
    pub fn text(&self) -> &str {
        &self.address
    }

    pub fn address(&self) -> StoreAddress {
        self.address.parse().expect("it is an address")
    }

    /// As it is shown: without options.
    pub fn shown(&self) -> String {
        self.address().to_string()
    }

    /// The same with something replaced.
    pub fn with(&self, from: &str, to: &str) -> String {
        assert!(self.address.contains(from), "{}", self.address);
        self.address.replace(from, to)
    }

    pub async fn open(&self) -> Storage {
        Storage::open(&self.address(), Opening::default()).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Takes back for servers that were killed that they are here, as the program says one may.
    pub async fn forget_the_dead(&self) {
        let objects = self.open().await.objects().clone();
        let folder = object_store::path::Path::from("staging/members");
        let members: Vec<_> = objects.list(Some(&folder)).try_collect().await.unwrap();
        for member in members {
            objects.delete(&member.location).await.unwrap();
        }
    }

    /// How many requests the stub has answered with a refusal of a condition.
    pub fn conditions_refused(&self) -> Option<u64> {
        self.gcs.as_ref().map(Gcs::conditions_refused)
    }
}
