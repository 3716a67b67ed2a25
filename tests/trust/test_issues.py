"""T1 for invoices: workers are killed while they issue; none is lost or doubled, no number and no event is missing.

The controls live through the same storm, each on the books of a legal entity of its own: an order that is settled
before it is carried out, as Celery does by default, is lost; an event written in a second transaction is missing.
"""

import json
import random
import subprocess
import uuid
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.models import User
from crm.domain.ledger.check import discrepancies
from crm.models import Invoice, InvoiceDelivery, InvoiceDocument, InvoiceLine, LegalEntity, NumberSeries
from hashinsight.jobs.models import DueWork
from tests import factories
from tests.jobs import live
from tests.support import children
from tests.trust.issue_nursery import ORDER
from tests.trust.test_couriers import SEED, World
from tests.trust.test_couriers import world as world

pytestmark = pytest.mark.django_db(transaction=True)
CONTROLS = ("settled first", "event later")
SMALL = {"celery": False, "good": 24, "bad": 2, "papers": 0, "kills": 8, "workers": 2, "pause": (0.02, 0.08)}
LARGE = {
    "celery": True, "good": 4000, "bad": 20, "papers": 200, "kills": 200, "workers": 2, "pause": (0.1, 0.6),
    "spread": 0.9,
}  # fmt: skip
CHANCE = random.Random(SEED)
TURNS = ("", *CONTROLS)
WITHOUT_EVENT = """
SELECT count(*) FROM crm_invoice i
 WHERE i.legal_entity_id = %s AND i.number IS NOT NULL
   AND 1 <> (SELECT count(*) FROM events_outboxevent e
              WHERE e.kind = 'invoice.issued' AND e.aggregate_id = i.public_id::text)
"""
WITHOUT_ENTRY = """
SELECT count(*) FROM crm_invoice i
 WHERE i.legal_entity_id = %s AND i.number IS NOT NULL
   AND 1 <> (SELECT count(*) FROM crm_journalentry j WHERE j.kind = 'invoice' AND j.source_id = i.id)
"""


def order(
    entity: LegalEntity, *, count: int, by: User, papers: int = 0, control: str = "", first: bool = False
) -> None:
    """Drafts with a line each, and a row of due work that says each must be issued; ``first`` before all others."""
    code = factories.standard_tax(str(len(TURNS) + CONTROLS.index(control) if control else 19))
    customer = factories.CustomerFactory(legal_entity=entity, tax_code=code)
    deal = factories.signed_deal(by=by, customer=customer)
    drafts = Invoice.objects.bulk_create(
        Invoice(
            customer=customer, deal=deal, kind="usage", currency="USD", legal_entity=entity, language="en",
            reference=f"storm-{uuid.uuid4().hex[:12]}", created_at=timezone.now(),
        )
        for _ in range(count)
    )  # fmt: skip
    InvoiceLine.objects.bulk_create(
        InvoiceLine(invoice=draft, position=1, description="Hosting", quantity=2, unit_price=10, tax_code=code)
        for draft in drafts
    )
    DueWork.objects.bulk_create(
        DueWork(
            kind=ORDER, key=str(draft.pk), queue="default", created_at=timezone.now(), max_attempts=50,
            not_before=timezone.now() - timedelta(seconds=CHANCE.randrange(3600) + 3600 * first),  # in any order
            payload={"invoice_id": draft.pk, "by": str(by.pk), "paper": n < papers, "control": control,
                     "dies": first and n == 0},
        )
        for n, draft in enumerate(drafts)
    )  # fmt: skip


