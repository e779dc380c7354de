//! Trends while packages hide and stars go.

use crate::domain::{Day, Name, STAR_WEIGHT, UserName, Visibility, WEIGHT_TODAY, trend_weights};

use super::super::Starred;
use super::world::parse;
use super::{Check, Failure, Stores, World};

/// The trend of this week: slugs with their scores, as numbers of downloads of today.
async fn trend(world: &World, limit: usize) -> Result<Vec<(String, u64)>, Failure> {
    let weights = trend_weights(Day::of(world.now()), 7);
    let found = world.meta.social.trending(&weights, &[], limit).await?;
    Ok(found.into_iter().map(|(package, score)| (package.name.slug().to_owned(), score / WEIGHT_TODAY)).collect())
}

fn scores(of: &[(&str, u64)]) -> Vec<(String, u64)> {
    of.iter().map(|(slug, score)| ((*slug).to_owned(), *score)).collect()
}

/// A star that is taken away, or goes with its user, counts no more; one that is given again does.
pub async fn stars_that_are_gone_count_nothing(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    for (name, stars) in [("acme/a", 3), ("acme/b", 2)] {
        world.publish(&format!("{name}@1.0.0")).await?;
        world.star(name, stars).await?;
    }
    world.download("acme/b@1.0.0", 1).await?;
    assert_eq!(trend(&world, 10).await?, scores(&[("a", 3 * STAR_WEIGHT), ("b", 2 * STAR_WEIGHT + 1)]));
    let (b, first): (Name, UserName) = (parse("acme/b")?, parse("u0")?);
    let given = world.now();
    for (at, stars) in [(None, 1), (None, 1), (Some(given), 2), (Some(given), 2), (None, 1)] {
        assert_eq!(world.meta.social.star(&b, &first, at).await?, Starred::Done);
        assert_eq!(trend(&world, 10).await?, scores(&[("a", 3 * STAR_WEIGHT), ("b", stars * STAR_WEIGHT + 1)]));
    }
    for (user, expected) in [
        ("u1", scores(&[("a", 2 * STAR_WEIGHT), ("b", 1)])),
        ("u2", scores(&[("a", STAR_WEIGHT), ("b", 1)])),
        ("u0", scores(&[("b", 1)])),
    ] {
        assert!(world.meta.accounts.remove_user(&parse(user)?).await?);
        assert_eq!(trend(&world, 10).await?, expected, "without {user}");
    }
    Ok(())
}

/// However many packages of higher scores are not public, a trend has as many as it was asked for, if there are.
pub async fn hidden_packages_leave_their_places_to_others(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    for at in 0..30 {
        let name = format!("acme/p{at:02}");
        world.publish(&format!("{name}@1.0.0")).await?;
        world.download(&format!("{name}@1.0.0"), 100 - at).await?;
        if at < 25 && at != 3 {
            world.see(&name, Visibility::Unlisted).await??;
        }
    }
    let all = scores(&[("p03", 97), ("p25", 75), ("p26", 74), ("p27", 73), ("p28", 72), ("p29", 71)]);
    for limit in [1, 2, 5, 6, 10] {
        assert_eq!(trend(&world, limit).await?, all[..limit.min(all.len())], "{limit}");
    }
    assert_eq!(trend(&world, 0).await?, []);
    Ok(())
}
