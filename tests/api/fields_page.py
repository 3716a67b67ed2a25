"""The tables of docs/api-fields.md as the code has them."""

from typing import Any

from accounts.api.serializers import ApiKeySerializer, NewApiKeySerializer
from accounts.api.views import ApiKeyViewSet
from crm.api import contracts, inputs, money, serializers, statements
from crm.api.views.activities import ActivityViewSet
from crm.api.views.contracts import ContractViewSet
from crm.api.views.customers import CustomerViewSet
from crm.api.views.deals import DealViewSet
from crm.api.views.exports import AccountingExportInput, AccountingExportViewSet
from crm.api.views.invoices import InvoiceViewSet
from crm.api.views.leads import LeadViewSet
from crm.api.views.me import MeSerializer, MeView
from crm.api.views.money import CreditApplicationViewSet, CreditViewSet, RefundViewSet, WriteOffViewSet
from crm.api.views.payments import PaymentViewSet
from crm.api.views.statements import AgeingViewSet
from crm.api.views.webhooks import WebhookDeliveryViewSet, WebhookViewSet
from crm.api.webhooks import NewWebhookSerializer, WebhookChange, WebhookDeliverySerializer, WebhookInput
from curtailment.api import serializers as curtailment
from curtailment.api.views import CurtailmentEventViewSet, CurtailmentPlanViewSet
from hashinsight.approvals.api.views import ApprovalSerializer, ApprovalViewSet
from hashinsight.common.api.fields import describing
from hosting.api import inputs as steel_in
from hosting.api import metering, meters, repairs, series
from hosting.api import serializers as steel
from hosting.api import tickets as ticket_api
from hosting.api.views.metering import DemandViewSet, UsageViewSet
from hosting.api.views.meters import MeterReadingViewSet, MeterViewSet
from hosting.api.views.miners import MinerModelViewSet, MinerViewSet
from hosting.api.views.places import RackViewSet, SiteViewSet, ZoneViewSet
from hosting.api.views.prices import HostingTermsViewSet, PricePlanViewSet
from hosting.api.views.repairs import RepairOrderViewSet
from hosting.api.views.tickets import AttachmentViewSet, TicketViewSet
from intelligence.api import break_even, schedules, user_miners
from intelligence.api import calculator_form as calculator
from intelligence.api import forecasts as forecast_api
from intelligence.api.calculator import CalculatorViewSet
from marketdata.api import serializers as market
from marketdata.api import views as market_views

