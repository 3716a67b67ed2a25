# ruff: noqa: E501, S608  (SQL)
"""The partitioned series, the functions that make and drop their partitions, and row security."""

from django.db import migrations

from hashinsight.common.rls import CUSTOMER_IDS, ClientPolicy
from hashinsight.common.scoping import STAFF_ROLE

OWN = f"customer_id = ANY ({CUSTOMER_IDS})"

FIGURES = """
    hashrate_ths real, power_w real, chip_temp_c real, board_temp_c real, inlet_temp_c real,
    fan_min_rpm real, fan_max_rpm real, uptime_s bigint, shares_accepted bigint, shares_rejected bigint,
    state smallint, power_source smallint NOT NULL
"""
ROLLUP = """
    expected_samples integer NOT NULL, samples integer NOT NULL, online_samples integer NOT NULL,
    hashrate_samples integer NOT NULL, power_samples integer NOT NULL,
    hashrate_ths real, power_w real, power_max_w real, power_source smallint NOT NULL,
    chip_temp_max_c real, board_temp_max_c real, inlet_temp_c real, fan_min_rpm real, fan_max_rpm real,
    restarts integer NOT NULL, shares_accepted bigint, shares_rejected bigint
"""
# No default partition: rows that landed there would block the right one. A key (miner, time) serves the chart of a
# machine, BRIN the spans of a fleet. Checks are few: each is paid for by every row.
TABLES = f"""
CREATE TABLE hosting_telemetry (
    miner_id bigint NOT NULL, recorded_at timestamptz NOT NULL, customer_id bigint,
    {FIGURES}, source smallint NOT NULL, clock_skewed boolean NOT NULL,
    CONSTRAINT hosting_telemetry_key PRIMARY KEY (miner_id, recorded_at),
    CONSTRAINT hosting_telemetry_finite CHECK (hashrate_ths BETWEEN 0 AND 1e7 AND power_w BETWEEN 0 AND 1e6)
) PARTITION BY RANGE (recorded_at);
CREATE INDEX hosting_telemetry_time ON hosting_telemetry USING brin (recorded_at) WITH (pages_per_range = 32, autosummarize = on);

CREATE TABLE hosting_telemetry_5min (
    miner_id bigint NOT NULL, bucket_start timestamptz NOT NULL, customer_id bigint,
    {ROLLUP},
    CONSTRAINT hosting_telemetry_5min_key PRIMARY KEY (miner_id, bucket_start),
    CONSTRAINT hosting_telemetry_5min_aligned CHECK (extract(epoch FROM bucket_start)::bigint % 300 = 0)
) PARTITION BY RANGE (bucket_start);
CREATE INDEX hosting_telemetry_5min_time ON hosting_telemetry_5min USING brin (bucket_start) WITH (pages_per_range = 32, autosummarize = on);

CREATE TABLE hosting_telemetry_day (
    miner_id bigint NOT NULL, day date NOT NULL, customer_id bigint,
    {ROLLUP},
    CONSTRAINT hosting_telemetry_day_key UNIQUE NULLS NOT DISTINCT (miner_id, day, customer_id)
) PARTITION BY RANGE (day);
CREATE INDEX hosting_telemetry_day_time ON hosting_telemetry_day USING brin (day) WITH (pages_per_range = 32, autosummarize = on);
"""
DROP_TABLES = "DROP TABLE hosting_telemetry, hosting_telemetry_5min, hosting_telemetry_day;"

