-- The truth: events, pools, orders. The laws that a row or two can show are constraints here. ADR 13 says which of this a move
-- to AlloyDB or Spanner would have to change.

-- One row: raised by every change of what is for sale, so that one small read tells whether to look again. Its lock is what
-- keeps two changes of the catalogue apart.
CREATE TABLE catalogue (
    only_row bigint PRIMARY KEY CHECK (only_row = 1),
    revision bigint NOT NULL
);
INSERT INTO catalogue VALUES (1, 0);

CREATE TABLE events (
    slug     text    PRIMARY KEY,
    position bigint  NOT NULL UNIQUE, -- the lowest is the featured event
    document text    NOT NULL,        -- the event in force, as JSON
    waiting  text,                    -- a tighter version that waits for a pause, as JSON
    paused   boolean NOT NULL DEFAULT false
);

CREATE TABLE pools (
    id              bigint PRIMARY KEY, -- derived from event and ticket type
    event           text   NOT NULL,
    ticket_type     text   NOT NULL,
    capacity        bigint NOT NULL CHECK (capacity >= 0),
    held            bigint NOT NULL DEFAULT 0 CHECK (held >= 0),
    sold            bigint NOT NULL DEFAULT 0 CHECK (sold >= 0),
    version         bigint NOT NULL DEFAULT 1, -- raised by every change of this row
    epoch           bigint NOT NULL DEFAULT 0, -- number of the ledger's opening
    limit_per_buyer bigint CHECK (limit_per_buyer >= 1),
    UNIQUE (event, ticket_type),
    CONSTRAINT never_oversold CHECK (held + sold <= capacity)
);

-- The first insert decides: the primary key is what a second one meets. Ids are time-ordered, so a sale appends. No second
-- index: it would cost as much as the row.
CREATE TABLE orders (
    id          uuid   PRIMARY KEY, -- UUIDv7, the buyer's key
    pool        bigint NOT NULL,
    quantity    bigint NOT NULL CHECK (quantity >= 1),
    buyer       bigint NOT NULL,
    fingerprint bigint NOT NULL,
    -- 1 reserved, 2 paying, 3 expiring, 4 confirmed, 5 cancelled, 6 refunded, 7 rejected, 8 expired, 9 failed
    status      bigint NOT NULL CHECK (status BETWEEN 1 AND 9),
    -- what the store said, once: 1 confirmed, 2 rejected (sold out), 3 expired, 4 failed, 5 rejected (limit)
    decision    bigint NOT NULL CHECK (decision BETWEEN 1 AND 5),
    asked_at    bigint NOT NULL, -- Unix milliseconds
    decided_at  bigint NOT NULL, -- Unix milliseconds
    version     bigint NOT NULL, -- the pool's at the decision
    contact     text             -- JSON, absent when the buyer gave nothing
);

-- Live units of each buyer, kept only while the pool has a limit. No index by version: each order would pay for it, and the
-- sweep that asks by version reads the whole table once a minute for less.
CREATE TABLE buyer_units (
    pool    bigint NOT NULL,
    buyer   bigint NOT NULL,
    units   bigint NOT NULL CHECK (units >= 0),
    version bigint NOT NULL, -- the pool's at the last change
    PRIMARY KEY (pool, buyer)
);

-- Messages that could not be taken, for buses that cannot be browsed.
CREATE TABLE dead_letters (
    message_key text   PRIMARY KEY, -- the bus's name of the message: set aside twice, it is one letter
    id          bigint NOT NULL,    -- its name for people, made from the key
    payload     bytea  NOT NULL,
    reason      text   NOT NULL,
    attempts    bigint NOT NULL,
    dead_since  bigint NOT NULL     -- Unix milliseconds
);
