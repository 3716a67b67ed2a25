"""Documents to print in tests: a German host, a Norwegian client, and whatever a test changes about them.

Run as a script it prints the SHA-256 of those it is told (``invoice``, or ``invoice@child`` for a forked child), so
that another process can be asked for the same bytes.
"""

import hashlib
import os
import sys
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import django
from django.conf import settings

from crm.documents.data import BankDetails, DocumentData, DocumentLine, Party
from crm.documents.logos import SVG_MIME, Logo
from crm.engine.amounts import LineInput, Totals, line_net, summarise

ROOT = Path(__file__).resolve().parents[3]
DEMO_LOGO = (ROOT / "crm" / "documents" / "assets" / "demo-logo.svg").read_bytes()
OCTOBER = {"service_from": date(2026, 10, 1), "service_to": date(2026, 10, 31)}

SELLER = Party(
    name="Nordlicht Hosting GmbH",
    address_lines=("Am Umspannwerk 12", "17489 Greifswald"),
    country="Germany",
    tax_id="084/123/45678",
    vat_id="DE123456789",
    registration_number="HRB 21045, Amtsgericht Stralsund",
    email="billing@nordlicht-hosting.example",
    phone="+49 3834 555 010",
)
BUYER = Party(
    name="Fjordkraft Mining AS",
    address_lines=("Accounts Payable", "Havnegata 48", "9008 Tromsø"),
    country="Norway",
    vat_id="NO 987 654 321 MVA",
)
BANK = BankDetails(
    bank="Ostsee Landesbank",
    iban="DE89370400440532013000",
    bic="COBADEFFXXX",
    account_holder="Nordlicht Hosting GmbH",
)


def line(position: int, **changes: Any) -> DocumentLine:
    """One line at 19 %; numbers may be given as text."""
    parts: dict[str, Any] = {
        "description": "Hosting of 24 Antminer S21 Pro in hall B",
        "quantity": "24",
        "unit_code": "C62",
        "unit_price": "189.00",
        "tax_category": "S",
        "tax_rate": "19",
        **changes,
    }
    for name in ("quantity", "unit_price", "tax_rate"):
        parts[name] = Decimal(parts[name])
    exponent = parts.pop("currency_exponent", 2)
    net = line_net(parts["quantity"], parts["unit_price"], exponent)
    return DocumentLine(position=position, net=net, **parts)


def totals_of(lines: Iterable[DocumentLine], exponent: int = 2, reason: str = "") -> Totals:
    """The totals of these lines; ``reason`` goes to every group without tax."""
    return summarise(
        [
            LineInput(
                item.quantity,
                item.unit_price,
                item.tax_category,
                item.tax_rate,
                "" if item.tax_rate else reason,
            )
            for item in lines
        ],
        currency_exponent=exponent,
    )


def document(*lines: DocumentLine, **changes: Any) -> DocumentData:
    """An issued English invoice over one line, or over ``lines``, with ``changes``."""
    shown = lines or (line(1),)
    parts: dict[str, Any] = {
        "kind": "invoice",
        "number": "NL-2026-00042",
        "issued_on": date(2026, 11, 2),
        "due_on": date(2026, 11, 16),
        "currency": "EUR",
        "language": "en",
        "seller": SELLER,
        "buyer": BUYER,
        "lines": shown,
        "totals": totals_of(shown, changes.get("currency_exponent", 2)),
        "bank": BANK,
        "logo": Logo(DEMO_LOGO, SVG_MIME),
        "payment_terms": "Payable within 14 days without deduction.",
        "customer_number": "C-10017",
        "order_reference": "D-2026-0318",
        **OCTOBER,
        **changes,
    }
    return DocumentData(**parts)


def many_lines(count: int) -> DocumentData:
    """A document of ``count`` lines with two rates."""
    return document(
        *(
            line(
                number,
                description=f"Energy of miner {number:04d} in hall {number % 4}",
                quantity=f"{480 + number * 3.25}",
                unit_code="KWH",
                unit_price="0.0612",
                tax_rate="7" if number % 5 == 0 else "19",
            )
            for number in range(1, count + 1)
        )
    )


def credit_note(**changes: Any) -> DocumentData:
    """A credit note over one line."""
    return document(
        line(1, description="Credit for downtime of hall B", quantity="9.5", unit_code="HUR", unit_price="0.85"),
        **{
            "kind": "credit_note",
            "number": "NL-CN-2026-00003",
            "corrects_number": "NL-2026-00042",
            "corrects_issued_on": date(2026, 11, 2),
            "due_on": None,
            "payment_terms": "",
            **changes,
        },
    )


def worldly() -> DocumentData:
    """A buyer whose name needs every font we have, and more."""
    buyer = Party(name="深圳比特矿业有限公司", address_lines=("łódź Ž Ω Ж", "شركة التعدين", "한국 ビットコイン 😀"))
    return document(buyer=buyer)


SAMPLES = {
    "invoice": document,
    "credit_note": credit_note,
    "worldly": worldly,
    "long": lambda: many_lines(60),
}


def _show(name: str) -> None:
    from crm.documents.render import render_pdf  # after the settings

    sys.stdout.write(hashlib.sha256(render_pdf(SAMPLES[name]())).hexdigest() + "\n")
    sys.stdout.flush()


def _show_in_child(name: str) -> None:
    """What a worker does: the parent has printed before, and goes on after the child has ended."""
    child = os.fork()
    if child == 0:
        _show(name)
        os._exit(0)
    os.waitpid(child, 0)


def _main(arguments: list[str]) -> None:
    settings.configure(
        VAR_DIR=ROOT / "var",
        USE_I18N=True,
        LANGUAGES=[("en", "English"), ("de", "German")],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [ROOT / "templates"]}],
    )
    django.setup()
    for argument in arguments:
        name, _, place = argument.partition("@")
        (_show_in_child if place == "child" else _show)(name)


if __name__ == "__main__":
    _main(sys.argv[1:])
