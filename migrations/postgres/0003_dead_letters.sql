-- A message says beside its payload whose order it carries (49 bytes, or nothing on what is older), so that the order of what
-- cannot be read has an end. A dead letter is put back, or ends, and stays to be looked at until it is forgotten.

ALTER TABLE dead_letters ADD COLUMN label bytea;
ALTER TABLE dead_letters ADD COLUMN set_aside_by text NOT NULL DEFAULT ''; -- host and process
ALTER TABLE dead_letters ADD COLUMN replayed_at bigint;                    -- Unix milliseconds
ALTER TABLE dead_letters ADD COLUMN ended_at bigint;                       -- Unix milliseconds
ALTER TABLE dead_letters ADD COLUMN last_word text NOT NULL DEFAULT '';    -- why it was replayed, or how it ended

-- What is read every few seconds does not grow with what has ended.
-- (Beyond what Spanner knows: a condition of an index other than IS NOT NULL; there without it.)
CREATE INDEX dead_letters_open ON dead_letters (dead_since, message_key) WHERE ended_at IS NULL;
CREATE INDEX dead_letters_by_id ON dead_letters (id);

GRANT SELECT (ended_at) ON dead_letters TO stampede_web;
GRANT UPDATE (replayed_at, ended_at, last_word), DELETE ON dead_letters TO stampede_writer;
