-- The queue: what waits, and what was set aside.
-- Numbers are given by the process (ascending, never reused while it runs); a message that is acknowledged is deleted.
-- Columns are tolerant on purpose: a record damaged by hand must still be deliverable as bytes, so that it can be set aside.

CREATE TABLE messages (
    seq          INTEGER PRIMARY KEY,
    published_at INTEGER NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0, -- deliveries that are known to have failed
    payload
);

CREATE TABLE dead_letters (
    seq        INTEGER PRIMARY KEY,
    payload    BLOB,
    reason     TEXT    NOT NULL,
    attempts   INTEGER NOT NULL,
    dead_since INTEGER NOT NULL
);
