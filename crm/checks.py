"""System checks of the commercial truth."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import ProgrammingError, transaction

from crm.domain.memberships import differences
from crm.engine.en16931 import official


@register()
def check_einvoice_rules(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """The folder named for the official rules of e-invoices holds them, and they can be run."""
    wanted = settings.E_INVOICE_RULES
    if wanted in ("auto", "off"):
        return []
    hint = "Name a folder with one XSLT file for CII in E_INVOICE_RULES, or use auto or off."
    try:
        official.in_folder(Path(wanted))
    except official.RulesUnavailable as error:
        return [Error(f"E_INVOICE_RULES: {error}.", hint=hint, id="crm.E001")]
    if not official.is_installed():
        hint = "Install requirements/einvoice.txt, or set E_INVOICE_RULES to off."
        return [Error("E_INVOICE_RULES names rules that need saxonche to run.", hint=hint, id="crm.E002")]
    return []


@register(Tags.database)
def check_memberships(app_configs: Any = None, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Memberships and guardian grants say the same; access needs both, so a difference locks out, never in."""
    if not databases:
        return []
    try:
        with transaction.atomic():
            found = differences()
    except ProgrammingError:  # before the first migration
        return []
    return [
        Warning(text, hint="Grant the membership again, or revoke it, in the admin.", id="crm.W001") for text in found
    ]
