"""The company of the public sample files: imported as anybody would, moved to today, and billed."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from pathlib import Path

from crm.domain.pipeline_import import ImportWish, OfferText, import_pipeline
from crm.engine.pipeline_files import Account, Opportunity, Pipeline, read_pipeline, shifted
from crm.models import Customer
from hashinsight.demo.billing import Say
from hashinsight.demo.calendar import Clock, add_months
from hashinsight.demo.checksums import german_vat_id
from hashinsight.demo.frame import Frame, build_frame
from hashinsight.demo.offers import SAMPLE_OFFERS
from hashinsight.demo.people import Staff
from hashinsight.demo.sample_billing import bill
from hashinsight.demo.words import person, slug

# Where our German company bills, and how.
EUROPEAN_UNION = (
    "AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "GR", "HU", "IE", "IT", "LV", "LT", "LU", "MT", "NL",
    "PL", "PT", "RO", "SK", "SI", "ES", "SE",
)  # fmt: skip
REST_OF_EUROPE = ("AD", "AL", "BA", "CH", "GB", "IS", "LI", "MC", "MD", "ME", "MK", "NO", "RS", "SM", "TR", "UA")
# A month counts as the end of the files' story when at least this share of the days lies in it or later: a few
# stragglers must not push everybody else into the past.
BUSY_SHARE = 0.05


def build_sample(staff: Staff, folder: Path, *, clock: Clock, say: Say) -> tuple[Customer, Customer]:
    """Import the files and bill what was won; returns the two customers with most invoices.

    Raises PipelineRefused when the files hold errors.
    """
    pipeline = to_today(read_pipeline(folder), clock.today)
    frame = build_frame(with_offers=False)
    since = {
        one.account: clock.moment(one.engaged_on)
        for one in sorted(pipeline.opportunities, key=lambda one: one.engaged_on or clock.today, reverse=True)
        if one.engaged_on
    }
    wish = ImportWish(
        at=clock.at,
        is_sample=True,
        offers={name: OfferText(*text) for name, text in SAMPLE_OFFERS.items()},
        complete=lambda customer, account: complete(customer, account, frame, since.get(account.name, clock.at)),
    )
    report = import_pipeline(pipeline, wish, by=staff.sales)
    say(", ".join(f"{number} {what}" for what, number in report.made.items()))
    return _two_busy(bill(staff, clock=clock, say=say))


def to_today(pipeline: Pipeline, today: date) -> Pipeline:
    """Every opportunity moved by whole months, so that the story of the files ends today.

    Closed ones go by the last busy month of closing, open ones by that of their beginning: so people ask, and
    deals are won, until today. What would lie ahead of today moves so many months less. The two days of an
    opportunity always move together.
    """
    months = {
        is_open: _months_to(today, [one.last_on for one in pipeline.opportunities if one.is_open == is_open])
        for is_open in (True, False)
    }

    def move(one: Opportunity) -> Callable[[date], date]:
        number = months[one.is_open]
        while one.last_on is not None and add_months(one.last_on, number) > today:
            number -= 1
        return partial(add_months, months=number)

    return shifted(pipeline, move)


def _months_to(today: date, days: list[date | None]) -> int:
    """By how many months the last busy month of ``days`` becomes the month of ``today``."""
    counts = Counter(day.replace(day=1) for day in days if day)
    later = 0
    for month in sorted(counts, reverse=True):
        later += counts[month]
        if later >= BUSY_SHARE * counts.total():
            return (today.year - month.year) * 12 + today.month - month.month
    return 0


def complete(customer: Customer, account: Account, frame: Frame, since: datetime) -> None:
    """Since when we know it, whom to write to, which of our companies bills the customer, and how it is taxed."""
    customer.created_at = since
    code = account.country.code if account.country else ""
    european = code == "DE" or code in EUROPEAN_UNION or code in REST_OF_EUROPE
    tax = "DE-OUTSIDE" if european else "US-NONE"
    chance = random.Random(account.name)  # noqa: S311  (made up, no secret)
    digits = "".join(chance.choices("0123456789", k=9))
    if code == "DE":
        tax, customer.vat_id, customer.language = "DE-19", german_vat_id(f"1{digits[:7]}"), "de"
    elif code in EUROPEAN_UNION:
        tax, customer.vat_id = "DE-RC", f"{code}{digits}"
    customer.contact_name = person(chance, "de" if code == "DE" else "en")
    domain = f"{slug(account.name) or f'account{digits}'}.example"
    customer.email, customer.billing_email = f"office@{domain}", f"invoices@{domain}"
    customer.legal_entity = frame.entities["de" if european else "us"]
    customer.tax_code = frame.taxes[tax]


def _two_busy(billed: list[Customer]) -> tuple[Customer, Customer]:
    """The two customers with most invoices; ``billed`` names one per invoice."""
    counts = Counter(billed)
    first, second = sorted(counts, key=lambda one: (-counts[one], one.company_name))[:2]
    return first, second
