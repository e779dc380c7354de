//! The row of starts: of a new bucket, of one that was left in good order, and of one whose last process ended in the middle.
//!
//! A start that fails says so, changes nothing that was acknowledged, and succeeds when it is tried again.

use pcl_registry::domain::{Actor, File};
use pcl_registry::storage::{Failure, Fault, Meter, ReadFailure, ReadFault, Reading, When, Which};

use super::bucket::{Bucket, Held};
use super::table::Named;
use crate::inside::{Opened, Package};

fn packages() -> [Package; 2] {
    ["1.0.0", "1.1.0"].map(|version| Package::new(&format!("acme/hello@{version}"), version))
}

fn skills() -> Vec<File> {
    let skill = |name: &str| {
        let text = format!("---\nname: {name}\ndescription: About {name}\n---\n{name}\n");
        File { path: format!("{name}/SKILL.md").parse().unwrap(), executable: false, content: text.into() }
    };
    ["one", "two", "three"].map(skill).to_vec()
}

async fn in_good_order(held: Held) -> Bucket {
    let bucket = Bucket::new(held);
    let open = bucket.open().await;
    for package in packages() {
        open.push(&package).await.unwrap();
        open.registry.save_snapshot().await.unwrap();
    }
    bucket
}

/// An import of three ended after its transaction, or after its first event was created; 2 events were there before it.
async fn interrupted(held: Held) -> Bucket {
    let good = in_good_order(held).await;
    for step in 1.. {
        let bucket = good.copy();
        let open = bucket.open().await;
        open.meter.arm(Some(Fault { step, when: When::After, failure: Failure::Crash }));
        let imported = open.registry.import_whole(&Actor::Operator, "acme", skills()).await;
        assert!(imported.is_err(), "it was not interrupted where it is to be");
        if bucket.copy().last_event().await == 3 {
            return bucket;
        }
    }
    unreachable!()
}

impl Bucket {
    /// The last event whose object is there.
    async fn last_event(&self) -> u64 {
        self.storage().last_event(0).await.unwrap()
    }
}

/// What every start must find.
async fn assert_good(open: &Opened, was_new: bool, events: u64, what: &str) {
    for package in packages().iter().filter(|_| !was_new) {
        assert!(open.has(package).await, "{what}");
    }
    assert_eq!(open.assert_events_agree().await, events, "{what}");
}

#[derive(Clone, Copy)]
enum Plan {
    Write(Fault),
    Read(ReadFault),
}

fn plans() -> Vec<Box<dyn Fn(u64) -> Plan>> {
    let mut plans: Vec<Box<dyn Fn(u64) -> Plan>> = Vec::new();
    for when in [When::Before, When::After] {
        for failure in [Failure::Error, Failure::Conflict, Failure::Denied, Failure::Crash] {
            plans.push(Box::new(move |step| Plan::Write(Fault { step, when, failure })));
        }
    }
    for reading in [Reading::Get, Reading::Head, Reading::List] {
        for failure in [ReadFailure::Error, ReadFailure::Cut { after: 1 }, ReadFailure::Missing] {
            let which = Which::Only;
            plans.push(Box::new(move |number| Plan::Read(ReadFault { reading, which: which(number), failure })));
        }
    }
    plans
}

async fn every_start(bucket: &Bucket, events: u64) {
    let (mut cells, mut refused, was_new) = (0, 0, events == 0);
    for plan in plans() {
        for number in 1.. {
            let (bucket, meter) = (bucket.copy(), Meter::default());
            let plan = plan(number);
            let what = match plan {
                Plan::Write(fault) => {
                    meter.arm(Some(fault));
                    format!("{:?}, {events} events, {fault:?}", bucket.held)
                }
                Plan::Read(fault) => {
                    meter.arm_reads(Some(fault));
                    format!("{:?}, {events} events, {fault:?}", bucket.held)
                }
            };
            let _named = Named(what.clone());
            let opened = bucket.try_open(&meter).await;
            let reads = meter.reads();
            let struck = match plan {
                Plan::Write(fault) => meter.steps() >= fault.step,
                Plan::Read(ReadFault { reading: Reading::Get, .. }) => reads.gets >= number,
                Plan::Read(ReadFault { reading: Reading::Head, .. }) => reads.heads >= number,
                Plan::Read(ReadFault { reading: Reading::List, .. }) => reads.lists >= number,
            };
            let is_crash = matches!(plan, Plan::Write(Fault { failure: Failure::Crash, .. }));
            if !is_crash {
                meter.arm(None);
                meter.arm_reads(None);
            }
            match opened {
                // A store that denies an event is believed until something is committed, or somebody starts again.
                Ok(open) if !struck => assert_good(&open, was_new, events, &what).await,
                Ok(open) if !is_crash => {
                    open.push(&Package::new("other/next@1.0.0", "next"))
                        .await
                        .unwrap_or_else(|error| panic!("{what}: {error}"));
                    assert_good(&open, was_new, events + 1, &what).await;
                }
                Ok(_) => {}
                Err(error) => {
                    assert!(struck, "{what}: {error}");
                    refused += 1;
                }
            }
            let again = bucket.open().await;
            let head = again.meta.ledger.head().await.unwrap().n;
            assert!((events..=events + 1).contains(&head), "{what}: {head}");
            assert_good(&again, was_new, head, &what).await;
            if !struck {
                break;
            }
            cells += 1;
        }
    }
    assert!(cells > 10 && refused > 5, "{cells} cells, {refused} starts were refused");
}

#[tokio::test]
async fn of_a_new_bucket() {
    for held in [Held::Store, Held::Sqlite] {
        every_start(&Bucket::new(held), 0).await;
    }
}

#[tokio::test]
async fn of_a_bucket_in_good_order() {
    for held in [Held::Store, Held::Sqlite] {
        every_start(&in_good_order(held).await, 2).await;
    }
}

#[tokio::test]
async fn of_a_bucket_whose_last_process_was_interrupted() {
    for held in [Held::Store, Held::Sqlite] {
        every_start(&interrupted(held).await, 5).await;
    }
}
