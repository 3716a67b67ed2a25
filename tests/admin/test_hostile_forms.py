"""Requests no browser sends: the server does not do the work they claim to bring."""

import pytest
from django.test import Client

from crm.models import Customer, DealLine
from tests import factories
from tests.admin.forms import page_data, url

pytestmark = pytest.mark.django_db


def test_a_claim_of_a_hundred_thousand_lines_builds_few_forms(as_root: Client, customer_a: Customer) -> None:
    deal = factories.DealFactory(customer=customer_a)
    address = url("deal", deal.pk, "change")
    data = page_data(as_root.get(address))
    prefix = next(name for name in data if name.endswith("-TOTAL_FORMS"))
    page = as_root.post(address, {**data, prefix: "99999"})

    assert page.status_code == 200
    assert page.content.count(b"-description") < 600 * 5
    assert not DealLine.objects.filter(deal=deal).exists()
