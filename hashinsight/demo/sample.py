"""The company of the public sample files: imported as anybody would, moved to today, and billed."""

import random
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path

from crm.domain.pipeline_import import ImportWish, OfferText, import_pipeline
from crm.engine.pipeline_files import Account, Pipeline, read_pipeline, shifted
from crm.enums import DealStatus
from crm.models import Customer, Deal
from hashinsight.demo.billing import Ledger, Sale, Say
from hashinsight.demo.calendar import Clock, add_months
from hashinsight.demo.checksums import german_vat_id
from hashinsight.demo.frame import Frame, build_frame
from hashinsight.demo.offers import SAMPLE_OFFERS
from hashinsight.demo.people import Staff

# Of the deals won in a month so many are billed, spread over it; the others stay signed. More would take too long.
PER_MONTH = 80
# Where our German company bills, and how.
EUROPEAN_UNION = (
    "AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "GR", "HU", "IE", "IT", "LV", "LT", "LU", "MT", "NL",
    "PL", "PT", "RO", "SK", "SI", "ES", "SE",
)  # fmt: skip
REST_OF_EUROPE = ("AD", "AL", "BA", "CH", "GB", "IS", "LI", "MC", "MD", "ME", "MK", "NO", "RS", "SM", "TR", "UA")
# How customers pay: (percent of the total, days after the issue), and how many of them do so.
HABITS = (
    (((100, 9),), 46),
    (((100, 24),), 18),
    (((100, 47),), 12),
    (((60, 20), (40, 70)), 6),
    (((50, 25),), 6),
    (((101, 12),), 2),
    ((), 10),
)


def build_sample(
    staff: Staff, folder: Path, *, clock: Clock, say: Say, per_month: int = PER_MONTH
) -> tuple[Customer, Customer]:
    """Import the files and bill a part of what was won; returns the two customers with most invoices.

    Raises PipelineRefused when the files hold errors.
    """
    pipeline = to_today(read_pipeline(folder), clock.today)
    frame = build_frame(with_offers=False)
    wish = ImportWish(
        at=clock.at,
        is_sample=True,
        offers={name: OfferText(*text) for name, text in SAMPLE_OFFERS.items()},
        complete=lambda customer, account: complete(customer, account, frame),
    )
    report = import_pipeline(pipeline, wish, by=staff.sales)
    say(", ".join(f"{number} {what}" for what, number in report.made.items()))
    deals = _billed(per_month)
    ledger = Ledger(staff, clock, say)
    ledger.play([sale for deal in deals if (sale := _sale(deal, clock.today)) is not None])
    say(f"{ledger.issued} invoices issued")
    return _two_busy(deals)


def to_today(pipeline: Pipeline, today: date) -> Pipeline:
    """Every day moved by the same number of whole months, so that the newest lies just before ``today``."""
    newest = pipeline.newest
    if newest is None:
        return pipeline
    months = (today.year - newest.year) * 12 + today.month - newest.month
    if add_months(newest, months) > today:
        months -= 1
    return shifted(pipeline, lambda day: add_months(day, months))


def complete(customer: Customer, account: Account, frame: Frame) -> None:
    """Which of our companies bills the customer, and how it is taxed."""
    code = account.country.code if account.country else ""
    european = code == "DE" or code in EUROPEAN_UNION or code in REST_OF_EUROPE
    tax = "DE-OUTSIDE" if european else "US-NONE"
    digits = "".join(random.Random(account.name).choices("0123456789", k=9))  # noqa: S311  (made up, no secret)
    if code == "DE":
        tax, customer.vat_id, customer.language = "DE-19", german_vat_id(f"1{digits[:7]}"), "de"
    elif code in EUROPEAN_UNION:
        tax, customer.vat_id = "DE-RC", f"{code}{digits}"
    customer.legal_entity = frame.entities["de" if european else "us"]
    customer.tax_code = frame.taxes[tax]


def _billed(per_month: int) -> list[Deal]:
    """Signed deals in the order of their signing, at most ``per_month`` of each month, evenly chosen."""
    signed = Deal.objects.filter(status=DealStatus.SIGNED).select_related("customer").order_by("actual_close_on", "id")
    chosen: list[Deal] = []
    for _month, group in groupby(signed, key=lambda deal: f"{deal.actual_close_on:%Y-%m}"):
        deals = list(group)
        step = max(1, len(deals) / per_month)
        chosen += [deals[int(number * step)] for number in range(min(per_month, len(deals)))]
    return chosen


def _sale(deal: Deal, today: date) -> Sale | None:
    """What becomes of a signed deal; the same at every build."""
    chance = random.Random(deal.source_ref)  # noqa: S311  (a story, no secret)
    signed_on = deal.actual_close_on
    if signed_on is None:
        return None
    completed_on = signed_on + timedelta(days=chance.randrange(1, 15))
    if completed_on > today:
        return None
    waits = chance.random() < (0.3 if completed_on > today - timedelta(days=80) else 0.02)
    credit = chance.choices(("", "full", "part"), (95, 2, 3))[0]
    habit = chance.choices([days for days, _weight in HABITS], [weight for _days, weight in HABITS])[0]
    return Sale(
        deal=deal,
        completed_on=completed_on,
        issue_after=None if waits else chance.randrange(0, 4),
        payments=() if credit == "full" else tuple((percent, days + chance.randrange(0, 9)) for percent, days in habit),
        credit=credit,
    )


def _two_busy(deals: list[Deal]) -> tuple[Customer, Customer]:
    """The two customers with most of these deals."""
    counts: dict[Customer, int] = {}
    for deal in deals:
        counts[deal.customer] = counts.get(deal.customer, 0) + 1
    first, second = sorted(counts, key=lambda one: (-counts[one], one.company_name))[:2]
    return first, second