Row = tuple[str, ...]
WAYS_IN = {"edge": "token of a device", "dispatches": "signature of a programme"}
ALL_CLIENTS = ("client viewer", "client admin")
# Collection: (view, what staff send on create and on change, what clients send and which of them may).
COLLECTIONS: dict[str, tuple[Any, Any, Any, dict[str, tuple[Any, tuple[str, ...]]]]] = {
    "customers": (
        CustomerViewSet,
        inputs.CustomerInput,
        inputs.CustomerChange,
        {"change": (inputs.ContactChange, ("client admin",))},
    ),
    "leads": (LeadViewSet, inputs.LeadInput, inputs.LeadChange, {}),
    "deals": (DealViewSet, inputs.DealInput, inputs.DealChange, {}),
    "invoices": (InvoiceViewSet, inputs.InvoiceInput, None, {}),
    "payments": (PaymentViewSet, inputs.PaymentInput, None, {}),
    "credits": (CreditViewSet, money.DepositInput, None, {}),
    "contracts": (ContractViewSet, contracts.ContractInput, contracts.ContractChange, {}),
    "sites": (SiteViewSet, steel_in.SiteInput, steel_in.SiteChange, {}),
    "zones": (ZoneViewSet, steel_in.ZoneInput, steel_in.ZoneChange, {}),
    "racks": (RackViewSet, steel_in.RackInput, steel_in.RackChange, {}),
    "price-plans": (PricePlanViewSet, steel_in.PricePlanInput, steel_in.PricePlanChange, {}),
    "hosting-terms": (HostingTermsViewSet, steel_in.TermsInput, steel_in.TermsChange, {}),
    "miners": (MinerViewSet, steel_in.MinerInput, steel_in.MinerChange, {}),
    "tickets": (
        TicketViewSet,
        ticket_api.TicketInput,
        ticket_api.TicketChange,
        {"create": (ticket_api.ClientTicketInput, ALL_CLIENTS)},
    ),
    "accounting-exports": (AccountingExportViewSet, AccountingExportInput, None, {}),
    "activities": (
        ActivityViewSet,
        inputs.ActivityInput,
        None,
        {"create": (inputs.ClientActivityInput, ALL_CLIENTS)},
    ),
    "user-miners": (
        user_miners.UserMinerViewSet,
        user_miners.UserMinerInput,
        user_miners.UserMinerChange,
        {
            "create": (user_miners.UserMinerInput, ALL_CLIENTS),
            "change": (user_miners.UserMinerChange, ALL_CLIENTS),
        },
    ),
    "schedules": (
        schedules.ScheduleViewSet,
        schedules.ScheduleInput,
        None,
        {"create": (schedules.ScheduleInput, ALL_CLIENTS)},
    ),
    "webhooks": (
        WebhookViewSet,
        WebhookInput,
        WebhookChange,
        {"create": (WebhookInput, ("client admin",)), "change": (WebhookChange, ("client admin",))},
    ),
}
MARKET_VIEWS = (
    market_views.NetworkSnapshotViewSet, market_views.MarketDayViewSet, market_views.IndicatorViewSet,
    market_views.DifficultyPeriodViewSet, market_views.PriceSeriesViewSet, market_views.CoinViewSet,
    forecast_api.ForecastViewSet,
)  # fmt: skip
ADMIN_ONLY = {
    ("customers", "partial_update"),
    ("webhook-deliveries", "redeliver"),
    *(("webhooks", verb) for verb in ("create", "partial_update", "rotate", "enable", "disable", "test")),
}
PARTS = {
    "lines of deals": serializers.DealLineSerializer,
    "lines of invoices": serializers.InvoiceLineSerializer,
    "versions of price-plans": steel.PriceVersionSerializer,
    "components of price-plans": steel.PriceComponentSerializer,
    "windows of price-plans": steel.PriceWindowSerializer,
    "miner-models": steel.MinerModelSerializer,
    "miners after a call for many": steel.MinersChangedSerializer,
    "attachments": ticket_api.AttachmentSerializer,
    "conversation of tickets": ticket_api.ConversationEntrySerializer,
    "repair-orders": repairs.RepairOrderSerializer,
    "usage": metering.UsageSerializer,
    "demand": metering.DemandSerializer,
    "meters": meters.MeterSerializer,
    "meter-readings": meters.MeterReadingSerializer,
    "curtailment-plans": curtailment.CurtailmentPlanSerializer,
    "curtailment-events": curtailment.CurtailmentEventSerializer,
    "machines of curtailment-events": curtailment.EventMachineSerializer,
    "telemetry of miners": series.TelemetrySerializer,
    "rows of telemetry": series.TelemetryRowSerializer,
    "network-snapshots": market.NetworkSnapshotSerializer,
    "market-days": market.MarketDaySerializer,
    "indicators": market.IndicatorSerializer,
    "difficulty-periods": market.DifficultyPeriodSerializer,
    "price-series": market.PriceSeriesSerializer,
    "values of price-series": market.PriceValuesSerializer,
    "rows of values": market.PriceValueSerializer,
    "coins": market.CoinSerializer,
    "profitability of coins": market.CoinProfitabilitySerializer,
    "forecasts": forecast_api.ForecastSerializer,
    "points of forecasts": forecast_api.ForecastPointSerializer,
    "scores of forecasts": forecast_api.ForecastScoreSerializer,
    "deliveries": serializers.DeliverySerializer,
    "credit-applications": money.CreditApplicationSerializer,
    "refunds": money.RefundSerializer,
    "write-offs": money.WriteOffSerializer,
    "statement of customers": statements.StatementSerializer,
    "lines of statements": statements.StatementLineSerializer,
    "ageing": statements.AgeingSerializer,
    "rows of ageing": statements.AgedCustomerSerializer,
    "calculator": calculator.CalculatorSerializer,
    "machines of calculator": calculator.MachinesUsedSerializer,
    "energy of calculator": calculator.EnergyUsedSerializer,
    "market of calculator": calculator.MarketUsedSerializer,
    "months of calculator": calculator.MonthSerializer,
    "sensitivity of calculator": calculator.SensitivitySerializer,
    "scenarios of calculator": calculator.ScenarioSerializer,
    "break-even": break_even.BreakEvenSerializer,
    "rows of break-even": break_even.BreakEvenRowSerializer,
    "steps of schedules": schedules.ScheduleStepSerializer,
    "portfolio": user_miners.PortfolioSerializer,
    "rows of portfolio": user_miners.PortfolioRowSerializer,
    "approvals": ApprovalSerializer,
    "api-keys": ApiKeySerializer,
    "api-keys just made": NewApiKeySerializer,
    "webhooks just made": NewWebhookSerializer,
    "webhook-deliveries": WebhookDeliverySerializer,
    "me": MeSerializer,
}
NO_CLIENTS = {
    "demand", "meters", "meter-readings", "miners after a call for many", "deliveries", "approvals", "write-offs",
}  # fmt: skip


def field_rows() -> dict[str, list[Row]]:
    """Per collection: field, client viewer, client admin, staff."""
    token = describing.set(True)
    try:
        tables = {name: _of_collection(*entry) for name, entry in COLLECTIONS.items()}
        for name, serializer in PARTS.items():
            hidden = set(serializer().fields) if name in NO_CLIENTS else _staff_fields(serializer)
            tables[name] = [
                (field, *(["–", "–"] if field in hidden else ["read", "read"]), "read") for field in serializer().fields
            ]
    finally:
        describing.reset(token)
    return tables


