"""Who is on call when."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.notify.enums import Weekday
from hashinsight.notify.models.channel import validate_zone

STAFF = {"is_staff": True, "is_active": True}


@tracked()
class Rota(BaseModel):
    """Who is on call when: rows of every week by the clock of a place, and dated shifts that take their place.

    An e-mail channel with a rota writes to whoever is on call when the message is due, besides its addresses.
    """

    name = models.CharField(_("name"), max_length=100, unique=True)
    time_zone = models.CharField(
        _("time zone"), max_length=64, default="UTC", validators=[validate_zone], help_text=_("Of the weekly rows.")
    )
    is_seamless = models.BooleanField(
        _("somebody is always on call"),
        default=True,
        help_text=_("An alert tells of hours of the next day in which nobody is."),
    )

    class Meta:
        verbose_name = pgettext_lazy("on call", "rota")
        verbose_name_plural = pgettext_lazy("on call", "rotas")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


@tracked()
class RotaRow(BaseModel):
    """Every week, somebody is on call from one hour to another."""

    rota = models.ForeignKey(Rota, verbose_name=_("rota"), on_delete=models.CASCADE, related_name="rows")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("person"),
        on_delete=models.CASCADE,
        related_name="+",
        limit_choices_to=STAFF,
    )
    weekday = models.PositiveSmallIntegerField(_("weekday"), choices=Weekday.choices)
    begins = models.TimeField(_("from"))
    ends = models.TimeField(_("until"), help_text=_("Not later than the beginning: on the next day."))

    class Meta:
        verbose_name = _("weekly hours on call")
        verbose_name_plural = _("weekly hours on call")
        constraints = [
            models.CheckConstraint(condition=Q(weekday__range=(0, 6)), name="notify_rota_row_weekday"),
            models.UniqueConstraint(
                fields=["rota", "person", "weekday", "begins"],
                name="notify_rota_row_once",
                violation_error_message=_("These hours stand there already."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.begins:%H:%M}-{self.ends:%H:%M} {self.person}"


@tracked()
class RotaShift(BaseModel):
    """From one moment to another, somebody is on call instead of whoever the weekly rows name."""

    rota = models.ForeignKey(Rota, verbose_name=_("rota"), on_delete=models.CASCADE, related_name="shifts")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("person"),
        on_delete=models.CASCADE,
        related_name="+",
        limit_choices_to=STAFF,
    )
    begins_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"))

    class Meta:
        verbose_name = _("shift on call")
        verbose_name_plural = _("shifts on call")
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("begins_at")),
                name="notify_rota_shift_forward",
                violation_error_message=_("A shift ends after it begins."),
            ),
        ]
        indexes = [models.Index(fields=["rota", "ends_at"], name="notify_rota_shift_ends")]

    def __str__(self) -> str:
        return f"{self.begins_at:%Y-%m-%d %H:%M} {self.person}"
