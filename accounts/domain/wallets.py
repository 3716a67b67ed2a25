"""Wallets: an address is linked by signing a message made for this person, this site and these few minutes.

Linking gives no way in: nobody signs in by wallet, a linked address only says whose it is.
"""

import secrets
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.engine import siwe
from accounts.engine.ethereum import SignatureInvalid, checksummed, recover
from accounts.enums import WalletChain, WalletPurpose
from accounts.models import User, Wallet, WalletChallenge
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.events.domain import publish

LIFETIME = timedelta(minutes=10)
MOST_OPEN = 20
MOST_WALLETS = 20
STATEMENT = "Link this wallet to my HashInsight account. This moves no funds and costs nothing."


class WalletRefused(DomainError):
    """The address cannot be linked like this; ``code`` tells which rule stood in the way."""

    code = "wallet_refused"


def start_link(user: User, *, address: str, at: datetime) -> str:
    """The message to sign for ``address``; good once, for this person, for ten minutes."""
    try:
        owned = checksummed(address.strip())
    except ValueError as error:
        raise WalletRefused(_("This is not an Ethereum address."), code="address_invalid") from error
    if address.strip()[2:] not in {owned[2:], owned[2:].lower(), owned[2:].upper()}:
        raise WalletRefused(_("The address has a typing mistake: its checksum is wrong."), code="checksum_wrong")
    issued = at.astimezone(UTC).replace(microsecond=0)
    with transaction.atomic():
        User.objects.select_for_update(of=("self",)).get(pk=user.pk)
        open_ones = WalletChallenge.objects.filter(user=user)
        open_ones.filter(expires_at__lte=at).delete()
        if open_ones.count() >= MOST_OPEN:
            raise WalletRefused(_("Too many messages wait to be signed; try again in ten minutes."), code="too_many")
        nonce = secrets.token_hex(12)
        WalletChallenge.objects.create(user=user, nonce=nonce, issued_at=issued, expires_at=issued + LIFETIME)
    return _message(owned, nonce, issued).text()


def finish_link(user: User, *, message: str, signature: str, by: User, at: datetime) -> Wallet:
    """Link the address whose key signed the message handed out before. Raises WalletRefused.

    The nonce is spent before anything is believed, also by a signature that is wrong: nobody tries twice.
    """
    parsed = _parsed(message)
    _spend(user, parsed.nonce, at=at)
    _check(parsed, at=at)
    try:
        signer = recover(message, signature.strip())
    except SignatureInvalid as error:
        raise WalletRefused(_("This is not a signature of the message."), code="signature_invalid") from error
    if signer != parsed.address:
        raise WalletRefused(_("The message was signed by another wallet."), code="signature_of_another")
    return _store(user, signer, by=by, at=at)


def unlink(wallet: Wallet, *, by: User, reason: str = "") -> None:
    """Forget an address; its owner may link it again."""
    with transaction.atomic(), audit_context(actor=by, reason=reason):
        user_id, address = wallet.user_id, wallet.address
        deleted, _kinds = Wallet.objects.filter(pk=wallet.pk).delete()
        if not deleted:
            raise WalletRefused(_("This address is not linked any more."), code="not_linked")
        payload = {"user_id": str(user_id), "chain": wallet.chain, "address": address}
        publish("wallet.unlinked", aggregate_type="user", aggregate_id=user_id, user_id=user_id, payload=payload)


def _message(address: str, nonce: str, issued: datetime) -> siwe.SignInMessage:
    site = urlsplit(settings.BASE_URL)
    return siwe.SignInMessage(
        domain=site.netloc,
        address=address,
        uri=f"{settings.BASE_URL.rstrip('/')}/accounts/home/",
        chain_id=settings.WALLET_CHAIN_ID,
        nonce=nonce,
        issued_at=issued,
        expiration_time=issued + LIFETIME,
        statement=STATEMENT,
    )


def _parsed(message: str) -> siwe.SignInMessage:
    try:
        return siwe.parse(message)
    except siwe.MessageInvalid as error:
        raise WalletRefused(_("This is not the message that was to be signed."), code="message_invalid") from error


def _spend(user: User, nonce: str, *, at: datetime) -> None:
    """Compare-and-set, committed by itself: of two tries with one nonce only one gets any further."""
    mine = WalletChallenge.objects.filter(user=user, nonce=nonce, used_at__isnull=True, expires_at__gt=at)
    if mine.update(used_at=at) != 1:
        raise WalletRefused(_("This message was used already or is too old. Start again."), code="nonce_spent")


def _check(parsed: siwe.SignInMessage, *, at: datetime) -> None:
    """Every field is the one that was handed out; the times are asked on their own."""
    if parsed.issued_at > at or (parsed.not_before is not None and parsed.not_before > at):
        raise WalletRefused(_("The message is not valid yet."), code="message_too_early")
    if parsed.expiration_time is None or parsed.expiration_time <= at:
        raise WalletRefused(_("The message has expired. Start again."), code="message_expired")
    row = WalletChallenge.objects.get(nonce=parsed.nonce)
    expected = _message(parsed.address, parsed.nonce, row.issued_at)
    for name, code in (("domain", "other_domain"), ("uri", "other_domain"), ("chain_id", "other_chain")):
        if getattr(parsed, name) != getattr(expected, name):
            raise WalletRefused(_("The message was made for another site or chain."), code=code)
    if parsed != expected:
        raise WalletRefused(_("This is not the message that was to be signed."), code="message_changed")


def _store(user: User, address: str, *, by: User, at: datetime) -> Wallet:
    with transaction.atomic(), audit_context(actor=by):
        User.objects.select_for_update(of=("self",)).get(pk=user.pk)
        rows = Wallet.objects.filter(chain=WalletChain.ETHEREUM, purpose=WalletPurpose.SIGN_IN)
        known = rows.filter(address=address).first()
        if known is not None:
            code = "linked_already" if known.user_id == user.pk else "linked_elsewhere"
            raise WalletRefused(_("This address is linked already."), code=code)
        if rows.filter(user=user).count() >= MOST_WALLETS:
            raise WalletRefused(_("You have linked as many wallets as one may."), code="too_many_wallets")
        wallet: Wallet = Wallet.objects.create(
            user=user,
            chain=WalletChain.ETHEREUM,
            purpose=WalletPurpose.SIGN_IN,
            address=address,
            verified_at=at,
            created_at=at,
        )
        payload = {"user_id": str(user.pk), "chain": wallet.chain, "address": address}
        publish("wallet.linked", aggregate_type="user", aggregate_id=user.pk, user_id=user.pk, payload=payload)
    return wallet
