"""Logins of machines: set, used, shown where they may be, and never opened where they do not belong."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from hashinsight.common.errors import DomainError
from hashinsight.common.secrets import (
    Place,
    SecretUnreadable,
    current_key_id,
    derived_key,
    key_id_of,
    open_sealed,
    rewrap,
    seal,
)
from hosting.clients.adapter import Credentials
from hosting.domain.histories import log
from hosting.engine.sealing import seal_to
from hosting.enums import Operation, SecretMode, SecretPurpose
from hosting.models import EdgeDevice, Miner, MinerSecret

LONGEST = 200


class SecretRefused(DomainError):
    """The login cannot be kept, shown or handed out like this."""

    code = "secret_refused"


@transaction.atomic
def set_login(
    miners: Iterable[Miner],
    *,
    username: str,
    password: str,
    by: Any,
    at: datetime,
    purpose: str = SecretPurpose.WEB,
    mode: int = SecretMode.ENVELOPE,
    device: EdgeDevice | None = None,
) -> list[MinerSecret]:
    """Keep a login for each of these machines; the one before it is superseded. Returns the new rows.

    Raises SecretRefused for an empty or overlong login, and for a device that is missing, revoked or elsewhere.
    """
    if not password or len(username) > LONGEST or len(password) > LONGEST:
        raise SecretRefused(_("A login has a password, and at most %(most)s characters each.") % {"most": LONGEST})
    locked = _locked(miners)
    _check_device(locked, mode, device)
    text = json.dumps({"username": username, "password": password})
    counters = _counters(locked, purpose)
    MinerSecret.objects.filter(miner__in=locked, purpose=purpose, superseded_at__isnull=True).update(
        superseded_at=at, ciphertext=""
    )
    made = []
    for miner in locked:
        secret = MinerSecret(
            miner=miner, customer=miner.customer, purpose=purpose, mode=mode, device=device,
            counter=counters.get(miner.pk, 0) + 1, created_at=at, fingerprint=fingerprint(text),
        )  # fmt: skip
        secret.ciphertext = _closed(secret, text)
        made.append(secret)
    saved: list[MinerSecret] = MinerSecret.objects.bulk_create(made, batch_size=500)
    log(locked, Operation.LOGIN, by=by, at=at, details=f"{purpose} {SecretMode(mode).name.lower()}")
    return saved


@transaction.atomic
def forget_login(miners: Iterable[Miner], *, by: Any, at: datetime, purpose: str = SecretPurpose.WEB) -> int:
    """Use the login of these machines no more; returns how many had one."""
    locked = _locked(miners)
    current = MinerSecret.objects.filter(miner__in=locked, purpose=purpose, superseded_at__isnull=True)
    gone = [miner for miner in locked if miner.pk in set(current.values_list("miner_id", flat=True))]
    count = current.update(superseded_at=at, ciphertext="")
    log(gone, Operation.LOGIN, by=by, at=at, details=f"{purpose} forgotten")
    return count


def credentials_of(miner_ids: Sequence[int], *, purpose: str = SecretPurpose.WEB) -> dict[int, Credentials]:
    """Logins by id of the machine, of those that have one we can read; a broken one is as good as none."""
    found = {}
    for secret in _current(miner_ids, purpose).exclude(mode=SecretMode.SEALED):
        try:
            found[secret.miner_id] = _login(_opened(secret))
        except SecretUnreadable:
            continue
    return found


def miners_with_login(miner_ids: Any, *, purpose: str = SecretPurpose.WEB) -> set[int]:
    """Those that have a login we may use ourselves; nothing is opened."""
    found = _current(miner_ids, purpose).exclude(mode=SecretMode.SEALED)
    return set(found.values_list("miner_id", flat=True))


def sealed_to(miner_ids: Any, *, purpose: str = SecretPurpose.WEB) -> dict[int, int]:
    """The edge device that can open the login of a machine, where we cannot."""
    rows = _current(miner_ids, purpose).filter(mode=SecretMode.SEALED)
    return {miner: device for miner, device in rows.values_list("miner_id", "device_id") if device is not None}


def sealed_for(device: EdgeDevice, miners: Sequence[Miner], *, purpose: str = SecretPurpose.WEB) -> dict[int, Any]:
    """Logins as this device can open them, by id of the machine: ``{"sealed": …, "associated": …}``.

    What we can read is sealed to it now; what is sealed to another device is left out.
    """
    public_key = _key_of(device)
    found: dict[int, Any] = {}
    for secret in _current([miner.pk for miner in miners], purpose):
        associated = place_of(secret).bytes()
        if secret.mode == SecretMode.SEALED:
            if secret.device_id == device.pk:
                found[secret.miner_id] = {"sealed": secret.ciphertext, "associated": associated.hex()}
            continue
        try:
            text = _opened(secret)
        except SecretUnreadable:
            continue
        found[secret.miner_id] = {"sealed": seal_to(text, public_key, associated), "associated": associated.hex()}
    return found


@transaction.atomic
def reveal(secret: MinerSecret, *, by: Any, at: datetime) -> Credentials:
    """A masked login, in clear; that it was read stands in the log. Raises SecretRefused for the other modes."""
    if secret.mode != SecretMode.MASKED or secret.superseded_at is not None:
        raise SecretRefused(_("This login is shown to nobody."))
    try:
        found = _login(_opened(secret))
    except SecretUnreadable as error:
        raise SecretRefused(_("This login does not open: it was changed, or stands in the wrong place.")) from error
    log([secret.miner], Operation.LOGIN, by=by, at=at, details=f"{secret.purpose} read")
    return found


def rebind(miner_ids: Sequence[int], since: datetime) -> None:
    """Machines changed hands: logins we can read are bound to the new owner, those sealed to a device are superseded.

    Called inside of the change, when the machines name their new owner already.
    """
    rows = MinerSecret.objects.filter(miner__in=miner_ids, superseded_at__isnull=True)
    kept = list(rows.select_related("miner__customer", "customer").select_for_update(of=("self",)).order_by("pk"))
    heirs = []
    for secret in kept:
        if secret.mode == SecretMode.SEALED:
            continue
        try:
            text = open_sealed(secret.ciphertext, place_of(secret))
        except SecretUnreadable:
            continue
        heir = MinerSecret(
            miner=secret.miner, customer=secret.miner.customer, purpose=secret.purpose, mode=secret.mode,
            counter=secret.counter + 1, fingerprint=secret.fingerprint, created_at=since,
        )  # fmt: skip
        heir.ciphertext = _closed(heir, text)
        heirs.append(heir)
    MinerSecret.objects.filter(pk__in=[secret.pk for secret in kept]).update(superseded_at=since, ciphertext="")
    MinerSecret.objects.bulk_create(heirs, batch_size=500)


def renewed(secret: MinerSecret) -> dict[str, Any]:
    """What key rotation should write; nothing for what is sealed to a device, superseded or current already."""
    if secret.mode == SecretMode.SEALED or secret.superseded_at is not None:
        return {}
    if key_id_of(secret.ciphertext) == current_key_id():
        return {}
    return {"ciphertext": rewrap(secret.ciphertext, place_of(secret))}


def fingerprint(text: str) -> str:
    """Tells equal logins apart from different ones, for whoever has the key of the house; a guess needs that key."""
    return hmac.new(derived_key(b"hashinsight miner logins"), text.encode(), hashlib.sha256).hexdigest()


def place_of(secret: MinerSecret) -> Place:
    """What a login is bound to: machine, owner, purpose and counter."""
    owner = str(secret.customer.public_id) if secret.customer is not None else "house"
    return Place("hosting_minersecret", secret.purpose, f"{secret.miner.public_id} {owner}", secret.counter)


def _key_of(device: EdgeDevice) -> bytes:
    return base64.b64decode(device.public_key)


def _closed(secret: MinerSecret, text: str) -> str:
    if secret.mode == SecretMode.SEALED and secret.device is not None:
        return seal_to(text, _key_of(secret.device), place_of(secret).bytes())
    return seal(text, place_of(secret))


def _opened(secret: MinerSecret) -> str:
    if secret.customer_id != secret.miner.customer_id:
        raise SecretUnreadable("the machine has another owner")
    return open_sealed(secret.ciphertext, place_of(secret))


def _login(text: str) -> Credentials:
    found = json.loads(text)
    return Credentials(username=found["username"], password=found["password"])


def _current(miner_ids: Sequence[int], purpose: str) -> Any:
    rows = MinerSecret.objects.filter(miner__in=miner_ids, purpose=purpose)
    return rows.filter(superseded_at__isnull=True).select_related("miner", "customer", "device")


def _counters(miners: Sequence[Miner], purpose: str) -> dict[int, int]:
    rows = MinerSecret.objects.filter(miner__in=miners, purpose=purpose).values("miner_id")
    return {row["miner_id"]: row["last"] for row in rows.annotate(last=Max("counter"))}


def _locked(miners: Iterable[Miner]) -> list[Miner]:
    wanted = sorted({miner.pk for miner in miners})
    rows = Miner.objects.select_for_update(of=("self",)).filter(pk__in=wanted).select_related("customer")
    return list(rows.order_by("pk"))


def _check_device(miners: Sequence[Miner], mode: int, device: EdgeDevice | None) -> None:
    if mode != SecretMode.SEALED:
        if device is not None:
            raise SecretRefused(_("Only a login sealed to an edge device names one."))
        return
    if device is None or not device.public_key or device.revoked_at is not None:
        raise SecretRefused(_("Name an edge device that has shown its key."))
    elsewhere = [miner for miner in miners if miner.site_id != device.site_id]
    if elsewhere:
        raise SecretRefused(
            _("%(miner)s does not stand at the site of %(device)s.") % {"miner": elsewhere[0], "device": device}
        )
