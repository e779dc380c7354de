-- What keeps a blob is asked for by the blob, when a purge or a move takes away what only it used.
CREATE INDEX manifests_by_digest ON manifests (digest);
CREATE INDEX manifest_blobs_by_blob ON manifest_blobs (blob);
CREATE INDEX versions_by_record ON versions (record);
CREATE INDEX versions_by_reason ON versions (reason) WHERE reason IS NOT NULL;
CREATE INDEX versions_by_deprecation ON versions ((deprecation::json ->> 'reason')) WHERE deprecation IS NOT NULL;
