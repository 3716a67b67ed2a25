"""The pages of programmes, dispatches and OpenADR servers as people use them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from curtailment.domain.dispatch.dispatches import receive
from curtailment.domain.dispatch.programmes import live_secrets
from curtailment.models import (
    Dispatch,
    DispatchMessage,
    Programme,
    ProgrammeCommitment,
    VtnConnection,
    VtnResource,
)
from hashinsight.jobs import queue
from tests.curtailment.programme import call, heard, post
from tests.curtailment.site import Ground

pytestmark = pytest.mark.django_db
PROGRAMMES, DISPATCHES, SERVERS, MESSAGES = (
    f"/admin/curtailment/{name}" for name in ("programme", "dispatch", "vtnconnection", "dispatchmessage")
)


@pytest.fixture
def boss(root: User) -> Client:
    """May do everything."""
    client = Client()
    client.force_login(root, backend="accounts.backends.TimeLimitedBackend")
    return client


def seen(client: Client, address: str, **data: Any) -> Any:
    """Send the form of a confirm page as it was shown."""
    shown = client.get(address)
    assert shown.status_code == 200, shown.content[:2000]
    return client.post(address, {"seen": shown.context["seen"], **data})


def form_of(answer: Any) -> dict[str, Any]:
    """What the form of a page would send."""
    row = answer.context.get("original")
    data: dict[str, Any] = {} if row is None else {"version_seen": row.version}
    forms = [answer.context["adminform"].form]
    for formset in answer.context["inline_admin_formsets"]:
        forms += [formset.formset.management_form, *formset.formset.forms]
    for form in forms:
        for bound in form:
            value = bound.value()
            if value is True:
                data[bound.html_name] = "on"
            elif value is not None and value is not False:
                data[bound.html_name] = value
    return data


def saved(client: Client, page: str, data: dict[str, Any]) -> None:
    """The form of a page is taken."""
    answer = client.post(page, data)
    assert answer.status_code == 302, (answer.context["errors"], answer.context["adminform"].form.errors)


def test_a_programme_is_made_with_a_commitment_and_its_secret_is_shown_once(boss: Client, ground: Ground) -> None:
    data = {
        **form_of(boss.get(f"{PROGRAMMES}/add/")), "name": "ERS", "commitments-TOTAL_FORMS": 1,
        "commitments-0-site": ground.site.pk, "commitments-0-kw": "14", "commitments-0-reserve_kw": "0",
        "commitments-0-hours": "6-9 workdays 14:00-20:00", "commitments-0-valid_from": "2026-01-01",
    }  # fmt: skip
    answer = boss.post(f"{PROGRAMMES}/add/", data)
    assert answer.status_code == 200, answer.context and answer.context["errors"]
    row = Programme.objects.get()
    secret = row.reveal_secret()
    page = answer.content.decode()
    assert secret in page
    assert f"/api/v1/dispatches/{row.public_id}/" in page
    assert answer["Cache-Control"].startswith("no-store")
    assert ProgrammeCommitment.objects.get().hours == "6-9 workdays 14:00-20:00"
    shown = boss.get(f"{PROGRAMMES}/{row.pk}/change/").content.decode()
    assert secret not in shown
    assert f"/api/v1/dispatches/{row.public_id}/" in shown
    for address in (f"{PROGRAMMES}/", f"{PROGRAMMES}/{row.pk}/history/"):
        assert secret not in boss.get(address).content.decode()


def test_wrong_hours_are_said_at_their_line(boss: Client, ground: Ground, programme: Programme) -> None:
    page = f"{PROGRAMMES}/{programme.pk}/change/"
    data = form_of(boss.get(page)) | {"commitments-0-hours": "6-9 workdays\nsometimes"}
    answer = boss.post(page, data)
    assert answer.status_code == 200
    assert "Line 2 says no hours: sometimes" in answer.content.decode()
    data |= {"commitments-0-hours": "", "notice_minutes": "30"}
    saved(boss, page, data)
    programme.refresh_from_db()
    assert programme.notice_minutes == 30


def test_a_new_secret_is_shown_once_and_both_open_for_a_while(boss: Client, programme: Programme) -> None:
    old = programme.reveal_secret()
    answer = seen(boss, f"{PROGRAMMES}/{programme.pk}/rotate/", hours="2")
    programme.refresh_from_db()
    assert answer.status_code == 200
    assert programme.reveal_secret() in answer.content.decode()
    assert live_secrets(programme, timezone.now()) == [programme.reveal_secret(), old]
    assert live_secrets(programme, timezone.now() + timedelta(hours=3)) == [programme.reveal_secret()]


def test_a_dispatch_is_typed_changed_and_cancelled(boss: Client, ground: Ground, programme: Programme) -> None:
    begin = timezone.localtime().replace(second=0, microsecond=0) + timedelta(minutes=5)
    data = {
        "programme": programme.pk, "site": ground.site.pk, "reference": "Call at noon", "kw": "7", "reason": "Peak",
        "starts_at_0": f"{begin:%Y-%m-%d}", "starts_at_1": f"{begin:%H:%M}",
        "ends_at_0": f"{begin + timedelta(hours=1):%Y-%m-%d}", "ends_at_1": f"{begin + timedelta(hours=1):%H:%M}",
    }  # fmt: skip
    assert boss.get(f"{DISPATCHES}/add/").status_code == 302
    answer = seen(boss, f"{DISPATCHES}/new/", **data)
    row = Dispatch.objects.get()
    assert answer["Location"].endswith(f"{DISPATCHES}/{row.pk}/change/")
    assert (row.state, row.source, row.reason, row.starts_at) == ("accepted", "hand", "Peak", begin)
    seen(boss, f"{DISPATCHES}/new/", **{**data, "kw": "14"})
    row.refresh_from_db()
    assert (row.kw, row.revision) == (14, 2)
    page = boss.get(f"{DISPATCHES}/{row.pk}/change/").content.decode()
    assert "P-0001" in page
    assert "P-0002" in page
    seen(boss, f"{DISPATCHES}/{row.pk}/cancel/", reason="A mistake")
    row.refresh_from_db()
    assert (row.state, row.cancelled_by is not None) == ("cancelled", True)


def test_what_was_not_agreed_is_refused_in_words(boss: Client, ground: Ground, programme: Programme) -> None:
    shown = boss.get(f"{DISPATCHES}/new/")
    begin = timezone.localtime() + timedelta(minutes=5)
    data = {
        "seen": shown.context["seen"], "programme": programme.pk, "site": ground.site.pk, "reference": "R",
        "kw": "7000", "starts_at_0": f"{begin:%Y-%m-%d}", "starts_at_1": f"{begin:%H:%M}", "open_ended": "on",
    }  # fmt: skip
    assert "may not call without an end" in boss.post(f"{DISPATCHES}/new/", data).content.decode()
    assert not Dispatch.objects.exists(), "what a person is told at once need not be kept"
    data.pop("open_ended")
    assert "State when it ends" in boss.post(f"{DISPATCHES}/new/", data).content.decode()


def test_one_that_waits_is_authorised(boss: Client, ground: Ground, programme: Programme) -> None:
    Programme.objects.update(on_unauthorised="wait")
    programme.refresh_from_db()
    ground.now = timezone.now()
    receive(programme, heard(call(ground, is_authorised=False)), at=ground.now)
    row = Dispatch.objects.get()
    assert b"Authorise" in boss.get(f"{DISPATCHES}/{row.pk}/change/").content
    seen(boss, f"{DISPATCHES}/{row.pk}/authorise/")
    row.refresh_from_db()
    assert row.state == "running"
    assert b"Authorise" not in boss.get(f"{DISPATCHES}/{row.pk}/change/").content.split(b"hi-")[0]


def test_a_message_is_shown_as_it_came(boss: Client, programme: Programme) -> None:
    now = timezone.now()
    body = {"dispatch": "<b>D</b>", "ends_at": now + timedelta(hours=1), "sequence": 5}
    assert post(programme, body).status_code == 201
    row = DispatchMessage.objects.get()
    page = boss.get(f"{MESSAGES}/{row.pk}/change/").content.decode()
    assert "&lt;b&gt;D&lt;/b&gt;" in page
    assert "<b>D</b>" not in page
    assert "&quot;sequence&quot;: 5" in page
    assert boss.get(f"{MESSAGES}/?q=D").status_code == 200


@pytest.mark.parametrize("count", [1, 3])
def test_lists_need_the_same_number_of_queries(
    boss: Client, ground: Ground, programme: Programme, count: int, django_assert_num_queries: Callable[..., Any]
) -> None:
    ground.now = timezone.now()
    for number in range(count):
        receive(programme, heard(call(ground, dispatch_id=f"D{number}")), at=ground.now)
        VtnConnection.objects.create(
            name=f"S{number}", programme=programme, base_url="https://a.example", client_id="x", ven_name="x"
        )
    for page in (PROGRAMMES, DISPATCHES, MESSAGES, SERVERS):
        boss.get(f"{page}/")
    for page, queries in ((PROGRAMMES, 4), (DISPATCHES, 4), (MESSAGES, 4), (SERVERS, 4)):
        with django_assert_num_queries(queries):
            assert boss.get(f"{page}/").status_code == 200


# --- OpenADR servers --------------------------------------------------------------------------------------------------
def server_form(boss: Client, programme: Programme, **more: Any) -> dict[str, Any]:
    """A good one."""
    return {
        **form_of(boss.get(f"{SERVERS}/add/")), "name": "Grid", "programme": programme.pk, "client_id": "us",
        "base_url": "https://vtn.example.com/openadr3/3.1.0", "ven_name": "hashinsight", "new_secret": "hush-hush",
        **more,
    }  # fmt: skip


def test_a_server_is_set_up_with_a_sealed_secret(boss: Client, ground: Ground, programme: Programme) -> None:
    sites = {"resources-TOTAL_FORMS": 1, "resources-0-site": ground.site.pk, "resources-0-name": "west"}
    answer = boss.post(f"{SERVERS}/add/", server_form(boss, programme, **sites))
    assert answer.status_code == 302, answer.context["errors"]
    row = VtnConnection.objects.get()
    assert (row.reveal_client_secret(), row.resources.get().name) == ("hush-hush", "west")
    for page in (f"{SERVERS}/", f"{SERVERS}/{row.pk}/change/", f"{SERVERS}/{row.pk}/history/"):
        assert "hush" not in boss.get(page).content.decode()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"base_url": "http://vtn.example.com/"}, "must begin with https"),
        ({"base_url": "https://10.0.0.5/"}, "cannot be called"),
        ({"token_url": "https://localhost/token"}, "cannot be called"),
        ({"new_secret": ""}, "State what opens the server"),
        ({"poll_seconds": "1"}, "greater than or equal to 10"),
    ],
)
def test_what_we_would_not_call_is_refused(
    boss: Client, programme: Programme, change: dict[str, str], text: str
) -> None:
    answer = boss.post(f"{SERVERS}/add/", server_form(boss, programme, **change))
    assert answer.status_code == 200
    assert text in answer.content.decode()
    assert not VtnConnection.objects.exists()


def test_a_server_that_moved_is_registered_with_anew(boss: Client, ground: Ground, programme: Programme) -> None:
    boss.post(f"{SERVERS}/add/", server_form(boss, programme))
    row = VtnConnection.objects.get()
    VtnResource.objects.create(connection=row, site=ground.site, name="west", resource_id="r")
    VtnConnection.objects.update(ven_id="v")
    page = f"{SERVERS}/{row.pk}/change/"
    saved(boss, page, form_of(boss.get(page)) | {"poll_seconds": "60"})
    row.refresh_from_db()
    assert (row.ven_id, row.poll_seconds, row.resources.get().resource_id) == ("v", 60, "r")
    moved = form_of(boss.get(page)) | {"base_url": "https://other.example.com/"}
    saved(boss, page, moved)
    row.refresh_from_db()
    assert (row.ven_id, row.resources.get().resource_id) == ("", "")


def test_it_is_asked_now_and_given_another_secret(
    boss: Client, programme: Programme, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    boss.post(f"{SERVERS}/add/", server_form(boss, programme))
    row = VtnConnection.objects.get()
    VtnConnection.objects.update(not_before=timezone.now() + timedelta(hours=1), polled_at=timezone.now())
    sent: list[Any] = []
    monkeypatch.setattr(queue, "send", lambda name, **more: sent.append(name), raising=False)
    answer = seen(boss, f"{SERVERS}/{row.pk}/poll/")
    assert answer.status_code == 302
    row.refresh_from_db()
    assert (row.not_before, row.polled_at) == (None, None)
    seen(boss, f"{SERVERS}/{row.pk}/secret/", client_secret="another")
    row.refresh_from_db()
    assert row.reveal_client_secret() == "another"


def test_states_of_servers(boss: Client, ground: Ground, programme: Programme) -> None:
    now = timezone.now()
    states: dict[str, dict[str, Any]] = {
        "not asked yet": {}, "heard": {"heard_at": now}, "failing": {"heard_at": now, "failures": 1},
        "silent": {"heard_at": now - timedelta(hours=1), "failures": 9}, "off": {"is_active": False},
    }  # fmt: skip
    for name, fields in states.items():
        VtnConnection.objects.create(
            name=name.upper(), programme=programme, base_url="https://a.example", client_id="x", ven_name="x", **fields
        )
    page = boss.get(f"{SERVERS}/").content.decode()
    for name in states:
        assert f">{name}<" in "".join(page.split()) or name in page
