"""Price plans and hosting terms: clients see what they agreed on; staff write it."""

import hashlib
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request

from hashinsight.common.api import etags
from hashinsight.common.api.fields import NoInput
from hashinsight.common.api.problems import BadRequest
from hashinsight.common.api.schema import described
from hashinsight.common.api.views import Answer, Effect, ResourceViewSet, verb
from hosting.api.filters import HostingTermsFilter, PricePlanFilter
from hosting.api.inputs import (
    AmendmentInput,
    PricePlanChange,
    PricePlanInput,
    PublishInput,
    TermsChange,
    TermsEndInput,
    TermsInput,
    VersionInput,
)
from hosting.api.serializers import HostingTermsSerializer, PricePlanSerializer, PricePlanSummarySerializer
from hosting.domain import prices, terms
from hosting.engine.tariff import Window
from hosting.models import HostingTerms, PriceComponent, PricePlan, PricePlanVersion, PriceWindow


class PricePlanViewSet(ResourceViewSet):
    """Price plans. Clients see those of their own terms, and of these what is published."""

    resource = route = "price-plans"
    serializer_class = PricePlanSerializer
    list_serializer_class = PricePlanSummarySerializer
    filterset_class = PricePlanFilter
    ordering_fields = ("created_at", "name")
    client_actions = frozenset({"list", "retrieve"})
    staff_permissions = {
        "list": "hosting.view_priceplan",
        "retrieve": "hosting.view_priceplan",
        "create": "hosting.add_priceplan",
        "partial_update": "hosting.change_priceplan",
        "versions": "hosting.publish_priceplan",
        "publish": "hosting.publish_priceplan",
    }
    queryset = PricePlan.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[PricePlan]:
        """Those of own terms; for staff all."""
        rows: QuerySet[PricePlan] = PricePlan.objects.visible_to(user).select_related("zone")
        return rows

    @classmethod
    def detail_rows_for(cls, user: Any) -> QuerySet[PricePlan]:
        """With versions, components and windows, each as far as the caller may see it."""
        windows = Prefetch("windows", PriceWindow.objects.visible_to(user))
        components = Prefetch("components", PriceComponent.objects.visible_to(user).prefetch_related(windows))
        versions = PricePlanVersion.objects.visible_to(user).prefetch_related(components).order_by("-number")
        return cls.rows_for(user).prefetch_related(Prefetch("versions", versions))

    def state_of(self, instance: Any) -> str:
        """Its versions are part of its state, and so are the components of drafts."""
        parts = sorted(
            f"{version.pk}.{version.version}:" + ",".join(_mark(component) for component in version.components.all())
            for version in instance.versions.all()
        )
        return etags.state_of(instance, hashlib.sha256(";".join(parts).encode()).hexdigest())

    @described(request=PricePlanInput, responses={201: PricePlanSerializer})
    def create(self, request: Request) -> Effect:
        """Add a plan (staff), still without a version."""
        data = self.read_input(PricePlanInput)
        return Effect(
            call=lambda: prices.create_plan(at=timezone.now(), **data),
            answer=lambda made: self.shown_again(made, status=201),
        )

    @described(request=PricePlanChange, responses={200: PricePlanSerializer})
    def partial_update(self, request: Request, id: Any) -> Effect:
        """Change name, description or use of a plan (staff). What it charges is changed by a new version."""
        plan = self.get_row()
        changes = self.read_input(PricePlanChange, partial=True)
        return Effect(call=lambda: prices.change_plan(plan, changes=changes), answer=self.shown_again, target=plan)

    @described(request=VersionInput, responses={201: PricePlanSerializer})
    @verb
    def versions(self, request: Request, id: Any) -> Effect:
        """Draft the next version of a plan (staff); it holds once it is published."""
        plan = self.get_row()
        data = self.read_input(VersionInput)
        sent = data.get("components")
        components = None if sent is None else [_component(one, place) for place, one in enumerate(sent, 1)]
        return Effect(
            call=lambda: prices.draft_version(
                plan, valid_from=data["valid_from"], note=data.get("what_changed", ""), at=timezone.now(),
                components=components,
            ),
            answer=lambda _made: self.shown_again(plan, status=201),
            target=plan,
        )  # fmt: skip

    @described(request=PublishInput, responses={200: PricePlanSerializer})
    @verb
    def publish(self, request: Request, id: Any) -> Effect:
        """Publish a draft of the plan (staff): from then on it never changes, and the version before it ends."""
        plan = self.get_row()
        wanted = self.read_input(PublishInput)["version"]
        version = plan.versions.filter(public_id=wanted).first()
        if version is None:
            detail = _("There is no such object.")
            raise BadRequest(
                "invalid", detail, errors=[{"pointer": "#/version", "code": "not_found", "detail": detail}]
            )
        return Effect(
            call=lambda: prices.publish_version(version, at=timezone.now()),
            answer=lambda _made: self.shown_again(plan),
            target=plan,
        )


