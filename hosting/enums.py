"""Kinds and states of the hosting business, and for each state field its table of moves."""

from django.db.models import IntegerChoices, TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class PlaceStatus(TextChoices):
    """Whether a site or a zone is in use."""

    ACTIVE = "active", pgettext_lazy("place", "active")
    INACTIVE = "inactive", pgettext_lazy("place", "inactive")


PLACE_MOVES = {
    PlaceStatus.ACTIVE: {PlaceStatus.INACTIVE},
    PlaceStatus.INACTIVE: {PlaceStatus.ACTIVE},
}


class ComponentKind(TextChoices):
    """What a component of a price plan charges for."""

    ENERGY = "energy", _("energy (per kWh)")
    DEMAND = "demand", _("highest demand (per kW and month)")
    CONTRACTED = "contracted", _("contracted power (per kW and month)")
    FIXED = "fixed", _("fixed (per month)")
    PASS_THROUGH = "pass_through", _("market price passed through (per kWh)")
    MINIMUM = "minimum", _("least amount per month")


class WindowDays(TextChoices):
    """Days on which a window of time applies. Holidays are those of the site."""

    ALL = "all", _("all days")
    WORKDAYS = "workdays", _("Monday to Friday, no holidays")
    WEEKDAYS = "weekdays", _("Monday to Friday, holidays too")
    FREE_DAYS = "free_days", _("Saturday, Sunday and holidays")
    SATURDAY = "saturday", _("Saturday")
    SUNDAY = "sunday", _("Sunday")


class HostingKind(TextChoices):
    """What we do for the customer."""

    HOSTED = "hosted", _("hosting of own machines")
    LEASE = "lease", _("lease of our machines")
    OM = "om", _("operation and maintenance")


class BillingBasis(TextChoices):
    """Where the kilowatt-hours of a customer come from."""

    METERED = "metered", _("measured at the customer's machines")
    PEAK_SHARE = "peak_share", _("share of the zone's meter")
    CONTRACTED = "contracted", _("contracted power")
    NAMEPLATE = "nameplate", _("nameplate of the machines")


class StalePolicy(TextChoices):
    """The safe state: what machines do while prices or dispatches are not to be trusted."""

    HOLD = "hold", _("stay as they are")
    RUN = "run", _("run")
    CURTAIL = "curtail", _("are curtailed")


class CurtailmentPart(TextChoices):
    """Whether a customer's machines, or one of them, may be curtailed."""

    INHERIT = "inherit", _("as the terms say")
    CURTAIL = "curtail", _("may be curtailed")
    PROTECTED = "protected", _("protected")


# Terms inherit from nothing.
TERMS_CURTAILMENT = [choice for choice in CurtailmentPart.choices if choice[0] != CurtailmentPart.INHERIT]


class Cooling(TextChoices):
    """How a machine is cooled."""

    AIR = "air", _("air")
    HYDRO = "hydro", _("water")
    IMMERSION = "immersion", _("immersion")


class MinerIntent(TextChoices):
    """What we want a machine to do."""

    ACTIVE = "active", pgettext_lazy("machine", "active")
    CURTAILED = "curtailed", _("curtailed")
    PAUSED = "paused", _("paused")
    MAINTENANCE = "maintenance", _("maintenance")
    RETIRED = "retired", _("retired")


INTENT_MOVES = {
    MinerIntent.ACTIVE: {
        MinerIntent.CURTAILED, MinerIntent.PAUSED, MinerIntent.MAINTENANCE, MinerIntent.RETIRED,
    },
    MinerIntent.CURTAILED: {MinerIntent.ACTIVE, MinerIntent.PAUSED, MinerIntent.MAINTENANCE, MinerIntent.RETIRED},
    MinerIntent.PAUSED: {MinerIntent.ACTIVE, MinerIntent.MAINTENANCE, MinerIntent.RETIRED},
    MinerIntent.MAINTENANCE: {MinerIntent.ACTIVE, MinerIntent.PAUSED, MinerIntent.RETIRED},
    MinerIntent.RETIRED: {MinerIntent.PAUSED},  # taken out of the storeroom again
}  # fmt: skip


class MinerHealth(TextChoices):
    """How a machine is, as far as it is seen."""

    OK = "ok", _("ok")
    DEGRADED = "degraded", _("degraded")
    OFFLINE = "offline", _("offline")
    STALE = "stale", _("stale")
    LOST = "lost", pgettext_lazy("machine", "lost")
    UNKNOWN = "unknown", _("unknown")


class MinerStatus(TextChoices):
    """The one word for lists and clients, derived from intent and health; nobody sets it."""

    ACTIVE = "active", pgettext_lazy("machine", "active")
    OFFLINE = "offline", _("offline")
    MAINTENANCE = "maintenance", _("maintenance")
    CURTAILED = "curtailed", _("curtailed")
    RETIRED = "retired", _("retired")


