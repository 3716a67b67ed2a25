"""Plans and events of curtailment: read by everybody whose machines they are about, changed in the back office."""

import hashlib
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from crm.domain.queries import default_legal_entity
from curtailment.api.serializers import (
    CurtailmentEventFilter,
    CurtailmentEventSerializer,
    CurtailmentPlanFilter,
    CurtailmentPlanSerializer,
    EventMachineSerializer,
    EventMachinesSerializer,
)
from curtailment.documents.event_report import Report, file_name, machines_csv, named, render_report
from curtailment.domain.measurement.reports import of_one_reckoning
from curtailment.enums import MachineResult
from curtailment.models import CurtailmentPlan, CurtailmentPlanMiner, EventMachine, EventShare
from hashinsight.common.api.problems import BadParameter, Problem
from hashinsight.common.api.responses import file_response
from hashinsight.common.api.schema import described
from hashinsight.common.api.scope import is_client
from hashinsight.common.api.views import Outside, ResourceViewSet, part
from hosting.models import Miner, Site

PAGE = 1000
_AFTER = OpenApiParameter("after", OpenApiTypes.UUID, description="The last row of the page before.")
_OFF = (MachineResult.OFF, MachineResult.RESUMING)


def _site_of(user: Any) -> Subquery:
    """Asked aside: a client may see the row and not the site any more."""
    return Subquery(Site.objects.visible_to(user).filter(pk=OuterRef("site_id")).values("public_id"))


class CurtailmentPlanViewSet(ResourceViewSet):
    """Curtailment plans. Clients see approved ones that name machines of theirs."""

    resource = route = "curtailment-plans"
    serializer_class = CurtailmentPlanSerializer
    filterset_class = CurtailmentPlanFilter
    ordering_fields = ("starts_at", "created_at")
    default_ordering = "-starts_at"
    client_actions = frozenset({"list", "retrieve"})
    staff_permissions = {"list": "curtailment.view_curtailmentplan", "retrieve": "curtailment.view_curtailmentplan"}
    queryset = CurtailmentPlan.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[CurtailmentPlan]:
        """Own ones; for staff all. Machines are counted as far as the caller may see them."""
        mine = CurtailmentPlanMiner.objects.visible_to(user)
        rows: QuerySet[CurtailmentPlan] = CurtailmentPlan.objects.visible_to(user)

        def count(which: Q) -> Coalesce:
            counted = mine.filter(which, plan_id=OuterRef("pk")).order_by().values("plan_id")
            return Coalesce(Subquery(counted.annotate(n=Count("pk")).values("n")), 0)

        reserve = Q(result=MachineResult.RESERVE)
        return rows.annotate(
            shown_site=_site_of(user), machines=count(~reserve), machines_in_reserve=count(reserve),
            machines_off=count(Q(result__in=_OFF)), machines_lowered=count(Q(result=MachineResult.LOWERED)),
        )  # fmt: skip


class CurtailmentEventViewSet(ResourceViewSet):
    """What curtailments did: a row for each owner of machines. Clients see own ones, also while they run."""

    resource = route = "curtailment-events"
    serializer_class = CurtailmentEventSerializer
    filterset_class = CurtailmentEventFilter
    ordering_fields = ("started_at", "created_at")
    default_ordering = "-started_at"
    client_actions = frozenset({"list", "retrieve", "machines", "pdf", "csv"})
    staff_permissions = {
        "list": "curtailment.view_curtailmentevent", "retrieve": "curtailment.view_curtailmentevent",
        "machines": "curtailment.view_curtailmentevent", "pdf": "curtailment.view_curtailmentevent",
        "csv": "curtailment.view_curtailmentevent",
    }  # fmt: skip
    queryset = EventShare.objects.none()
    get_row: Callable[[], EventShare]

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[EventShare]:
        """Own shares; for staff all, with what is the house's."""
        rows: QuerySet[EventShare] = EventShare.objects.visible_to(user)
        rows = rows.select_related("customer").annotate(shown_site=_site_of(user))
        if is_client(user):
            return rows
        return rows.annotate(
            shown_event=F("event__public_id"),
            shown_number=F("event__number"),
            shown_currency=F("event__currency"),
            shown_metered_kwh=F("event__metered_kwh"),
            shown_meter_source=F("event__meter_source"),
        )

    def known_parameters(self) -> frozenset[str]:
        """Where a page of machines begins."""
        if getattr(self, "action", None) == "machines":
            return frozenset({"after"})
        return super().known_parameters()

    @described(parameters=[_AFTER], responses={200: EventMachinesSerializer})
    @part("machines")
    def machines(self, request: Request, id: Any) -> Response:
        """The machines of an event, a thousand at a time: told, off, back, and what that came to."""
        rows = self._machines(self.get_row())
        after = request.query_params.get("after")
        if after is not None:
            last = rows.filter(public_id=_uuid(after)).values_list("pk", flat=True).first()
            if last is None:
                raise BadParameter("after", _("There is no such row."))
            rows = rows.filter(pk__gt=last)
        page = list(rows[: PAGE + 1])
        following = None
        if len(page) > PAGE:
            page = page[:PAGE]
            following = request.build_absolute_uri(f"{request.path}?{urlencode({'after': page[-1].public_id})}")
        shown = EventMachineSerializer(page, many=True, context={"request": request}).data
        return Response({"next": following, "previous": None, "results": shown})

    @described(responses={(200, "application/pdf"): OpenApiResponse(bytes, description="The report as PDF/A-3b.")})
    @part("pdf")
    def pdf(self, request: Request, id: Any) -> Outside:
        """The report of an event for one owner as PDF/A-3b, in the owner's language, with the reason in words."""
        share, machines, language = self._loaded()

        def finish() -> HttpResponse:
            seller = (share.customer.legal_entity if share.customer else None) or default_legal_entity()
            if seller is None:
                raise Problem(409, "no_legal_entity", _("There is no legal entity yet that could write this."))
            report = Report(
                share, share.site, share.reason, share.get_cause_display(), named(machines), language, share
            )
            return _file("application/pdf", f"{file_name(report)}.pdf", render_report(report, seller))

        return Outside(finish)

    @described(responses={(200, "text/csv"): OpenApiResponse(bytes, description="One line for each machine.")})
    @part("csv")
    def csv(self, request: Request, id: Any) -> Outside:
        """The machines of an event as a table for spreadsheets (CSV, UTF-8)."""
        share, machines, language = self._loaded()
        name = f"curtailment-{share.started_at:%Y-%m-%d-%H%M}.csv"
        return Outside(lambda: _file("text/csv", name, machines_csv(named(machines), language=language)))

    def _loaded(self) -> tuple[EventShare, list[EventMachine], str]:
        """What the caller may see, all of one reckoning, and the language it reads."""

        def load() -> tuple[EventShare, list[EventMachine]]:
            share = self.get_row()
            return share, list(self._machines(share))

        share, machines = of_one_reckoning(load)
        language = share.customer.language if share.customer else (get_language() or "en").split("-")[0]
        return share, machines, language

    def _machines(self, share: EventShare) -> QuerySet[EventMachine]:
        user = self.request.user
        miners = Miner.objects.visible_to(user).filter(pk=OuterRef("miner_id"))
        rows: QuerySet[EventMachine] = EventMachine.objects.visible_to(user)
        return rows.filter(share=share).annotate(shown_miner=Subquery(miners.values("public_id"))).order_by("pk")


def _file(media_type: str, name: str, content: bytes) -> HttpResponse:
    return file_response(content, media_type=media_type, name=name, sha256=hashlib.sha256(content).hexdigest())


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadParameter("after", _("There is no such row.")) from None