def _of_collection(view: Any, creating: Any, changing: Any, clients: dict[str, Any]) -> list[Row]:
    shown = list(view.serializer_class().fields)
    hidden = set(shown) if view.staff_only else _staff_fields(view.serializer_class)
    sent = {"create": set(creating().fields), "change": set(changing().fields) if changing else set()}
    names = shown + [name for name in creating().fields if name not in shown]
    rows = []
    for name in names:
        cells = []
        for who in ALL_CLIENTS:
            powers = ["read"] if name in shown and name not in hidden else []
            powers += [verb for verb, (form, allowed) in clients.items() if who in allowed and name in form().fields]
            cells.append(", ".join(powers) or "–")
        staff = (["read"] if name in shown else []) + [verb for verb, fields in sent.items() if name in fields]
        rows.append((name, *cells, ", ".join(staff)))
    return rows


def _staff_fields(serializer: Any) -> set[str]:
    return set(getattr(serializer.Meta, "staff_fields", ())) if hasattr(serializer, "Meta") else set()


def call_rows(spec: dict[str, Any]) -> list[Row]:
    """Call, what it takes, scope, client viewer, client admin, staff."""
    views = {
        **{name: entry[0] for name, entry in COLLECTIONS.items()},
        "api-keys": ApiKeyViewSet,
        "approvals": ApprovalViewSet,
        "credit-applications": CreditApplicationViewSet,
        "refunds": RefundViewSet,
        "write-offs": WriteOffViewSet,
        "ageing": AgeingViewSet,
        "calculator": CalculatorViewSet,
        "break-even": break_even.BreakEvenViewSet,
        "portfolio": user_miners.PortfolioViewSet,
        "miner-models": MinerModelViewSet,
        "attachments": AttachmentViewSet,
        "repair-orders": RepairOrderViewSet,
        "usage": UsageViewSet,
        "demand": DemandViewSet,
        "meters": MeterViewSet,
        "meter-readings": MeterReadingViewSet,
        "curtailment-plans": CurtailmentPlanViewSet,
        "curtailment-events": CurtailmentEventViewSet,
        **{str(view.resource): view for view in MARKET_VIEWS},
        "webhook-deliveries": WebhookDeliveryViewSet,
    }
    rows: list[Row] = [("GET /me/", "", "any", "yes", "yes", "yes")]
    assert MeView.client_actions == {"get"}
    for path, methods in spec["paths"].items():
        name = path.split("/")[3]
        if name == "me":
            continue
        if name in WAYS_IN:
            rows += [_door_row(path, method, operation, spec) for method, operation in methods.items()]
            continue
        view = views[name]
        for method, operation in methods.items():
            action = operation["operationId"].removeprefix(name.replace("-", "_") + "_")
            clients = [
                "yes" if action in view.client_actions and not (who == "client viewer" and (name, action) in ADMIN_ONLY)
                else "–"
                for who in ALL_CLIENTS
            ]  # fmt: skip
            power = view.staff_permissions.get(action, "–")
            scope = f"{name}:{'read' if method == 'get' else 'write'}"
            call = f"{method.upper()} {path.removeprefix('/api/v1')}"
            rows.append((call, _takes(operation, spec), scope, *clients, power or "yes"))
    return rows


def _door_row(path: str, method: str, operation: dict[str, Any], spec: dict[str, Any]) -> Row:
    """Opened by something else than the key of a person; an edge device by a code where no security is said."""
    way_in = WAYS_IN[path.split("/")[3]] if operation["security"] else "code of a device"
    return (f"{method.upper()} {path.removeprefix('/api/v1')}", _takes(operation, spec), way_in, "–", "–", "–")


def _takes(operation: dict[str, Any], spec: dict[str, Any]) -> str:
    if "requestBody" not in operation:
        return ""
    name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    return ", ".join(spec["components"]["schemas"][name].get("properties", {}))


def rendered(heads: Row, rows: list[Row]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += [
        "| " + " | ".join(f"`{cell}`" if cell and n == 0 else cell for n, cell in enumerate(row)) + " |" for row in rows
    ]
    return "\n".join(lines)


def parsed(text: str) -> dict[str, list[Row]]:
    """The tables of a page by their headings."""
    tables: dict[str, list[Row]] = {}
    heading = ""
    for line in text.splitlines():
        if line.startswith("## "):
            heading = line[3:].strip()
        elif line.startswith("| ") and heading:
            cells = tuple(cell.strip().strip("`") for cell in line.strip().strip("|").split("|"))
            tables.setdefault(heading, []).append(cells)
    return {name: rows[1:] for name, rows in tables.items()}
