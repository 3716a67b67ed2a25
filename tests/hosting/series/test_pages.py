"""The pages of demand, usage and the ledger lead from a figure to its readings."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.test import Client

from accounts.models import User
from crm.models import Customer
from hosting.domain import fleet, ledger
from hosting.models import Demand15Min, DemandLedgerMonth, HostingTerms, Miner, Usage15Min
from tests.hosting.series.test_usage import (  # noqa: F401  (fixtures)
    BEGIN,
    LATER,
    MIDNIGHT,
    agree,
    four,
    hall,
    quarter_of,
    reckon_everything,
)

pytestmark = pytest.mark.django_db


def test_a_quarter_hour_leads_to_its_machines_and_readings(
    four: list[Miner],  # noqa: F811
    agree: Callable[..., HostingTerms],  # noqa: F811
    customer_a: Customer,
    root: User,
    client: Client,
) -> None:
    terms = agree(customer_a)
    fleet.assign_miners(four[:1], customer=customer_a, since=BEGIN, by=root, at=LATER)
    quarter_of(four[:2], MIDNIGHT)
    reckon_everything()
    ledger.write_month(four[0].zone, date(2026, 11, 1), at=LATER + timedelta(days=40))
    client.force_login(root)
    usage = Usage15Min.objects.get(interval_start=MIDNIGHT)
    page = client.get(f"/admin/hosting/usage15min/{usage.pk}/change/").content.decode()
    assert f"/admin/hosting/miner/{four[0].pk}/change/" in page
    assert four[1].serial not in page  # not this customer's
    assert page.count("5 / 5") == 3
    assert ":00:07 3000" in page
    demand = Demand15Min.objects.get(interval_start=MIDNIGHT, zone=four[0].zone)
    assert four[1].serial in client.get(f"/admin/hosting/demand15min/{demand.pk}/change/").content.decode()
    for path in (
        f"/admin/hosting/usage15min/?terms__id__exact={terms.pk}",
        f"/admin/hosting/demand15min/?zone__id__exact={four[0].zone_id}",
        "/admin/hosting/demandledgermonth/",
        f"/admin/hosting/demandledgermonth/{DemandLedgerMonth.objects.get().pk}/change/",
    ):
        assert client.get(path).status_code == 200
    zone_page = client.get(f"/admin/hosting/zone/{four[0].zone_id}/change/").content.decode()
    assert f"zone__id__exact={four[0].zone_id}" in zone_page
    terms_page = client.get(f"/admin/hosting/hostingterms/{terms.pk}/change/").content.decode()
    assert f"terms__id__exact={terms.pk}" in terms_page
