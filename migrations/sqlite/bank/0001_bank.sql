-- The simulated bank's own books: not the shop's, and never read by it but through the bank.

CREATE TABLE payments (
    id         TEXT    PRIMARY KEY,
    idem_key   TEXT    NOT NULL UNIQUE, -- what it was asked for with: asked for twice, it is one
    created_at INTEGER NOT NULL,        -- Unix milliseconds
    document   TEXT    NOT NULL         -- the payment as JSON; of a card only its brand and its last four digits
) STRICT, WITHOUT ROWID;

CREATE INDEX payments_by_time ON payments (created_at, id);
