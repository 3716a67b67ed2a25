"""Every list, add form and the start page of a working company at 1280 pixels: whole, headed, and in one language.

And under the content policy: the watch counts each violation as a trouble.
"""

import os
import random
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

import polib
import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page

from accounts.domain.roles import sync_roles
from accounts.models import User
from crm.models import LedgerAccount
from hashinsight.demo.build import Wish, build_demo
from hashinsight.demo.shapes import Size
from hashinsight.events.models import OutboxEvent
from tests.e2e.conftest import Traffic, sign_in
from tests.translations import catalogue, libraries

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SEED = int(os.environ.get("HASHINSIGHT_SEED") or random.SystemRandom().randrange(10**6))
SMALL = Size(customers=8, hosted=4, orders=12, open_deals=6, lost_deals=3, leads=12, conversions=2, months=3)

LOOK = """() => {
    const found = [], wide = document.documentElement.scrollWidth - window.innerWidth;
    if (wide > 0) found.push(`the page is ${wide} px wider than the window`);
    const table = document.querySelector("#result_list");
    const frame = table && table.closest("[data-simplebar]");
    const cut = frame ? table.getBoundingClientRect().right - frame.getBoundingClientRect().right : 0;
    if (cut > 1) found.push(`the list is cut off by ${Math.round(cut)} px`);
    for (const image of document.images)
        if (image.complete && !image.naturalWidth) found.push(`broken image ${image.src}`);
    const day = /^(\\d{4}-\\d\\d-\\d\\d|\\d\\d\\.\\d\\d\\.\\d{4})$/, range = document.createRange();
    for (const cell of document.querySelectorAll("#result_list td")) {
        if (!day.test(cell.innerText.trim()) || !cell.checkVisibility()) continue;
        range.selectNodeContents(cell);
        const lines = new Set([...range.getClientRects()].map(one => Math.round(one.top)));
        if (lines.size > 1) found.push(`a date is broken: ${cell.className.split(" ")[0]}`);
    }
    const headings = [...document.querySelectorAll("h1, h2")];
    if (!headings.some(one => one.innerText.trim() && one.checkVisibility())) found.push("no visible heading");
    return found;
}"""
DRAWN = """async () => {
    await document.fonts.ready;
    const ready = image => image.complete || new Promise(done => image.onload = image.onerror = done);
    await Promise.all([...document.images].map(ready));
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""
WORDS = """() => {
    const words = new Set(), skip = "script, style, code, option, textarea, .material-symbols-outlined";
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const parent = walker.currentNode.parentElement;
        if (!parent.closest(skip) && parent.checkVisibility()) words.add(walker.currentNode.data.trim());
    }
    for (const one of document.querySelectorAll("[placeholder], [title], [aria-label]"))
        if (one.checkVisibility() && !one.closest("option"))
            for (const name of ["placeholder", "title", "aria-label"]) words.add((one.getAttribute(name) || "").trim());
    return [...words].filter(word => word);
}"""


@pytest.fixture
def company(tmp_path: Path) -> None:
    """A small demo company, so that no list is empty for want of business."""
    sync_roles()
    wish = Wish(at=timezone.now(), size=SMALL)
    assert build_demo(wish, credentials=tmp_path / "credentials.json", say=lambda _text: None)


@pytest.fixture
def german(chromium: Browser, traffic: Traffic, live_server: Any) -> Iterator[Page]:
    """A window of somebody who reads German."""
    context = chromium.new_context(
        base_url=str(live_server), viewport={"width": 1280, "height": 900}, locale="de-DE", timezone_id="UTC"
    )
    window = context.new_page()
    traffic.watch(window)
    yield window
    context.close()


def addresses() -> list[str]:
    """The start page, each list, and each form for something new."""
    found = [reverse("admin:index")]
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        found += [reverse(f"{name}_changelist"), reverse(f"{name}_add")]
    return found


def other_addresses() -> list[str]:
    """The pages of one's own account, and those of the API."""
    names = ("account_home", "account_email", "account_change_password", "mfa_index", "mfa_activate_totp", "api-docs")
    return [reverse(name) for name in names]