class Operation(TextChoices):
    """What was done to a machine."""

    REGISTER = "register", _("entered")
    PLACE = "place", _("placed")
    TAKE_OUT = "take_out", _("taken out")
    ASSIGN = "assign", _("given to a customer")
    INTENT = "intent", _("intent changed")
    RETIRE = "retire", _("retired")
    START = "start", _("started")
    SHUTDOWN = "shutdown", _("shut down")
    POWER_TARGET = "power_target", _("power target set")
    IDENTIFY = "identify", _("made to blink")
    APPROVE = "approve", _("approved")
    LOGIN = "login", _("login set, read or forgotten")
    CURTAILMENT = "curtailment", _("part in curtailment changed")


class TelemetryState(IntegerChoices):
    """What a machine said it was doing; numbers, since a billion rows carry them."""

    MINING = 1, _("mining")
    STARTING = 2, _("starting")
    PAUSED = 3, pgettext_lazy("machine", "asleep")
    IDLE = 4, _("idle")
    FAULT = 5, _("fault")
    UNREACHABLE = 6, _("unreachable")  # it was asked and gave no answer


class PowerSource(IntegerChoices):
    """Where a figure of power comes from; the greater the weaker, none where there is no figure."""

    NONE = 0, _("none")
    REPORTED = 1, _("measured by the machine")
    ESTIMATED = 2, _("estimated by the firmware")


class ReadingSource(IntegerChoices):
    """Who brought a reading."""

    COLLECTOR = 1, _("our collector")
    EDGE = 2, _("edge device")
    IMPORT = 3, pgettext_lazy("source of a reading", "import")


class ContactDifference(TextChoices):
    """What a machine says of itself otherwise than our data do."""

    SERIAL = "serial", _("another serial number")
    MAC = "mac", _("another MAC address")
    MODEL = "model", _("another model")


class ContactTrouble(TextChoices):
    """Why a machine that was asked gave no answer."""

    REFUSED = "refused", _("nobody listens there")
    UNREACHABLE = "unreachable", _("the address cannot be reached")
    TIMEOUT = "timeout", _("it does not answer in time")
    BROKEN = "broken", _("the connection ended in the middle")
    TOO_LONG = "too long", _("the answer is too long")
    LOGIN = "login", _("it asks for a login")
    GARBAGE = "garbage", _("the answer is none of a machine")
    FAULT = "fault", _("our reader failed")


class MinerAlertKind(TextChoices):
    """What an alert rule for machines watches, with its unit."""

    HASHRATE = "hashrate", _("hashrate below (% of what is expected)")
    CHIP = "chip", _("hottest chip above (°C)")
    BOARD = "board", _("hottest board above (°C)")
    FAN = "fan", _("slowest fan below (rpm)")
    RESTARTS = "restarts", _("restarts in an hour above")
    REJECTS = "rejects", _("rejected shares above (% of an hour's)")
    SILENT_ZONE = "silent_zone", _("nothing is heard from a zone")


class TicketKind(TextChoices):
    """What a ticket is about."""

    HARDWARE = "hardware", _("a machine")
    NETWORK = "network", _("network")
    POWER = "power", _("power")
    POOL = "pool", _("pool or settings")
    ACCESS = "access", _("access or remote hands")
    BILLING = "billing", _("an invoice")
    OTHER = "other", pgettext_lazy("ticket", "something else")


class TicketPriority(TextChoices):
    """How much it hurts."""

    LOW = "low", pgettext_lazy("priority", "low")
    MEDIUM = "medium", pgettext_lazy("priority", "medium")
    HIGH = "high", pgettext_lazy("priority", "high")
    URGENT = "urgent", pgettext_lazy("priority", "urgent")


class TicketStatus(TextChoices):
    """How far a ticket is."""

    OPEN = "open", pgettext_lazy("ticket", "open")
    ASSIGNED = "assigned", pgettext_lazy("ticket", "assigned")
    IN_PROGRESS = "in_progress", pgettext_lazy("ticket", "in progress")
    RESOLVED = "resolved", pgettext_lazy("ticket", "resolved")
    CLOSED = "closed", pgettext_lazy("ticket", "closed")


TICKET_MOVES = {
    TicketStatus.OPEN: {
        TicketStatus.ASSIGNED, TicketStatus.IN_PROGRESS, TicketStatus.RESOLVED, TicketStatus.CLOSED,
    },
    TicketStatus.ASSIGNED: {
        TicketStatus.OPEN, TicketStatus.IN_PROGRESS, TicketStatus.RESOLVED, TicketStatus.CLOSED,
    },
    TicketStatus.IN_PROGRESS: {
        TicketStatus.OPEN, TicketStatus.ASSIGNED, TicketStatus.RESOLVED, TicketStatus.CLOSED,
    },
    TicketStatus.RESOLVED: {TicketStatus.CLOSED, TicketStatus.OPEN, TicketStatus.ASSIGNED},
    TicketStatus.CLOSED: {TicketStatus.OPEN, TicketStatus.ASSIGNED},
}  # fmt: skip


class RepairKind(TextChoices):
    """Who repairs."""

    ON_SITE = "on_site", _("on site")
    RMA = "rma", _("sent in (RMA)")


