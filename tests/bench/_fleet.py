"""The list of machines over 10,000, 100,000 and 1,000,000 of them: pages of the admin and of the API.

Part of ``./dev bench lists``. The rows are written by SQL with the guards off: only reading is measured. Each page is
held against what was promised: 300 ms for the API, 800 ms for the admin, at most 1.3 times slower for each decade.
"""

from statistics import quantiles
from typing import Any

SIZES = {"fleet_10k": 10_000, "fleet_100k": 100_000, "fleet_1m": 1_000_000}
WARM_UP, ROUNDS = 5, 40
API_MS, ADMIN_MS = 300.0, 800.0
PAGES = {
    "miners, admin list": "/admin/hosting/miner/",
    "miners, admin list of a site that are lost": "/admin/hosting/miner/?site__id__exact=3&health__exact=lost",
    "miners, API, staff key": "staff /api/v1/miners/",
    "miners, API, staff key, offline at a site": "staff /api/v1/miners/?status=offline&site={site}",
    "miners, API, staff key, by serial": "staff /api/v1/miners/?serial=sn0000777",
    "miners, API, client key": "client /api/v1/miners/",
    "miners, API, client key, active": "client /api/v1/miners/?status=active",
}
GUARDED = (
    "crm_customer", "hosting_site", "hosting_zone", "hosting_rack", "hosting_minermodel", "hosting_miner",
)  # fmt: skip
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
INSERT INTO hosting_miner (public_id, created_at, updated_at, version, serial, manufacturer, model_id, model_text,
    site_id, zone_id, customer_id, address, port, is_collected, mac, intent, health, curtailment, nameplate_w,
    internal_note)
SELECT gen_random_uuid(), now() - n * interval '31 seconds', now(), 1, 'SN' || lpad(n::text, 7, '0'), 'Bitmain',
    (SELECT min(id) FROM hosting_minermodel) + n %% 30, '', 1 + (n %% 500) / 10, 1 + n %% 500,
    CASE WHEN n %% 10 > 0 THEN 1 + n %% 300 END, ('10.' || n / 65536 %% 256 || '.' || n / 256 %% 256 || '.' || n %% 256)::inet,
    4028, true, '', CASE WHEN n %% 50 = 0 THEN 'maintenance' ELSE 'active' END,
    CASE WHEN n %% 97 = 0 THEN 'lost' WHEN n %% 41 = 0 THEN 'offline' ELSE 'ok' END, 'inherit', 3500, ''
  FROM generate_series(1, %(size)s) n;
"""  # noqa: E501  (SQL)


def page_of(text: str) -> str:
    """The address with the site in it."""
    return text.replace("{site}", SITE)


def rows_of(title: str, times: dict[str, list[float]]) -> list[dict[str, Any]]:
    """The slowest answers of one page in twenty, and the growth by decade."""
    p95 = {name: quantiles(taken, n=20)[-1] * 1000 for name, taken in times.items()}
    limit = API_MS if "API" in title else ADMIN_MS
    largest = p95["fleet_1m"]
    found = [{"name": f"{title}, 1,000,000 rows, p95", "value": round(largest, 2), "unit": "ms", "limit": limit,
              "ratio": round(largest / limit, 3)}]  # fmt: skip
    for small, large in (("fleet_10k", "fleet_100k"), ("fleet_100k", "fleet_1m")):
        slower = p95[large] / p95[small]
        name = f"{title}, {SIZES[small]:,} to {SIZES[large]:,}, times slower"
        found.append({"name": name, "value": round(slower, 3), "unit": "×", "limit": 1.3,
                      "ratio": round(slower / 1.3, 3)})  # fmt: skip
    return found
