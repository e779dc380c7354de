-- event_id: id of the event that published the version, by which it is found as well. The events tell those of older versions.
ALTER TABLE versions ADD COLUMN event_id TEXT NOT NULL DEFAULT '';
UPDATE versions SET event_id = coalesce(
    (SELECT json_extract(CAST(e.bytes AS TEXT), '$.id') FROM events e WHERE e.n = versions.event),
    '');
CREATE INDEX versions_by_event_id ON versions (event_id);
