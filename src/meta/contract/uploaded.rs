//! What is uploaded in a world.

use super::super::Linked;
use super::{Artifact, Failure, World};

impl World {
    /// Uploads the blobs of an artifact, but not its manifest. None of them may be on its way out.
    pub async fn upload(&self, artifact: &Artifact) -> Result<(), Failure> {
        let Artifact { repository, area, .. } = artifact;
        for (digest, size) in artifact.blobs() {
            let link = || self.meta.blobs.link(repository, area, &digest, size, self.now());
            let mut linked = link().await?;
            if linked == Linked::Elsewhere {
                // Its area has changed since: who knows that takes the old link away first.
                self.meta.carrier.unlink(repository, &area.other(repository), &[digest]).await?;
                linked = link().await?;
            }
            assert_eq!(linked, Linked::Done, "{digest}");
        }
        Ok(())
    }
}
