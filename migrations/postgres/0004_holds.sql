-- Tickets that are paid online: their units are held until somebody has paid, or until a time.

-- What a pool's units are held for; all absent: they are paid at the gate. A change is for later orders only.
ALTER TABLE pools ADD COLUMN hold_seconds bigint CHECK (hold_seconds >= 1);
ALTER TABLE pools ADD COLUMN unit_minor bigint CHECK (unit_minor >= 1); -- what a unit costs, fees and taxes included
ALTER TABLE pools ADD COLUMN currency text CHECK ((currency IS NULL) = (unit_minor IS NULL) AND (currency IS NULL) = (hold_seconds IS NULL));

-- A sixth decision: 6 reserved. NOT VALID, because every row there is obeys the narrower rule, and reading millions of them to see
-- that would keep everybody out meanwhile. What is written from now on is looked at all the same.
ALTER TABLE orders DROP CONSTRAINT orders_decision_check;
ALTER TABLE orders ADD CONSTRAINT orders_decision_check CHECK (decision BETWEEN 1 AND 6) NOT VALID;

-- The life of an order after it was reserved: its row in orders stays as it was decided, this one changes. What the two have in
-- common is here once more, so that a change of an order reads one row.
CREATE TABLE holds (
    id          uuid    PRIMARY KEY, -- the order's
    pool        bigint  NOT NULL,
    quantity    bigint  NOT NULL CHECK (quantity >= 1),
    buyer       bigint  NOT NULL,
    fingerprint bigint  NOT NULL,
    amount      bigint  NOT NULL CHECK (amount >= 1),  -- minor units, of all of it
    currency    text    NOT NULL,                      -- ISO 4217
    -- as in orders; 7 rejected and 9 failed are decisions, which nothing becomes later
    status      bigint  NOT NULL CHECK (status IN (1, 2, 3, 4, 5, 6, 8)),
    hold_until  bigint  NOT NULL,                      -- Unix milliseconds, as are all times
    extended    boolean NOT NULL,
    attempt     bigint  NOT NULL CHECK (attempt >= 0), -- payments begun
    paying_at   bigint  NOT NULL,                      -- when the latest was; 0: none
    page        text,                                  -- where the buyer pays
    decline     text,                                  -- why the latest payment failed
    paid_by     text,                                  -- the payment that paid
    look_at     bigint  NOT NULL,
    changed_at  bigint  NOT NULL,
    owed        bigint  NOT NULL CHECK (owed >= 0),    -- money to be given back, minor units
    due_at      bigint,                                -- from when on it needs somebody; absent: it is at rest
    -- Whoever has units that are not his yet, or money that is not ours, is looked after.
    CONSTRAINT nobody_is_forgotten CHECK (due_at IS NOT NULL OR (status > 3 AND owed = 0)),
    CONSTRAINT paid_is_paid_by_something CHECK (status <> 4 OR paid_by IS NOT NULL)
);

-- Only what needs somebody is in it, so it stays small whatever was sold.
CREATE INDEX holds_due ON holds (due_at, id) WHERE due_at IS NOT NULL;

CREATE TABLE payments (
    order_id uuid   NOT NULL,
    place    bigint NOT NULL CHECK (place >= 0), -- in the order they became known
    -- The provider's name: no payment pays for two orders. Compared byte by byte, as everywhere else.
    id       text   COLLATE "C" NOT NULL UNIQUE,
    attempt  bigint NOT NULL CHECK (attempt >= 0),
    captured bigint NOT NULL CHECK (captured >= 0),
    refunded bigint NOT NULL,
    PRIMARY KEY (order_id, place),
    CONSTRAINT nobody_gets_back_more_than_he_paid CHECK (refunded BETWEEN 0 AND captured)
);

-- A web process looks. A writer changes, and deletes nothing: what was paid stays in the books.
GRANT SELECT ON holds, payments TO stampede_web;
GRANT SELECT, INSERT, UPDATE ON holds, payments TO stampede_writer;
