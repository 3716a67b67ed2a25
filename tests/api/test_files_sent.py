"""Files sent as they are: as large as in the back office, checked as there, whole, and once for one key."""

import hashlib
from io import BytesIO
from typing import Any

import pytest

from accounts.models import User
from crm.models import Customer
from hashinsight.common.api.parsers import LARGEST_FILE
from hashinsight.journal.models import Attachment
from hosting.domain import tickets
from hosting.forms.tickets import MOST_FILE_BYTES
from hosting.models import Ticket
from tests import factories
from tests.api.client import Caller
from tests.support.standing import standing

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
@standing
def ticket(customer_a: Customer, alice: User) -> Ticket:
    """Of customer A."""
    return tickets.open_ticket(subject="Fan is loud", customer=customer_a, by=alice, at=factories.NOW)


def send(
    caller: Caller, ticket: Ticket, content: bytes, query: str, *, kind: str = "application/octet-stream", **more: Any
) -> Any:
    """One file as the body."""
    headers = {**caller.headers, **more.pop("headers", {})}
    url = f"/api/v1/tickets/{ticket.public_id}/attach/?{query}"
    return caller.http.post(url, data=content, content_type=kind, CONTENT_TYPE=kind, headers=headers, **more)


def refused(answer: Any, code: str, status: int = 400) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    assert not Attachment.objects.exists()


def test_a_file_of_the_largest_size_comes_in_as_it_is(as_alice: Caller, ticket: Ticket) -> None:
    assert LARGEST_FILE == MOST_FILE_BYTES
    content = PNG + bytes(range(256)) * (LARGEST_FILE // 256)
    content = content[:LARGEST_FILE]
    answer = send(as_alice, ticket, content, "name=board.png")
    assert answer.status_code == 200, answer.content
    (entry,) = answer.json()["conversation"]
    assert (entry["name"], entry["media_type"], entry["size"]) == ("board.png", "image/png", LARGEST_FILE)
    assert entry["sha256"] == hashlib.sha256(content).hexdigest()
    assert as_alice.get(f"/attachments/{entry['id']}/file/").content == content


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}])
@pytest.mark.parametrize("more", [1, 1_100_000])
def test_a_byte_more_is_too_much(as_alice: Caller, ticket: Ticket, headers: dict[str, str], more: int) -> None:
    answer = send(as_alice, ticket, PNG + bytes(LARGEST_FILE - len(PNG) + more), "name=board.png", headers=headers)
    refused(answer, "body_too_large")


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}])
def test_half_a_file_is_none(as_alice: Caller, ticket: Ticket, headers: dict[str, str]) -> None:
    half = {"wsgi.input": BytesIO(b"boards: 2\nfan"), "CONTENT_LENGTH": "5000"}
    refused(send(as_alice, ticket, b"", "name=log.txt", headers=headers, **half), "body_incomplete")
    whole = send(as_alice, ticket, b"boards: 2\nfans: 4", "name=log.txt", headers=headers)
    assert (whole.status_code, Attachment.objects.get().size) == (200, 17)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tool.exe", b"MZ"), ("page.html", b"<html>"), ("board.png", b"GIF89a"), ("log.txt", b"%PDF-1.7"),
        ("log.txt", b"a\x00b"), ("log.txt", b""), (".txt", b"x"), ("log", b"x"),
        ("log%00.txt", b"x"), ("log%0D%0A.txt", b"x"),
    ],
)  # fmt: skip
def test_what_is_no_picture_paper_table_or_text_is_refused(
    as_alice: Caller, ticket: Ticket, name: str, content: bytes
) -> None:
    answer = send(as_alice, ticket, content, f"name={name}")
    assert answer.json()["code"] in ("invalid_file", "invalid_parameter", "nul_character")
    refused(answer, answer.json()["code"])


@pytest.mark.parametrize(
    ("query", "parameter"),
    [("", "name"), ("name=", "name"), (f"name={'a' * 151}.txt", "name"), ("name=a.txt&x=1", "x")],
)
def test_the_address_says_the_name_and_nothing_else(
    as_alice: Caller, ticket: Ticket, query: str, parameter: str
) -> None:
    answer = send(as_alice, ticket, b"boards: 2", query)
    refused(answer, "unknown_parameter" if parameter == "x" else "invalid_parameter")
    assert [error["parameter"] for error in answer.json()["errors"]] == [parameter]


def test_a_way_to_a_folder_is_no_part_of_a_name(as_alice: Caller, ticket: Ticket) -> None:
    assert send(as_alice, ticket, b"boards: 2", "name=..%2F..%2Flog.txt").status_code == 200
    assert Attachment.objects.get().name == "log.txt"


def test_for_whom_it_is_is_said_by_staff_alone(as_alice: Caller, as_root: Caller, ticket: Ticket) -> None:
    refused(send(as_alice, ticket, b"boards: 2", "name=a.txt&client_visible=true"), "unknown_parameter")
    refused(send(as_root, ticket, b"boards: 2", "name=a.txt&client_visible=yes"), "invalid_parameter")
    assert send(as_root, ticket, b"boards: 2", "name=a.txt").status_code == 200
    assert send(as_root, ticket, b"boards: 3", "name=b.txt&client_visible=true").status_code == 200
    assert send(as_alice, ticket, b"boards: 4", "name=c.txt").status_code == 200
    found = dict(Attachment.objects.values_list("name", "client_visible"))
    assert found == {"a.txt": False, "b.txt": True, "c.txt": True}


def test_only_a_file_call_takes_a_file(as_alice: Caller, as_charlie: Caller, as_clerk: Caller, ticket: Ticket) -> None:
    note = as_alice.http.post(
        f"/api/v1/tickets/{ticket.public_id}/note/", data=b"x", content_type="application/octet-stream",
        headers=as_alice.headers,
    )  # fmt: skip
    refused(note, "unsupported_media_type", 415)
    refused(send(as_alice, ticket, b"x", "name=a.txt", kind="text/plain"), "unsupported_media_type", 415)
    refused(send(as_charlie, ticket, b"x", "name=a.txt"), "not_found", 404)
    assert send(as_clerk, ticket, b"x", "name=a.txt").status_code == 403
    body = {"name": "a.txt", "content": "YWJj"}
    refused(as_alice.post(f"/tickets/{ticket.public_id}/attach/?name=a.txt", body), "unknown_parameter")


def test_one_key_is_one_file_and_another_file_or_name_is_another_call(as_alice: Caller, ticket: Ticket) -> None:
    key = {"Idempotency-Key": "upload-1"}
    first = send(as_alice, ticket, b"boards: 2", "name=a.txt", headers=key)
    again = send(as_alice, ticket, b"boards: 2", "name=a.txt", headers=key)
    assert (first.status_code, again.status_code, again["Idempotency-Replayed"]) == (200, 200, "true")
    assert first.content == again.content
    for content, name in ((b"boards: 3", "a.txt"), (b"boards: 2", "b.txt")):
        answer = send(as_alice, ticket, content, f"name={name}", headers=key)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")
    assert Attachment.objects.count() == 1
