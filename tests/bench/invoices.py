"""PDFs of 300 issued invoices by two warm workers, against WeasyPrint alone in two warm processes.

Ours is the time from the first message queued to the last PDF stored. The limit is WeasyPrint laying out the same
HTML with fonts and stylesheet already loaded, and the same e-invoice attached: nothing but what no invoice can be
printed without. It is measured before and after ours, so that a machine that slows down meanwhile slows both.
"""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from statistics import mean
from typing import Any

import django

from hashinsight.devtools import child
from tests.support import children

ROOT = Path(__file__).resolve().parents[2]
INVOICES = 300
WARM_UP = 40
PROCESSES = 2
LINES = 3
PATIENCE_SECONDS = 300


def main() -> int:
    """Measure, print and write ``invoices.json``."""
    _manage("migrate", "--skip-checks", "--verbosity", "0")
    django.setup()
    warm_up, measured = _issue(WARM_UP), _issue(INVOICES)
    pages, stylesheet = _pages_of(measured), _stylesheet()
    with _worker() as worker:
        _print(warm_up, worker)
        before = _weasyprint_alone(pages, stylesheet)
        ours = _print(measured, worker)
        after = _weasyprint_alone(pages, stylesheet)
    _same_bytes(measured[0], pages[0])
    _report(ours, mean((before, after)), _plain(pages[:30], stylesheet) * INVOICES / 30)
    return 0


