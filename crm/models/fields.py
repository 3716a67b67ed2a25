"""Fields and validators several crm models share."""

from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.engine.en16931.ids import is_leitweg_id
from crm.engine.en16931.rules_codes import codes
from crm.enums import AddressScheme
from hashinsight.common.money import country_validator


def validate_time_zone(value: str) -> None:
    """An IANA name such as ``Europe/Berlin``."""
    if value not in available_timezones():
        raise ValidationError(_("%(value)s is no time zone name (for example Europe/Berlin)."), params={"value": value})


# They turn the direction of writing: a name with one of them reads differently from what it is.
_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def has_control_characters(value: str) -> bool:
    """Whether a text holds control characters other than line breaks and tabs."""
    return any(
        (ord(character) < 32 and character not in "\n\r\t") or ord(character) == 127 or character in _OVERRIDES
        for character in value
    )


def validate_printable(value: str) -> None:
    """No control characters: they break e-mail headers, PDFs, exports and trust (line breaks and tabs are fine)."""
    if has_control_characters(value):
        raise ValidationError(_("Control characters are not allowed."))


def validate_one_line(value: str) -> None:
    """What ``validate_printable`` asks, and no line breaks; forms of the web cannot send any, programs can."""
    validate_printable(value)
    if any(character in "\n\r\u2028\u2029" for character in value):
        raise ValidationError(_("Line breaks are not allowed here."))


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


def validate_leitweg_id(value: str) -> None:
    """The address of a German authority for e-invoices, with its check digits."""
    if not is_leitweg_id(value):
        raise ValidationError(
            _("%(value)s is no Leitweg-ID: it looks like 04011000-1234512345-06, and its last two digits must fit."),
            params={"value": value},
        )


def validate_exemption_code(value: str) -> None:
    """A code of the VATEX list."""
    if value not in codes("exemption_reasons"):
        raise ValidationError(
            _("%(value)s is no code of the VATEX list (for example VATEX-EU-132)."), params={"value": value}
        )


class ElectronicAddress(models.Model):
    """Where e-invoices reach somebody; the address and what kind it is."""

    electronic_address = NameField(
        _("electronic address"),
        max_length=100,
        blank=True,
        default="",
        db_default="",
        help_text=_("For e-invoices; empty: the e-mail address."),
    )
    electronic_address_scheme = models.CharField(
        _("kind of electronic address"),
        max_length=4,
        choices=AddressScheme.choices,
        default=AddressScheme.EMAIL,
        db_default=AddressScheme.EMAIL.value,
    )

    class Meta:
        abstract = True


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
