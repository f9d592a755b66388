-- Tickets that are paid online: their units are held until somebody has paid, or until a time.

-- What a pool's units are held for; all absent: they are paid at the gate. A change is for later orders only.
ALTER TABLE pools ADD COLUMN hold_seconds INTEGER CHECK (hold_seconds >= 1);
ALTER TABLE pools ADD COLUMN unit_minor INTEGER CHECK (unit_minor >= 1); -- what a unit costs, fees and taxes included
ALTER TABLE pools ADD COLUMN currency TEXT CHECK ((currency IS NULL) = (unit_minor IS NULL) AND (currency IS NULL) = (hold_seconds IS NULL));

-- A sixth decision: 6 reserved. SQLite cannot change a CHECK, and a new table would copy millions of rows at a start. A wider CHECK
-- changes nothing that is written in the table, so its text is changed instead, which is the way SQLite's manual gives for that
-- (lang_altertable, "Making Other Kinds Of Table Schema Changes"). Other processes read the schema anew, because the statements
-- around this one change its number; this one does by RESET.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'decision BETWEEN 1 AND 5', 'decision BETWEEN 1 AND 6')
WHERE type = 'table' AND name = 'orders';
PRAGMA writable_schema = RESET;

-- The life of an order after it was reserved: its row in orders stays as it was decided, this one changes. Clustered as the orders
-- are. What the two have in common is here once more, so that a change of an order reads one row.
CREATE TABLE holds (
    id          BLOB    PRIMARY KEY CHECK (length(id) = 16), -- the order's
    pool        INTEGER NOT NULL,
    quantity    INTEGER NOT NULL CHECK (quantity >= 1),
    buyer       INTEGER NOT NULL,
    fingerprint INTEGER NOT NULL,
    amount      INTEGER NOT NULL CHECK (amount >= 1),  -- minor units, of all of it
    currency    TEXT    NOT NULL,                      -- ISO 4217
    -- as in orders; 7 rejected and 9 failed are decisions, which nothing becomes later
    status      INTEGER NOT NULL CHECK (status IN (1, 2, 3, 4, 5, 6, 8)),
    hold_until  INTEGER NOT NULL,                      -- Unix milliseconds, as are all times
    extended    INTEGER NOT NULL CHECK (extended IN (0, 1)),
    attempt     INTEGER NOT NULL CHECK (attempt >= 0), -- payments begun
    paying_at   INTEGER NOT NULL,                      -- when the latest was; 0: none
    page        TEXT,                                  -- where the buyer pays
    decline     TEXT,                                  -- why the latest payment failed
    paid_by     TEXT,                                  -- the payment that paid
    look_at     INTEGER NOT NULL,
    changed_at  INTEGER NOT NULL,
    owed        INTEGER NOT NULL CHECK (owed >= 0),    -- money to be given back, minor units
    due_at      INTEGER,                               -- from when on it needs somebody; absent: it is at rest
    -- Whoever has units that are not his yet, or money that is not ours, is looked after.
    CONSTRAINT nobody_is_forgotten CHECK (due_at IS NOT NULL OR (status > 3 AND owed = 0)),
    CONSTRAINT paid_is_paid_by_something CHECK (status <> 4 OR paid_by IS NOT NULL)
) STRICT, WITHOUT ROWID;

-- Only what needs somebody is in it, so it stays small whatever was sold.
CREATE INDEX holds_due ON holds (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE payments (
    order_id BLOB    NOT NULL CHECK (length(order_id) = 16),
    place    INTEGER NOT NULL CHECK (place >= 0), -- in the order they became known
    id       TEXT    NOT NULL UNIQUE,             -- the provider's name: no payment pays for two orders
    attempt  INTEGER NOT NULL CHECK (attempt >= 0),
    captured INTEGER NOT NULL CHECK (captured >= 0),
    refunded INTEGER NOT NULL,
    PRIMARY KEY (order_id, place),
    CONSTRAINT nobody_gets_back_more_than_he_paid CHECK (refunded BETWEEN 0 AND captured)
) STRICT, WITHOUT ROWID;
