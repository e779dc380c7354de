//! The form in which rows are written down: what is shared in memory is written as what it is.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::{Digest, Repository, Tag, Visibility};

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

as_they_are!((), Repository, Visibility, (Tag, Digest), BlobState, Link);
