-- Once, as an administrator of the server:
--   psql -v owner="'…'" -v app="'…'" -v backup="'…'" -f logins.sql postgres
-- and afterwards, in the database itself: GRANT EXECUTE ON FUNCTION pg_switch_wal() TO hashinsight_backup;
CREATE ROLE hashinsight_staff NOLOGIN NOBYPASSRLS;
CREATE ROLE hashinsight_client NOLOGIN NOBYPASSRLS;
CREATE ROLE hashinsight_owner LOGIN PASSWORD :owner;
CREATE ROLE hashinsight_app LOGIN PASSWORD :app;
-- Reads every row and copies the server's files; writes nothing.
CREATE ROLE hashinsight_backup LOGIN REPLICATION BYPASSRLS PASSWORD :backup;
GRANT hashinsight_staff, hashinsight_client TO hashinsight_owner, hashinsight_app;
GRANT pg_read_all_data TO hashinsight_backup;
CREATE DATABASE hashinsight OWNER hashinsight_owner;