class RepairStatus(TextChoices):
    """How far a repair is."""

    OPEN = "open", pgettext_lazy("repair", "open")
    SENT = "sent", pgettext_lazy("repair", "sent in")
    IN_REPAIR = "in_repair", pgettext_lazy("repair", "in repair")
    RETURNED = "returned", pgettext_lazy("repair", "returned")
    WRITTEN_OFF = "written_off", pgettext_lazy("repair", "written off")
    CANCELLED = "cancelled", pgettext_lazy("repair", "cancelled")


_REPAIR_ENDS = {RepairStatus.RETURNED, RepairStatus.WRITTEN_OFF, RepairStatus.CANCELLED}
REPAIR_MOVES = {
    RepairStatus.OPEN: {RepairStatus.SENT, RepairStatus.IN_REPAIR, *_REPAIR_ENDS},
    RepairStatus.SENT: {RepairStatus.IN_REPAIR, *_REPAIR_ENDS},
    RepairStatus.IN_REPAIR: {RepairStatus.SENT, *_REPAIR_ENDS},
    RepairStatus.RETURNED: set(),
    RepairStatus.WRITTEN_OFF: set(),
    RepairStatus.CANCELLED: set(),
}  # fmt: skip


class ImportState(TextChoices):
    """How far an import of machines has come."""

    UPLOADED = "uploaded", _("uploaded")
    CHECKED = "checked", _("checked")
    REFUSED = "refused", pgettext_lazy("file", "refused")
    CONFIRMED = "confirmed", _("being imported")
    DONE = "done", pgettext_lazy("file", "imported")
    FAILED = "failed", pgettext_lazy("file", "failed")


IMPORT_MOVES = {
    ImportState.UPLOADED: {ImportState.CHECKED, ImportState.REFUSED},
    ImportState.CHECKED: {ImportState.CONFIRMED},
    ImportState.REFUSED: set(),
    ImportState.CONFIRMED: {ImportState.DONE, ImportState.FAILED},
    ImportState.DONE: set(),
    ImportState.FAILED: set(),
}


class MissingRule(TextChoices):
    """What stands in for energy nobody measured; agreed with the price plan."""

    MARK_MISSING = "mark_missing", _("mark it as missing")
    CARRY_FORWARD = "carry_forward", _("as the last one measured before")
    INTERPOLATE = "interpolate", _("between the ones measured before and after")


class Quality(TextChoices):
    """How good a figure of a quarter-hour is."""

    MEASURED = "measured", _("measured")
    AGREED = "agreed", _("as agreed")
    ESTIMATED = "estimated", _("estimated")
    MISSING = "missing", pgettext_lazy("figure", "missing")


class EnergySource(TextChoices):
    """Where the energy of a quarter-hour comes from. More may come (meters): rows name theirs, nothing else does."""

    MACHINES = "machines", _("sum of the machines")
    FIRMWARE = "firmware", _("sum of the machines, some estimated by firmware")
    ZONE_SHARE = "zone_share", _("share of the zone")
    CONTRACT = "contract", _("contracted power")
    NAMEPLATE = "nameplate", _("nameplate")


class EdgeStatus(TextChoices):
    """Whether an edge device may report."""

    WAITING = "waiting", _("waits for its first call")
    ACTIVE = "active", pgettext_lazy("edge device", "active")
    REVOKED = "revoked", _("revoked")


EDGE_MOVES = {
    EdgeStatus.WAITING: {EdgeStatus.ACTIVE, EdgeStatus.REVOKED},
    EdgeStatus.ACTIVE: {EdgeStatus.REVOKED},
    EdgeStatus.REVOKED: set[EdgeStatus](),
}


class QuarantineReason(TextChoices):
    """Why a reading, or a figure of one, was not believed."""

    OUT_OF_RANGE = "out_of_range", _("beyond what a machine can report")
    NOT_FINITE = "not_finite", _("infinite")
    NOT_WHOLE = "not_whole", _("no whole number")
    NOT_A_NUMBER = "not_a_number", _("no number")
    UNKNOWN_CODE = "unknown_code", _("unknown word")
    NOT_ANSWERED = "not_answered", _("figure of a machine that gave no answer")
    NO_TIME = "no_time", _("no readable time")
    TOO_OLD = "too_old", _("too old")
    IN_FUTURE = "in_future", _("in the future")
    UNKNOWN_MACHINE = "unknown_machine", _("no machine that stood there then")
    NOT_A_READING = "not_a_reading", _("no reading")
    NEGATIVE = "negative", _("negative")
    UNKNOWN_METER = "unknown_meter", _("no meter that this device reads")
    NOT_IN_USE = "not_in_use", _("the meter was not in use then")
    DIFFERS = "differs", _("another figure is known for this moment")
    REGISTER_BACK = "register_back", _("the register ran backwards")
    REGISTER_JUMP = "register_jump", _("the register ran faster than the meter can")


class SecretMode(IntegerChoices):
    """Who can read a login of a machine; the numbers are those of the source documents."""

    MASKED = 1, _("masked: shown to whoever may see it")
    ENVELOPE = 2, _("used, and shown to nobody")
    SEALED = 3, _("sealed: only an edge device can read it")


class SecretPurpose(TextChoices):
    """Which door of a machine a login opens."""

    WEB = "web", _("web page and API")
    SSH = "ssh", _("SSH")
