"""What was read in a quarter-hour at one site, and what was in repair, by zone and customer; the only SQL of usage."""

# Repairs that pause billing in the quarter-hour, each machine once (one finished and ordered anew may do so twice).
_PAUSED = """
    SELECT DISTINCT ON (miner_id) miner_id, created_at FROM hosting_repairorder
     WHERE pauses_billing AND paused_from <= %(start)s AND (paused_to IS NULL OR paused_to > %(start)s)
     ORDER BY miner_id, created_at DESC
"""

MEASURED = f"""
WITH paused AS MATERIALIZED ({_PAUSED}), slot AS (
    SELECT bucket FROM generate_series(%(start)s::timestamptz, %(start)s::timestamptz + interval '10 minutes',
                                       interval '5 minutes') bucket
), stood AS (
    SELECT place.miner_id, place.zone_id, slot.bucket, owner.customer_id
      FROM hosting_minerplacement place
      JOIN slot ON place.valid_from <= slot.bucket AND (place.valid_to IS NULL OR place.valid_to > slot.bucket)
      LEFT JOIN hosting_minerownership owner ON owner.miner_id = place.miner_id
           AND owner.valid_from <= %(start)s AND (owner.valid_to IS NULL OR owner.valid_to > %(start)s)
     WHERE place.site_id = %(site)s AND place.valid_from < %(past)s
       AND (place.valid_to IS NULL OR place.valid_to > %(start)s)
), seen AS (
    SELECT stood.*, r.power_w, r.power_source, r.power_samples, r.expected_samples,
           r.power_w IS NULL AND coalesce(r.online_samples, 0) = 0 AS silent
      FROM stood
      LEFT JOIN hosting_telemetry_5min r ON r.miner_id = stood.miner_id AND r.bucket_start = stood.bucket
           AND r.bucket_start >= %(start)s AND r.bucket_start < %(past)s
           AND r.customer_id IS NOT DISTINCT FROM stood.customer_id
), known AS (
    -- Off by intent for the whole five minutes, by the log of the machine.
    SELECT seen.*, coalesce(silent AND intent.last <> 'active' AND NOT EXISTS (
               SELECT 1 FROM hosting_mineroperation later WHERE later.miner_id = seen.miner_id
                  AND later.operation = 'intent' AND later.details LIKE 'active%%'
                  AND later.performed_at > seen.bucket
                  AND later.performed_at < seen.bucket + interval '5 minutes'), false) AS off
      FROM seen
      LEFT JOIN LATERAL (
        SELECT CASE op.operation WHEN 'intent' THEN split_part(op.details, ' ', 1) ELSE op.operation END AS last
          FROM hosting_mineroperation op
         WHERE seen.silent AND op.miner_id = seen.miner_id AND op.operation IN ('register', 'intent', 'retire')
           AND op.performed_at <= seen.bucket
         ORDER BY op.performed_at DESC, op.id DESC LIMIT 1) intent ON true
), machine AS (
    SELECT miner_id, zone_id, customer_id, count(*) AS slots,
           avg(CASE WHEN power_w IS NOT NULL THEN power_w::float8 WHEN off THEN 0 END) AS mean_w,
           sum(CASE WHEN power_w IS NOT NULL THEN least(1, power_samples::float8 / expected_samples)
                    WHEN off THEN 1 ELSE 0 END) AS covered,
           coalesce(sum(power_samples), 0) AS samples,
           bool_or(off) AS off, bool_or(power_w IS NOT NULL AND power_source = 2) AS firmware
      FROM known GROUP BY miner_id, zone_id, customer_id
)
SELECT machine.zone_id, machine.customer_id, count(*), sum(slots),
       -- A site read less often than every five minutes owes fewer of them.
       sum(round((slots * least(1, covered / ceil(slots * %(owed)s / 3.0)))::numeric, 6)),
       sum(coalesce(round((mean_w * slots / 12000)::numeric, 6), 0)),
       sum(samples), count(*) FILTER (WHERE machine.off), coalesce(bool_or(firmware), false),
       sum(round(coalesce(miner.nameplate_w, 0) * slots / 12000.0, 6)), paused.miner_id IS NOT NULL
  FROM machine JOIN hosting_miner miner ON miner.id = machine.miner_id
  LEFT JOIN paused ON paused.miner_id = machine.miner_id
 GROUP BY machine.zone_id, machine.customer_id, paused.miner_id IS NOT NULL
"""  # noqa: S608  (constants)

# Where a machine in repair stands as the quarter-hour begins; one that was sent away counts where it was ordered.
IN_REPAIR = f"""
SELECT spot.zone_id, owner.customer_id, count(*), sum(coalesce(miner.nameplate_w, 0)) / 1000.0
  FROM ({_PAUSED}) paused
  JOIN hosting_miner miner ON miner.id = paused.miner_id
  JOIN LATERAL (
    SELECT place.site_id, place.zone_id FROM hosting_minerplacement place
     CROSS JOIN LATERAL (SELECT place.valid_from <= %(start)s
            AND (place.valid_to IS NULL OR place.valid_to > %(start)s) AS stands) here
     WHERE place.miner_id = paused.miner_id AND (here.stands OR place.valid_from <= paused.created_at
           AND (place.valid_to IS NULL OR place.valid_to > paused.created_at))
     ORDER BY here.stands DESC LIMIT 1) spot ON spot.site_id = %(site)s
  LEFT JOIN hosting_minerownership owner ON owner.miner_id = paused.miner_id
       AND owner.valid_from <= %(start)s AND (owner.valid_to IS NULL OR owner.valid_to > %(start)s)
 GROUP BY spot.zone_id, owner.customer_id
"""  # noqa: S608  (constants)
