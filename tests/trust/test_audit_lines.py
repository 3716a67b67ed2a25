"""T20: each way to change something leaves exactly one line per change, with actor, before, after and request."""

import json
import os
import random
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models.signals import post_save
from django.test import Client

from accounts.models import User
from crm.models import Customer
from hashinsight.common import guards
from hashinsight.common.audit import audit_context
from hashinsight.common.context import request_id_scope
from hashinsight.common.scoping import STAFF_ROLE
from tests.admin.forms import errors, page_data
from tests.admin.roles.scene import build_scene
from tests.api.calls import STAFF_CALLS, filled
from tests.api.conftest import as_root, whole_world, world  # noqa: F401  (fixtures)
from tests.factories import CustomerFactory
from tests.support.database import owner_login
from tests.trust.audit_lines import faults, take_account, tracked_models

NIGHTLY = bool(os.environ.get("HASHINSIGHT_NIGHTLY"))
SEED = int(os.environ.get("HASHINSIGHT_SEED", "20"))


@pytest.mark.django_db
def test_every_call_of_the_api_leaves_its_lines(
    as_root: Any,  # noqa: F811
    whole_world: dict[str, str],  # noqa: F811
    root: User,
) -> None:
    chosen = STAFF_CALLS if NIGHTLY else random.Random(SEED).sample(STAFF_CALLS, 8)
    print(f"seed {SEED}")
    told = 0
    for path, _power, body in chosen:
        url, data = filled(path, body, whole_world)
        with transaction.atomic():
            before = take_account()
            answer = as_root.post(url, data)
            assert 200 <= answer.status_code < 300, (path, answer.content)
            found, right = faults(before, actor=str(root.pk), request_id=answer["X-Request-ID"])
            transaction.set_rollback(True)
        assert found == [], path
        assert right, path
        told += right
    assert told >= len(chosen)


def _confirm_pages(scene: dict[str, Any]) -> list[str]:
    """Addresses of all confirm pages for one object."""
    found = []
    for model, page in admin.site._registry.items():
        label = model._meta.label_lower
        for name, view in page.pages.items():
            if view.for_one and hasattr(view, "post") and label in scene:
                found.append(f"/admin/{label.replace('.', '/')}/{scene[label].pk}/{name}/")
    return sorted(found)


@pytest.mark.django_db
def test_every_confirm_page_leaves_its_lines(root: User) -> None:
    scene = build_scene(root)
    browser = Client()
    browser.force_login(root)
    pages = _confirm_pages(scene)
    assert len(pages) > 20
    chosen = pages if NIGHTLY else random.Random(SEED).sample(pages, len(pages) // 3)
    print(f"seed {SEED}: {len(chosen)} of {len(pages)} pages")
    worked, told = [], 0
    before = take_account()  # each page is taken back, so this stands before all of them
    for address in chosen:
        with transaction.atomic():
            shown = browser.get(address)
            seen = re.search(rb'name="seen" value="([0-9a-f]+)"', shown.content)
            if seen:
                data = urlencode({"seen": seen[1].decode(), "reason": "because", "_confirm": "1"})
                answer = browser.post(address, data, content_type="application/x-www-form-urlencoded")
                found, right = faults(before, actor=str(root.pk), request_id=answer["X-Request-ID"])
                assert found == [], address
                if answer.status_code == 302:
                    worked.append(address)
                    told += right
            transaction.set_rollback(True)
    assert len(worked) >= (5 if NIGHTLY else 3), worked
    assert told >= (5 if NIGHTLY else 3)


@pytest.mark.django_db
def test_a_form_of_the_admin_leaves_its_line(root: User) -> None:
    browser = Client()
    browser.force_login(root)
    customer = CustomerFactory(company_name="Before")
    address = f"/admin/crm/customer/{customer.pk}/change/"
    shown = browser.get(address)
    before = take_account()
    answer = browser.post(address, {**page_data(shown), "company_name": "After"})
    assert answer.status_code == 302, errors(answer)
    assert faults(before, actor=str(root.pk), request_id=answer["X-Request-ID"]) == ([], 1)


def _by_save() -> None:
    one = Customer.objects.order_by("pk")[0]
    one.company_name = "By save"
    one.save()


def _in_bulk() -> None:
    Customer.objects.update(company_name="In bulk")


def _raw() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE crm_customer SET company_name = 'Raw'")


WAYS = {"save": _by_save, "bulk": _in_bulk, "raw": _raw}


def _told(way: str, root: User) -> tuple[list[str], int]:
    before = take_account()
    with request_id_scope("request-12345"), audit_context(actor=root):
        WAYS[way]()
    return faults(before, actor=str(root.pk), request_id="request-12345")


@pytest.mark.django_db
@pytest.mark.parametrize("way", WAYS)
def test_save_bulk_and_raw_writes_leave_their_lines(way: str, root: User) -> None:
    CustomerFactory(), CustomerFactory()
    assert _told(way, root) == ([], 1 if way == "save" else 2)


@pytest.mark.django_db
def test_a_command_leaves_its_lines() -> None:
    from hashinsight.common.hold import current_life

    current_life()
    before = take_account()
    call_command("hold", "--begin", "--reason", "by hand", verbosity=0)
    found, _right = faults(before, actor="", request_id=None)
    assert [one.partition(": ")[2] for one in found] == ["by command, not "] * 2


@pytest.fixture
def signals_only() -> Iterator[None]:
    """As a library does it that listens to signals: no trigger, a line after each ``save``."""
    event = Customer.pgh_event_model
    names = [one.column for one in Customer._meta.local_concrete_fields]

    def note(sender: Any, instance: Customer, created: bool, **kwargs: Any) -> None:
        fields = {name: getattr(instance, name) for name in names if hasattr(event, name)}
        instance.refresh_from_db()
        fields = {name: getattr(instance, name) for name in fields}
        from pghistory import runtime

        context = runtime._tracker.value
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('pghistory.context_id', %s, true),"
                " set_config('pghistory.context_metadata', %s, true)",
                [str(context.id), json.dumps(context.metadata)],
            )
            cursor.execute("SELECT _pgh_attach_context()")
        event.objects.create(
            pgh_label="insert" if created else "update", pgh_obj_id=instance.pk, pgh_context_id=context.id, **fields
        )

    triggers = "pgtrigger_insert_insert%", "pgtrigger_update_update%", "pgtrigger_delete_delete%"
    with owner_login(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT quote_ident(tgname) FROM pg_trigger WHERE tgrelid = 'crm_customer'::regclass"
            " AND tgname LIKE ANY (%s)",
            [list(triggers)],
        )
        found = [name for (name,) in cursor.fetchall()]
        for name in found:
            cursor.execute(f"ALTER TABLE crm_customer DISABLE TRIGGER {name}")
        cursor.execute(f"GRANT INSERT ON crm_customerevent TO {STAFF_ROLE}")
    post_save.connect(note, sender=Customer)
    yield
    post_save.disconnect(note, sender=Customer)
    with owner_login(), connection.cursor() as cursor:
        for name in found:
            cursor.execute(f"ALTER TABLE crm_customer ENABLE TRIGGER {name}")
        guards.close_guards()


@pytest.mark.django_db(transaction=True)
def test_control_signals_miss_bulk_and_raw_writes(root: User, signals_only: None) -> None:
    with audit_context(actor=root):
        CustomerFactory(), CustomerFactory()
    verdicts = {way: len(_told(way, root)[0]) for way in WAYS}
    assert verdicts == {"save": 0, "bulk": 2, "raw": 2}


def test_the_account_knows_every_tracked_table() -> None:
    assert len(tracked_models()) >= 15