def changed_addresses() -> list[str]:
    """One row's own page of every kind that has a row."""
    found = []
    for model in admin.site._registry:
        row = model._base_manager.order_by("pk").first()
        if row is not None:
            found.append(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[row.pk]))
    return found


def english_words() -> Set[str]:
    """What must not stand on a German page: texts that have another wording there, which is no wording of any."""
    pairs = [(entry.msgid, entry.msgstr) for entry in polib.pofile(str(catalogue.catalogue_path("de")))]
    for path in (libraries.SITE / "django" / "contrib").rglob("locale/de/LC_MESSAGES/django.mo"):
        pairs += [(entry.msgid, entry.msgstr) for entry in polib.mofile(str(path))]
    german = {said for _text, said in pairs} | {said[:1].upper() + said[1:] for _text, said in pairs}
    english = {form for text, said in pairs if said for form in (text, text[:1].upper() + text[1:])}
    return english - german


def stored_words() -> Set[str]:
    """Names of groups and of kinds of things, codes of accounts: kept in the database and shown as they are."""
    kinds = OutboxEvent.objects.values_list("aggregate_type", flat=True).distinct()
    accounts = LedgerAccount.objects.values_list("code", flat=True)
    return {*Group.objects.values_list("name", flat=True), *kinds, *accounts}


def some(pages: list[str], each: int) -> list[str]:
    """One of so many pages, drawn anew in each run."""
    return random.Random(SEED).sample(pages, len(pages) // each) if each > 1 else pages


def look_at(window: Page, pages: list[str], *, forbidden: Set[str] = frozenset()) -> list[str]:
    """What is wrong with any of the pages."""
    wrong = []
    for address in pages:
        answer = window.goto(address)
        assert answer is not None
        if answer.status == 403:  # rows that only the domain writes have no form for new ones
            assert address.endswith("/add/")
            continue
        window.evaluate(DRAWN)
        if address == reverse("api-docs"):  # drawn by a script, once it has read the document
            window.get_by_role("heading", name="HashInsight API").wait_for()
        wrong += [f"{address}: {text}" for text in window.evaluate(LOOK)]
        wrong += [f"{address}: English “{word}”" for word in window.evaluate(WORDS) if word in forbidden]
    return wrong


def told(traffic: Traffic) -> list[str]:
    """Troubles but the forms that are closed to everybody, which are asked for on purpose."""
    closed = [text for text in traffic.troubles if "/add/" in text or "status of 403" in text]
    return [text for text in traffic.troubles if text not in closed or "content policy" in text]


def test_every_page_is_whole_headed_and_in_one_language(
    page: Page, german: Page, traffic: Traffic, root: User, company: None, nightly: bool
) -> None:
    """German words are the longer ones, so more pages are seen with them; all of both at night."""
    print(f"\nHASHINSIGHT_SEED={SEED}")
    sign_in(german, root, password="Passwort", button="Anmelden")
    wrong = look_at(german, some(addresses(), 1 if nightly else 4), forbidden=english_words() - stored_words())
    sign_in(page, root)
    own = other_addresses() + (changed_addresses() if nightly else [])
    wrong += look_at(page, some(addresses(), 1 if nightly else 12) + own)
    assert wrong == [], "\n".join(wrong)
    assert told(traffic) == []


def test_the_look_notices_what_is_planted(page: Page) -> None:
    """The control: a wide page, a cut list, a broken picture or date, no heading and an English word are all seen."""
    page.goto("about:blank")  # a page of ours would not take styles inside it
    page.set_content(
        '<div data-simplebar style="width: 300px; overflow: auto"><table id="result_list" style="width: 700px">'
        '<tr><td>Type to search</td></tr><tr><td><div style="width: 50px">2026-05-01</div></td></tr></table></div>'
        '<img src="data:image/png;base64,AAAA"><div style="width: 3000px">x</div><h1 style="display: none">x</h1>'
    )
    page.wait_for_timeout(200)
    found = " ".join(page.evaluate(LOOK))
    for expected in (
        "wider than the window",
        "cut off by 400 px",
        "broken image",
        "no visible heading",
        "a date is broken",
    ):
        assert expected in found, (expected, found)
    assert set(page.evaluate(WORDS)) & english_words() == {"Type to search"}
