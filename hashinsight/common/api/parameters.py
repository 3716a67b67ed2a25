"""Query parameters that are no filters of rows."""

from datetime import UTC, datetime

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from rest_framework.request import Request

from hashinsight.common.api.problems import BadParameter


def moment_parameter(request: Request, name: str) -> datetime | None:
    """A moment with its offset, in UTC; None when it is not there. Raises BadParameter."""
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not 1970 < moment.year < 9000:
        raise BadParameter(name, _("This is no moment like 2026-11-30T12:00:00Z."))
    return moment.astimezone(UTC)
