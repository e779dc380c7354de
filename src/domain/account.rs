//! Accounts: users, organisations, roles, tokens.
//!
//! A token is the only way to prove who one is. It is shown once; what is kept of it is a hash, and no `Debug` shows it.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::text::text_value;
use super::{Access, Digest, Name, NameError};

/// Longest name of a user, in bytes.
pub const USER_MAX: usize = 39;
/// Longest name of a token, in bytes.
pub const TOKEN_NAME_MAX: usize = 64;

/// The name of a user: lower-case letters, digits and `-` between them, at most [`USER_MAX`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(String);

impl UserName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let refuse = |why| Err(NameError::new("user name", text, why));
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if text.is_empty() || text.len() > USER_MAX || !text.bytes().all(allowed) {
            return refuse("it is 1 to 39 lower-case letters, digits and '-'");
        }
        if text.starts_with('-') || text.ends_with('-') {
            return refuse("it begins and ends with a letter or digit");
        }
        if matches!(text, OPERATOR | "anonymous") {
            return refuse("it is reserved for callers without an account");
        }
        Ok(Self(text.to_owned()))
    }
}

text_value!(UserName);

/// The name of an organisation: the first component of its packages' names.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrgName(String);

impl OrgName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OrgName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        // What can stand before the slash of a package's name.
        let name: Result<Name, NameError> = format!("{text}/x").parse();
        match name {
            Ok(name) if name.org() == text => Ok(Self(text.to_owned())),
            Ok(_) => Err(NameError::new("organisation", text, "it is one component, without a '/'")),
            Err(error) => Err(NameError::new("organisation", text, error.why)),
        }
    }
}

text_value!(OrgName);

impl Borrow<str> for OrgName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// What a user may do in an organisation. Each role includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads what is private.
    Reader,
    /// Publishes.
    Member,
    /// Manages: all packages, and who has which role.
    Owner,
}

impl Role {
    /// Every role, lowest first.
    pub const ALL: [Self; 3] = [Self::Reader, Self::Member, Self::Owner];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Member => "member",
            Self::Owner => "owner",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let role = Self::ALL.into_iter().find(|role| role.as_str() == text);
        role.ok_or_else(|| {
            format!("{:?} is not a role: reader, member or owner", text.chars().take(40).collect::<String>())
        })
    }
}

impl serde::Serialize for Role {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Role {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::text::deserialize(deserializer)
    }
}

/// Somebody with an account, as a request finds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: UserName,
    /// The role in each organisation that has given one.
    pub roles: BTreeMap<OrgName, Role>,
    /// What the operator lets everybody do: an account takes nothing away.
    pub everybody: Access,
}

impl User {
    /// The role in an organisation.
    pub fn role(&self, org: &str) -> Option<Role> {
        self.roles.get(org).copied()
    }
}

/// How the operator is written where users' names stand.
const OPERATOR: &str = "operator";

/// Whose a token is.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TokenOwner {
    /// The operator's: whoever has it may do everything.
    Operator,
    /// A user's.
    User(UserName),
}

impl TokenOwner {
    /// The text: `operator`, which no user is called, or the user's name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Operator => OPERATOR,
            Self::User(name) => name.as_str(),
        }
    }
}

impl FromStr for TokenOwner {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text {
            OPERATOR => Ok(Self::Operator),
            name => name.parse().map(Self::User),
        }
    }
}

text_value!(TokenOwner);

/// What its owner calls a token, to tell it from others: letters, digits, `.`, `_`, `-`, at most [`TOKEN_NAME_MAX`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenName(String);

impl TokenName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TokenName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = text.as_bytes();
        if text.len() > TOKEN_NAME_MAX || !ends(bytes.first()) || !ends(bytes.last()) || !text.bytes().all(allowed) {
            let why = "it is 1 to 64 letters, digits, '.', '_' and '-', and begins and ends with a letter or digit";
            return Err(NameError::new("token name", text, why));
        }
        Ok(Self(text.to_owned()))
    }
}

text_value!(TokenName);

/// How every token begins, so that a token in a text is recognised as one.
const TOKEN_PREFIX: &str = "pclr_";

/// A secret of 256 random bits: `pclr_` and 64 hexadecimal digits. Never printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// The text is no token. It is not repeated: it may be one nearly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token is pclr_ and 64 hexadecimal digits")]
pub struct TokenError;

impl Token {
    /// The token of these random bits.
    pub fn new(bits: [u8; 32]) -> Self {
        Self(format!("{TOKEN_PREFIX}{}", hex::encode(bits)))
    }

    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it. The bits are random, so that no salt and no slow hash is needed.
    pub fn hash(&self) -> Digest {
        Digest::sha256(self.0.as_bytes())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("pclr_…")
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        match text.strip_prefix(TOKEN_PREFIX) {
            Some(digits) if digits.len() == 64 && digits.bytes().all(digit) => Ok(Self(text.to_owned())),
            _ => Err(TokenError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: FromStr>(good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(text.parse::<T>().is_ok(), "{text:?}");
        }
        for text in bad {
            assert!(text.parse::<T>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn names_have_one_way_in() {
        let (longest, longer) = ("a".repeat(39), "a".repeat(40));
        let bad = ["", &longer, "Ann", "a_b", "a.b", "-a", "a-", "ä", "a b", "a\0", "operator", "anonymous"];
        check::<UserName>(&["a", "7", "ann", "a--b", &longest], &bad);
        check::<OrgName>(&["acme", "a.b", "a__b"], &["", "a/b", "A", "api", "login", "a/", "/a", "a b"]);
        check::<TokenName>(&["a", "CI.main_2-x"], &["", "-a", "a-", "a b", "a\n", &"a".repeat(65)]);
        check::<TokenOwner>(&["operator", "ann"], &["", "anonymous", "Ann"]);
        check::<Role>(&["reader", "member", "owner"], &["", "Owner", "admin"]);
    }

    #[test]
    fn a_token_comes_back_and_is_never_shown() {
        let token = Token::new([0xab; 32]);
        assert_eq!(token.reveal().parse::<Token>(), Ok(token.clone()));
        assert_eq!(token.hash(), Digest::sha256(token.reveal().as_bytes()));
        assert!(!format!("{token:?}").contains("ab"), "{token:?}");
        let digits = "a".repeat(64);
        check::<Token>(&[], &["", "pclr_", &digits, &format!("pclr_{}", "A".repeat(64)), &format!("pclr_{digits}a")]);
    }

    #[test]
    fn each_role_includes_those_before_it() {
        assert!(Role::Reader < Role::Member && Role::Member < Role::Owner);
    }
}
