# ruff: noqa: S608  (constants of this file only)
"""The SQL of the rollups, one statement per step; ``domain.rollups`` says in which order.

Parameters: ``ids`` (rows taken), ``ripe`` (five minutes that begin before it are over), ``first`` and ``past`` (what
the readings of this portion span: partitions outside are not even planned for), ``at``.
"""

LOOK_BACK = "1 hour"  # how old the answer before may be that restarts and shares are reckoned from
START_JUMP_S = 60  # a start this much later than the one before is another start; clocks and roundings differ less
UNREACHABLE = 6  # TelemetryState.UNREACHABLE

# One reckoner at a time. Taken before anything is read: what committed until then is seen, what comes later leaves a
# row of its own.
LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended('hosting.reckoning', 0))"
# Whoever changes owners takes this lock alone: no portion is stored with an owner that has just changed.
OWNERS = "SELECT pg_advisory_xact_lock_shared(4731001)"

TEMPORARY = """
CREATE TEMP TABLE IF NOT EXISTS hosting_rollup_pair (
    miner_id bigint NOT NULL, bucket_start timestamptz NOT NULL, PRIMARY KEY (miner_id, bucket_start)
) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS hosting_day_pair (
    miner_id bigint NOT NULL, day date NOT NULL, PRIMARY KEY (miner_id, day)
) ON COMMIT DELETE ROWS;
DELETE FROM pg_temp.hosting_rollup_pair;
DELETE FROM pg_temp.hosting_day_pair;
"""

_KEPT = """EXISTS (SELECT 1 FROM hosting_series_partition part WHERE part.series = '{series}'
    AND part.first_day <= {day} AND part.past_day > {day})"""
_FIVE_KEPT = _KEPT.format(series="hosting_telemetry_5min", day="due.day")
PAIRS = f"""
WITH due AS (
    SELECT row.bucket_start, (row.bucket_start AT TIME ZONE 'UTC')::date AS day, row.miner_ids
      FROM hosting_rollupdue row WHERE row.id = ANY(%(ids)s)
)
INSERT INTO pg_temp.hosting_rollup_pair (miner_id, bucket_start)
SELECT DISTINCT machine.id, due.bucket_start
  FROM due CROSS JOIN LATERAL unnest(due.miner_ids) machine(id)
 WHERE due.bucket_start IN (SELECT due.bucket_start FROM due WHERE {_FIVE_KEPT})
"""
# The next five minutes with an answer look back to these.
FOLLOWERS = f"""
INSERT INTO pg_temp.hosting_rollup_pair (miner_id, bucket_start)
SELECT pair.miner_id, date_bin('5 minutes', next.recorded_at, to_timestamp(0))
  FROM pg_temp.hosting_rollup_pair pair
 CROSS JOIN LATERAL (
    SELECT r.recorded_at FROM hosting_telemetry r
     WHERE r.miner_id = pair.miner_id AND r.state IS DISTINCT FROM {UNREACHABLE}
       AND r.recorded_at >= pair.bucket_start + interval '5 minutes'
       AND r.recorded_at < pair.bucket_start + interval '5 minutes' + interval '{LOOK_BACK}'
       AND r.recorded_at >= %(first)s AND r.recorded_at < %(past)s
     ORDER BY r.recorded_at LIMIT 1) next
 WHERE date_bin('5 minutes', next.recorded_at, to_timestamp(0)) < %(ripe)s
ON CONFLICT DO NOTHING
"""
# Five minutes whose readings were dropped already stay as they were reckoned; what stands on them follows all the same,
# since they may have another owner now.
DROPPED = f"""
DELETE FROM pg_temp.hosting_rollup_pair pair
 WHERE NOT {_KEPT.format(series="hosting_telemetry", day="(pair.bucket_start AT TIME ZONE 'UTC')::date")}
"""
ANALYZE = "ANALYZE pg_temp.hosting_rollup_pair"

