"""Fields and validators several crm models share."""

from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from hashinsight.common.money import country_validator


def validate_time_zone(value: str) -> None:
    """An IANA name such as ``Europe/Berlin``."""
    if value not in available_timezones():
        raise ValidationError(_("%(value)s is no time zone name (for example Europe/Berlin)."), params={"value": value})


def has_control_characters(value: str) -> bool:
    """Whether a text holds control characters other than line breaks and tabs."""
    return any((ord(character) < 32 and character not in "\n\r\t") or ord(character) == 127 for character in value)


def validate_printable(value: str) -> None:
    """No control characters: they break e-mail headers, PDFs and exports (line breaks and tabs are fine)."""
    if has_control_characters(value):
        raise ValidationError(_("Control characters are not allowed."))


class NameField(models.CharField):
    """One line of text a person reads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 200)
        super().__init__(*args, **kwargs)

    default_validators = [validate_printable]


class TimeZoneField(models.CharField):
    """IANA time zone name; dates of the row's owner are reckoned in it."""

    default_validators = [validate_time_zone]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 64)
        kwargs.setdefault("default", "UTC")
        super().__init__(*args, **kwargs)


class LanguageField(models.CharField):
    """Language of documents and e-mails."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 8)
        kwargs.setdefault("default", "en")
        kwargs.setdefault("choices", settings.LANGUAGES)
        super().__init__(*args, **kwargs)


class PostalAddress(models.Model):
    """Where somebody is, in the parts that e-invoices want apart."""

    street = NameField(_("street"), blank=True, default="")
    postal_code = NameField(_("postal code"), max_length=20, blank=True, default="")
    city = NameField(_("city"), max_length=100, blank=True, default="")
    region = NameField(_("state or region"), max_length=100, blank=True, default="")
    country = models.CharField(
        _("country"),
        max_length=2,
        blank=True,
        default="",
        validators=[country_validator],
        help_text=_("Two-letter code (ISO 3166), for example DE."),
    )

    class Meta:
        abstract = True

    @property
    def address_lines(self) -> list[str]:
        """The address as lines, without the country."""
        place = " ".join(part for part in (self.postal_code, self.city) if part)
        return [line for line in (*self.street.splitlines(), place, self.region) if line]
