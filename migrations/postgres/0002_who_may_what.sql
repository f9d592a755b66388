-- Who may do what. Nobody logs in as one of these roles: operators make users of their own IN ROLE stampede_web or IN ROLE
-- stampede_writer, with passwords of their own. The user who migrates owns the tables and may do everything.
--
-- Roles belong to the server, not to the database: what another database has made, or makes at this moment, is taken as it is.
-- (Beyond what Spanner knows: DO blocks; there the two roles are made by hand.)
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['stampede_web', 'stampede_writer'] LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION
                WHEN duplicate_object OR unique_violation THEN
                    NULL; -- another database was faster
                WHEN insufficient_privilege THEN
                    RAISE EXCEPTION 'the role % does not exist, and user % may not create it', wanted, current_user
                        USING ERRCODE = 'insufficient_privilege',
                              HINT = format('Let a user with CREATEROLE run: CREATE ROLE %I NOLOGIN;', wanted);
            END;
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), wanted);
    END LOOP;
END
$$;

-- A web process looks, and whatever happens to it, it cannot sell: Postgres itself refuses. Of dead letters it may know how
-- many there are, not what is in them.
GRANT SELECT ON catalogue, events, pools, orders, buyer_units, _sqlx_migrations TO stampede_web;
GRANT SELECT (id, dead_since) ON dead_letters TO stampede_web;

-- A writer may insert orders and never change or delete one: the first insert decides.
GRANT SELECT ON catalogue, events, pools, orders, buyer_units, dead_letters, _sqlx_migrations TO stampede_writer;
GRANT UPDATE ON catalogue TO stampede_writer;
GRANT INSERT, UPDATE ON events TO stampede_writer;
GRANT INSERT, UPDATE, DELETE ON pools, buyer_units TO stampede_writer;
GRANT INSERT ON orders, dead_letters TO stampede_writer;
