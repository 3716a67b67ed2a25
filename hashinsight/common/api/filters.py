"""Query parameters: known ones filter, unknown ones are refused instead of being dropped in silence."""

from typing import Any, ClassVar

import django_filters
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema_field
from rest_framework.request import Request

from hashinsight.common.api.problems import BadParameter, BadRequest
from hashinsight.common.api.scope import is_client

LONGEST_SEARCH = 100


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


def choice(choices: Any, **more: Any) -> django_filters.ChoiceFilter:
    """One of the known words."""
    return django_filters.ChoiceFilter(choices=choices, **more)


def row(name: str) -> django_filters.UUIDFilter:
    """The id of a related row; one that the caller cannot see matches nothing, like one that does not exist."""
    return django_filters.UUIDFilter(field_name=f"{name}__public_id")


def day(field: str, lookup: str) -> django_filters.DateFilter:
    """A date from or to which (both included)."""
    return django_filters.DateFilter(field_name=field, lookup_expr=lookup)


def moment(field: str, lookup: str) -> django_filters.IsoDateTimeFilter:
    """A time from which (included) or before which."""
    return django_filters.IsoDateTimeFilter(field_name=field, lookup_expr=lookup)


@extend_schema_field({"type": "boolean"})
class FlagFilter(django_filters.ChoiceFilter):
    """``true`` or ``false``, and nothing else."""

    def __init__(self) -> None:
        super().__init__(choices=[("true", "true"), ("false", "false")])

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Rows with the flag set, or not."""
        return qs if not value else qs.filter(**{str(self.field_name): value == "true"})


class SearchFilter(django_filters.CharFilter):
    """Text anywhere in the named columns, any case."""

    def __init__(self, *columns: str) -> None:
        super().__init__(max_length=LONGEST_SEARCH)
        self.columns = columns

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Rows where one of the columns holds the text."""
        if not value:
            return qs
        wanted = Q()
        for column in self.columns:
            wanted |= Q(**{f"{column}__icontains": value})
        return qs.filter(wanted)