_OWNER = """
LEFT JOIN hosting_minerownership owner ON owner.miner_id = pair.miner_id
      AND owner.valid_from <= pair.bucket_start AND (owner.valid_to IS NULL OR owner.valid_to > pair.bucket_start)"""
_PLACE = """
LEFT JOIN hosting_minerplacement place ON place.miner_id = pair.miner_id
      AND place.valid_from <= pair.bucket_start AND (place.valid_to IS NULL OR place.valid_to > pair.bucket_start)"""

# A reading stored while its machine changed hands may carry the owner before.
STAMPS = f"""
UPDATE hosting_telemetry r SET customer_id = whose.customer_id
  FROM (SELECT pair.miner_id, pair.bucket_start, owner.customer_id FROM pg_temp.hosting_rollup_pair pair {_OWNER}) whose
 WHERE r.miner_id = whose.miner_id AND r.recorded_at >= whose.bucket_start
   AND r.recorded_at < whose.bucket_start + interval '5 minutes'
   AND r.recorded_at >= %(first)s AND r.recorded_at < %(past)s
   AND r.customer_id IS DISTINCT FROM whose.customer_id
"""

_READ = """r.recorded_at, r.hashrate_ths, r.power_w, r.power_source, r.chip_temp_c, r.board_temp_c, r.inlet_temp_c,
           r.fan_min_rpm, r.fan_max_rpm, r.uptime_s, r.shares_accepted, r.shares_rejected, r.state, r.clock_skewed"""
_SUMS = (
    "samples", "online_samples", "hashrate_samples", "power_samples", "hashrate_ths", "power_w", "power_max_w",
    "power_source", "chip_temp_max_c", "board_temp_max_c", "inlet_temp_c", "fan_min_rpm", "fan_max_rpm", "restarts",
    "shares_accepted", "shares_rejected",
)  # fmt: skip


def _shares(name: str) -> str:
    return f"""sum(CASE WHEN {name} IS NULL OR {name}_before IS NULL THEN NULL
                 WHEN restarted OR {name} < {name}_before THEN {name}
                 ELSE {name} - {name}_before END) FILTER (WHERE inside AND answered)::bigint"""


