"""Accounts as clients and staff read them: the statement of a customer, receivables by age; JSON, PDF, CSV."""

import hashlib
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from crm.api.statements import AgeingSerializer, StatementSerializer, ageing_body, statement_body
from crm.documents.ageing import ageing_csv, render_ageing
from crm.documents.statement import file_name, render_statement, statement_csv
from crm.domain.ledger import ageing
from crm.domain.ledger.queries import Account, accounts_of
from crm.domain.ledger.statement import Statement, statement_of, usual_period
from crm.domain.queries import default_legal_entity, local_date
from crm.models import Customer, LegalEntity
from hashinsight.common.api.problems import BadParameter, Problem
from hashinsight.common.api.responses import file_response
from hashinsight.common.api.schema import described
from hashinsight.common.api.scope import is_client
from hashinsight.common.api.views import BaseView, Outside, part
from hashinsight.common.money import CURRENCIES
from hashinsight.common.scoping import customer_ids_for

STATEMENT_ACTIONS = ("statement", "statement_pdf", "statement_csv")
_DAY = {"type": "string", "format": "date"}
_ENTITY = OpenApiParameter("legal_entity", {"type": "string", "format": "uuid"}, description="One of our companies.")
_STATEMENT_PARAMETERS = [
    OpenApiParameter("first_on", _DAY, description="First day; without it three calendar months are shown."),
    OpenApiParameter("last_on", _DAY, description="Last day, today without it."),
    OpenApiParameter(
        "currency", {"type": "string", "enum": sorted(CURRENCIES)},
        description="Currency of the account; without it that of the last booking.",
    ),
    _ENTITY,
]  # fmt: skip
_AGEING_PARAMETERS = [
    OpenApiParameter("on", _DAY, description="At the end of this day, today without it."),
    OpenApiParameter(
        "legal_entity", {"type": "string", "format": "uuid"}, description="One of our companies. For staff keys only."
    ),
]


def _file(media_type: str) -> dict[Any, Any]:
    return {(200, media_type): OpenApiResponse(bytes, description="Made now, from the ledger.")}


def day_of(request: Request, name: str, default: date) -> date:
    """A day from the address. Raises BadParameter."""
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        if len(text) != len("2026-11-30"):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise BadParameter(name, _("This is no day like 2026-11-30.")) from None


def entity_of(request: Request) -> LegalEntity | None:
    """The company the address names, asked outside of a client's scope. Raises BadParameter."""
    text = request.query_params.get("legal_entity")
    if text is None:
        return None
    found = LegalEntity.objects.filter(public_id=text).first() if _is_uuid(text) else None
    if found is None:
        raise _no_account()
    return found


def _is_uuid(text: str) -> bool:
    parts = [len(part) for part in text.split("-")]
    return parts == [8, 4, 4, 4, 12] and all(letter in "0123456789abcdefABCDEF-" for letter in text)


def _no_account() -> BadParameter:
    return BadParameter("legal_entity", _("There is no such account."))


class StatementActions(BaseView):
    """The statement of one customer, in three forms; a part of the customers' collection."""

    get_row: Callable[[], Customer]
    entity: LegalEntity | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """The company named is looked up before a client's scope begins; whether it is the customer's comes later."""
        super().initial(request, *args, **kwargs)
        if getattr(self, "action", None) in STATEMENT_ACTIONS:
            self.entity = entity_of(request)

    def known_parameters(self) -> frozenset[str]:
        """Period and account."""
        if getattr(self, "action", None) in STATEMENT_ACTIONS:
            return frozenset(parameter.name for parameter in _STATEMENT_PARAMETERS)
        return super().known_parameters()

    @described(parameters=_STATEMENT_PARAMETERS, responses={200: StatementSerializer})
    @part("statement")
    def statement(self, request: Request, id: Any) -> Outside:
        """The statement of account: opening balance, every movement, closing balance, and what was open by age.

        Without parameters it is the account last booked on, over three calendar months.
        """
        customer = self.get_row()
        accounts = accounts_of(customer)
        found = self._found(request, customer, accounts)

        def finish() -> Response:
            entities = LegalEntity.objects.in_bulk({one.legal_entity_id for one in accounts})
            entity = entities.get(found.legal_entity_id) if found.legal_entity_id else None
            return Response(statement_body(found, entity, accounts, entities))

        return Outside(finish)

    @described(parameters=_STATEMENT_PARAMETERS, responses=_file("application/pdf"))
    @part("statement/pdf")
    def statement_pdf(self, request: Request, id: Any) -> Outside:
        """The statement of account as PDF/A-3b, in the customer's language."""
        return self._as_file(request, "application/pdf", "pdf", render_statement)

    @described(parameters=_STATEMENT_PARAMETERS, responses=_file("text/csv"))
    @part("statement/csv")
    def statement_csv(self, request: Request, id: Any) -> Outside:
        """The statement of account as a table for spreadsheets (CSV, UTF-8), in the customer's language."""
        return self._as_file(request, "text/csv", "csv", lambda found, _seller: statement_csv(found))

    def _found(self, request: Request, customer: Customer, accounts: list[Account]) -> Statement:
        currency = request.query_params.get("currency")
        if currency is not None and currency not in CURRENCIES:
            raise BadParameter("currency", _("%(currency)s is no currency we know.") % {"currency": currency[:10]})
        fitting = [
            one for one in accounts
            if (currency is None or one.currency == currency)
            and (self.entity is None or one.legal_entity_id == self.entity.pk)
        ]  # fmt: skip
        if self.entity is not None and self.entity.pk not in {one.legal_entity_id for one in accounts}:
            raise _no_account()
        today = local_date(timezone.now(), customer.time_zone)
        last = day_of(request, "last_on", today)
        first = day_of(request, "first_on", usual_period(last)[0])
        if last < first - timedelta(days=1):
            raise BadParameter("last_on", _("The period ends before it begins."))
        entity = fitting[0].legal_entity_id if fitting else self.entity.pk if self.entity else None
        shown = currency or (fitting[0].currency if fitting else customer.currency)
        return statement_of(customer, currency=shown, first=first, last=last, legal_entity_id=entity)

    def _as_file(
        self, request: Request, media_type: str, ending: str, make: Callable[[Statement, LegalEntity], bytes]
    ) -> Outside:
        customer = self.get_row()
        found = self._found(request, customer, accounts_of(customer))

        def finish() -> HttpResponse:
            keys = [found.legal_entity_id, customer.legal_entity_id]
            seller = next((LegalEntity.objects.get(pk=key) for key in keys if key), None) or default_legal_entity()
            return _file_of(seller, media_type, f"{file_name(found)}.{ending}", lambda entity: make(found, entity))

        return Outside(finish)


