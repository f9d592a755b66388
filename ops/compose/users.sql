-- Runs once, when Postgres makes its volume (docker-entrypoint-initdb.d), as the superuser that nothing else uses.
--
-- The two group roles are made here rather than by `stampede migrate`, which takes them as it finds them: so the user who
-- migrates need not be allowed to make roles, and the users below can be members before there is a table.
-- Passwords come from the environment; later changes of .env do not reach this file (ALTER ROLE … PASSWORD does).
\getenv owner_password DATABASE_OWNER_PASSWORD
\getenv web_password DATABASE_WEB_PASSWORD
\getenv writer_password DATABASE_WRITER_PASSWORD
\getenv watcher_password DATABASE_WATCHER_PASSWORD

CREATE ROLE stampede_web NOLOGIN;
CREATE ROLE stampede_writer NOLOGIN;

CREATE ROLE shop_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE shop_web LOGIN PASSWORD :'web_password' IN ROLE stampede_web;
CREATE ROLE shop_writer LOGIN PASSWORD :'writer_password' IN ROLE stampede_writer;
-- Postgres's own numbers, and nobody's orders.
CREATE ROLE shop_watcher LOGIN PASSWORD :'watcher_password' IN ROLE pg_monitor;

CREATE DATABASE stampede OWNER shop_owner;
REVOKE ALL ON DATABASE stampede FROM PUBLIC;
GRANT CONNECT ON DATABASE stampede TO stampede_web, stampede_writer, shop_watcher;
