-- Mails that are owed to buyers, and the orders of an address. Only orders with an e-mail have rows here, and they are written in
-- the transaction that is the mail's reason. (Orders from before are not found by their address.)

-- Confirmed and reserved orders by the address they were placed with, so that whoever lost a mail finds them.
CREATE TABLE addresses (
    -- In lower case, without white space. Compared byte by byte, as everywhere else.
    address  text COLLATE "C" NOT NULL CHECK (address <> ''),
    order_id uuid NOT NULL,
    PRIMARY KEY (address, order_id)
);

CREATE TABLE mails (
    order_id    uuid   NOT NULL,
    occasion    bigint NOT NULL CHECK (occasion BETWEEN 1 AND 3), -- 1 confirmed, 2 expired, 3 refunded
    owed_at     bigint NOT NULL,                                  -- Unix milliseconds, as are all times
    due_at      bigint,                                           -- from when on somebody is to send it
    attempts    bigint NOT NULL DEFAULT 0 CHECK (attempts >= 0),  -- how often somebody took it
    sent_at     bigint,
    given_up_at bigint,
    why         text,                                             -- why it was given up; names nobody
    PRIMARY KEY (order_id, occasion),
    CONSTRAINT one_end CHECK (num_nonnulls(due_at, sent_at, given_up_at) = 1)
);

-- Only what waits is in it, so it stays small whatever was sent. With the time it is owed since, the sums are read from it alone.
CREATE INDEX mails_due ON mails (due_at, owed_at) WHERE due_at IS NOT NULL;
CREATE INDEX mails_given_up ON mails (given_up_at) WHERE given_up_at IS NOT NULL;

-- A web process finds the orders of an address, and sees how much waits; what it says and to whom is in neither table. A writer
-- owes, sends and gives up; it deletes nothing.
GRANT SELECT ON addresses, mails TO stampede_web;
GRANT SELECT, INSERT ON addresses TO stampede_writer;
GRANT SELECT, INSERT, UPDATE ON mails TO stampede_writer;
