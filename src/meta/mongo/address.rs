//! The address of a database, and what of it may be shown.

use std::time::Duration;

use mongodb::options::{ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern};

use super::super::MetaError;
use super::error::{message, unavailable};

/// Addresses whose members are looked up by name.
const BY_NAME: &str = "mongodb+srv://";
/// The database, unless the address names one.
const DATABASE: &str = "pclr";
/// How long to look for a primary. An election takes longer: until it is over, writes fail, and may be asked for again.
const SELECTION: Duration = Duration::from_secs(3);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(2);

/// How to connect, and to which database.
pub(super) struct Address {
    pub options: ClientOptions,
    pub database: String,
    /// Hosts and database, without user and password.
    pub shown: String,
}

impl Address {
    /// [`MetaError::Unavailable`] if it cannot be used, and why; the password is not repeated.
    pub async fn parse(text: &str) -> Result<Self, MetaError> {
        if text.starts_with(BY_NAME) {
            return Err(unavailable(
                "mongodb+srv addresses need a lookup of names that this program does not have; \
                 give the members instead: mongodb://host1,host2,host3/database?replicaSet=NAME&tls=true",
            ));
        }
        let mut options =
            ClientOptions::parse(text).await.map_err(|error| unusable(&hidden(&message(&error), text)))?;
        let database = options.default_database.take().unwrap_or_else(|| DATABASE.to_owned());
        options.app_name.get_or_insert_with(|| "pclr".to_owned());
        options.server_selection_timeout.get_or_insert(SELECTION);
        options.connect_timeout.get_or_insert(CONNECT);
        // Whatever the address says: a secondary may lack what was acknowledged, and a weak write may be lost.
        options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
        options.read_concern = Some(ReadConcern::majority());
        options.write_concern = Some(durable());
        let hosts: Vec<String> = options.hosts.iter().map(ToString::to_string).collect();
        let shown = format!("mongodb://{}/{database}", hosts.join(","));
        Ok(Self { options, database, shown })
    }
}

/// On the disks of a majority.
pub(super) fn durable() -> WriteConcern {
    WriteConcern::builder().w(mongodb::options::Acknowledgment::Majority).journal(true).build()
}

fn unusable(why: &str) -> MetaError {
    unavailable(format!(
        "the address cannot be used: {why}; expected mongodb://[user:password@]host[:port]/[database][?replicaSet=NAME], \
         with % escapes in user and password"
    ))
}

/// The text without the user and password of the address.
fn hidden(text: &str, address: &str) -> String {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let Some((secret, _)) = rest.rsplit_once('@') else { return text.to_owned() };
    let (user, password) = secret.split_once(':').unwrap_or((secret, ""));
    let mut shown = text.replace(secret, "***");
    for part in [password, user] {
        if !part.is_empty() {
            shown = shown.replace(part, "***");
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_gives_a_database_and_is_shown_without_its_password() {
        for (text, shown) in [
            ("mongodb://localhost", "mongodb://localhost:27017/pclr"),
            ("mongodb://a:1,b:2/registry?replicaSet=rs0", "mongodb://a:1,b:2/registry"),
            ("mongodb://ann:s3cret@a:1/registry", "mongodb://a:1/registry"),
        ] {
            assert_eq!(Address::parse(text).await.unwrap().shown, shown);
        }
    }

    #[tokio::test]
    async fn an_address_that_cannot_be_used_says_why_and_keeps_its_password() {
        for (text, expected) in [
            ("mongodb+srv://ann:s3cret@cluster.example.com/registry", "give the members instead"),
            ("mongodb://", "expected mongodb://"),
            ("mongodb://ann:s3cret/x@a:1/registry", "expected mongodb://"),
            ("mongodb://ann:s3cret@a:port/registry", "expected mongodb://"),
            ("mongodb://ann:s3cret@a:1/?w=s3cret&connectTimeoutMS=soon", "expected mongodb://"),
            ("redis://ann:s3cret@a:1", "expected mongodb://"),
        ] {
            let error = Address::parse(text).await.err().unwrap().to_string();
            assert!(error.contains(expected) && !error.contains("s3cret"), "{text}: {error}");
        }
    }

    #[tokio::test]
    async fn an_address_cannot_weaken_reads_and_writes() {
        let text = "mongodb://a/?readPreference=secondary&w=1&journal=false&readConcernLevel=local";
        let options = Address::parse(text).await.unwrap().options;
        assert_eq!(options.write_concern, Some(durable()));
        assert_eq!(options.read_concern, Some(ReadConcern::majority()));
        assert_eq!(options.selection_criteria, Some(SelectionCriteria::ReadPreference(ReadPreference::Primary)));
    }
}
