"""What stands where, whose it is, and at what price."""

from hosting.models.alert_rule import MinerAlertRule, MinerBreach, ShippedAlertRule
from hosting.models.contact import MinerContact
from hosting.models.edge import EdgeBatch, EdgeDevice, EdgeEnrolment, EdgeToken, QuarantinedReading
from hosting.models.edge_lease import EdgeLease, LeaseKey
from hosting.models.excused import ExcusedInterval
from hosting.models.health import PendingHealth
from hosting.models.meter import Meter, MeterChange, MeterReading
from hosting.models.miner import Miner, MinerOperation, MinerOwnership, MinerPlacement
from hosting.models.miner_import import MinerImport
from hosting.models.miner_model import MinerModel
from hosting.models.miner_secret import MinerSecret
from hosting.models.place import Rack, Site, SiteHoliday, Zone
from hosting.models.place_count import PlaceCount
from hosting.models.price_plan import PriceComponent, PricePlan, PricePlanVersion, PriceWindow
from hosting.models.repair import RepairOrder
from hosting.models.telemetry import (
    DayDue,
    MinerLatest,
    RollupDue,
    SeriesPartition,
    Telemetry,
    TelemetryDay,
    TelemetryFiveMinutes,
    UsageDue,
)
from hosting.models.terms import HostingTerms
from hosting.models.ticket import ServiceLevel, Ticket, TicketMiner
from hosting.models.usage import Demand15Min, DemandLedgerMonth, Usage15Min, UsageClock

__all__ = [
    "DayDue",
    "Demand15Min",
    "DemandLedgerMonth",
    "EdgeBatch",
    "EdgeDevice",
    "EdgeEnrolment",
    "EdgeLease",
    "EdgeToken",
    "ExcusedInterval",
    "HostingTerms",
    "LeaseKey",
    "Meter",
    "MeterChange",
    "MeterReading",
    "Miner",
    "MinerAlertRule",
    "MinerBreach",
    "MinerContact",
    "MinerImport",
    "MinerLatest",
    "MinerModel",
    "MinerOperation",
    "MinerOwnership",
    "MinerPlacement",
    "MinerSecret",
    "PendingHealth",
    "PlaceCount",
    "PriceComponent",
    "PricePlan",
    "PricePlanVersion",
    "PriceWindow",
    "QuarantinedReading",
    "Rack",
    "RepairOrder",
    "RollupDue",
    "SeriesPartition",
    "ServiceLevel",
    "ShippedAlertRule",
    "Site",
    "SiteHoliday",
    "Telemetry",
    "TelemetryDay",
    "TelemetryFiveMinutes",
    "Ticket",
    "TicketMiner",
    "Usage15Min",
    "UsageClock",
    "UsageDue",
    "Zone",
]
