-- The truth: events, pools, orders. The laws that a row or two can show are constraints here.

-- One row: raised by every change of what is for sale, so that one small read tells whether to look again.
CREATE TABLE catalogue (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    revision INTEGER NOT NULL
) STRICT;
INSERT INTO catalogue VALUES (1, 0);

CREATE TABLE events (
    slug     TEXT    PRIMARY KEY,
    position INTEGER NOT NULL UNIQUE, -- the lowest is the featured event
    document TEXT    NOT NULL,        -- the event in force, as JSON
    waiting  TEXT,                    -- a tighter version that waits for a pause, as JSON
    paused   INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1))
) STRICT;

CREATE TABLE pools (
    id              INTEGER PRIMARY KEY, -- derived from event and ticket type
    event           TEXT    NOT NULL,
    ticket_type     TEXT    NOT NULL,
    capacity        INTEGER NOT NULL CHECK (capacity >= 0),
    held            INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0),
    sold            INTEGER NOT NULL DEFAULT 0 CHECK (sold >= 0),
    version         INTEGER NOT NULL DEFAULT 1, -- raised by every change of this row
    epoch           INTEGER NOT NULL DEFAULT 0, -- number of the ledger's opening
    limit_per_buyer INTEGER CHECK (limit_per_buyer >= 1),
    UNIQUE (event, ticket_type),
    CONSTRAINT never_oversold CHECK (held + sold <= capacity)
) STRICT;

-- Clustered on the time-ordered id, so that a sale appends. No second index: it would cost as much as the row.
CREATE TABLE orders (
    id          BLOB    PRIMARY KEY CHECK (length(id) = 16), -- UUIDv7, the buyer's key
    pool        INTEGER NOT NULL,
    quantity    INTEGER NOT NULL CHECK (quantity >= 1),
    buyer       INTEGER NOT NULL,
    fingerprint INTEGER NOT NULL,
    -- 1 reserved, 2 paying, 3 expiring, 4 confirmed, 5 cancelled, 6 refunded, 7 rejected, 8 expired, 9 failed
    status      INTEGER NOT NULL CHECK (status BETWEEN 1 AND 9),
    -- what the store said, once: 1 confirmed, 2 rejected (sold out), 3 expired, 4 failed, 5 rejected (limit)
    decision    INTEGER NOT NULL CHECK (decision BETWEEN 1 AND 5),
    asked_at    INTEGER NOT NULL, -- Unix milliseconds
    decided_at  INTEGER NOT NULL, -- Unix milliseconds
    version     INTEGER NOT NULL, -- the pool's at the decision
    contact     TEXT              -- JSON, absent when the buyer gave nothing
) STRICT, WITHOUT ROWID;

-- Live units of each buyer, kept only while the pool has a limit. No index by version: each order would pay for it, and the
-- sweep that asks by version reads the whole table once a minute for less.
CREATE TABLE buyer_units (
    pool    INTEGER NOT NULL,
    buyer   INTEGER NOT NULL,
    units   INTEGER NOT NULL CHECK (units >= 0),
    version INTEGER NOT NULL, -- the pool's at the last change
    PRIMARY KEY (pool, buyer)
) STRICT, WITHOUT ROWID;
