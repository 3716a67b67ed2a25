"""A real browser before a real server, with every request written down."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.account.models import EmailAddress
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from playwright.sync_api import Browser, Page, Request, Response, sync_playwright

from accounts.models import User
from hashinsight.jobs import queue
from hashinsight.jobs.enums import WorkState
from hashinsight.jobs.models import DueWork
from hashinsight.jobs.tasks import perform
from tests.factories import PASSWORD
from tests.trust.conftest import nightly  # noqa: F401  (a fixture)

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
INLINE = ("data", "blob", "about")
# Told as a console error of our own, so that a violation counts even where the browser would keep it to itself.
VIOLATIONS = """addEventListener("securitypolicyviolation", event => console.error(
    `content policy: ${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`))"""


@dataclass
class Traffic:
    """What a page asked for, and what went wrong on it."""

    addresses: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def asked(self, request: Request) -> None:
        """Every request; one that would leave this machine is a trouble."""
        self.addresses.append(request.url)
        parts = urlsplit(request.url)
        if parts.scheme not in INLINE and parts.hostname not in ("127.0.0.1", "localhost"):
            self.troubles.append(f"leaves this machine: {request.url}")

    def answered(self, response: Response) -> None:
        """Every answer that is an error."""
        if response.status >= 400:
            self.troubles.append(f"{response.status} {response.url}")

    def watch(self, page: Page) -> None:
        """From now on."""
        page.add_init_script(VIOLATIONS)
        page.on("request", self.asked)
        page.on("response", self.answered)
        page.on("pageerror", lambda error: self.troubles.append(f"script error on {page.url}: {error}"))
        page.on("console", lambda line: line.type == "error" and self.troubles.append(f"console: {line.text}"))


@pytest.fixture(scope="package")
def chromium(django_db_blocker: Any) -> Iterator[Browser]:
    """One browser for the folder. Its event loop must not outlive it: Django would refuse the database elsewhere.

    While the loop runs Django has another connection for this thread. Asking for the blocker says so to the standing
    fixtures: what stands is taken back before, or its rows would hold up those of the tests here for ever.
    """
    if not CHROMIUM.exists():
        pytest.skip(f"NO BROWSER: {CHROMIUM} is missing, so nothing of the pages was tried (apt-get install chromium)")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package", autouse=True)
def _files_are_kept() -> Iterator[None]:
    """The browser keeps styles, scripts and fonts as it does in production, instead of asking anew for each page."""
    send: Any = StaticFilesHandler.serve

    def kept(handler: StaticFilesHandler, request: HttpRequest) -> HttpResponse:
        answer: HttpResponse = send(handler, request)
        answer["Cache-Control"] = "max-age=3600"
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StaticFilesHandler, "serve", kept)
        yield


@pytest.fixture
def traffic() -> Traffic:
    """Nothing yet."""
    return Traffic()


@contextmanager
def new_page(browser: Browser, base: object, traffic: Traffic) -> Iterator[Page]:
    """A window of a person who never was here, watched."""
    context = browser.new_context(
        base_url=str(base), viewport={"width": 1280, "height": 900}, locale="en-GB", timezone_id="UTC"
    )
    context.set_default_timeout(10_000)
    window = context.new_page()
    traffic.watch(window)
    yield window
    context.close()


@pytest.fixture
def page(chromium: Browser, traffic: Traffic, live_server: object) -> Iterator[Page]:
    """The first window."""
    with new_page(chromium, live_server, traffic) as window:
        yield window


@pytest.fixture(autouse=True)
def _by_hand(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No broker: due work happens when the test says so. Tiles and throttles begin with an empty cache."""
    monkeypatch.setitem(queue._silence, "until", math.inf)
    cache.clear()
    yield
    cache.clear()


def work_off() -> list[str]:
    """What a worker would do: each open row once, also those that come of it."""
    done: list[str] = []
    while waiting := DueWork.objects.filter(state=WorkState.PENDING).order_by("pk").first():
        result = perform(waiting.pk)
        assert result == "done", (waiting.kind, result)
        done.append(waiting.kind)
    return done


def sign_in(page: Page, person: User, *, password: str = "Password", button: str = "Sign in") -> None:
    """From the root of the site through the form; the address was proven before."""
    EmailAddress.objects.update_or_create(user=person, email=person.email, defaults={"primary": True, "verified": True})
    page.goto("/")
    page.locator("input[name=login]").fill(person.email)
    page.get_by_label(password).first.fill(PASSWORD)
    page.get_by_role("button", name=button).click()
    page.wait_for_url(lambda url: "/login/" not in url)
