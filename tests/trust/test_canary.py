"""T17: secrets that are known here stand nowhere else: not in a dump, a log, a page, an answer or an error."""

import os
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.conf import settings as project
from django.db import connection
from django.test import Client

from accounts.models import ApiKey, User
from crm.models import Customer
from hashinsight.backup.clients.tools import find_programs, login_env
from hashinsight.notify.domain import channels, webhooks
from tests.api.client import Caller
from tests.factories import NOW

pytestmark = pytest.mark.django_db(transaction=True)
TOTP_SECRET = "CANARY7SECRET7CANARY7SECRET7CANA"
TOKEN = "4455667788:CANARY-token_CANARY-token_CANARY"


class House:
    """One secret of each kind, and everything that can be seen of the house."""

    def __init__(self, root: User, alice: User, customer: Customer) -> None:
        self.alice, self.customer = Caller(alice), customer
        TOTP.activate(alice, TOTP_SECRET)
        self.factor = Authenticator.objects.get(user=alice)
        self.bot = channels.create_channel(
            by=root, at=NOW, name="Bot", kind="telegram", address="-100200300", credential=TOKEN
        )
        self.hook = webhooks.create_webhook(
            customer_id=customer.pk,
            name="Hook",
            url="https://hook.example/x",
            kinds=["invoice.issued"],
            by=root,
            at=NOW,
        )
        self.secrets = {
            "second factor": TOTP_SECRET,
            "bot": TOKEN,
            "webhook": self.hook.reveal_secret().removeprefix("whsec_"),
            "API key": self.alice.secret,
            "pepper": project.API_KEY_PEPPER,
            "secret key": project.SECRET_KEY,
        }
        self.admin = Client(raise_request_exception=False)
        self.admin.force_login(root)

    def dump(self) -> Iterator[tuple[str, str]]:
        """The whole database, as the program of the backups writes it."""
        address = urlsplit(os.environ["BACKUP_DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
        dump = [find_programs() / "pg_dump", "--no-password"]
        done = subprocess.run(dump, env=login_env(address.geturl()), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "COPY public.mfa_authenticator" in done.stdout
        yield "dump", done.stdout

    def pages(self) -> Iterator[tuple[str, str]]:
        """The pages of the rows that hold a secret, and those on which history is told."""
        key = ApiKey.objects.get(user=self.alice.user)
        rows = (
            ("mfa/authenticator", self.factor.pk), ("accounts/user", self.factor.user_id), ("accounts/apikey", key.pk),
            ("notify/channel", self.bot.pk), ("notify/channel", self.hook.pk), ("crm/customer", self.customer.pk),
        )  # fmt: skip
        for path, pk in rows:
            for address in (f"/admin/{path}/", f"/admin/{path}/{pk}/change/", f"/admin/{path}/{pk}/history/"):
                answer = self.admin.get(address)
                assert answer.status_code == 200, address
                yield address, answer.content.decode()

    def answers(self) -> Iterator[tuple[str, str]]:
        """What the API tells the owner of all these, and what it says when it refuses."""
        listed = ("/me/", "/api-keys/", f"/api-keys/{self.alice.key.public_id}/", "/webhooks/")
        for path in (*listed, f"/webhooks/{self.hook.public_id}/", "/webhook-deliveries/", "/schema/"):
            answer = self.alice.get(path)
            assert answer.status_code == 200, path
            yield path, answer.content.decode()
        refused = Caller(None, Authorization=f"Bearer {self.alice.secret[:-3]}xyz").get("/me/")
        assert refused.status_code == 401
        yield "refusal", refused.content.decode()

    def errors(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
        """A page and an answer that fail while a secret is in their hands."""

        def fail(*args: Any, **kwargs: Any) -> Any:
            held = (TOTP_SECRET, TOKEN)
            raise RuntimeError(f"{len(held)} secrets were at hand")

        with monkeypatch.context() as patch:
            patch.setattr("hashinsight.dashboard.tiles_for", fail, raising=False)
            patch.setattr("crm.api.views.me.MeView.get", fail)
            patch.setattr("accounts.admin.libraries.AuthenticatorAdmin.get_queryset", fail)
            for name, answer in (
                ("page", self.admin.get("/admin/mfa/authenticator/")),
                ("answer", self.alice.get("/me/")),
            ):
                assert answer.status_code == 500, name
                yield f"error {name}", answer.content.decode()

    def found(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
        """Which secret stands where; its first half is enough."""
        seen = [*self.dump(), *self.pages(), *self.answers(), *self.errors(monkeypatch)]
        assert len(seen) == 1 + 18 + 8 + 2
        return [(name, place) for place, text in seen for name, one in self.secrets.items() if one in text]


@pytest.fixture
def house(root: User, alice: User, customer_a: Customer) -> House:
    return House(root, alice, customer_a)


def test_no_secret_is_seen_anywhere(house: House, caplog: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with caplog.at_level("DEBUG"):
        assert house.found(monkeypatch) == []
    assert "secrets were at hand" in caplog.text
    assert [name for name, one in house.secrets.items() if one in caplog.text] == []


def test_control_a_secret_written_down_is_found(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """In clear text beside the sealed one: the dump, the page of the channel and its history show it."""
    house.bot.name = f"Bot {TOKEN}"
    house.bot.save(update_fields=["name"])
    places = {place for name, place in house.found(monkeypatch) if name == "bot"}
    channel = f"/admin/notify/channel/{house.bot.pk}"
    assert {"dump", "/admin/notify/channel/", f"{channel}/change/", f"{channel}/history/"} <= places
