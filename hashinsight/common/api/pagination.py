"""Cursor pages: ``{"next", "previous", "results"}``. No counts, no offsets, no page numbers."""

from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from hashinsight.common.api import keyset
from hashinsight.common.api.problems import BadParameter

PAGE_SIZE = 50
LARGEST_PAGE = 200
_URL = "https://hashinsight.example/api/v1/invoices/?cursor=q3bV0c"


class KeysetPagination(BasePagination):
    """Pages over (column, id) of a declared column; ``ordering=-column`` turns them around."""

    parameters = ("cursor", "ordering", "page_size")

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """One page and a row more, which only tells whether there is another page."""
        self.request = request
        self.ordering = _ordering(request, view)
        self.column = self.ordering.lstrip("-")
        size = _page_size(request)
        descending = self.ordering.startswith("-")
        self.context = f"{request.user.pk}:{view.resource}:{self.ordering}"
        position = self._position()
        backwards = position is not None and position.backwards
        if position is not None:
            queryset = keyset.beyond(queryset, self.column, position, descending=descending)
        sign = "-" if descending != backwards else ""
        ordered = queryset.order_by(f"{sign}{self.column}", f"{sign}id")
        # The page is found over narrow rows first: joins and sums are then made for its rows only.
        rows = list(ordered.filter(id__in=ordered.values("id")[: size + 1]))
        more, rows = len(rows) > size, rows[:size]
        if backwards:
            rows.reverse()
        self.next_link = self._link(rows[-1], backwards=False) if rows and (more or backwards) else None
        has_previous = more if backwards else position is not None
        self.previous_link = self._link(rows[0], backwards=True) if rows and has_previous else None
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        """The page."""
        return Response({"next": self.next_link, "previous": self.previous_link, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """For the OpenAPI file."""
        link = {"type": ["string", "null"], "format": "uri", "example": _URL}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "additionalProperties": False,
            "properties": {
                "next": {**link, "description": "Address of the next page; null on the last one."},
                "previous": {**link, "example": None, "description": "Address of the page before; null on the first."},
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """For the OpenAPI file."""
        orderings = [sign + column for column in view.ordering_fields for sign in ("", "-")]
        return [
            {
                "name": "cursor",
                "in": "query",
                "description": "Taken from `next` or `previous`; opaque, yours only, and bound to the ordering.",
                "schema": {"type": "string", "maxLength": keyset.LONGEST_CURSOR},
            },
            {
                "name": "ordering",
                "in": "query",
                "description": "Column to sort by; a minus sign turns it around. Ties have a fixed order.",
                "schema": {"type": "string", "enum": orderings, "default": view.default_ordering},
            },
            {
                "name": "page_size",
                "in": "query",
                "description": "Rows on a page.",
                "schema": {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE_SIZE},
            },
        ]

    def _position(self) -> keyset.Position | None:
        cursor = self.request.query_params.get("cursor")
        if cursor is None:
            return None
        try:
            return keyset.unseal(cursor, context=self.context)
        except keyset.BadCursor as error:
            raise BadParameter("cursor", _("This cursor does not belong here."), code="invalid_cursor") from error

    def _link(self, row: Any, *, backwards: bool) -> str:
        parameters = {**self.request.query_params.dict()}
        parameters["cursor"] = keyset.seal(
            keyset.position_of(row, self.column, backwards=backwards), context=self.context
        )
        return f"{self.request.build_absolute_uri(self.request.path)}?{urlencode(parameters)}"


def _ordering(request: Request, view: Any) -> str:
    wanted: str = request.query_params.get("ordering", view.default_ordering)
    if wanted.removeprefix("-") not in view.ordering_fields:
        known = ", ".join(view.ordering_fields)
        raise BadParameter("ordering", _("Order by one of: %(known)s.") % {"known": known})
    return wanted


def _page_size(request: Request) -> int:
    text = request.query_params.get("page_size", str(PAGE_SIZE))
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= LARGEST_PAGE):
        raise BadParameter("page_size", _("Must be a whole number between 1 and %(most)s.") % {"most": LARGEST_PAGE})
    return int(text)
