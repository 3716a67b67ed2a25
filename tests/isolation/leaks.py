"""Planted leaks: what a hurried change could do to the wall. The matrix must find each of them.

Two layers hold each other up, so a hole in one is looked at with the other switched off (``modes``).
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection
from rest_framework.response import Response

from accounts.api.views import ApiKeyViewSet
from accounts.models import ApiKey
from crm.api.serializers import InvoiceSerializer
from crm.api.views.activities import ActivityViewSet
from crm.api.views.invoices import InvoiceViewSet
from crm.api.views.payments import PaymentViewSet
from crm.models import Activity, Customer, Invoice, InvoiceDocument, InvoiceLine, Payment
from hashinsight.common import scoping
from hashinsight.common.api import etags, keyset, pagination, views
from hashinsight.common.api.fields import VisibleIdField
from hashinsight.common.api.problems import BadParameter, BadRequest
from hashinsight.common.api.responses import file_response
from tests.support.database import owner_login

Patch = pytest.MonkeyPatch


@contextlib.contextmanager
def _no_scope(user: Any) -> Iterator[None]:
    yield


def without_walls(patch: Patch) -> None:
    """Row security never asked: the application's role reads, only the scoped querysets hold."""
    patch.setattr(views, "reading_as", _no_scope)
    patch.setattr(views, "answering_as", _no_scope)


def without_scoping(patch: Patch) -> None:
    """Querysets forget whose they are: only row security holds."""
    patch.setattr(scoping.ScopedQuerySet, "visible_to", lambda self, user: self.all())
    patch.setattr(ApiKeyViewSet, "rows_for", staticmethod(lambda user: ApiKey.objects.select_related("rotated_from")))


def as_it_is(patch: Patch) -> None:
    """Both layers."""


MODES: dict[str, Callable[[Patch], None]] = {
    "both layers": as_it_is,
    "without row security": without_walls,
    "without scoped querysets": without_scoping,
}


def unscoped_queryset(patch: Patch) -> None:
    """A view forgot ``visible_to``."""
    every = Payment.objects.select_related("customer", "invoice")
    patch.setattr(PaymentViewSet, "rows_for", staticmethod(lambda user: every))


def unscoped_related_field(patch: Patch) -> None:
    """An id in a body stands for any row."""
    patch.setattr(VisibleIdField, "visible", lambda self: self.model.objects.all())


def filter_over_foreign_key(patch: Patch) -> None:
    """A filter tells a foreign customer from none."""
    real = ActivityViewSet.filter_queryset

    def told(self: Any, queryset: Any) -> Any:
        wanted = self.request.query_params.get("customer")
        if wanted and not Customer.objects.filter(public_id=wanted).exists():
            raise BadParameter("customer", "There is no such customer.")
        return real(self, queryset)

    patch.setattr(ActivityViewSet, "filter_queryset", told)


