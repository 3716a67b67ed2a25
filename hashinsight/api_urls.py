"""Routes of the REST API, version 1."""

from django.urls import path, re_path
from rest_framework.routers import SimpleRouter

from accounts.api.views import ApiKeyViewSet
from crm.api.views.activities import ActivityViewSet
from crm.api.views.contracts import ContractViewSet
from crm.api.views.customers import CustomerViewSet
from crm.api.views.deals import DealViewSet
from crm.api.views.exports import AccountingExportViewSet
from crm.api.views.invoices import InvoiceViewSet
from crm.api.views.leads import LeadViewSet
from crm.api.views.me import MeView
from crm.api.views.money import CreditApplicationViewSet, CreditViewSet, RefundViewSet, WriteOffViewSet
from crm.api.views.payments import PaymentViewSet
from crm.api.views.statements import AgeingViewSet
from crm.api.views.webhooks import WebhookDeliveryViewSet, WebhookViewSet
from curtailment.api.dispatch_door import DispatchView
from curtailment.api.views import CurtailmentEventViewSet, CurtailmentPlanViewSet
from hashinsight.approvals.api.views import ApprovalViewSet
from hashinsight.common.api.document import DocsView, SchemaView
from hashinsight.common.api.views import NoSuchRoute
from hosting.api.views.edge import BatchesView, EnrolView, MachinesView, RotateView
from hosting.api.views.edge_lease import LeaseView
from hosting.api.views.metering import DemandViewSet, UsageViewSet
from hosting.api.views.meters import EdgeMeterReadingsView, EdgeMetersView, MeterReadingViewSet, MeterViewSet
from hosting.api.views.miners import MinerModelViewSet, MinerViewSet
from hosting.api.views.places import RackViewSet, SiteViewSet, ZoneViewSet
from hosting.api.views.prices import HostingTermsViewSet, PricePlanViewSet
from hosting.api.views.repairs import RepairOrderViewSet
from hosting.api.views.tickets import AttachmentViewSet, TicketViewSet
from intelligence.api.break_even import BreakEvenViewSet
from intelligence.api.calculator import CalculatorViewSet
from intelligence.api.forecasts import ForecastViewSet
from intelligence.api.schedules import ScheduleViewSet
from intelligence.api.user_miners import PortfolioViewSet, UserMinerViewSet
from marketdata.api.views import (
    CoinViewSet,
    DifficultyPeriodViewSet,
    IndicatorViewSet,
    MarketDayViewSet,
    NetworkSnapshotViewSet,
    PriceSeriesViewSet,
)

COLLECTIONS = (
    CustomerViewSet,
    LeadViewSet,
    DealViewSet,
    ContractViewSet,
    InvoiceViewSet,
    PaymentViewSet,
    CreditViewSet,
    CreditApplicationViewSet,
    RefundViewSet,
    WriteOffViewSet,
    SiteViewSet,
    ZoneViewSet,
    RackViewSet,
    PricePlanViewSet,
    HostingTermsViewSet,
    MinerModelViewSet,
    MinerViewSet,
    TicketViewSet,
    AttachmentViewSet,
    RepairOrderViewSet,
    UsageViewSet,
    DemandViewSet,
    MeterViewSet,
    MeterReadingViewSet,
    CurtailmentPlanViewSet,
    CurtailmentEventViewSet,
    NetworkSnapshotViewSet,
    MarketDayViewSet,
    IndicatorViewSet,
    DifficultyPeriodViewSet,
    PriceSeriesViewSet,
    CoinViewSet,
    ForecastViewSet,
    UserMinerViewSet,
    ScheduleViewSet,
    ActivityViewSet,
    AccountingExportViewSet,
    ApprovalViewSet,
    ApiKeyViewSet,
    WebhookViewSet,
    WebhookDeliveryViewSet,
)
router = SimpleRouter(use_regex_path=False)
for collection in COLLECTIONS:
    router.register(collection.route, collection, basename=f"api-{collection.route}")

urlpatterns = [
    path("me/", MeView.as_view(), name="api-me"),
    path("ageing/", AgeingViewSet.as_view({"get": "read"}), name="api-ageing"),
    path("ageing/pdf/", AgeingViewSet.as_view({"get": "pdf"}), name="api-ageing-pdf"),
    path("ageing/csv/", AgeingViewSet.as_view({"get": "csv"}), name="api-ageing-csv"),
    path("calculator/", CalculatorViewSet.as_view({"get": "read"}), name="api-calculator"),
    path("break-even/", BreakEvenViewSet.as_view({"get": "read"}), name="api-break-even"),
    path("portfolio/", PortfolioViewSet.as_view({"get": "read"}), name="api-portfolio"),
    path("schema/", SchemaView.as_view(), name="api-schema"),
    path("docs/", DocsView.as_view(), name="api-docs"),
    path("edge/enrol/", EnrolView.as_view(), name="api-edge-enrol"),
    path("edge/rotate/", RotateView.as_view(), name="api-edge-rotate"),
    path("edge/machines/", MachinesView.as_view(), name="api-edge-machines"),
    path("edge/batches/", BatchesView.as_view(), name="api-edge-batches"),
    path("edge/meters/", EdgeMetersView.as_view(), name="api-edge-meters"),
    path("edge/meter-readings/", EdgeMeterReadingsView.as_view(), name="api-edge-meter-readings"),
    path("edge/lease/", LeaseView.as_view(), name="api-edge-lease"),
    path("dispatches/<uuid:id>/", DispatchView.as_view(), name="api-dispatches"),
    *router.urls,
    re_path(r"", NoSuchRoute.as_view(), name="api-no-such-route"),
]
