"""The fleet in figures for Prometheus: how many machines are how, what they do, how late reckoning is."""

from django.db import connection

from hashinsight.common.gauges import Gauge
from hosting.domain.place_counts import counts_of_sites
from hosting.models import Site

FRESH_SECONDS = 900
_MACHINES = """
    SELECT coalesce(site.name, ''), miner.intent, miner.health, count(*)
      FROM hosting_miner miner LEFT JOIN hosting_site site ON site.id = miner.site_id
     GROUP BY 1, 2, 3
"""
_READINGS = """
    SELECT site.name, coalesce(sum(latest.hashrate_ths), 0), coalesce(sum(latest.power_w), 0), count(*),
           count(*) FILTER (WHERE latest.state IS DISTINCT FROM 6)
      FROM hosting_minerlatest latest
      JOIN hosting_miner miner ON miner.id = latest.miner_id
      JOIN hosting_site site ON site.id = miner.site_id
     WHERE latest.recorded_at > now() - make_interval(secs => %s)
     GROUP BY 1
"""
_NEWEST = """
    SELECT site.name, extract(epoch FROM now() - max(latest.recorded_at))::float
      FROM hosting_minerlatest latest
      JOIN hosting_miner miner ON miner.id = latest.miner_id
      JOIN hosting_site site ON site.id = miner.site_id
     GROUP BY 1
"""
_DUE = "SELECT count(*), coalesce(extract(epoch FROM now() - min(marked_at)), 0)::float FROM hosting_rollupdue"
_TICKETS = """
    SELECT priority, count(*), count(*) FILTER (WHERE waiting_since IS NULL AND resolve_due_at < now())
      FROM hosting_ticket WHERE status NOT IN ('resolved', 'closed') GROUP BY 1
"""


def gauges() -> list[Gauge]:
    """All of them; sums are of readings of the last 15 minutes."""
    machines = Gauge("hashinsight_miners", "Machines by site, intent and health.", ("site", "intent", "health"))
    hashrate = Gauge("hashinsight_site_hashrate_ths", "Hashrate of the newest readings (TH/s).", ("site",))
    power = Gauge("hashinsight_site_power_watts", "Power of the newest readings (W).", ("site",))
    fresh = Gauge("hashinsight_site_miners_read", "Machines read in the last 15 minutes.", ("site",))
    answered = Gauge("hashinsight_site_miners_answering", "Machines whose newest reading is an answer.", ("site",))
    age = Gauge("hashinsight_site_newest_reading_seconds", "Age of a site's newest reading.", ("site",))
    due = Gauge("hashinsight_rollups_due", "Rows of five minutes still to be reckoned.")
    oldest = Gauge("hashinsight_rollups_due_oldest_seconds", "Age of the oldest of them.")
    tickets = Gauge("hashinsight_tickets_open", "Tickets that are not done, by priority.", ("priority",))
    placed = Gauge("hashinsight_site_nameplate_watts", "Nameplate power of the machines that stand there.", ("site",))
    room = Gauge("hashinsight_site_capacity_watts", "What the grid connection of a site gives.", ("site",))
    counts = counts_of_sites()
    for site in Site.objects.order_by("pk"):
        placed.rows.append(((site.name,), int(counts[site.pk].placed_kw * 1000) if site.pk in counts else 0))
        room.rows.append(((site.name,), int(site.capacity_kw * 1000)))
    late = Gauge("hashinsight_tickets_late", "Of these, those later than promised.", ("priority",))
    with connection.cursor() as cursor:
        cursor.execute(_MACHINES)
        for site, intent, health, count in cursor.fetchall():
            machines.rows.append(((site, intent, health), count))
        cursor.execute(_READINGS, [FRESH_SECONDS])
        for site, ths, watts, count, answers in cursor.fetchall():
            hashrate.rows.append(((site,), ths))
            power.rows.append(((site,), watts))
            fresh.rows.append(((site,), count))
            answered.rows.append(((site,), answers))
        cursor.execute(_NEWEST)
        age.rows.extend(((site,), seconds) for site, seconds in cursor.fetchall())
        cursor.execute(_DUE)
        count, seconds = cursor.fetchone()
        due.rows.append(((), count))
        oldest.rows.append(((), seconds))
        cursor.execute(_TICKETS)
        for priority, count, too_late in cursor.fetchall():
            tickets.rows.append(((priority,), count))
            late.rows.append(((priority,), too_late))
    return [machines, hashrate, power, fresh, answered, age, due, oldest, tickets, late, placed, room]
