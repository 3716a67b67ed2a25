"""Words of the intelligence app."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class ForecastKind(TextChoices):
    """What is forecast."""

    PRICE = "price", _("Bitcoin price")
    DIFFICULTY = "difficulty", _("difficulty")
    ENERGY = "energy", _("energy price")


class Verdict(TextChoices):
    """What forecasts of a kind have been worth so far, against "no change"."""

    SKILL = "skill", _("skill")
    NO_SKILL = "no_skill", _("no skill")
    UNKNOWN = "unknown", _("too few")


class UserMinerStatus(TextChoices):
    """Whether machines count in the portfolio of their user."""

    ACTIVE = "active", _("active")
    INACTIVE = "inactive", _("inactive")
    SOLD = "sold", _("sold")
