//! What is left over: uploads that nobody can go on with, and what lies in quarantine.

use super::super::RegistryError;
use super::blobs::Hashes;
use super::check::Check;
use super::finding::Finding;
use super::mend::quarantined;
use super::references::Evaluated;
use super::report::Report;
use super::survey::Survey;
use crate::domain::Timestamp;
use crate::storage::StorageError;

/// Tells of what is left over.
pub(super) async fn check(
    check: &Check,
    survey: &Survey,
    evaluated: &Evaluated,
    hashes: &Hashes,
    report: &mut Report,
) -> Result<(), RegistryError> {
    uploads(check, survey, report).await?;
    for (blob, lies) in &survey.quarantined {
        // Whatever lacks it was told of by itself.
        if evaluated.named.contains(blob) || !evaluated.is_complete {
            report.summary.quarantined.add(lies.size);
            continue;
        }
        let key = quarantined(blob);
        let finding = Finding::QuarantineLeft { path: key.path(), is_whole: hashes.is_whole_in_quarantine(blob) };
        match check.is_alone() {
            true => report.mended(finding, check.storage.delete(&key).await.map(|()| "removed")),
            false => report.tell(finding),
        }
    }
    Ok(())
}

async fn uploads(check: &Check, survey: &Survey, report: &mut Report) -> Result<(), RegistryError> {
    let idle = i64::try_from(check.limits.upload_idle.as_secs()).unwrap_or(i64::MAX);
    let before = check.now.plus_seconds(-idle);
    let mut unusable = Vec::new();
    for (upload, written) in &survey.uploads {
        if let Some(why) = why_unusable(check, *upload, *written < before).await? {
            unusable.push(Finding::UploadUnusable { upload: *upload, why });
        }
    }
    if unusable.is_empty() || !check.is_alone() {
        unusable.into_iter().for_each(|finding| report.tell(finding));
        return Ok(());
    }
    // What collection does each hour.
    let expired = expire(check, before).await;
    for finding in unusable {
        report.mended(finding, expired.clone().map(|()| "removed"));
    }
    Ok(())
}

async fn why_unusable(check: &Check, upload: uuid::Uuid, is_idle: bool) -> Result<Option<String>, RegistryError> {
    match check.storage.look_at_upload(upload).await {
        Ok(Some(_)) => Ok(None),
        // Bytes come before their document; it may be over by now, too.
        Ok(None) => Ok(is_idle.then(|| "there are bytes of it, and no document".to_owned())),
        Err(StorageError::Malformed { why, .. }) => Ok(Some(why)),
        Err(StorageError::UploadUnknown(_)) => Ok(Some("bytes are lost that its document counts".to_owned())),
        Err(StorageError::TooLarge { .. }) => Ok(Some("its document is too long".to_owned())),
        Err(error) => Err(error.into()),
    }
}

async fn expire(check: &Check, before: Timestamp) -> Result<(), String> {
    check.storage.expire_uploads(before).await.map(drop).map_err(|error| error.to_string())
}