def _file_of(
    seller: LegalEntity | None, media_type: str, name: str, make: Callable[[LegalEntity], bytes]
) -> HttpResponse:
    if seller is None:
        raise Problem(409, "no_legal_entity", _("There is no legal entity yet that could write this."))
    content = make(seller)
    return file_response(content, media_type=media_type, name=name, sha256=hashlib.sha256(content).hexdigest())


class AgeingViewSet(ViewSetMixin, BaseView):
    """Receivables by age: of all customers for staff, of its own for a client."""

    resource = "ageing"
    staff_permissions = {
        "read": "crm.view_journalentry",
        "pdf": "crm.export_journalentry",
        "csv": "crm.export_journalentry",
    }
    client_actions = frozenset({"read", "pdf", "csv"})
    entity: LegalEntity | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """The company named, if any."""
        super().initial(request, *args, **kwargs)
        self.entity = entity_of(request)

    def known_parameters(self) -> frozenset[str]:
        """The day; for staff a company."""
        return frozenset({"on"}) if is_client(self.request.user) else frozenset({"on", "legal_entity"})

    @described(parameters=_AGEING_PARAMETERS, responses={200: AgeingSerializer})
    def read(self, request: Request) -> Response:
        """Receivables by age: what is owed per customer and currency, and what we hold of its money."""
        on = day_of(request, "on", timezone.localdate())
        return Response(ageing_body(self._rows(on), on=on, disputes=self._is_staff))

    @described(parameters=_AGEING_PARAMETERS, responses=_file("application/pdf"))
    def pdf(self, request: Request) -> Outside:
        """Receivables by age as PDF/A-3b; a client's bears the letterhead of the company it owes, and names all."""
        on = day_of(request, "on", timezone.localdate())
        rows, language = self._rows(on), (get_language() or "en").split("-")[0]
        mine = None if self._is_staff else customer_ids_for(request.user)

        def finish() -> HttpResponse:
            companies = [self.entity] if self.entity else []
            seller = self.entity
            if mine is not None:
                companies = ageing.companies_of(mine, on=on)
                seller = ageing.letterhead_of(mine, companies)
            return _file_of(
                seller or default_legal_entity(), "application/pdf", f"ageing-{on}.pdf",
                lambda seller: render_ageing(
                    rows, on=on, seller=seller, companies=companies, language=language, disputes=self._is_staff
                ),
            )  # fmt: skip

        return Outside(finish)

    @described(parameters=_AGEING_PARAMETERS, responses=_file("text/csv"))
    def csv(self, request: Request) -> HttpResponse:
        """Receivables by age as a table for spreadsheets (CSV, UTF-8)."""
        on = day_of(request, "on", timezone.localdate())
        content = ageing_csv(self._rows(on), language=get_language() or "en", disputes=self._is_staff)
        digest = hashlib.sha256(content).hexdigest()
        return file_response(content, media_type="text/csv", name=f"ageing-{on}.csv", sha256=digest)

    @property
    def _is_staff(self) -> bool:
        return not is_client(self.request.user)

    def _rows(self, on: date) -> list[ageing.Receivable]:
        """Of all customers with disputes for staff, of its own customers for a client."""
        if not self._is_staff:
            return ageing.receivables(on=on, customers=customer_ids_for(self.request.user))
        key = self.entity.pk if self.entity else None
        return ageing.with_disputes(ageing.receivables(on=on, legal_entity_id=key), on=on, legal_entity_id=key)