# Every reading of the five minutes, and the answer before them; steps are between answers only. How many readings
# were expected is kept from the first time: the site's interval may have changed since.
FIVE_MINUTES = f"""
WITH reading AS (
    SELECT pair.miner_id, pair.bucket_start, true AS inside, r.*
      FROM pg_temp.hosting_rollup_pair pair
     CROSS JOIN LATERAL (
        SELECT {_READ} FROM hosting_telemetry r
         WHERE r.miner_id = pair.miner_id AND r.recorded_at >= pair.bucket_start
           AND r.recorded_at < pair.bucket_start + interval '5 minutes'
           AND r.recorded_at >= %(first)s AND r.recorded_at < %(past)s OFFSET 0) r
    UNION ALL
    SELECT pair.miner_id, pair.bucket_start, false, r.*
      FROM pg_temp.hosting_rollup_pair pair
     CROSS JOIN LATERAL (
        SELECT {_READ} FROM hosting_telemetry r
         WHERE r.miner_id = pair.miner_id AND r.state IS DISTINCT FROM {UNREACHABLE}
           AND r.recorded_at >= pair.bucket_start - interval '{LOOK_BACK}' AND r.recorded_at < pair.bucket_start
           AND r.recorded_at >= %(first)s AND r.recorded_at < %(past)s
         ORDER BY r.recorded_at DESC LIMIT 1) r
), answer AS (
    SELECT reading.*, state IS DISTINCT FROM {UNREACHABLE} AS answered,
           lag(recorded_at) OVER step AS before_at, lag(clock_skewed) OVER step AS skewed_before,
           lag(uptime_s) OVER step AS uptime_before, lag(shares_accepted) OVER step AS shares_accepted_before,
           lag(shares_rejected) OVER step AS shares_rejected_before
      FROM reading
    WINDOW step AS (PARTITION BY miner_id, bucket_start, state IS DISTINCT FROM {UNREACHABLE} ORDER BY recorded_at)
), known AS (
    SELECT answer.*, coalesce(
               answered AND (uptime_s < uptime_before OR NOT clock_skewed AND NOT skewed_before
                   AND extract(epoch FROM recorded_at - before_at) - (uptime_s - uptime_before) > {START_JUMP_S}),
               false) AS restarted
      FROM answer
), figures AS (
    SELECT miner_id, bucket_start,
           count(*) FILTER (WHERE inside) AS samples,
           count(*) FILTER (WHERE inside AND answered) AS online_samples,
           count(hashrate_ths) FILTER (WHERE inside AND answered) AS hashrate_samples,
           count(power_w) FILTER (WHERE inside AND answered) AS power_samples,
           avg(hashrate_ths) FILTER (WHERE inside AND answered) AS hashrate_ths,
           avg(power_w) FILTER (WHERE inside AND answered) AS power_w,
           max(power_w) FILTER (WHERE inside AND answered) AS power_max_w,
           coalesce(max(power_source) FILTER (WHERE inside AND answered AND power_w IS NOT NULL), 0) AS power_source,
           max(chip_temp_c) FILTER (WHERE inside AND answered) AS chip_temp_max_c,
           max(board_temp_c) FILTER (WHERE inside AND answered) AS board_temp_max_c,
           avg(inlet_temp_c) FILTER (WHERE inside AND answered) AS inlet_temp_c,
           min(fan_min_rpm) FILTER (WHERE inside AND answered) AS fan_min_rpm,
           max(fan_max_rpm) FILTER (WHERE inside AND answered) AS fan_max_rpm,
           count(*) FILTER (WHERE inside AND restarted) AS restarts,
           {_shares("shares_accepted")} AS shares_accepted,
           {_shares("shares_rejected")} AS shares_rejected
      FROM known GROUP BY miner_id, bucket_start HAVING bool_or(inside)
)
INSERT INTO hosting_telemetry_5min (miner_id, bucket_start, customer_id, expected_samples, {", ".join(_SUMS)})
SELECT pair.miner_id, pair.bucket_start, owner.customer_id,
       greatest(1, 300 / coalesce(site.collection_interval_s, 300)),
       {", ".join(f"figures.{name}" for name in _SUMS)}
  FROM figures JOIN pg_temp.hosting_rollup_pair pair USING (miner_id, bucket_start) {_OWNER} {_PLACE}
  LEFT JOIN hosting_site site ON site.id = place.site_id
ON CONFLICT (miner_id, bucket_start) DO UPDATE SET customer_id = excluded.customer_id,
       {", ".join(f"{name} = excluded.{name}" for name in _SUMS)}
"""
EMPTY = """
DELETE FROM hosting_telemetry_5min row USING pg_temp.hosting_rollup_pair pair
 WHERE row.miner_id = pair.miner_id AND row.bucket_start = pair.bucket_start
   AND row.bucket_start >= %(first)s AND row.bucket_start < %(past)s
   AND NOT EXISTS (SELECT 1 FROM hosting_telemetry r WHERE r.miner_id = pair.miner_id
                      AND r.recorded_at >= pair.bucket_start
                      AND r.recorded_at < pair.bucket_start + interval '5 minutes')
"""
# What stands on these five minutes: the day, and the quarter-hour of the site the machine stood at.
MARK_DAYS = """
INSERT INTO hosting_daydue (day, miner_ids, marked_at)
SELECT (bucket_start AT TIME ZONE 'UTC')::date, array_agg(DISTINCT miner_id), %(at)s
  FROM pg_temp.hosting_rollup_pair GROUP BY 1
"""
MARK_QUARTERS = f"""
INSERT INTO hosting_usagedue (site_id, interval_start, marked_at)
SELECT DISTINCT place.site_id, date_bin('15 minutes', pair.bucket_start, to_timestamp(0)), %(at)s::timestamptz
  FROM pg_temp.hosting_rollup_pair pair {_PLACE} WHERE place.site_id IS NOT NULL
"""

