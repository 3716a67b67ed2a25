"""Where messages go."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from hashinsight.common.audit import tracked
from hashinsight.common.encrypted import EncryptedField
from hashinsight.common.models import BaseModel
from hashinsight.common.scoping import ScopedQuerySet
from hashinsight.notify.enums import ChannelKind

SECRETS = ("credential", "secret", "previous_secret")


def validate_zone(value: str) -> None:
    """An IANA name such as ``Europe/Berlin``."""
    if value not in available_timezones():
        raise ValidationError(_("%(value)s is no time zone name (for example Europe/Berlin)."), params={"value": value})


class ChannelQuerySet(ScopedQuerySet):
    """Channels; a customer sees its own webhooks."""

    scope_path = "customer_id"


@tracked(exclude=SECRETS, quiet=["failing_since"])
class Channel(BaseModel):
    """A mailbox, a chat, a pager service or a web server that gets our messages.

    With a customer it is a webhook of that customer's own and never gets anything that belongs to somebody else;
    without one it belongs to the house. ``address`` is what may be read: e-mail addresses (one per line), the URL of
    a webhook, the chat of a Telegram bot, the PagerDuty region. ``credential`` is what opens a service of others,
    ``secret`` signs our webhooks; for a while after a rotation ``previous_secret`` signs as well.
    """

    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(_("kind"), max_length=16, choices=ChannelKind.choices)
    customer_id = models.BigIntegerField(_("customer"), null=True, blank=True, db_index=True)
    address = models.TextField(_("address"), blank=True, default="")
    rota = models.ForeignKey(
        "notify.Rota",
        verbose_name=_("rota"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="channels",
        help_text=_("For e-mail: whoever is on call gets it, besides the addresses."),
    )
    credential = EncryptedField(_("credential"))
    secret = EncryptedField(_("signing secret"))
    previous_secret = EncryptedField(_("previous signing secret"))
    previous_secret_until = models.DateTimeField(_("previous secret signs until"), null=True, blank=True)
    time_zone = models.CharField(
        _("time zone"), max_length=64, default="UTC", validators=[validate_zone], help_text=_("Of the quiet hours.")
    )
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_to = models.TimeField(_("quiet until"), null=True, blank=True)
    is_active = models.BooleanField(pgettext_lazy("channel", "on"), default=True)
    disabled_at = models.DateTimeField(_("switched off at"), null=True, blank=True)
    disabled_reason = models.CharField(_("reason"), max_length=200, blank=True, default="")
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("created by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )

    objects: Any = ChannelQuerySet.as_manager()

    # What the sealed columns add to the model.
    if TYPE_CHECKING:
        conceal_credential: Callable[[str], None]
        conceal_secret: Callable[[str], None]
        conceal_previous_secret: Callable[[str], None]
        reveal_credential: Callable[[], str]
        reveal_secret: Callable[[], str]
        reveal_previous_secret: Callable[[], str]

    class Meta:
        verbose_name = _("channel")
        verbose_name_plural = _("channels")
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=ChannelKind.values), name="notify_channel_kind_known"),
            models.CheckConstraint(
                condition=models.Q(customer_id__isnull=True) | models.Q(kind=ChannelKind.WEBHOOK),
                name="notify_channel_customer_webhook",
                violation_error_message=_("A channel of a customer is a webhook."),
            ),
            models.CheckConstraint(
                condition=models.Q(rota__isnull=True) | models.Q(kind=ChannelKind.EMAIL),
                name="notify_channel_rota_email",
                violation_error_message=_("Only an e-mail channel has a rota."),
            ),
            models.CheckConstraint(
                condition=models.Q(quiet_from__isnull=True, quiet_to__isnull=True)
                | models.Q(quiet_from__isnull=False, quiet_to__isnull=False),
                name="notify_channel_quiet_both",
                violation_error_message=_("Quiet hours have a beginning and an end."),
            ),
        ]
        permissions = [
            ("test_channel", _("Can send a test message")),
            ("switch_channel", _("Can switch channels on and off")),
            ("rotate_channel", _("Can change the secrets of channels")),
        ]

    def __str__(self) -> str:
        return self.name
