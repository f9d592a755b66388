-- Orders and payments travel on two buses, and what dies of one is put back on that one.

ALTER TABLE dead_letters ADD COLUMN bus text NOT NULL DEFAULT 'orders';
GRANT SELECT (bus) ON dead_letters TO stampede_web;