def _folder() -> Path:
    folder = Path(os.environ.get("HASHINSIGHT_BENCH_DIR", ROOT / "var" / "bench"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _manage(*arguments: str) -> None:
    environment = {**os.environ, "DATABASE_URL": os.environ.get("DATABASE_OWNER_URL", os.environ["DATABASE_URL"])}
    subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, check=True)


def _issue(count: int) -> list[Any]:
    """Issued invoices without a PDF; the messages of their issue are thrown away, no worker listens yet."""
    from accounts.models import User
    from crm.domain import deals, issuing
    from crm.models import Customer, DealLine, LegalEntity
    from hashinsight.celery import app
    from tests import factories

    at = datetime.now(UTC)
    run = f"{at:%y%m%d%H%M%S}-{count}"
    clerk = User.objects.create_user(email=f"bench-{run}@example.test", password=None, name="Bench")
    entity = LegalEntity.objects.filter(name="Bench Hosting GmbH").first()
    entity = entity or factories.LegalEntityFactory(name="Bench Hosting GmbH")
    customer = Customer.objects.create(
        company_name=f"Bench {run} Ltd", email=f"office-{run}@example.test", street="1 Grid Street", city="Austin",
        country="US", legal_entity=entity,
    )  # fmt: skip
    issued = []
    for number in range(count):
        deal = deals.create_deal(customer=customer, title=f"Hall {number}", value=Decimal(0), by=clerk, at=at)
        lines = [
            DealLine(
                deal=deal, position=position, description=f"Hosting of batch {number}-{position}, energy included",
                quantity=Decimal(position * 12), unit_price=Decimal("189.50"),
            )
            for position in range(1, LINES + 1)
        ]  # fmt: skip
        deal = deals.set_lines(deal, lines=lines)
        for move in (deals.submit_deal, deals.approve_deal):
            deal = move(deal, by=clerk, at=at)
        deal = deals.sign_deal(deal, by=clerk, on=at.date(), at=at)
        draft = deals.complete_deal(deal, by=clerk, at=at)
        issued.append(issuing.issue_invoice(draft, by=clerk, on=at.date(), at=at, send=False))
    with app.connection_for_write() as connection:
        connection.default_channel.queue_purge("interactive")
    return issued


# What one PDF is made of: its HTML, the e-invoice inside it, and the day it is dated.
Sheet = tuple[str, bytes, date]


def _pages_of(invoices: list[Any]) -> list[Sheet]:
    from crm.documents.build import document_data
    from crm.documents.html import render_html

    found = [document_data(invoice, on=invoice.issued_on) for invoice in invoices]
    if not all(data.einvoice for data in found):
        raise RuntimeError("some of these invoices have no e-invoice")
    return [(render_html(data), data.einvoice, data.issued_on) for data in found]


def _stylesheet() -> str:
    from crm.documents.press import stylesheet_text

    return stylesheet_text(wide=False)


@contextmanager
def _worker() -> Iterator[subprocess.Popen[bytes]]:
    """The worker as ``./dev run`` starts it; what it says goes to ``invoices-worker.log``."""
    options = ["--queues", "interactive,default", "--concurrency", str(PROCESSES), "--hostname", "bench@%h"]
    command = children.python("celery", "-A", "hashinsight.celery:app", "worker", "--loglevel", "WARNING")
    with (_folder() / "invoices-worker.log").open("wb") as log:
        process = children.start(
            [*command, "--without-mingle", "--without-gossip", *options], cwd=ROOT, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def _print(invoices: list[Any], worker: subprocess.Popen[bytes]) -> float:
    """Seconds from the first message queued to the last PDF stored."""
    from crm.domain.issuing import PDF_WORK
    from crm.models import InvoiceDocument
    from hashinsight.jobs.domain.work import wake
    from hashinsight.jobs.models import DueWork

    keys = [str(invoice.pk) for invoice in invoices]
    work = list(DueWork.objects.filter(kind=PDF_WORK, key__in=keys))
    stored = InvoiceDocument.objects.filter(invoice__in=[invoice.pk for invoice in invoices], format="pdf")
    if stored.exists():
        raise RuntimeError("some of these invoices have a PDF already")
    started = time.perf_counter()
    for row in work:
        wake(row)
    while stored.count() < len(invoices):
        if worker.poll() is not None or time.perf_counter() - started > PATIENCE_SECONDS:
            raise RuntimeError(f"only {stored.count()} of {len(invoices)} PDFs, worker ended with {worker.returncode}")
        time.sleep(0.1)  # looking more often would take the workers' time
    return time.perf_counter() - started


def _weasyprint_alone(pages: list[Sheet], stylesheet: str) -> float:
    """Seconds for the same pages in as many processes, each with everything loaded."""
    with multiprocessing.get_context("spawn").Pool(
        PROCESSES, initializer=_prepare, initargs=(pages[0], stylesheet)
    ) as pool:
        pool.map(_lay_out, pages[:WARM_UP], chunksize=1)
        started = time.perf_counter()
        for _ in pool.imap_unordered(_lay_out, pages, chunksize=1):
            pass
        return time.perf_counter() - started


_kept: dict[str, Any] = {}


def _prepare(sheet: Sheet, stylesheet: str) -> None:
    """Fonts and stylesheet as WeasyPrint's manual says to keep them; a process without any Django app."""
    from weasyprint import CSS
    from weasyprint.text.fonts import FontConfiguration

    from crm.documents.press import fetcher

    if parent := multiprocessing.parent_process():
        child.end_with_parent(parent.pid or 0, signal.SIGKILL)
    fonts = FontConfiguration()
    rules = CSS(string=stylesheet, font_config=fonts, url_fetcher=fetcher())
    _kept.update(fonts=fonts, rules=rules, fetcher=fetcher(), text=stylesheet)
    _lay_out(sheet)


def _lay_out(sheet: Sheet) -> int:
    from weasyprint import HTML

    from crm.documents.einvoice.embed import announce, attachment

    markup, xml, issued_on = sheet
    page = HTML(string=markup, url_fetcher=_kept["fetcher"])
    content = page.write_pdf(
        stylesheets=[_kept["rules"]], font_config=_kept["fonts"], pdf_variant="pdf/a-3b",
        attachments=[attachment(xml, issued_on=issued_on)], finisher=announce,
    )  # fmt: skip
    return len(content)


def _plain(pages: list[Sheet], stylesheet: str) -> float:
    """Seconds when each document loads fonts and stylesheet anew, which is what a first program does."""
    with multiprocessing.get_context("spawn").Pool(
        PROCESSES, initializer=_prepare, initargs=(pages[0], stylesheet)
    ) as pool:
        started = time.perf_counter()
        pool.map(_lay_out_anew, pages, chunksize=1)
        return time.perf_counter() - started


def _lay_out_anew(sheet: Sheet) -> int:
    _prepare(sheet, _kept["text"])
    return len(sheet[0])


def _same_bytes(invoice: Any, sheet: Sheet) -> None:
    """The stored PDF is what this HTML and e-invoice give: both sides did the same work."""
    from crm.documents.einvoice.embed import announce, attachment
    from crm.documents.render import pdf_from_html

    markup, xml, issued_on = sheet
    again = pdf_from_html(markup, attachments=[attachment(xml, issued_on=issued_on)], finisher=announce)
    if bytes(invoice.documents.get(format="pdf").content) != again:
        raise AssertionError("the stored PDF differs from a fresh rendering of the same invoice")


def _report(ours: float, limit: float, plain: float) -> None:
    results = [
        {"name": f"{INVOICES} PDFs, queued to stored", "value": ours, "unit": "s", "limit": limit},
        {
            "name": "one PDF per process",
            "value": ours * PROCESSES / INVOICES,
            "unit": "s",
            "limit": limit * PROCESSES / INVOICES,
        },
        {"name": "fonts and stylesheet kept, against loaded anew", "value": limit, "unit": "s", "limit": plain},
    ]
    rows = [{**row, "value": round(row["value"], 4), "limit": round(row["limit"], 4),
             "ratio": round(row["value"] / row["limit"], 3)} for row in results]  # fmt: skip
    (_folder() / "invoices.json").write_text(json.dumps({"bench": "invoices", "results": rows}, indent=2) + "\n")
    for row in rows:
        shown = f"{row['value']:>9.3f} {row['unit']}  limit {row['limit']:>9.3f}  ratio {row['ratio']:.3f}"
        sys.stdout.write(f"{row['name']:<50} {shown}\n")


if __name__ == "__main__":
    sys.exit(main())
