"""The readings of a machine, a part of the machines' collection."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from hashinsight.common.api.parameters import moment_parameter
from hashinsight.common.api.problems import BadParameter
from hashinsight.common.api.schema import described
from hashinsight.common.api.views import BaseView, part
from hosting.api.series import TelemetrySerializer, row_body
from hosting.domain.series import PAGE, SERIES, miner_of_series, rows_between, starts_at

_MOMENT = {"type": "string", "format": "date-time"}
PARAMETERS = [
    OpenApiParameter(
        "resolution", {"type": "string", "enum": sorted(SERIES), "default": "5min"},
        description="Readings as they came (two days at most), five minutes (31 days) or days (400 days).",
    ),
    OpenApiParameter("starts_from", _MOMENT, description="Included; by default a usual span before the end."),
    OpenApiParameter("starts_before", _MOMENT, description="Not included; now by default."),
]  # fmt: skip


class TelemetryActions(BaseView):
    """Readings of one machine, of the time it was the caller's."""

    def known_parameters(self) -> frozenset[str]:
        """Resolution and span."""
        if getattr(self, "action", None) == "telemetry":
            return frozenset(parameter.name for parameter in PARAMETERS)
        return super().known_parameters()

    @described(parameters=PARAMETERS, responses={200: TelemetrySerializer})
    @part("telemetry")
    def telemetry(self, request: Request, id: Any) -> Response:
        """Readings, five minutes or days of a machine, oldest first.

        Clients see the time it was theirs, also of a machine that is somebody else's since.
        """
        miner = miner_of_series(id, user=request.user)
        if miner is None:
            raise Http404
        resolution = request.query_params.get("resolution", "5min")
        if resolution not in SERIES:
            raise BadParameter("resolution", _("Choose one of: %(names)s") % {"names": ", ".join(SERIES)})
        series = SERIES[resolution]
        past = moment_parameter(request, "starts_before") or timezone.now()
        first = moment_parameter(request, "starts_from") or past - series.usual
        if first >= past or past - first > series.longest:
            raise BadParameter(
                "starts_from",
                _("The span must be longer than nothing and no longer than %(days)s days.")
                % {"days": series.longest.days},
            )
        rows = rows_between(miner, resolution, first, past, user=request.user)
        following = None
        if len(rows) > PAGE:
            rows = rows[:PAGE]
            begin = starts_at(rows[-1]) + timedelta(microseconds=1)
            span = {"resolution": resolution, "starts_from": begin.isoformat(), "starts_before": past.isoformat()}
            following = request.build_absolute_uri(f"{request.path}?{urlencode(span)}")
        body = {"resolution": resolution, "next": following, "previous": None, "results": [row_body(r) for r in rows]}
        return Response(body)