DAY_PAIRS = f"""
INSERT INTO pg_temp.hosting_day_pair (miner_id, day)
SELECT DISTINCT machine.id, due.day
  FROM hosting_daydue due CROSS JOIN LATERAL unnest(due.miner_ids) machine(id)
 WHERE due.id = ANY(%(ids)s) AND {_FIVE_KEPT}
"""
DAYS_GONE = """
DELETE FROM hosting_telemetry_day row USING pg_temp.hosting_day_pair pair
 WHERE row.miner_id = pair.miner_id AND row.day = pair.day
"""
# Readings expected are those of the whole day as far as the machine stood somewhere and had this owner.
DAYS = """
WITH figures AS (
    SELECT pair.miner_id, pair.day, r.customer_id,
           sum(r.expected_samples) AS expected_here, avg(r.expected_samples) AS expected_each,
           sum(r.samples) AS samples, sum(r.online_samples) AS online_samples,
           sum(r.hashrate_samples) AS hashrate_samples, sum(r.power_samples) AS power_samples,
           sum(r.hashrate_ths::float8 * r.hashrate_samples) / nullif(sum(r.hashrate_samples), 0) AS hashrate_ths,
           sum(r.power_w::float8 * r.power_samples) / nullif(sum(r.power_samples), 0) AS power_w,
           max(r.power_max_w) AS power_max_w, max(r.power_source) AS power_source,
           max(r.chip_temp_max_c) AS chip_temp_max_c, max(r.board_temp_max_c) AS board_temp_max_c,
           sum(r.inlet_temp_c::float8 * r.online_samples)
               / nullif(sum(r.online_samples) FILTER (WHERE r.inlet_temp_c IS NOT NULL), 0) AS inlet_temp_c,
           min(r.fan_min_rpm) AS fan_min_rpm, max(r.fan_max_rpm) AS fan_max_rpm, sum(r.restarts) AS restarts,
           sum(r.shares_accepted) AS shares_accepted, sum(r.shares_rejected) AS shares_rejected
      FROM pg_temp.hosting_day_pair pair
      JOIN hosting_telemetry_5min r ON r.miner_id = pair.miner_id
           AND r.bucket_start >= pair.day::timestamp AT TIME ZONE 'UTC'
           AND r.bucket_start < (pair.day + 1)::timestamp AT TIME ZONE 'UTC'
           AND r.bucket_start >= %(first)s AND r.bucket_start < %(past)s
     GROUP BY pair.miner_id, pair.day, r.customer_id
), span AS (
    SELECT figures.*, tstzrange(day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC') AS whole
      FROM figures
)
INSERT INTO hosting_telemetry_day (miner_id, day, customer_id, expected_samples, SUMS)
SELECT miner_id, day, customer_id,
       greatest(expected_here, round(expected_each * coalesce(
           CASE WHEN customer_id IS NULL THEN stood - coalesce(owned, 0) ELSE owned END, 0) / 300)), SUMS
  FROM span
 CROSS JOIN LATERAL (
    SELECT sum(extract(epoch FROM upper(there) - lower(there))) AS stood FROM (
        SELECT whole * tstzrange(place.valid_from, place.valid_to) AS there
          FROM hosting_minerplacement place WHERE place.miner_id = span.miner_id) stay) stay
 CROSS JOIN LATERAL (
    SELECT sum(extract(epoch FROM upper(there) - lower(there))) AS owned FROM (
        SELECT whole * tstzrange(place.valid_from, place.valid_to)
             * tstzrange(owner.valid_from, owner.valid_to) AS there
          FROM hosting_minerplacement place JOIN hosting_minerownership owner ON owner.miner_id = place.miner_id
         WHERE place.miner_id = span.miner_id
           AND (span.customer_id IS NULL OR owner.customer_id = span.customer_id)) tenure) tenure
""".replace("SUMS", ", ".join(_SUMS))