def row_security_off(patch: Patch) -> None:
    """A table lost its row security."""
    with owner_login(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE crm_customer DISABLE ROW LEVEL SECURITY")


def row_security_on(patch: Patch) -> None:
    """Repairs ``row_security_off``."""
    with owner_login(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE crm_customer ENABLE ROW LEVEL SECURITY")


def missing_client_scope(patch: Patch) -> None:
    """The scope is there, but nobody enters the client role: the request reads as the application."""
    patch.setattr(scoping, "client_view", lambda customer_ids, *, user_id="": contextlib.nullcontext())


def file_by_id(patch: Patch) -> None:
    """PDF and e-invoice were fetched by the id in the address alone."""
    for name, media_type in (("pdf", "application/pdf"), ("xml", "application/xml")):
        leaking = _fetched_by_id(name, media_type)
        leaking.mapping = getattr(InvoiceViewSet, name).mapping
        patch.setattr(InvoiceViewSet, name, leaking)


def _fetched_by_id(form: str, media_type: str) -> Any:
    def fetch(self: Any, request: Any, id: Any) -> Any:
        stored = InvoiceDocument.objects.filter(invoice__public_id=id, format=form).first()
        if stored is None:
            return self.get_row()
        return file_response(bytes(stored.content), media_type=media_type, name="invoice", sha256=stored.sha256)

    return fetch


def tag_answers_first(patch: Patch) -> None:
    """``If-None-Match`` was answered from the row's version before anybody asked whose row it is."""
    real = InvoiceViewSet.retrieve

    def retrieve(self: Any, request: Any, id: Any) -> Any:
        row = Invoice.objects.filter(public_id=id).first()
        if row is not None and etags.state_of(row) in request.headers.get("If-None-Match", ""):
            return Response(status=304)
        return real(self, request, id)

    patch.setattr(InvoiceViewSet, "retrieve", retrieve)


def telling_error(patch: Patch) -> None:
    """A refusal names the row it refuses."""
    real = VisibleIdField.to_internal_value

    def told(self: Any, data: Any) -> Any:
        row = self.model.objects.filter(public_id=data).first()
        if row is not None and not self.visible().filter(pk=row.pk).exists():
            raise BadRequest("invalid", f"{row} belongs to {getattr(row, 'customer', row)}.")
        return real(self, data)

    patch.setattr(VisibleIdField, "to_internal_value", told)


def ordering_by_any_column(patch: Patch) -> None:
    """Any column may be sorted by, staff-only and related ones too."""
    patch.setattr(pagination, "_ordering", lambda request, view: "-created_at")


def nested_unscoped(patch: Patch) -> None:
    """The lines of an invoice are those of all invoices."""

    def lines(self: Any, invoice: Any) -> Any:
        return InvoiceLine.objects.select_related("invoice")

    real = InvoiceSerializer.to_representation

    def told(self: Any, invoice: Any) -> Any:
        shown = real(self, invoice)
        shown["lines"] = self.fields["lines"].to_representation(lines(self, invoice))
        return shown

    patch.setattr(InvoiceSerializer, "to_representation", told)


def loose_cursor(patch: Patch) -> None:
    """A cursor is bound to nobody."""
    seal, unseal = keyset.seal, keyset.unseal
    patch.setattr(keyset, "seal", lambda position, *, context: seal(position, context=""))
    patch.setattr(keyset, "unseal", lambda cursor, *, context: unseal(cursor, context=""))


def hidden_activities(patch: Patch) -> None:
    """Activities are limited to the customer, but not to those marked for the client."""

    def rows_for(user: Any) -> Any:
        own = Activity.objects.filter(customer_id__in=scoping.customer_ids_for(user))
        return own.select_related("customer", "deal", "invoice")

    patch.setattr(ActivityViewSet, "rows_for", staticmethod(rows_for))


@dataclass(frozen=True)
class Leak:
    """A plant, where it shows, and with which layer alone."""

    plant: Callable[[Patch], None]
    mode: str
    resources: tuple[str, ...]
    ways: tuple[str, ...]
    repair: Callable[[Patch], None] = as_it_is
    new_links: bool = False


LEAKS = (
    Leak(unscoped_queryset, "without row security", ("payments",), ("list", "path", "filter")),
    Leak(unscoped_related_field, "without row security", ("activities",), ("body",)),
    Leak(filter_over_foreign_key, "without row security", ("activities",), ("filter",)),
    Leak(row_security_off, "without scoped querysets", ("customers",), ("list", "path", "search"), row_security_on),
    Leak(missing_client_scope, "without scoped querysets", ("deals",), ("list", "path", "search")),
    Leak(file_by_id, "without row security", ("invoices",), ("file",)),
    Leak(tag_answers_first, "without row security", ("invoices",), ("condition",)),
    Leak(telling_error, "without row security", ("activities",), ("body",)),
    Leak(ordering_by_any_column, "both layers", ("customers",), ("ordering",)),
    Leak(nested_unscoped, "without row security", ("invoices",), ("nested",)),
    Leak(loose_cursor, "both layers", ("invoices",), ("cursor",), new_links=True),
    Leak(hidden_activities, "without row security", ("activities",), ("list", "path", "nested")),
)
