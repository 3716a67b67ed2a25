"""A day of work with the code of the folder it is started in: what a version that still runs does to a newer schema.

Started by ``test_previous_release.py`` in the folder of the earlier version, with that version's own tests beside it.
Prints one line of JSON: step by step, nothing or what went wrong.
"""

import json
import traceback
from collections.abc import Callable
from typing import Any

import django


def main() -> None:
    """Each step by itself; one that fails stops no other."""
    django.setup()
    done: dict[str, str] = {}
    kept: dict[str, Any] = {}
    for name, step in STEPS.items():
        try:
            step(kept)
            done[name] = ""
        except Exception as error:  # noqa: BLE001  (told, step by step)
            where = [line.name for line in traceback.extract_tb(error.__traceback__)][-1]
            done[name] = f"{type(error).__name__} in {where}: {error}"[:600]
    print(json.dumps(done), flush=True)


def people(kept: dict[str, Any]) -> None:
    """A superuser who signs in with a password, as people do."""
    from django.test import Client

    from accounts.models import User
    from tests import factories

    kept["root"] = User.objects.create_superuser("n-1@house.example", factories.PASSWORD, name="Root")
    kept["browser"] = Client(raise_request_exception=True)
    kept["browser"].force_login(kept["root"])


def health(kept: dict[str, Any]) -> None:
    """The process says that it may be sent requests."""
    answer = kept["browser"].get("/health/ready")
    assert answer.status_code == 200, answer.content


def invoice(kept: dict[str, Any]) -> None:
    """From a customer to an issued invoice, which is then paid."""
    from decimal import Decimal

    from crm.domain import payments
    from tests import factories

    factories.LegalEntityFactory()
    customer = factories.CustomerFactory()
    kept["lead"] = factories.LeadFactory()
    issued = factories.issued_invoice(by=kept["root"], customer=customer)
    assert (issued.status, bool(issued.number)) == ("sent", True), issued.status
    kept["invoice"] = issued
    payments.record_payment(
        issued, amount=Decimal(1), currency=issued.currency, received_on=factories.TODAY, by=kept["root"],
        on=factories.TODAY, at=factories.NOW,
    )  # fmt: skip


def credit(kept: dict[str, Any]) -> None:
    """The invoice is taken back."""
    from crm.domain import issuing
    from tests import factories

    issuing.credit_invoice(kept["invoice"], reason="n-1", by=kept["root"], on=factories.TODAY, at=factories.NOW)


def second_invoice(kept: dict[str, Any]) -> None:
    """One that is paid in full."""
    from crm.domain import payments
    from tests import factories

    issued = factories.issued_invoice(by=kept["root"], customer=kept["invoice"].customer)
    payments.record_payment(
        issued, amount=issued.gross_total, currency=issued.currency, received_on=factories.TODAY, by=kept["root"],
        on=factories.TODAY, at=factories.NOW,
    )  # fmt: skip
    issued.refresh_from_db()
    assert issued.status == "paid", issued.status


def lists(kept: dict[str, Any]) -> None:
    """Every list and every form for something new."""
    from django.contrib import admin
    from django.urls import reverse

    wrong = []
    for model in admin.site._registry:
        for page in ("changelist", "add"):
            address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}")
            try:
                status = kept["browser"].get(address).status_code
            except Exception as error:  # noqa: BLE001  (named beside the others)
                status = f"{type(error).__name__}: {error}"[:120]
            if status not in (200, 302, 403):
                wrong.append(f"{address}: {status}")
    assert not wrong, "; ".join(wrong)


def api(kept: dict[str, Any]) -> None:
    """A program reads lists with a key."""
    from tests.api.client import Caller

    caller = Caller(kept["root"])
    for path in ("/customers/", "/leads/", "/deals/", "/invoices/", "/payments/", "/activities/", "/me/"):
        answer = caller.get(path)
        assert answer.status_code == 200, (path, answer.content[:200])


def work(kept: dict[str, Any]) -> None:
    """A worker does what is due: PDFs, mails, what else was asked for."""
    from hashinsight.jobs.models import DueWork
    from hashinsight.jobs.tasks import perform

    results = {row.kind: perform(row.pk) for row in DueWork.objects.filter(state="pending")}
    assert results, "nothing was due"
    assert set(results.values()) == {"done"}, (results, list(DueWork.objects.values_list("kind", "last_error")))


STEPS: dict[str, Callable[[dict[str, Any]], None]] = {
    "people": people, "health": health, "invoice": invoice, "second invoice": second_invoice, "credit": credit,
    "lists": lists, "api": api, "work": work,
}  # fmt: skip

if __name__ == "__main__":
    main()
