-- The head of the transparency log. Not part of the projection: a database that is made again from the events has none, and the log finds
-- its place by what readers were shown.
CREATE TABLE log_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    size INTEGER NOT NULL,
    checkpoint TEXT NOT NULL
);
