//! Who asks, as the request says it: `Authorization: Bearer TOKEN`, or `Basic USER:TOKEN` as container tools have it.
//!
//! A wrong token is refused whatever is asked for: who believes to be logged in must not be answered as anybody.

use std::ops::Deref;

use axum::extract::FromRequestParts;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap};
use http::request::Parts;

use super::App;
use super::error::Failure;
use crate::domain::{Actor, Token};
use crate::registry::{Credentials, RegistryError};

/// The fronts as one caller sees them: handlers take it where they act for somebody.
#[derive(Clone)]
pub struct Caller {
    app: App,
    actor: Actor,
}

impl Caller {
    /// The caller of a request with these headers.
    pub(super) async fn of(app: &App, headers: &HeaderMap) -> Result<Self, Failure> {
        let actor = match credentials(headers)? {
            Some(credentials) => app.registry.login(&credentials, app.options.access).await?,
            None => Actor::Anonymous(app.options.access),
        };
        Ok(Self { app: app.clone(), actor })
    }

    /// Who asks.
    pub fn actor(&self) -> Actor {
        self.actor.clone()
    }
}

impl Deref for Caller {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = super::api::Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        Ok(Self::of(app, &parts.headers).await?)
    }
}

/// What the caller says of itself, if anything.
fn credentials(headers: &HeaderMap) -> Result<Option<Credentials>, RegistryError> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = given.next() else { return Ok(None) };
    let wrong = RegistryError::WrongToken;
    // Two that say different things must not be told apart by chance.
    let (Ok(text), None) = (value.to_str(), given.next()) else { return Err(wrong) };
    let Some((scheme, rest)) = text.trim().split_once(' ') else { return Err(wrong) };
    // RFC 9110, 11.1: the name of the scheme is read without regard to case.
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => match rest.trim().parse::<Token>() {
            Ok(token) => Ok(Some(Credentials { owner: None, token })),
            Err(_) => Err(wrong),
        },
        "basic" => basic(rest.trim()),
        _ => Err(wrong),
    }
}

/// RFC 7617, 2: user and password with a colon between them, as Base64.
fn basic(text: &str) -> Result<Option<Credentials>, RegistryError> {
    let wrong = |()| RegistryError::WrongToken;
    let decoded = STANDARD.decode(text).map_err(|_| ()).and_then(|bytes| String::from_utf8(bytes).map_err(|_| ()));
    let decoded = decoded.map_err(wrong)?;
    let (user, password) = decoded.split_once(':').ok_or(()).map_err(wrong)?;
    // Container tools that were told no name send empty ones.
    if user.is_empty() && password.is_empty() {
        return Ok(None);
    }
    let owner = user.parse().map_err(|_| wrong(()))?;
    let token = password.parse().map_err(|_| wrong(()))?;
    Ok(Some(Credentials { owner: Some(owner), token }))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const TOKEN: &str = "pclr_00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    /// `-` for nobody, `wrong`, or the owner that is named and whether the token came whole.
    fn read(values: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        match credentials(&headers) {
            Ok(None) => "-".to_owned(),
            Ok(Some(Credentials { owner, token })) => {
                assert_eq!(token.reveal(), TOKEN);
                owner.map_or("unnamed".to_owned(), |owner| owner.to_string())
            }
            Err(_) => "wrong".to_owned(),
        }
    }

    #[test]
    fn tokens_come_as_bearer_or_basic() {
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert_eq!(read(&[]), "-");
        assert_eq!(read(&[&format!("Bearer {TOKEN}")]), "unnamed");
        assert_eq!(read(&[&format!("bEARER  {TOKEN} ")]), "unnamed");
        assert_eq!(read(&[&basic(&format!("ann:{TOKEN}"))]), "ann");
        assert_eq!(read(&[&basic(&format!("operator:{TOKEN}"))]), "operator");
        assert_eq!(read(&[&basic(":")]), "-");
        for bad in ["", "Bearer", "Bearer ", "Bearer x", "Digest a=b", "Basic", "Basic !", TOKEN] {
            assert_eq!(read(&[bad]), "wrong", "{bad}");
        }
        for bad in ["ann", "ann:", ":x", &format!(":{TOKEN}"), &format!("Ann:{TOKEN}"), &format!("ann:{TOKEN}:")] {
            assert_eq!(read(&[&basic(bad)]), "wrong", "{bad}");
        }
        assert_eq!(read(&[&format!("Bearer {TOKEN}"), &format!("Bearer {TOKEN}")]), "wrong");
    }
}
