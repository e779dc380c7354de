//! The static tree: the documents below `public/` that a file server can serve as a registry to pull from (`spec/static.md`).
//!
//! A projection, kept by a job that follows the events (`follow.rs`). Whatever an event touched is read from the rows as they are now
//! (`now.rs`) and written (`render.rs`); what shows many packages gathers changes for a while (`gather.rs`). Nothing in the tree is a
//! difference of events, so that whatever was interrupted is written again, and a late writer yields to documents that show more.
//!
//! **Invariant.** No byte of the tree names what is private or unlisted, once the event that hid it is rendered.

mod failing;
mod follow;
mod former;
mod gather;
mod home;
mod mend;
mod now;
mod page;
mod render;
mod shard;
mod skills;
mod whole;

pub(super) use follow::follow;

use super::Registry;

impl Registry {
    /// Waits until the static tree shows all that is committed now. Returns at once if none is kept.
    pub async fn rendered(&self) {
        let Some(rendered) = &self.0.rendered else { return };
        let head = *self.0.committer.head().borrow();
        // The job only ends with the registry itself.
        let _ = rendered.clone().wait_for(|rendered| *rendered >= head).await;
    }
}
