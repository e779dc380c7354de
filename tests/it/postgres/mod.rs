//! PostgreSQL: the contract, and what this store promises beyond it, against the server at `PCLR_TEST_POSTGRES`.

mod contract;
pub mod database;
mod faults;
mod locks;
mod opening;
mod serving;
mod statements;
mod undo;
mod wire;