# Who makes and drops partitions owns the parents; the application only calls. A partition is filled aside and
# attached, so that readers and writers of the others never wait. Clients have no grant on a partition: row security
# stands on the parents.
FUNCTIONS = f"""
CREATE FUNCTION hosting_make_partition(parent text, first date, past date) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    leaf text := parent || '_p' || to_char(first, 'YYYYMMDD');
    lower_bound text := quote_literal(first::text || CASE parent WHEN 'hosting_telemetry_day' THEN '' ELSE ' 00:00:00+00' END);
    upper_bound text := quote_literal(past::text || CASE parent WHEN 'hosting_telemetry_day' THEN '' ELSE ' 00:00:00+00' END);
BEGIN
    IF parent NOT IN ('hosting_telemetry', 'hosting_telemetry_5min', 'hosting_telemetry_day') THEN
        RAISE EXCEPTION '% has no partitions of ours', parent USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF to_regclass('public.' || leaf) IS NOT NULL THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('hosting partitions'));
    IF to_regclass('public.' || leaf) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', leaf, parent);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON public.%I TO {STAFF_ROLE}', leaf);
    EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%s) TO (%s)', parent, leaf, lower_bound, upper_bound);
    RETURN true;
END $$;

-- Partitions of all series that times from the first to the last day (UTC, both included) need; returns how many were made.
CREATE FUNCTION hosting_ensure_partitions(first date, last date) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    made integer := 0;
    at date;
BEGIN
    IF last - first > 400 THEN
        RAISE EXCEPTION 'at most 400 days at once' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR at IN SELECT generate_series(first, last, interval '1 day')::date LOOP
        made := made + public.hosting_make_partition('hosting_telemetry', at, at + 1)::integer;
        made := made + public.hosting_make_partition('hosting_telemetry_5min', at, at + 1)::integer;
    END LOOP;
    FOR at IN SELECT generate_series(date_trunc('month', first), last, interval '1 month')::date LOOP
        made := made + public.hosting_make_partition('hosting_telemetry_day', at, (at + interval '1 month')::date)::integer;
    END LOOP;
    RETURN made;
END $$;

-- Drop the partition of one series that begins on a day; false where there is none.
CREATE FUNCTION hosting_drop_partition(parent text, first date) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    leaf text := parent || '_p' || to_char(first, 'YYYYMMDD');
BEGIN
    IF parent NOT IN ('hosting_telemetry', 'hosting_telemetry_5min', 'hosting_telemetry_day') THEN
        RAISE EXCEPTION '% has no partitions of ours', parent USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('hosting partitions'));
    IF to_regclass('public.' || leaf) IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('DROP TABLE public.%I', leaf);
    RETURN true;
END $$;
REVOKE ALL ON FUNCTION hosting_make_partition(text, date, date), hosting_ensure_partitions(date, date), hosting_drop_partition(text, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hosting_make_partition(text, date, date), hosting_ensure_partitions(date, date), hosting_drop_partition(text, date) TO {STAFF_ROLE};
"""
DROP_FUNCTIONS = """
DROP FUNCTION hosting_drop_partition(text, date);
DROP FUNCTION hosting_ensure_partitions(date, date);
DROP FUNCTION hosting_make_partition(text, date, date);
"""
# Rewritten in place a thousand times a second: room on the page, so that no index is touched.
LATEST = """
ALTER TABLE hosting_minerlatest SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE hosting_rollupdue SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
"""
PLAIN = """
ALTER TABLE hosting_minerlatest RESET (fillfactor, autovacuum_vacuum_scale_factor);
ALTER TABLE hosting_rollupdue RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
"""


class Migration(migrations.Migration):
    """Tables, functions, policies."""

    dependencies = [("hosting", "0003_time_series")]

    operations = [
        migrations.RunSQL(TABLES, DROP_TABLES),
        migrations.RunSQL(FUNCTIONS, DROP_FUNCTIONS),
        migrations.RunSQL(LATEST, PLAIN),
        ClientPolicy("Telemetry", OWN),
        ClientPolicy("TelemetryFiveMinutes", OWN),
        ClientPolicy("TelemetryDay", OWN),
        ClientPolicy(
            "MinerLatest",
            f"{OWN} AND EXISTS (SELECT 1 FROM hosting_miner machine"
            " WHERE machine.id = miner_id AND machine.customer_id = hosting_minerlatest.customer_id)",
        ),
    ]
