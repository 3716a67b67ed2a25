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
    "leads:read": _("Read leads (staff)"),
    "leads:write": _("Create and move leads (staff)"),
    "deals:read": _("Read deals"),
    "deals:write": _("Create and move deals (staff)"),
    "invoices:read": _("Read invoices and their PDFs"),
    "invoices:write": _("Create, issue and credit invoices (staff)"),
    "payments:read": _("Read payments"),
    "payments:write": _("Record payments (staff)"),
    "activities:read": _("Read activities"),
    "activities:write": _("Create activities"),
    "api-keys:read": _("List API keys"),
    "api-keys:write": _("Create, rotate and revoke API keys"),
}

# Scopes that only staff may hold: a client's key can never carry one of them.
STAFF_SCOPES = frozenset({"leads:read", "leads:write", "deals:write", "invoices:write", "payments:write"})
