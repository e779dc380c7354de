//! [`Bucket`]: its name, the prefix in it, and its options.

use std::collections::BTreeMap;

use object_store::signer::Url;

use super::{Choice, Cloud, Source, StoreAddressError};

/// Longest prefix within a bucket, in bytes. Names of objects have at most 1024, and those of the store's own need their part.
pub(super) const PREFIX_MAX: usize = 512;

/// A bucket, or what is below a prefix in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    name: String,
    prefix: String,
    options: BTreeMap<Choice, String>,
}

impl Bucket {
    /// `text`: the whole address; `rest`: what of it is behind `://`.
    pub(super) fn parse(cloud: Cloud, text: &str, rest: &str) -> Result<Self, StoreAddressError> {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // Whatever is before an @ is taken for user and password, also where a slash in the password cuts it off.
        if authority.contains('@') || rest.split(['?', '#']).next().is_some_and(|place| place.contains('@')) {
            return Err(StoreAddressError::Userinfo(Source(cloud)));
        }
        let url = Url::parse(text).map_err(|_| cloud.bad_name())?;
        if !is_bucket_name(authority) {
            return Err(cloud.bad_name());
        }
        if url.fragment().is_some() {
            let why = "it holds a #";
            return Err(StoreAddressError::Prefix { prefix: url.path().to_owned(), why });
        }
        // As it was written: a URL would have `..` resolved.
        let written = rest[authority.len()..].split('?').next().unwrap_or_default();
        Ok(Self { name: authority.to_owned(), prefix: prefix(written)?, options: options(cloud, &url)? })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What all names of objects begin with, without slashes at its ends; empty for the whole bucket.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(in crate::storage) fn choice(&self, choice: Choice) -> Option<&str> {
        self.options.get(&choice).map(String::as_str)
    }

    pub(in crate::storage) fn is_chosen(&self, choice: Choice) -> Option<bool> {
        self.choice(choice).map(|value| value == "true")
    }
}

fn is_bucket_name(name: &str) -> bool {
    let good = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || "-_.".contains(sign);
    (3..=222).contains(&name.len())
        && name.starts_with(|sign: char| sign.is_ascii_alphanumeric())
        && name.chars().all(good)
}

fn prefix(written: &str) -> Result<String, StoreAddressError> {
    let refuse = |why| Err(StoreAddressError::Prefix { prefix: written.to_owned(), why });
    let inner = written.strip_prefix('/').unwrap_or(written);
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    if inner.is_empty() {
        return match written.len() < 2 {
            true => Ok(String::new()),
            false => refuse("a part of it is empty"),
        };
    }
    if inner.len() > PREFIX_MAX {
        return refuse("it is longer than 512 bytes");
    }
    for part in inner.split('/') {
        let good = |sign: char| sign.is_ascii_alphanumeric() || "-_.".contains(sign);
        match part {
            "" => return refuse("a part of it is empty"),
            "." | ".." => return refuse("a part of it is . or .."),
            part if !part.chars().all(good) => return refuse("it holds a sign that not every tool takes"),
            _ => {}
        }
    }
    Ok(inner.to_owned())
}

fn options(cloud: Cloud, url: &Url) -> Result<BTreeMap<Choice, String>, StoreAddressError> {
    let mut options = BTreeMap::new();
    for (name, value) in url.query_pairs() {
        let Some(choice) = cloud.choices().iter().copied().find(|choice| choice.name() == name) else {
            return Err(unknown_option(cloud, &name));
        };
        choice.check(&value)?;
        if options.insert(choice, value.into_owned()).is_some() {
            return Err(StoreAddressError::Twice(choice.name()));
        }
    }
    Ok(options)
}

fn unknown_option(cloud: Cloud, name: &str) -> StoreAddressError {
    const SECRETS: [&str; 8] = ["key", "secret", "token", "password", "credential", "sas", "sig", "user"];
    let lower = name.to_ascii_lowercase();
    // A name that is none may be the tail of a value with an & in it.
    let is_name = name.len() <= 40
        && lower.chars().all(|sign| sign.is_ascii_lowercase() || "-_".contains(sign))
        && !name.is_empty();
    let shown = if is_name { name.to_owned() } else { "of that name".to_owned() };
    if is_name && SECRETS.iter().any(|secret| lower.contains(secret)) {
        return StoreAddressError::Credential { name: shown, source_of: Source(cloud) };
    }
    let known: Vec<&str> = cloud.choices().iter().map(|choice| choice.name()).collect();
    StoreAddressError::Option { scheme: cloud.scheme(), name: shown, known: known.join(", ") }
}
