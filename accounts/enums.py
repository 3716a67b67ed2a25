"""Words of the accounts app."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class StaffRole(TextChoices):
    """Names of the groups shipped for staff, most powerful first."""

    OWNER = "owner", _("owner")
    ADMIN = "admin", _("admin")
    FINANCE = "finance", _("finance")
    SALES = "sales", _("sales")
    OPERATIONS = "operations", _("operations")
    READ_ONLY = "read-only", _("read-only")


class LoginMethod(TextChoices):
    """How somebody tried to get in."""

    PASSWORD = "password", _("password")
    API_KEY = "api_key", _("API key")


class LoginOutcome(TextChoices):
    """What became of an attempt."""

    SUCCESS = "success", _("success")
    FAILED = "failed", _("failed")
    LOCKED_OUT = "locked_out", _("locked out")
    NO_ACCESS = "no_access", _("outside of the access period")


class SessionEnd(TextChoices):
    """Why a session was ended before it expired."""

    BY_PERSON = "by_person", _("by the person")
    BY_STAFF = "by_staff", _("by the back office")
    DEACTIVATED = "deactivated", _("user deactivated")
    ACCESS_ENDED = "access_ended", _("access ended")
    PASSWORD = "password", _("password changed")
    SECOND_FACTOR = "second_factor", _("second factor removed")


class WalletPurpose(TextChoices):
    """What a wallet address is for."""

    SIGN_IN = "sign_in", _("sign-in")
    PAYOUT = "payout", _("payout")


class WalletChain(TextChoices):
    """Chain an address belongs to."""

    BITCOIN = "bitcoin", _("Bitcoin")
    ETHEREUM = "ethereum", _("Ethereum")


# What an API key may be allowed to do: resource and verb. Reading never changes anything.
SCOPES = {
    "customers:read": _("Read own customer data"),
    "customers:write": _("Change contact data"),
    "accounting-exports:read": _("Fetch files for accounting (staff)"),
    "accounting-exports:write": _("Make files for accounting (staff)"),
    "approvals:read": _("Read requests for approval (staff)"),
    "approvals:write": _("Decide on requests of others, withdraw own ones (staff)"),
    "leads:read": _("Read leads (staff)"),
    "leads:write": _("Create and move leads (staff)"),
    "deals:read": _("Read deals"),
    "deals:write": _("Create and move deals (staff)"),
    "contracts:read": _("Read contracts"),
    "contracts:write": _("Write contracts, put them in force and end them (staff)"),
    "sites:read": _("Read sites"),
    "sites:write": _("Create, change, archive and delete sites (staff)"),
    "zones:read": _("Read zones"),
    "zones:write": _("Create, change, archive and delete zones (staff)"),
    "racks:read": _("Read racks (staff)"),
    "racks:write": _("Create, change and delete racks (staff)"),
    "price-plans:read": _("Read price plans"),
    "price-plans:write": _("Create price plans and publish versions of them (staff)"),
    "hosting-terms:read": _("Read hosting terms"),
    "hosting-terms:write": _("Write, agree, amend and end hosting terms (staff)"),
    "miner-models:read": _("Read models of machines"),
    "miners:read": _("Read machines"),
    "miners:write": _("Enter, place, assign, switch and retire machines (staff)"),
    "tickets:read": _("Read tickets"),
    "attachments:read": _("Fetch files of tickets"),
    "repair-orders:read": _("Read repair orders"),
    "tickets:write": _("Open tickets, write to them, close and reopen them"),
    "usage:read": _("Read usage by quarter-hours"),
    "demand:read": _("Read demand of zones by quarter-hours (staff)"),
    "meters:read": _("Read meters of sites (staff)"),
    "meters:write": _("Push readings of meters (staff)"),
    "meter-readings:read": _("Read readings of meters (staff)"),
    "curtailment-plans:read": _("Read curtailment plans"),
    "curtailment-events:read": _("Read what curtailments did"),
    "network-snapshots:read": _("Read price, difficulty and hashrate of the network"),
    "market-days:read": _("Read closes of days"),
    "indicators:read": _("Read technical indicators"),
    "difficulty-periods:read": _("Read difficulty by retarget"),
    "price-series:read": _("Read price series and their values"),
    "coins:read": _("Read coins"),
    "forecasts:read": _("Read forecasts and what they have been worth"),
    "calculator:read": _("Calculate what machines earn"),
    "break-even:read": _("Read at which price of energy machines still earn it"),
    "user-miners:read": _("Read own machines one reckons with"),
    "user-miners:write": _("Enter, change, maintain and delete machines one reckons with"),
    "schedules:read": _("Read schedules of machines one reckons with"),
    "schedules:write": _("Have days of machines one reckons with planned"),
    "portfolio:read": _("Read what one's machines earn"),
    "invoices:read": _("Read invoices and their PDFs"),
    "invoices:write": _("Create, issue and credit invoices (staff)"),
    "payments:read": _("Read payments"),
    "payments:write": _("Record payments (staff)"),
    "credits:read": _("Read deposits and other credits"),
    "credits:write": _("Record deposits, apply and refund credits (staff)"),
    "credit-applications:read": _("Read what credits were used for"),
    "credit-applications:write": _("Take credits off invoices again (staff)"),
    "refunds:read": _("Read refunds"),
    "refunds:write": _("Take refunds back (staff)"),
    "write-offs:read": _("Read claims given up (staff)"),
    "write-offs:write": _("Claim again what was given up (staff)"),
    "ageing:read": _("Read receivables by age"),
    "activities:read": _("Read activities"),
    "activities:write": _("Create activities"),
    "webhooks:read": _("Read webhooks"),
    "webhooks:write": _("Register, change and test webhooks"),
    "webhook-deliveries:read": _("Read what was sent to webhooks"),
    "webhook-deliveries:write": _("Send messages to webhooks again"),
    "api-keys:read": _("List API keys"),
    "api-keys:write": _("Create, rotate and revoke API keys"),
}

# Scopes that only staff may hold: a client's key can never carry one of them.
STAFF_SCOPES = frozenset(
    {
        "accounting-exports:read",
        "accounting-exports:write",
        "approvals:read",
        "approvals:write",
        "leads:read",
        "leads:write",
        "deals:write",
        "contracts:write",
        "sites:write",
        "zones:write",
        "racks:read",
        "racks:write",
        "price-plans:write",
        "hosting-terms:write",
        "miners:write",
        "demand:read",
        "meters:read",
        "meters:write",
        "meter-readings:read",
        "invoices:write",
        "payments:write",
        "credits:write",
        "credit-applications:write",
        "refunds:write",
        "write-offs:read",
        "write-offs:write",
    }
)
