//! Changes that fail in the middle. Not among the checks that [`metadata_contract!`](crate::metadata_contract) makes: how a write or
//! a statement is made to fail is a store's own matter, so its test hands in the [`Places`] or the [`Statements`].
//!
//! What a store has to be is told by a memory beside it, in which the same happens and nothing fails.

use async_trait::async_trait;
use bytes::Bytes;

use crate::domain::Event;

use super::super::Outcome;
use super::life::Step;
use super::twin::Twin;
use super::{Failure, Stores, World};

pub use super::life::Life;

/// Places of a store, its tables say, at which a write can be made to fail.
#[async_trait]
pub trait Places: Send + Sync {
    /// From now on every write at place `at`, counted from 0, fails once it is made. `false`: there is no such place.
    async fn fail_at(&self, at: usize) -> Result<bool, Failure>;

    /// Nothing fails any more.
    async fn heal(&self) -> Result<(), Failure>;
}

/// Stores whose changes can be made to fail at any of their statements: at the first, at the second, and so on. Those that begin and
/// end a transaction are statements too.
#[async_trait]
pub trait Statements: Stores {
    /// The next change on the store that was given last fails at its statement number `at`, counted from 0. It alone, and once.
    async fn fail_at(&self, at: usize) -> Result<(), Failure>;

    /// Nothing fails any more. Where the change met the failure.
    async fn met(&self) -> Result<Met, Failure>;
}

/// Where a change met the failure that was meant for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Met {
    /// Nowhere: it has fewer statements.
    #[default]
    Nowhere,
    /// At a statement, and nothing of it may stay.
    Statement,
    /// At its commit: nobody knows whether it stands.
    Commit,
}

/// Lives a life on an empty store while every write at a place fails. A change that fails leaves the whole catalogue as it was, and
/// can be made once the store is well again. How many failed; `None`: there is no such place.
///
/// # Errors
/// The first change that a well store did not make. A catalogue with something left in it fails an assertion.
pub async fn nothing_of_a_failed_change_stays(
    world: World,
    places: &dyn Places,
    life: Life,
    at: usize,
) -> Result<Option<usize>, Failure> {
    let twin = Twin::of(world);
    let steps = twin.begin(life).await?;
    if !places.fail_at(at).await? {
        return Ok(None);
    }
    let mut failures = 0;
    for step in &steps {
        let work = step.work(&twin.world);
        if work.make(&twin.world.meta).await.is_err() {
            failures += 1;
            places.heal().await?;
            twin.assert_equal(&format!("{:?} failed at place {at}", step.name)).await?;
            work.make(&twin.world.meta).await?;
            places.fail_at(at).await?;
        }
        twin.follow(step, &work).await?;
    }
    places.heal().await?;
    twin.assert_equal("at the end").await?;
    Ok(Some(failures))
}

/// Lives a life, and makes each step of it fail at its first statement, at its second and so on, until it is made without meeting the
/// failure. A step that fails leaves nothing. One that fails at its commit leaves nothing or stands whole, and asked for again is no
/// event then. One that is made all the same, as its store tried again, stands once. How often each step failed, with its name.
///
/// A step that was made cannot fail again: the statements behind that one have their turn in the same life on another store.
///
/// # Errors
/// The first change that failed by itself. A catalogue that is not what it has to be fails an assertion.
pub async fn nothing_of_a_failed_statement_stays(
    stores: &dyn Statements,
    life: Life,
) -> Result<Vec<(&'static str, usize)>, Failure> {
    let mut tried: Vec<Tried> = Vec::new();
    loop {
        let twin = Twin::of(World::over(stores.empty().await?));
        let steps = twin.begin(life).await?;
        tried.resize_with(steps.len(), Tried::default);
        for (step, tried) in steps.iter().zip(&mut tried) {
            fail_and_make(stores, &twin, step, tried).await?;
        }
        twin.assert_equal("at the end").await?;
        if tried.iter().all(|tried| tried.is_done) {
            return Ok(steps.iter().zip(&tried).map(|(step, tried)| (step.name, tried.failures)).collect());
        }
    }
}

/// How far a step is.
#[derive(Default)]
struct Tried {
    /// How often it failed, which is the statement at which it has not failed yet.
    failures: usize,
    /// It has no more statements.
    is_done: bool,
}

/// Lets a step fail at one statement after the other, until it is made.
async fn fail_and_make(stores: &dyn Statements, twin: &Twin, step: &Step, tried: &mut Tried) -> Result<(), Failure> {
    let (work, meta) = (step.work(&twin.world), &twin.world.meta);
    while !tried.is_done {
        let when = format!("{:?} failed at statement {}", step.name, tried.failures);
        stores.fail_at(tried.failures).await?;
        let made = work.make(meta).await;
        let met = stores.met().await?;
        tried.is_done = met == Met::Nowhere;
        tried.failures += usize::from(met != Met::Nowhere);
        // It was made, and nobody was told.
        let stands = made.is_err() && met == Met::Commit && !twin.is_equal().await?;
        match made {
            Ok(made) => {
                let expected = twin.follow(step, &work).await?;
                assert_eq!(events(&made), events(&expected), "{when}, or not, and was answered");
                return Ok(());
            }
            Err(error) if met == Met::Nowhere => return Err(error.into()),
            Err(_) if stands => {
                twin.follow(step, &work).await?;
                twin.assert_equal(&when).await?;
                let again = work.make(meta).await?;
                assert!(events(&again).iter().all(Option::is_none), "{when}, and made events again: {again:?}");
                return Ok(twin.assert_equal(&format!("{when}, and was asked for again")).await?);
            }
            Err(_) => twin.assert_equal(&when).await?,
        }
    }
    work.make(meta).await?;
    twin.follow(step, &work).await.map(drop)
}

/// The event of each change that made one.
fn events(outcomes: &[Outcome]) -> Vec<Option<&(Event, Bytes)>> {
    outcomes.iter().map(|outcome| outcome.as_ref().ok().and_then(|applied| applied.event.as_ref())).collect()
}

/// Makes one test of each [`Life`]. Takes an asynchronous function that is given one.
#[macro_export]
macro_rules! every_life {
    ($check:expr) => {
        $crate::every_life! {
            @tests $check;
            versions Versions, standing Standing, removal Removal, seen Seen, groups Groups, batches Batches, replay Replay
        }
    };
    (@tests $check:expr; $($test:ident $life:ident),+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() -> $crate::meta::contract::Check {
                ($check)($crate::meta::contract::faults::Life::$life).await
            }
        )+

        #[test]
        fn no_life_is_left_out() {
            use $crate::meta::contract::faults::Life;
            assert_eq!([$(Life::$life),+], Life::ALL);
        }
    };
}
