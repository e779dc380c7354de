//! The table: a row is a use case, a column one way in which one write or read of the store fails.
//!
//! After each cell: what was acknowledged is there and right, nothing is there in part, the same asked again works, nothing else was
//! harmed, and events and catalogue agree. An answer that blames the caller is a failure, unless the store itself denied that something is
//! there.

use std::time::Duration;

use pcl_registry::registry::RegistryError;
use pcl_registry::storage::{Failure, Fault, ReadFailure, ReadFault, Reading, When, Which};

use super::bucket::{Bucket, Held};
use crate::inside::{Opened, Package};

/// Cells after which an empty bucket is taken: whoever looks at everything looks at little then.
const CELLS: u64 = 8;

/// What a test can ask for over and over.
pub trait UseCase {
    /// What it begins with.
    type Begun;

    async fn prepare(&self, at: &Place) -> Self::Begun;

    /// Asked again after a failure, and after it has happened, it succeeds.
    async fn run(&self, at: &Place, begun: &Self::Begun) -> Result<(), RegistryError>;

    /// Whether it has happened. Panics where it has in part, or anything else that it says is wrong.
    async fn happened(&self, at: &Place, begun: &Self::Begun) -> bool;

    /// Looks after what a store that lied may have left; whether there is such a look, after which it has happened.
    async fn look_after(&self, _at: &Place) -> bool {
        false
    }
}

/// Where one cell takes place.
pub struct Place {
    pub bucket: Bucket,
    pub open: Opened,
    /// Makes names that no other cell uses.
    pub number: u64,
    bystander: Package,
}

impl Place {
    async fn new(held: Held) -> Self {
        let place = Self::over(Bucket::new(held)).await;
        place.open.push(&place.bystander).await.unwrap();
        place
    }

    /// That bucket, whatever is in it.
    pub async fn over(bucket: Bucket) -> Self {
        let open = bucket.open().await;
        let bystander = Package::new("other/bystander@1.0.0", "what nobody touches");
        Self { bucket, open, number: 0, bystander }
    }

    async fn next(mut self) -> Self {
        if self.number + 1 == CELLS {
            return Self::new(self.bucket.held).await;
        }
        self.number += 1;
        self
    }

    /// The name of an organisation of this cell alone.
    pub fn org(&self) -> String {
        format!("cell-{}", self.number)
    }

    /// A package of this cell alone.
    pub fn package(&self, version: &str, text: &str) -> Package {
        Package::new(&format!("{}/hello@{version}", self.org()), &format!("{text}, in cell {}", self.number))
    }
}

#[derive(Clone, Copy, Debug)]
enum Plan {
    Write(Fault),
    Read(ReadFault),
}

impl Plan {
    fn arm(self, open: &Opened) {
        match self {
            Self::Write(fault) => open.meter.arm(Some(fault)),
            Self::Read(fault) => open.meter.arm_reads(Some(fault)),
        }
    }

    /// Whether there was such a write or read.
    fn struck(self, open: &Opened) -> bool {
        let reads = open.meter.reads();
        match self {
            Self::Write(fault) => open.meter.steps() >= fault.step,
            Self::Read(ReadFault { which: Which::From(_), .. }) => false,
            Self::Read(ReadFault { reading, which: Which::Only(number), .. }) => {
                let made = match reading {
                    Reading::Get => reads.gets,
                    Reading::Head => reads.heads,
                    Reading::List => reads.lists,
                };
                made >= number
            }
        }
    }

    fn is_crash(self) -> bool {
        matches!(self, Self::Write(Fault { failure: Failure::Crash, .. }))
    }

    /// Whether the store says something that is not so: then others may be told so as well.
    fn lies(self) -> bool {
        let failure = match self {
            Self::Read(fault) => fault.failure,
            Self::Write(_) => return false,
        };
        matches!(failure, ReadFailure::Missing | ReadFailure::StaleList { .. })
    }

    fn is_slow(self) -> bool {
        matches!(self, Self::Read(ReadFault { failure: ReadFailure::Slow(_), .. }))
    }
}

