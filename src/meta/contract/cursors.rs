//! Cursors: a walk through a list goes on where it was, whatever changes between two pages.

use std::collections::BTreeSet;

use super::super::{Cursor, Filter, MetaError, Order};
use super::lists::names;
use super::world::artifact;
use super::{Check, Failure, Stores, World};
use crate::domain::Kind;

/// Rows that come and go between two pages neither repeat nor hide the others; the cursor's own row may go.
pub async fn cursors_outlive_changes(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    for slug in ["b", "d", "f", "h"] {
        world.publish(&format!("acme/{slug}@1.0.0")).await?;
    }
    let filter = Filter::default();
    let list = async |order, after: Option<&Cursor>| world.meta.catalog.packages(&filter, order, after, 2).await;
    let by_name = list(Order::Name, None).await?;
    let by_time = list(Order::Updated, None).await?;
    assert_eq!(by_time.items[1].name.slug(), "f");
    for slug in ["a", "c", "e", "i"] {
        world.publish(&format!("acme/{slug}@1.0.0")).await?;
    }
    for gone in ["d", "f"] {
        world.delete_tag(&format!("acme/{gone}:1.0.0")).await??;
    }
    let slugs = |page: &super::super::Page<crate::domain::Package>| {
        page.items.iter().map(|package| package.name.slug().to_owned()).collect::<Vec<_>>()
    };
    let second = list(Order::Name, by_name.next.as_ref()).await?;
    assert_eq!(slugs(&second), ["e", "h"]);
    assert_eq!(slugs(&list(Order::Name, second.next.as_ref()).await?), ["i"]);
    let second = list(Order::Updated, by_time.next.as_ref()).await?;
    assert_eq!((slugs(&second), second.next), (vec!["b".to_owned()], None));
    Ok(())
}

/// Packages that change between two pages go to the beginning of the list by time, shown or not: of the others none is skipped, and none
/// of all comes twice.
pub async fn cursors_outlive_new_ranks(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    for at in 0..16 {
        // Four at a time have the same time.
        let artifact = artifact(&format!("acme/p{:02}@1.0.0", at * 7 % 16))?;
        world.upload(&artifact).await?;
        world.set_clock((at / 4 + 1) * 1_000_000_000);
        world.act(artifact.accept()?).await??;
    }
    let (filter, mut minor) = (Filter::default(), 0);
    for limit in [1, 2, 3, 5] {
        let before = names(&world, &filter, Order::Updated, 100).await?;
        let (mut found, mut changed, mut after) = (Vec::<String>::new(), BTreeSet::new(), None::<Cursor>);
        for step in 0.. {
            let page = world.meta.catalog.packages(&filter, Order::Updated, after.as_ref(), limit).await?;
            found.extend(page.items.iter().map(|package| package.name.to_string()));
            let Some(next) = page.next else { break };
            let last = before.iter().position(|name| *name == next.name).ok_or("a package of before")?;
            after = Some(next);
            // In turn the last one of the page, none, one that is to come, and the first of all.
            let Some(name) = [Some(last), None, Some(last + 2), Some(0)][step % 4].and_then(|at| before.get(at)) else {
                continue;
            };
            minor += 1;
            world.publish(&format!("{name}@1.{minor}.0")).await?;
            changed.insert(name);
        }
        let same = |names: &[String]| {
            let same = names.iter().filter(|name| !changed.contains(name));
            same.cloned().collect::<Vec<String>>()
        };
        assert!(!changed.is_empty());
        assert_eq!(same(&found), same(&before), "pages of {limit}");
        let distinct: BTreeSet<&String> = found.iter().collect();
        assert_eq!(distinct.len(), found.len(), "pages of {limit}: {found:?}");
    }
    Ok(())
}

/// By age everything keeps its place: what is new comes first, and what was deleted comes back to where it was.
pub async fn cursors_by_age_outlive_changes(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    for slug in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        world.publish(&format!("acme/{slug}@1.0.0")).await?;
    }
    let filter = Filter::default();
    let page = async |after: Option<Cursor>| {
        let page = world.meta.catalog.packages(&filter, Order::Created, after.as_ref(), 2).await?;
        let slugs: String = page.items.iter().map(|package| package.name.slug()).collect();
        Ok::<_, Failure>((slugs, page.next))
    };
    let (slugs, next) = page(None).await?;
    assert_eq!(slugs, "hg");
    // The cursor's own row goes, and one that is to come; one changes, and one is new.
    for gone in ["g", "e"] {
        world.delete_tag(&format!("acme/{gone}:1.0.0")).await??;
    }
    world.publish("acme/f@1.1.0").await?;
    world.publish("acme/n@1.0.0").await?;
    let (slugs, next) = page(next).await?;
    assert_eq!(slugs, "fd");
    world.restore("acme/e@1.0.0").await??;
    for gone in ["c", "h"] {
        world.delete_tag(&format!("acme/{gone}:1.0.0")).await??;
    }
    assert_eq!(page(next).await?, ("ba".to_owned(), None));
    world.restore("acme/c@1.0.0").await??;
    let all = ["n", "f", "e", "d", "c", "b", "a"].map(|slug| format!("acme/{slug}"));
    assert_eq!(names(&world, &filter, Order::Created, 3).await?, all);
    Ok(())
}

/// A cursor of another query, or of nobody, is refused.
pub async fn foreign_cursors_are_refused(stores: &dyn Stores) -> Check {
    let world = World::new(stores).await?;
    for slug in ["a", "b"] {
        world.publish(&format!("acme/{slug}@1.0.0")).await?;
    }
    let (filter, catalog) = (Filter::default(), &world.meta.catalog);
    let cursor = catalog.packages(&filter, Order::Name, None, 1).await?.next.ok_or("a second page")?;
    assert_eq!(catalog.packages(&filter, Order::Name, Some(&cursor), 1).await?.items.len(), 1);
    let other = Filter { kinds: vec![Kind::Skill], ..Filter::default() };
    let garbled = Cursor { key: "x".to_owned(), ..cursor.clone() };
    for (filter, order, cursor) in
        [(&filter, Order::Updated, &cursor), (&other, Order::Name, &cursor), (&filter, Order::Name, &garbled)]
    {
        let refused = catalog.packages(filter, order, Some(cursor), 1).await;
        assert!(matches!(refused, Err(MetaError::Cursor)), "{refused:?}");
    }
    Ok(())
}
