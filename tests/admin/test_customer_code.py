"""The customer number on the customer's page."""

import pytest
from django.test import Client

from accounts.models import User
from crm.models import Customer
from tests import factories
from tests.admin.forms import save
from tests.support.standing import standing

pytestmark = pytest.mark.django_db


@pytest.fixture
@standing
def billed(root: User, customer_a: Customer) -> Customer:
    factories.issued_invoice(by=root, customer=customer_a)
    return customer_a


def test_the_page_shows_it_with_the_reason_and_ignores_what_is_sent(as_root: Client, billed: Customer) -> None:
    address = f"/admin/crm/customer/{billed.pk}/change/"
    text = as_root.get(address).content.decode()
    assert "Stays as it is: invoices are numbered with it." in text
    assert 'name="code"' not in text
    old = billed.code
    save(as_root, address, code="KIEL1", city="Kiel")
    assert (billed.reload().code, billed.reload().city) == (old, "Kiel")


def test_the_page_of_a_customer_without_documents_lets_one_type_it(as_root: Client, customer_b: Customer) -> None:
    address = f"/admin/crm/customer/{customer_b.pk}/change/"
    assert 'name="code"' in as_root.get(address).content.decode()
    save(as_root, address, code="KIEL1")
    assert customer_b.reload().code == "KIEL1"
