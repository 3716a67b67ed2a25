"""The list of machines over 10,000, 100,000 and 1,000,000 of them: pages of the admin and of the API, and charts.

Part of ``./dev bench lists``. The rows are written by SQL with the guards off: only reading is measured. Each page is
held against what was promised: 300 ms for the API, 800 ms for the admin, at most 1.3 times slower for each decade,
and as many queries at each size. Each page has as many rows at each size. A hundred machines have the five minutes
of thirty days, written by time, so that each row of a machine lies on another page of the disk, as the rows of a
large fleet do.
"""

from datetime import UTC, datetime, timedelta
from statistics import fmean, median, mode, quantiles
from typing import Any

SIZES = {"fleet_10k": 10_000, "fleet_100k": 100_000, "fleet_1m": 1_000_000}
WARM_UP, ROUNDS = 6, 60
API_MS, ADMIN_MS = 300.0, 800.0
PAGES = {
    "miners, admin list": "/admin/hosting/miner/",
    "miners, admin list of a site that are well": "/admin/hosting/miner/?site__id__exact=3&health__exact=ok",
    "miners, admin list, all that are lost": "/admin/hosting/miner/?health__exact=lost",
    "miners, admin list of a maker nobody has much of": "/admin/hosting/miner/?manufacturer=Canaan",
    "miners, admin search, end of a serial": "/admin/hosting/miner/?q=000{serial}",
    "miners, admin search, address": "/admin/hosting/miner/?q=10.0.{octet}.",
    "miners, admin search, model and rack": "/admin/hosting/miner/?q=S1{digit}+R0",
    "miners, admin search, in nobody": "/admin/hosting/miner/?q=zebra{digit}",
    "miners, admin search, two characters in nobody": "/admin/hosting/miner/?q=z{digit}",
    "miners, admin autocomplete": "/admin/autocomplete/?app_label=hosting&model_name=ticket&field_name=miners"
    "&term=000{serial}",
    "charts of a machine over 30 days, admin": "/admin/hosting/miner/{machine}/charts/?period=month",
    "five minutes of a machine over 30 days, API, staff key": "staff /api/v1/miners/{public}/telemetry/?resolution=5min"
    "&starts_from={past}",
    "days of a machine, API, client key": "client /api/v1/miners/{public}/telemetry/?resolution=day",
    "miners, API, staff key": "staff /api/v1/miners/",
    "miners, API, staff key, offline": "staff /api/v1/miners/?status=offline",
    "miners, API, staff key, active at a site": "staff /api/v1/miners/?status=active&site={site}",
    "miners, API, staff key, by serial": "staff /api/v1/miners/?serial=sn0000777",
    "miners, API, client key": "client /api/v1/miners/",
    "miners, API, client key, active": "client /api/v1/miners/?status=active",
}
GUARDED = (
    "crm_customer", "hosting_site", "hosting_zone", "hosting_rack", "hosting_minermodel", "hosting_miner",
)  # fmt: skip
# Machines with a past: three of each three hundred, those of the customers that the client's key sees.
CHARTED, CHARTED_UP_TO = 99, 9_900
SITE = "00000000-0000-7000-8000-000000000003"
FILL = """
INSERT INTO hosting_minermodel (public_id, created_at, updated_at, version, name, manufacturer, hashrate_ths, power_w,
    cooling, chip, is_active, source, note, is_shipped)
SELECT gen_random_uuid(), now(), now(), 1, 'Bench S' || n, 'Bitmain', 200, 3500, 'air', '', true, '', '', false
  FROM generate_series(1, 30) n;
INSERT INTO hosting_site (id, public_id, created_at, updated_at, version, name, location, country, time_zone, status,
    capacity_kw, currency, pue, collection_interval_s, internal_note)
SELECT n, ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, now(), now(), 1, 'Site ' || n, '', 'US', 'UTC',
    'active', 99999999, 'USD', 1, 300, ''
  FROM generate_series(1, 50) n;
INSERT INTO hosting_zone (id, public_id, created_at, updated_at, version, site_id, name, status, capacity_kw,
    max_utilisation_percent, phases)
SELECT n, gen_random_uuid(), now(), now(), 1, 1 + (n - 1) / 10, 'Hall ' || n, 'active', 9999999, 100, 3
  FROM generate_series(1, 500) n;
INSERT INTO hosting_rack (id, public_id, created_at, updated_at, version, zone_id, building, row, name, slots, columns)
SELECT n, gen_random_uuid(), now(), now(), 1, 1 + (n - 1) %% 500, '', '', 'R' || (n - 1) / 500, 20, 4
  FROM generate_series(1, (%(size)s / 500 / 20 + 1) * 500) n;
INSERT INTO hosting_miner (public_id, created_at, updated_at, version, serial, manufacturer, model_id, model_text,
    site_id, zone_id, rack_id, slot, customer_id, address, port, is_collected, mac, intent, health, curtailment,
    nameplate_w, internal_note)
SELECT ('00000000-0000-7000-9000-' || lpad(n::text, 12, '0'))::uuid, now() - n * interval '31 seconds', now(), 1,
    'SN' || lpad(n::text, 7, '0'), CASE WHEN n <= 10000 AND n %% 100 = 0 THEN 'Canaan' ELSE 'Bitmain' END,
    (SELECT min(id) FROM hosting_minermodel) + n %% 30, '', 1 + (n %% 500) / 10, 1 + n %% 500,
    n / 500 / 20 * 500 + 1 + n %% 500, 1 + n / 500 %% 20,
    CASE WHEN n %% 10 > 0 THEN 1 + n %% 300 END, ('10.' || n / 65536 %% 256 || '.' || n / 256 %% 256 || '.' || n %% 256)::inet,
    4028, true, '02:00:' || regexp_replace(upper(lpad(to_hex(n), 8, '0')), '(..)(..)(..)(..)', '\1:\2:\3:\4'),
    CASE WHEN n %% 50 = 0 THEN 'maintenance' ELSE 'active' END,
    CASE WHEN n %% 97 = 0 THEN 'lost' WHEN n %% 41 = 0 THEN 'offline' ELSE 'ok' END, 'inherit', 3500, ''
  FROM generate_series(1, %(size)s) n;
SELECT hosting_ensure_partitions((now() AT TIME ZONE 'UTC')::date - 31, (now() AT TIME ZONE 'UTC')::date + 1);
INSERT INTO hosting_telemetry_5min (miner_id, bucket_start, customer_id, expected_samples, samples, online_samples,
    hashrate_samples, power_samples, hashrate_ths, power_w, power_max_w, power_source, chip_temp_max_c, board_temp_max_c,
    inlet_temp_c, fan_min_rpm, fan_max_rpm, restarts, shares_accepted, shares_rejected)
SELECT machine.id, at, machine.customer_id, 5, 5, 5, 5, 5, 200 + random(), 3500 + random(), 3600, 1, 70, 65, 25, 4000,
    5000, 0, 400, 1
  FROM generate_series(date_bin('5 min', now(), to_timestamp(0)) - interval '30 days', now(), interval '5 min') at,
    LATERAL (SELECT id, customer_id FROM hosting_miner WHERE id <= %(charted)s AND id %% 300 BETWEEN 1 AND 3 ORDER BY id) machine;
INSERT INTO hosting_telemetry_day (miner_id, day, customer_id, expected_samples, samples, online_samples,
    hashrate_samples, power_samples, hashrate_ths, power_w, power_max_w, power_source, chip_temp_max_c, board_temp_max_c,
    inlet_temp_c, fan_min_rpm, fan_max_rpm, restarts, shares_accepted, shares_rejected)
SELECT miner_id, (bucket_start AT TIME ZONE 'UTC')::date, customer_id, 1440, 1440, 1440, 1440, 1440, 200, 3500, 3600, 1,
    70, 65, 25, 4000, 5000, 0, 9000, 9
  FROM hosting_telemetry_5min GROUP BY 1, 2, 3;
"""  # noqa: E501  (SQL)