def live_through(world: World, broker: str, tmp_path: Path, size: dict[str, Any]) -> dict[str, Any]:
    """Workers come and die until nothing is left to do."""
    plan = {"seed": SEED, "mail_port": world.mails.server_address[1], "patience": 1500, "turns": TURNS, **size}
    with (tmp_path / "nursery.log").open("wb") as log:
        process = children.start(
            children.python("tests.trust.issue_nursery", json.dumps(plan)),
            env=live.worker_env(broker), cwd=settings.BASE_DIR, stdout=subprocess.PIPE, stderr=log,
        )  # fmt: skip
    out, _ = process.communicate(timeout=2400)
    assert process.returncode == 0, (tmp_path / "nursery.log").read_text()[-4000:]
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    print(f"seed {SEED}: {found}")
    return found


def verdict(entity: LegalEntity) -> dict[str, int]:
    """What became of one legal entity's orders."""
    numbers = [int(one.rpartition("-")[2]) for one in entity_numbers(entity)]
    counted = sum(NumberSeries.objects.filter(legal_entity=entity).values_list("last_number", flat=True))
    papers = Counter(DueWork.objects.filter(kind="crm.render_invoice_pdf").values_list("key", flat=True))
    issued = Invoice.objects.filter(legal_entity=entity, number__isnull=False)
    with connection.cursor() as cursor:
        missing = []
        for sql in (WITHOUT_EVENT, WITHOUT_ENTRY):
            cursor.execute(sql, [entity.pk])
            missing += cursor.fetchone()
    return {
        "lost": Invoice.objects.filter(legal_entity=entity, number=None).count(),
        "gaps": max(numbers, default=0) - len(set(numbers)) + counted - len(numbers),
        "doubled": len(numbers) - len(set(numbers)),
        "without_event": missing[0],
        "without_entry": missing[1],
        "without_paper": sum(papers[str(pk)] != 1 for pk in issued.values_list("pk", flat=True)),
    }


def entity_numbers(entity: LegalEntity) -> list[str]:
    rows = Invoice.objects.filter(legal_entity=entity, number__isnull=False)
    return [str(number) for number in rows.values_list("number", flat=True)]


def test_killed_workers_lose_no_invoice_no_number_and_no_event(
    world: World, broker_url: str, tmp_path: Path, root: User, nightly: bool
) -> None:
    size: dict[str, Any] = LARGE if nightly else SMALL
    houses = {name: factories.LegalEntityFactory(number_scope="entity") for name in ("", *CONTROLS)}
    order(houses[""], count=size["good"], papers=size["papers"], by=root)
    for name in CONTROLS:
        # In the small run they come first: else the few kills may all be spent before one of them is under way.
        order(houses[name], count=size["bad"], by=root, control=name, first=not nightly)
    done = live_through(world, broker_url, tmp_path, size)

    left = DueWork.objects.exclude(state="done").filter(not_before__lt=timezone.now() + timedelta(days=2))
    assert list(left.values_list("kind", "state", "attempts", "last_error")) == []
    assert done["kills"] == size["kills"] if nightly else done["kills"] >= size["kills"] // 2, (
        "few orders are soon done"
    )
    assert done["calm_seconds"] < 120
    assert verdict(houses[""]) == {
        "lost": 0, "gaps": 0, "doubled": 0, "without_event": 0, "without_entry": 0, "without_paper": 0,
    }  # fmt: skip
    assert discrepancies() == []
    _every_mail_once(world, size["papers"])
    assert verdict(houses["settled first"])["lost"] > 0, "control: the harness sees an order that is lost"
    assert verdict(houses["event later"])["without_event"] > 0, "control: it sees an event that is missing"


def _every_mail_once(world: World, papers: int) -> None:
    """Each invoice that was to be mailed was, under one Message-ID and with one content."""
    assert InvoiceDelivery.objects.filter(status="sent").count() == InvoiceDelivery.objects.count() == papers
    assert InvoiceDocument.objects.filter(format="pdf").count() == papers
    arrived = world.arrived()
    asked = {one.message_id.strip("<>").partition("@")[0] for one in InvoiceDelivery.objects.all()}
    assert set(arrived) == asked
    assert [key for key, contents in arrived.items() if any(one != contents[0] for one in contents)] == []
