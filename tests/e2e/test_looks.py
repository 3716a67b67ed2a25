"""What the pages look like, as far as it does not depend on fonts: where the big parts stand, and their colours.

A picture compared dot by dot differs on every machine; what an upgrade of the theme breaks is that the sidebar is
gone, a button has lost its colour, the sheet its width. ``looks.json`` holds both for known parts of a few pages,
light and dark. After a change that was meant: ``HASHINSIGHT_NEW_LOOKS=1 ./dev test tests/e2e/test_looks.py``, and look
at the pages.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from accounts.models import User
from crm.models import Customer
from tests import factories
from tests.e2e.conftest import Traffic, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
STORED = Path(__file__).with_name("looks.json")
PIXELS, SHADES = 12, 6  # how far a part may stand off, and each of the three colours (of 255)

FRAME = ["body", "#nav-sidebar-inner", "#nav-sidebar-inner a", "#main", "#content", "h1"]
PARTS = {
    "sign in": ["body", "form", "button[type=submit]", "input[name=login]"],
    "start": [*FRAME, ".hi-card", ".hi-link"],
    "list": [*FRAME, "#result_list", "#result_list thead th", "#result_list tbody td", "#searchbar"],
    "form": [*FRAME, "fieldset", "#id_note", "#submit-row", "#submit-row button[name=_save]"],
    "confirm": [*FRAME, ".hi-card", ".hi-buttons", ".hi-buttons button", ".hi-buttons a"],
}
Looks = dict[str, dict[str, Any]]

# Of the first of its kind that is shown: left edge, width, ground it stands on and ink, as the screen has them.
LOOK = """selectors => {
    const paint = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
    const bytes = colour => {
        paint.clearRect(0, 0, 1, 1);
        paint.fillStyle = colour;
        paint.fillRect(0, 0, 1, 1);
        return [...paint.getImageData(0, 0, 1, 1).data];
    };
    const hex = colour => "#" + colour.map(byte => byte.toString(16).padStart(2, "0")).join("");
    const ground = part => {
        for (let at = part; at; at = at.parentElement) {
            const [red, green, blue, alpha] = bytes(getComputedStyle(at).backgroundColor);
            if (alpha > 127) return [red, green, blue];
        }
        return [255, 255, 255];
    };
    return Object.fromEntries(selectors.map(selector => {
        const part = [...document.querySelectorAll(selector)].find(one => one.checkVisibility());
        if (!part) return [selector, null];
        const box = part.getBoundingClientRect(), ink = getComputedStyle(part).color;
        // What is narrow, a heading or a row of buttons is as wide as its words, and those are as wide as their font.
        const wide = (box.width >= 200 && !part.matches("h1, .hi-buttons")) || part.matches("input");
        return [selector, {left: wide ? Math.round(box.left) : null, width: wide ? Math.round(box.width) : null,
                           ground: hex(ground(part)), ink: hex(bytes(ink).slice(0, 3))}];
    }));
}"""


def differences(stored: Looks, found: Looks) -> list[str]:
    """Each part that is gone, has moved or has changed its colour."""
    told = []
    for selector, before in stored.items():
        now = found.get(selector)
        if now is None:
            told.append(f"{selector} is gone")
            continue
        for side in ("left", "width"):
            if None not in (before[side], now[side]) and abs(before[side] - now[side]) > PIXELS:
                told.append(f"{selector}: {side} {before[side]} is {now[side]}")
        for colour in ("ground", "ink"):
            if max(abs(a - b) for a, b in zip(_rgb(before[colour]), _rgb(now[colour]), strict=True)) > SHADES:
                told.append(f"{selector}: {colour} {before[colour]} is {now[colour]}")
    return told


def _rgb(colour: str) -> bytes:
    return bytes.fromhex(colour[1:])


def look(page: Page, name: str) -> Looks:
    page.wait_for_load_state("networkidle")
    found: Looks = page.evaluate(LOOK, PARTS[name])
    return found


def look_at_all(page: Page, root: User, customer: Customer) -> dict[str, Looks]:
    """Every page of the table, signed out first."""
    draft = factories.draft_invoice(by=root, customer=customer)
    page.goto("/accounts/login/")
    found = {"sign in": look(page, "sign in")}
    sign_in(page, root)
    for name, address in (
        ("start", "/admin/"),
        ("list", "/admin/crm/invoice/"),
        ("form", f"/admin/crm/invoice/{draft.pk}/change/"),
        ("confirm", f"/admin/crm/invoice/{draft.pk}/issue/"),
    ):
        page.goto(address)
        found[name] = look(page, name)
    return found


def _lines(looks: dict[str, dict[str, Looks]]) -> str:
    """One line for each part, so that a change reads well."""
    schemes = []
    for scheme, pages in looks.items():
        texts = []
        for name, parts in pages.items():
            rows = ",\n".join(f"   {json.dumps(selector)}: {json.dumps(one)}" for selector, one in parts.items())
            texts.append(f"  {json.dumps(name)}: {{\n{rows}\n  }}")
        schemes.append(f" {json.dumps(scheme)}: {{\n" + ",\n".join(texts) + "\n }")
    return "{\n" + ",\n".join(schemes) + "\n}\n"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_look_as_they_did(
    scheme: Any, chromium: Browser, traffic: Traffic, live_server: Any, root: User, customer_a: Customer
) -> None:
    context = chromium.new_context(
        base_url=str(live_server), viewport={"width": 1280, "height": 900}, color_scheme=scheme, locale="en-GB"
    )
    window = context.new_page()
    traffic.watch(window)
    found = look_at_all(window, root, customer_a)
    context.close()
    if os.environ.get("HASHINSIGHT_NEW_LOOKS"):
        kept = json.loads(STORED.read_text()) if STORED.exists() else {}
        STORED.write_text(_lines({**kept, scheme: found}))
    stored = json.loads(STORED.read_text())[scheme]
    assert {name: set(parts) for name, parts in stored.items()} == {name: set(PARTS[name]) for name in PARTS}
    assert [f"{name}: {part}" for name in PARTS for part, one in stored[name].items() if one is None] == []
    assert {name: differences(stored[name], found[name]) for name in PARTS} == {name: [] for name in PARTS}
    assert traffic.troubles == []


PLANTED = {
    "the sidebar is gone": ("#nav-sidebar-inner { display: none }", "#nav-sidebar-inner is gone"),
    "the colour of the button": (".hi-buttons button { background: #c00 !important }", ".hi-buttons button: ground"),
    "ink on ground": ("h1 { color: #fff !important }", "h1: ink"),
    "the sheet has moved": ("#main { margin-left: 60px }", "#main: left"),
    "the card has shrunk": (".hi-card { width: 300px !important }", ".hi-card: width"),
}


@pytest.mark.parametrize(("style", "expected"), PLANTED.values(), ids=PLANTED)
def test_control_what_is_planted_is_seen(
    page: Page, root: User, customer_a: Customer, style: str, expected: str
) -> None:
    draft = factories.draft_invoice(by=root, customer=customer_a)
    sign_in(page, root)
    page.goto(f"/admin/crm/invoice/{draft.pk}/issue/")
    before = look(page, "confirm")
    assert differences(before, look(page, "confirm")) == []
    page.evaluate(
        """text => {
            const sheet = new CSSStyleSheet();
            sheet.replaceSync(text);
            document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
        }""",
        style,
    )
    assert [told for told in differences(before, look(page, "confirm")) if told.startswith(expected)] != []
