"""Query parameters: known ones filter, unknown ones are refused instead of being dropped in silence."""

from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.request import Request

from hashinsight.common.api.problems import BadParameter, BadRequest
from hashinsight.common.api.scope import is_client


class ApiFilterSet(django_filters.FilterSet):
    """Filters of one list. ``staff_filters`` do not exist for clients: their tables are out of a client's reach."""

    staff_filters: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def names_for(cls, user: Any) -> frozenset[str]:
        """Parameters this user may send."""
        names = frozenset(cls.base_filters)
        return names - cls.staff_filters if is_client(user) else names


class StrictFilterBackend(DjangoFilterBackend):
    """Applies the view's FilterSet; a value that does not fit is a 400 naming the parameter."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        """The rows that match."""
        filterset = view.filterset_class(data=request.query_params, queryset=queryset, request=request)
        for name in set(filterset.filters) - view.filterset_class.names_for(request.user):
            del filterset.filters[name]
        if not filterset.is_valid():
            errors = [
                {"parameter": name, "code": "invalid_parameter", "detail": str(message)}
                for name, messages in filterset.errors.items()
                for message in messages
            ]
            raise BadRequest("invalid_parameter", _("A query parameter is not valid; see errors."), errors=errors)
        return filterset.qs


def check_parameters(request: Request, known: frozenset[str]) -> None:
    """Raises 400 for a parameter that is unknown here, sent twice, or holds a NUL."""
    for name, values in request.query_params.lists():
        if name not in known:
            raise BadParameter(
                name[:100].replace("\x00", "?"), _("This parameter is not known here."), code="unknown_parameter"
            )
        if len(values) > 1:
            raise BadParameter(name, _("This parameter may be sent once."), code="repeated_parameter")
        if "\x00" in values[0]:
            raise BadParameter(name, _("NUL characters are not allowed."), code="nul_character")
