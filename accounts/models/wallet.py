"""Wallet addresses of people."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.enums import WalletChain, WalletPurpose
from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel


@tracked()
class Wallet(BaseModel):
    """An address a user has linked, to sign in with or to be paid to; verified once its owner has signed."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="wallets"
    )
    chain = models.CharField(_("chain"), max_length=16, choices=WalletChain.choices)
    purpose = models.CharField(_("purpose"), max_length=16, choices=WalletPurpose.choices)
    address = models.CharField(_("address"), max_length=128)
    verified_at = models.DateTimeField(_("verified at"), null=True, blank=True)

    class Meta:
        verbose_name = _("wallet")
        verbose_name_plural = _("wallets")
        constraints = [
            models.UniqueConstraint(fields=["chain", "purpose", "address"], name="accounts_wallet_address"),
        ]

    def __str__(self) -> str:
        return f"{self.get_chain_display()} {self.address}"


class WalletChallenge(models.Model):
    """A message handed out for signing: its nonce counts once, for one person, for a few minutes."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="+"
    )
    nonce = models.CharField(_("nonce"), max_length=32, unique=True)
    issued_at = models.DateTimeField(_("issued at"))
    expires_at = models.DateTimeField(_("expires at"), db_index=True)
    used_at = models.DateTimeField(_("used at"), null=True)

    class Meta:
        verbose_name = _("wallet challenge")
        verbose_name_plural = _("wallet challenges")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.nonce} {self.issued_at:%Y-%m-%d %H:%M}"