/// The columns, each as the plans of its cells from the first write or read on. The last ones have one cell each.
fn columns() -> Vec<Box<dyn Fn(u64) -> Plan>> {
    let mut columns: Vec<Box<dyn Fn(u64) -> Plan>> = Vec::new();
    for when in [When::Before, When::After] {
        for failure in [Failure::Error, Failure::Conflict, Failure::Denied, Failure::Crash] {
            columns.push(Box::new(move |step| Plan::Write(Fault { step, when, failure })));
        }
    }
    let slow = ReadFailure::Slow(Duration::from_millis(1));
    for (reading, failures) in [
        (Reading::Get, &[ReadFailure::Error, ReadFailure::Cut { after: 1 }, ReadFailure::Missing, slow][..]),
        (Reading::Head, &[ReadFailure::Error, ReadFailure::Missing, slow]),
        (Reading::List, &[ReadFailure::Error, ReadFailure::Missing, slow]),
    ] {
        for failure in failures.iter().copied() {
            columns
                .push(Box::new(move |number| Plan::Read(ReadFault { reading, which: Which::Only(number), failure })));
        }
    }
    for lag in [1, 1000] {
        let failure = ReadFailure::StaleList { lag };
        columns
            .push(Box::new(move |_| Plan::Read(ReadFault { reading: Reading::List, which: Which::From(1), failure })));
    }
    columns
}

/// Every cell of a row. Returns how many there were.
pub async fn every_cell<C: UseCase>(held: Held, case: C) -> u64 {
    let (mut place, mut cells) = (Place::new(held).await, 0);
    for column in columns() {
        for number in 1.. {
            place = place.next().await;
            let struck;
            (place, struck) = cell(place, &case, column(number)).await;
            if !struck {
                break;
            }
            cells += 1;
        }
    }
    cells
}

/// Names the cell that a panic comes from, wherever it is.
pub struct Named(pub String);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in {}", self.0);
        }
    }
}

async fn cell<C: UseCase>(mut place: Place, case: &C, plan: Plan) -> (Place, bool) {
    let what = format!("{:?}, cell {}, {plan:?}", place.bucket.held, place.number);
    let _named = Named(what.clone());
    let begun = case.prepare(&place).await;
    plan.arm(&place.open);
    let outcome = case.run(&place, &begun).await;
    let struck = plan.struck(&place.open);
    if plan.is_crash() && struck {
        // What is left of it in the background meets a store that is gone, for good.
        place.open = place.bucket.open().await;
    } else {
        place.open.meter.arm(None);
        place.open.meter.arm_reads(None);
    }
    let happened = case.happened(&place, &begun).await;
    match &outcome {
        Ok(()) => assert!(happened || plan.lies(), "{what}: what was acknowledged is not there"),
        Err(error) => {
            assert!(struck || plan.lies(), "{what}: {error}");
            assert!(!plan.is_slow(), "{what}: what takes long has failed: {error}");
            assert!(is_fault(error) || plan.lies(), "{what}: the caller is blamed: {error:?}");
        }
    }
    case.run(&place, &begun).await.unwrap_or_else(|error| panic!("{what}: again: {error:?}"));
    assert!(case.happened(&place, &begun).await || plan.lies(), "{what}: again");
    assert!(place.open.has_bytes(&place.bystander).await, "{what}");
    place.open.assert_events_agree().await;
    if plan.lies() && !case.happened(&place, &begun).await {
        match case.look_after(&place).await {
            true => assert!(case.happened(&place, &begun).await, "{what}: looked after"),
            // It must not be held against the cells that come.
            false => place = Place::new(place.bucket.held).await,
        }
    }
    (place, struck)
}

/// Whether the error says that the registry failed, and not whoever asked.
fn is_fault(error: &RegistryError) -> bool {
    matches!(
        error,
        RegistryError::Storage(_) | RegistryError::Meta(_) | RegistryError::Commit(_) | RegistryError::Stopping
    )
}

/// One test for each row and kind of metadata. The number is the least of cells that it must have.
macro_rules! rows {
    ($($name:ident: $case:expr, $least:literal;)*) => {$(
        mod $name {
            use super::*;
            use crate::stores_faults::bucket::Held;
            use crate::stores_faults::table::every_cell;

            #[tokio::test]
            async fn with_the_store_alone() {
                let cells = every_cell(Held::Store, $case).await;
                assert!(cells >= $least, "{cells}");
            }

            #[tokio::test]
            async fn with_sqlite() {
                let cells = every_cell(Held::Sqlite, $case).await;
                assert!(cells >= $least, "{cells}");
            }
        }
    )*};
}

pub(super) use rows;