def _mark(component: PriceComponent) -> str:
    windows = sorted(window.pk for window in component.windows.all())
    return f"{component.pk}.{component.version}.{windows}"


def _component(sent: dict[str, Any], position: int) -> tuple[PriceComponent, tuple[Window, ...]]:
    columns = {name: value for name, value in sent.items() if name != "windows"}
    return (
        PriceComponent(position=position, **columns),
        tuple(Window(**window) for window in sent.get("windows", ())),
    )


class HostingTermsViewSet(ResourceViewSet):
    """Hosting terms of contracts. Clients see those that were agreed, with what they said before an amendment."""

    resource = route = "hosting-terms"
    serializer_class = HostingTermsSerializer
    filterset_class = HostingTermsFilter
    client_actions = frozenset({"list", "retrieve"})
    staff_permissions = {
        "list": "hosting.view_hostingterms",
        "retrieve": "hosting.view_hostingterms",
        "create": "hosting.add_hostingterms",
        "partial_update": "hosting.change_hostingterms",
        "agree": "hosting.agree_hostingterms",
        "amend": "hosting.agree_hostingterms",
        "end": "hosting.agree_hostingterms",
    }
    queryset = HostingTerms.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[HostingTerms]:
        """Own agreed terms; for staff all."""
        rows: QuerySet[HostingTerms] = HostingTerms.objects.visible_to(user)
        return rows.select_related("contract__customer", "site", "zone", "price_plan", "amends")

    @described(request=TermsInput, responses={201: HostingTermsSerializer})
    def create(self, request: Request) -> Effect:
        """Draft terms of a contract (staff)."""
        data = self.read_input(TermsInput)
        return Effect(
            call=lambda: terms.draft_terms(at=timezone.now(), **data),
            answer=lambda made: self.shown_again(made, status=201),
        )

    @described(request=TermsChange, responses={200: HostingTermsSerializer})
    def partial_update(self, request: Request, id: Any) -> Effect:
        """Change a draft (staff); agreed terms are amended instead."""
        row = self.get_row()
        changes = self.read_input(TermsChange, partial=True)
        return Effect(call=lambda: terms.change_draft(row, changes=changes), answer=self.shown_again, target=row)

    @described(request=NoInput, responses={200: HostingTermsSerializer})
    @verb
    def agree(self, request: Request, id: Any) -> Effect:
        """Put a draft in force (staff); from then on only its end may change.

        409 `cap_reached` where more of the customer's power stands there than the cap allows.
        """
        row = self.get_row()
        self.read_input(NoInput)
        return Effect(
            call=lambda: terms.agree_terms(row, by=request.user, at=timezone.now()),
            answer=self.shown_again,
            target=row,
        )

    @described(request=AmendmentInput, responses={201: HostingTermsSerializer})
    @verb
    def amend(self, request: Request, id: Any) -> Effect:
        """End agreed terms on a day and begin new ones on it (staff); answers the new ones.

        409 `cap_reached` where the cap is lowered at once below what stands there.
        """
        row = self.get_row()
        data = self.read_input(AmendmentInput)
        on, why = data.pop("on"), data.pop("reason")
        return Effect(
            call=lambda: terms.amend_terms(row, on=on, changes=data, reason=why, by=request.user, at=timezone.now()),
            answer=self._amended,
            target=row,
        )

    def _amended(self, made: HostingTerms) -> Answer:
        return self.shown_again(made, status=201)

    @described(request=TermsEndInput, responses={200: HostingTermsSerializer})
    @verb
    def end(self, request: Request, id: Any) -> Effect:
        """End agreed terms on a day (staff)."""
        row = self.get_row()
        data = self.read_input(TermsEndInput)
        return Effect(call=lambda: terms.end_terms(row, by=request.user, **data), answer=self.shown_again, target=row)
