//! The form in which rows are written down: what is shared in memory is written as what it is.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::{Digest, Name, Repository, Tag, Version, Visibility};

use super::state::{BlobState, Link};

/// A row that can be written down and read back.
pub(super) trait Stored: Clone {
    /// What is written.
    type Form: Serialize + DeserializeOwned;

    /// The row as it is written.
    fn form(&self) -> &Self::Form;

    /// The row that was read.
    fn of(form: Self::Form) -> Self;
}

impl<T: Serialize + DeserializeOwned> Stored for Arc<T> {
    type Form = T;

    fn form(&self) -> &T {
        self
    }

    fn of(form: T) -> Self {
        Arc::new(form)
    }
}

macro_rules! as_they_are {
    ($($row:ty),+) => {$(
        impl Stored for $row {
            type Form = Self;

            fn form(&self) -> &Self {
                self
            }

            fn of(form: Self) -> Self {
                form
            }
        }
    )+};
}

as_they_are!((), String, Repository, Visibility, (Tag, Digest), (Name, Version), BlobState, Link);

/// For `#[serde(with)]`.
pub(super) mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<T: Serialize, S: Serializer>(value: &Arc<T>, to: S) -> Result<S::Ok, S::Error> {
        value.as_ref().serialize(to)
    }

    pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Arc<T>, D::Error> {
        T::deserialize(from).map(Arc::new)
    }
}

/// For `#[serde(with)]`.
pub(super) mod shared_option {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<T: Serialize, S: Serializer>(value: &Option<Arc<T>>, to: S) -> Result<S::Ok, S::Error> {
        value.as_deref().serialize(to)
    }

    pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Arc<T>>, D::Error> {
        Ok(Option::deserialize(from)?.map(Arc::new))
    }
}
