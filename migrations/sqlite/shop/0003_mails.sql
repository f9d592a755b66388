-- Mails that are owed to buyers, and the orders of an address. Only orders with an e-mail have rows here, and they are written in
-- the transaction that is the mail's reason. (Orders from before are not found by their address.)

-- Confirmed and reserved orders by the address they were placed with, so that whoever lost a mail finds them.
CREATE TABLE addresses (
    address  TEXT NOT NULL CHECK (address <> ''), -- in lower case, without white space
    order_id BLOB NOT NULL CHECK (length(order_id) = 16),
    PRIMARY KEY (address, order_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE mails (
    order_id    BLOB    NOT NULL CHECK (length(order_id) = 16),
    occasion    INTEGER NOT NULL CHECK (occasion BETWEEN 1 AND 3), -- 1 confirmed, 2 expired, 3 refunded
    owed_at     INTEGER NOT NULL,                                  -- Unix milliseconds, as are all times
    due_at      INTEGER,                                           -- from when on somebody is to send it
    attempts    INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),  -- how often somebody took it
    sent_at     INTEGER,
    given_up_at INTEGER,
    why         TEXT,                                              -- why it was given up; names nobody
    PRIMARY KEY (order_id, occasion),
    CONSTRAINT one_end CHECK ((due_at IS NOT NULL) + (sent_at IS NOT NULL) + (given_up_at IS NOT NULL) = 1)
) STRICT, WITHOUT ROWID;

-- Only what waits is in it, so it stays small whatever was sent. With the time it is owed since, the sums are read from it alone.
CREATE INDEX mails_due ON mails (due_at, owed_at) WHERE due_at IS NOT NULL;
CREATE INDEX mails_given_up ON mails (given_up_at) WHERE given_up_at IS NOT NULL;
