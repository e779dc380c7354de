//! Organisations: what one says of itself, and how its packages begin.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Visibility;
use super::text::text_fault;

/// Largest document of an organisation, in bytes.
pub const PROFILE_MAX: u64 = 16 << 10;
/// Longest title, in bytes.
const TITLE_MAX: usize = 200;
/// Longest description, in bytes.
const TEXT_MAX: usize = 4000;
/// Longest address, in bytes.
const HOMEPAGE_MAX: usize = 500;

/// What an organisation says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Profile {
    /// The name as people write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where to read more: an address of the web.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500, pattern = r#"^https?://[^\s"<>\\^`{|}\x00-\x1f\x7f-\x9f]+$"#)]
    pub homepage: Option<String>,
    /// Who sees its packages when they are new.
    #[serde(default)]
    pub visibility: Visibility,
}

impl Profile {
    /// The bytes that are stored and hashed: JSON with sorted keys and no white space.
    pub fn to_bytes(&self) -> Bytes {
        let value = serde_json::to_value(self).unwrap_or_default();
        Bytes::from(value.to_string())
    }

    /// Why the registry does not take it, if it does not.
    pub fn check(&self) -> Result<(), String> {
        let texts = [
            ("the title", &self.title, TITLE_MAX),
            ("the description", &self.description, TEXT_MAX),
            ("the homepage", &self.homepage, HOMEPAGE_MAX),
        ];
        for (what, text, most) in texts {
            if let Some(fault) = text.as_ref().and_then(|text| text_fault(text, most)) {
                return Err(format!("{what} {fault}"));
            }
        }
        match &self.homepage {
            Some(homepage) if !is_address(homepage) => {
                Err(format!("the homepage {homepage:?} is no address that begins with https:// or http://"))
            }
            _ => Ok(()),
        }
    }
}

/// Whether it may be shown as a link.
fn is_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.contains(|c: char| c.is_whitespace() || "\"<>\\^`{|}".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_canonical_and_come_back() {
        let profile =
            Profile { title: Some("Acme".to_owned()), visibility: Visibility::Unlisted, ..Profile::default() };
        let bytes = profile.to_bytes();
        assert_eq!(bytes, r#"{"title":"Acme","visibility":"unlisted"}"#);
        assert_eq!(serde_json::from_slice::<Profile>(&bytes).unwrap(), profile);
    }

    #[test]
    fn what_cannot_be_shown_is_refused() {
        let homepage = |text: &str| Profile { homepage: Some(text.to_owned()), ..Profile::default() };
        for good in ["https://acme.example", "http://acme.example/a?b=c#d"] {
            assert_eq!(homepage(good).check(), Ok(()), "{good}");
        }
        for bad in
            ["", "https://", "acme.example", "javascript:alert(1)", "https://a b", "https://a\"b", "https://a\nb"]
        {
            assert!(homepage(bad).check().is_err(), "{bad:?}");
        }
        let long = Some("x".repeat(TEXT_MAX + 1));
        for bad in [
            Profile { title: long.clone(), ..Profile::default() },
            Profile { description: long, ..Profile::default() },
            Profile { title: Some("a\0".to_owned()), ..Profile::default() },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
