-- event_id: id of the event that published the version, by which it is found as well. The events tell those of older versions.
-- They are read as text: as JSON they could hold what PostgreSQL takes for none. In their canonical form no other text looks so.
ALTER TABLE versions ADD COLUMN event_id text COLLATE "C" NOT NULL DEFAULT '';
UPDATE versions v SET event_id = coalesce(substring(convert_from(e.bytes, 'UTF8') FROM '"id":"([0-9a-f-]{36})"'), '')
    FROM events e WHERE e.n = v.event;
CREATE INDEX versions_by_event_id ON versions (event_id);