def page_of(text: str, number: int) -> str:
    """The address of one turn: each asks for another machine, serial or address."""
    place = number % CHARTED
    machine = place // 3 * 300 + 1 + place % 3
    past = datetime.now(UTC) - timedelta(days=30)
    words = {
        "site": SITE, "serial": f"{1000 + 37 * number}", "octet": str(number % 39), "digit": str(number % 10),
        "machine": str(machine), "public": f"00000000-0000-7000-9000-{machine:012d}",
        "past": past.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }  # fmt: skip
    for name, value in words.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def rows_of(
    title: str, times: dict[str, list[float]], queries: dict[str, list[int]], busy: dict[str, list[float]]
) -> list[dict[str, Any]]:
    """The slowest answers of one page in twenty, the growth by decade, the queries and the processor time it took.

    The time of the processors (of Python and of the database) hardly depends on what else the machine does.
    """
    p95 = {name: quantiles(taken, n=20)[-1] * 1000 for name, taken in times.items()}
    limit = API_MS if "API" in title else ADMIN_MS
    largest = p95["fleet_1m"]
    found = [{"name": f"{title}, 1,000,000 rows, p95", "value": round(largest, 2), "unit": "ms", "limit": limit,
              "ratio": round(largest / limit, 3)}]  # fmt: skip
    usual = [mode(queries[name]) for name in times]
    most, least = max(usual), min(usual)
    found.append({"name": f"{title}, queries", "value": most, "unit": "", "limit": least,
                  "ratio": round(most / least, 3) if least else 1.0})  # fmt: skip
    used = fmean(busy["fleet_1m"]) * 1000
    found.append({"name": f"{title}, 1,000,000 rows, processor time, mean", "value": round(used, 2), "unit": "ms",
                  "limit": limit, "ratio": round(used / limit, 3)})  # fmt: skip
    for small, large in (("fleet_10k", "fleet_100k"), ("fleet_100k", "fleet_1m")):
        slower = p95[large] / p95[small]
        name = f"{title}, {SIZES[small]:,} to {SIZES[large]:,}, times slower"
        found.append({"name": name, "value": round(slower, 3), "unit": "×", "limit": 1.3,
                      "ratio": round(slower / 1.3, 3)})  # fmt: skip
        more = median(busy[large]) / median(busy[small])
        found.append({"name": f"{name}, processor time", "value": round(more, 3), "unit": "×", "limit": 1.3,
                      "ratio": round(more / 1.3, 3)})  # fmt: skip
    return found
