-- A message says beside its payload whose order it carries (49 bytes, or nothing on what is older), so that the order of what
-- cannot be read has an end. A dead letter is put back, or ends, and stays to be looked at until it is forgotten.

ALTER TABLE messages ADD COLUMN label;

ALTER TABLE dead_letters ADD COLUMN label;
ALTER TABLE dead_letters ADD COLUMN set_aside_by TEXT NOT NULL DEFAULT ''; -- host and process
ALTER TABLE dead_letters ADD COLUMN replayed_at INTEGER;
ALTER TABLE dead_letters ADD COLUMN wanted INTEGER NOT NULL DEFAULT 0; -- 1: the process that takes messages is to put it back
ALTER TABLE dead_letters ADD COLUMN ended_at INTEGER;
ALTER TABLE dead_letters ADD COLUMN last_word TEXT NOT NULL DEFAULT ''; -- why it was replayed, or how it ended

-- What is read every few seconds does not grow with what has ended.
CREATE INDEX dead_letters_open ON dead_letters (dead_since, seq) WHERE ended_at IS NULL;
CREATE INDEX dead_letters_wanted ON dead_letters (seq) WHERE wanted = 1;
