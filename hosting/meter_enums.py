"""Kinds of meters, of their registers and of how their readings arrive."""

from django.db.models import IntegerChoices, TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class MeterScope(TextChoices):
    """What flows through a meter."""

    SITE = "site", _("the whole site, at its grid connection")
    ZONE = "zone", _("a zone")
    PDU = "pdu", _("a PDU or another part of a zone")


class MeterFeed(TextChoices):
    """Who brings the readings of a meter."""

    EDGE = "edge", _("an edge device")
    API = "api", _("a program of ours, by API key")
    FILE = "file", _("files (CSV)")


class MeterSource(IntegerChoices):
    """How one reading came; numbers, since millions of rows carry them."""

    EDGE = 1, _("edge device")
    API = 2, "API"
    FILE = 3, pgettext_lazy("source of a reading", "file")


class MeterChangeKind(TextChoices):
    """Why a register begins anew."""

    ROLL_OVER = "roll_over", _("the register rolled over")
    EXCHANGE = "exchange", _("the meter was exchanged")


class ModbusFunction(IntegerChoices):
    """How registers are read; the numbers are those of the protocol."""

    HOLDING = 3, _("holding registers (function 3)")
    INPUT = 4, _("input registers (function 4)")


class ModbusType(TextChoices):
    """What the registers of a figure hold."""

    UINT16 = "uint16", "uint16"
    INT16 = "int16", "int16"
    UINT32 = "uint32", "uint32"
    INT32 = "int32", "int32"
    FLOAT32 = "float32", "float32"
    UINT64 = "uint64", "uint64"


class WordOrder(TextChoices):
    """Which register of a figure of several comes first."""

    HIGH_FIRST = "high_first", _("high word first")
    LOW_FIRST = "low_first", _("low word first")


class LoadSource(TextChoices):
    """Where the load of a site comes from, the better first."""

    SITE_METER = "site_meter", _("the site's meter")
    ZONE_METERS = "zone_meters", _("the meters of all zones")
    MACHINES = "machines", _("the sum of the machines, by zones")
