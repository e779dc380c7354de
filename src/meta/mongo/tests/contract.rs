//! The contract of every store.

use super::Databases;

crate::metadata_contract!(match Databases::new() {
    Some(databases) => databases,
    None => return Ok(()),
});
