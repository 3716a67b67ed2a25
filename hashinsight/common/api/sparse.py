"""``fields=id,number``: only the named fields of each object, on every collection and detail."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer

from hashinsight.common.api.problems import BadParameter

PARAMETER = "fields"


def choose(serializer: BaseSerializer[Any], request: Request) -> BaseSerializer[Any]:
    """Leave out what was not asked for, before anything is rendered. Raises 400 for a name not known to this caller.

    A field for staff is unknown to a client like any other word.
    """
    text = request.query_params.get(PARAMETER)
    if text is None:
        return serializer
    one: Any = getattr(serializer, "child", serializer)
    fields: dict[str, Any] = one.fields
    wanted = set(text.split(","))
    unknown = sorted(wanted - set(fields))
    if unknown:
        shown = ", ".join(name[:50] or _("(empty)") for name in unknown[:5])
        raise BadParameter(PARAMETER, _("These fields are not known here: %(names)s.") % {"names": shown})
    for name in set(fields) - wanted:
        fields.pop(name)
    return serializer


def parameter(names: list[str]) -> dict[str, Any]:
    """For the OpenAPI file."""
    return {
        "name": PARAMETER,
        "in": "query",
        "description": "Answer these fields only, separated by commas; then the others are missing. All without it.",
        "style": "form",
        "explode": False,
        "schema": {"type": "array", "items": {"type": "string", "enum": names}, "minItems": 1, "uniqueItems": True},
    }
