//! Messages that fail: any message of any change is answered by an error, and connections break in the middle of all of them.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::future::try_join_all;

use super::super::super::contract::faults::{Life, Met, Statements, nothing_of_a_failed_statement_stays};
use super::super::super::contract::{Check, Failure, Stores};
use super::super::super::{Meta, MetaError};
use super::wire::{Fault, Wire};
use super::{Databases, given};

/// The server that is there, with a wire before it.
async fn wire(fault: Fault) -> Option<Wire> {
    let server = given("PCLR_TEST_MONGODB")?;
    let place = server.trim_start_matches("mongodb://").split('/').next().unwrap().to_owned();
    Some(Wire::to(place, fault).await)
}

/// Every message of a change is a statement.
struct Refusing {
    databases: Databases,
    wire: Wire,
}

#[async_trait]
impl Stores for Refusing {
    async fn empty(&self) -> Result<Meta, MetaError> {
        self.databases.drop_all().await?;
        self.databases.empty().await
    }
}

#[async_trait]
impl Statements for Refusing {
    async fn fail_at(&self, at: usize) -> Result<(), Failure> {
        self.wire.trap.set(at);
        Ok(())
    }

    async fn met(&self) -> Result<Met, Failure> {
        Ok(self.wire.trap.take())
    }
}

/// Also the commit: it is done, and an error is told.
async fn a_message_that_is_answered_by_an_error_leaves_nothing(life: Life) -> Check {
    let Some(wire) = wire(Fault::Error).await else { return Ok(()) };
    let stores = Refusing { databases: Databases::behind(&wire), wire };
    for (step, failures) in nothing_of_a_failed_statement_stays(&stores, life).await? {
        // The counter beside the facts, a row, the event, the head, commit.
        assert!(failures >= 5, "{step}: only {failures} failures");
    }
    Ok(())
}

crate::every_life!(a_message_that_is_answered_by_an_error_leaves_nothing);

/// How many messages stand for one that breaks the connection: the driver waits for half a second until it looks for the server
/// again.
const EACH: usize = 5;

/// The first statement is the commit, the others are messages: one of each five, which one differs from time to time.
struct Breaking {
    databases: Databases,
    wire: Wire,
    asked: AtomicUsize,
}

#[async_trait]
impl Stores for Breaking {
    async fn empty(&self) -> Result<Meta, MetaError> {
        self.databases.drop_all().await?;
        self.databases.empty().await
    }
}

#[async_trait]
impl Statements for Breaking {
    async fn fail_at(&self, at: usize) -> Result<(), Failure> {
        match at.checked_sub(1) {
            None => self.wire.trap.set_at_commit(),
            Some(at) => self.wire.trap.set(at * EACH + self.asked.fetch_add(1, Ordering::Relaxed) % EACH),
        }
        Ok(())
    }

    async fn met(&self) -> Result<Met, Failure> {
        Ok(self.wire.trap.take())
    }
}

async fn connections_break(life: Life, fault: Fault) -> Check {
    let Some(wire) = wire(fault).await else { return Ok(()) };
    let stores = Breaking { databases: Databases::behind(&wire), wire, asked: AtomicUsize::new(0) };
    let failures = nothing_of_a_failed_statement_stays(&stores, life).await?;
    let most = failures.iter().map(|(_, failures)| *failures).max().unwrap_or_default();
    assert!(most >= 2, "{life:?}: {failures:?}");
    Ok(())
}

/// A transaction that lost its connection is tried again: the change is made, and once.
async fn connections_break_in_every_life(fault: Fault) -> Check {
    try_join_all(Life::ALL.map(|life| connections_break(life, fault))).await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_before_a_message_loses_and_doubles_nothing() -> Check {
    connections_break_in_every_life(Fault::NotDone).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_after_a_message_loses_and_doubles_nothing() -> Check {
    connections_break_in_every_life(Fault::Done).await
}
