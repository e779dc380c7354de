//! Addresses of metadata servers. They hold passwords, so an address shows itself without one, in messages and in logs.

use std::fmt;
use std::str::FromStr;

/// Which server speaks at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// PostgreSQL: `postgres://`, `postgresql://`.
    Postgres,
    /// MongoDB: `mongodb://`.
    Mongo,
}

impl Server {
    const ALL: [Self; 2] = [Self::Postgres, Self::Mongo];

    const fn schemes(self) -> &'static [&'static str] {
        match self {
            Self::Postgres => &["postgres", "postgresql"],
            Self::Mongo => &["mongodb", "mongodb+srv"],
        }
    }
}

/// A text with `://` in it: scheme, user, password, host, database, parameters. Whether they make sense, the server's client says.
///
/// Shown as `scheme://user@host:port/database`.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(String);

/// The text has no `://`. It is not repeated, as it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an address looks like postgres://user@host:5432/database")]
pub struct AddressError;

impl Address {
    /// The whole text, password included.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Which server it is of; `None` if the scheme is unknown.
    pub fn server(&self) -> Option<Server> {
        let scheme = self.parts().0;
        Server::ALL.into_iter().find(|server| server.schemes().contains(&scheme))
    }

    /// Scheme and the rest.
    fn parts(&self) -> (&str, &str) {
        self.0.split_once("://").unwrap_or(("", &self.0))
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.split_once("://") {
            Some((scheme, _)) if !scheme.is_empty() => Ok(Self(text.to_owned())),
            _ => Err(AddressError),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.parts();
        // A password may hold any sign, also one that should have been escaped: all before the last @ is taken for user and
        // password. Parameters may hold a password too and are left out; with an @ among them nothing is certain.
        if rest.split_once('?').is_some_and(|(_, parameters)| parameters.contains('@')) {
            return write!(f, "{scheme}://…");
        }
        let (user, place) = rest.rsplit_once('@').unwrap_or(("", rest));
        let place = place.split(['?', '#']).next().unwrap_or_default();
        let user = user.split(':').next().unwrap_or_default();
        write!(f, "{scheme}://")?;
        if !user.is_empty() && !user.contains(['/', '?', '#']) {
            write!(f, "{user}@")?;
        }
        f.write_str(place)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_no_password() -> Result<(), AddressError> {
        for (text, shown) in [
            ("postgres://host/db", "postgres://host/db"),
            ("postgres://ann@host:1/db", "postgres://ann@host:1/db"),
            ("postgres://ann:secret@host:1/db?sslmode=require", "postgres://ann@host:1/db"),
            ("postgresql://ann:secret%40@host", "postgresql://ann@host"),
            ("postgres://ann:sec@ret@host/db", "postgres://ann@host/db"),
            ("postgres://ann:sec/ret@host/db", "postgres://ann@host/db"),
            ("mongodb://ann:secret@a:1,b:2/db?replicaSet=rs0", "mongodb://ann@a:1,b:2/db"),
            ("postgres://ann:sec?ret@host/db", "postgres://…"),
            ("postgres://host?password=sec@ret", "postgres://…"),
            ("postgres:///db?host=/run&password=secret", "postgres:///db"),
            ("postgres://host/db?password=sec@ret", "postgres://…"),
            ("postgres://ann:secret@host/db?password=sec@ret", "postgres://…"),
            ("postgres://:secret@host", "postgres://host"),
            ("other://ann:secret@host", "other://ann@host"),
        ] {
            let address: Address = text.parse()?;
            assert_eq!(address.to_string(), shown);
            assert_eq!(format!("{address:?}"), format!("Address({shown})"));
            assert_eq!(address.reveal(), text);
        }
        Ok(())
    }

    #[test]
    fn servers_are_known_by_their_schemes() {
        for (text, server) in [
            ("postgres://host", Some(Server::Postgres)),
            ("postgresql://host", Some(Server::Postgres)),
            ("mongodb://a:1,b:2/db", Some(Server::Mongo)),
            ("mongodb+srv://host", Some(Server::Mongo)),
            ("postgre://host", None),
            ("Postgres://host", None),
        ] {
            assert_eq!(text.parse::<Address>().map(|address| address.server()), Ok(server), "{text}");
        }
        for text in ["", "postgres:host", "://host"] {
            assert_eq!(text.parse::<Address>(), Err(AddressError), "{text}");
        }
    }
}
