//! The head of the transparency log.

use super::super::LogHead;
use super::{Check, Stores, World};

fn head(size: u64, mark: &str) -> LogHead {
    LogHead { size, checkpoint: format!("registry.example\n{size}\n{mark}\n\n— registry.example AAAA\n") }
}

/// A head takes the place of the one that was seen, and of no other. The log and the events know nothing of each other here.
pub async fn a_log_head_takes_the_place_of_the_one_that_was_seen(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let ledger = &world.meta.ledger;
    let (one, two, three) = (head(1, "one"), head(2, "two"), head(3, "three"));
    assert_eq!(ledger.log_head().await?, None);
    assert!(!ledger.swap_log_head(Some(&one), &two).await?, "there is none yet");
    assert_eq!(ledger.log_head().await?, None);
    assert!(ledger.swap_log_head(None, &one).await?);
    assert!(!ledger.swap_log_head(None, &two).await?);
    world.publish("acme/hello@1.0.0").await?;
    assert!(ledger.swap_log_head(Some(&one), &two).await?);
    assert!(!ledger.swap_log_head(Some(&one), &three).await?, "another was first");
    assert!(!ledger.swap_log_head(Some(&head(2, "other")), &three).await?, "it is compared whole");
    assert_eq!(ledger.log_head().await?, Some(two));
    world.publish("acme/hello@2.0.0").await?;
    assert_eq!(ledger.head().await?.n, 2);
    Ok(())
}

/// Whoever heard no answer asks again, and is told that it is done.
pub async fn a_log_head_may_be_swapped_twice(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let ledger = &world.meta.ledger;
    let (one, two) = (head(1, "one"), head(2, "two"));
    for _ in 0..2 {
        assert!(ledger.swap_log_head(None, &one).await?);
    }
    for _ in 0..2 {
        assert!(ledger.swap_log_head(Some(&one), &two).await?);
    }
    assert_eq!(ledger.log_head().await?, Some(two));
    Ok(())
}

/// Of many who saw the same head one swaps it.
pub async fn of_many_log_heads_one_wins(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let mut seen = None;
    for round in 1..=3u64 {
        let offered: Vec<LogHead> = (0..16).map(|racer| head(round, &format!("racer {racer}"))).collect();
        let swaps = offered.iter().map(|next| world.meta.ledger.swap_log_head(seen.as_ref(), next));
        let swapped = futures::future::try_join_all(swaps).await?;
        let winners: Vec<&LogHead> =
            offered.iter().zip(swapped).filter(|(_, won)| *won).map(|(next, _)| next).collect();
        let found = world.meta.ledger.log_head().await?;
        assert_eq!(winners, found.iter().collect::<Vec<_>>(), "round {round}");
        seen = found;
    }
    Ok(())
}

/// What a signed checkpoint may be, comes back byte for byte.
pub async fn any_log_head_comes_back(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    let long = LogHead { size: i64::MAX as u64, checkpoint: "— ünïcødé\n".repeat(4000) };
    assert!(world.meta.ledger.swap_log_head(None, &long).await?);
    assert_eq!(world.meta.ledger.log_head().await?, Some(long));
    Ok(())
}
