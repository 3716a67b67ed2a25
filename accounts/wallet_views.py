"""Linking and unlinking wallets on one's own page."""

from typing import cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts.domain import wallets
from accounts.models import User, Wallet
from hashinsight.common.errors import DomainError


@never_cache
@login_required
@require_POST
def start_wallet(request: HttpRequest) -> HttpResponse:
    """Show the message that the wallet's owner signs."""
    try:
        message = wallets.start_link(_person(request), address=request.POST.get("address", "")[:100], at=timezone.now())
    except DomainError as refusal:
        messages.error(request, str(refusal))
        return redirect("account_home")
    return render(request, "account/home/wallet_message.html", {"message": message})


@never_cache
@login_required
@require_POST
def finish_wallet(request: HttpRequest) -> HttpResponse:
    """Take the signature; browsers send line ends as two characters, the wallet signed one."""
    user = _person(request)
    message = request.POST.get("message", "").replace("\r\n", "\n")
    try:
        wallet = wallets.finish_link(
            user, message=message, signature=request.POST.get("signature", "")[:200], by=user, at=timezone.now()
        )
        messages.success(request, _("The wallet %(address)s is linked.") % {"address": wallet.address})
    except DomainError as refusal:
        messages.error(request, str(refusal))
    return redirect("account_home")


@never_cache
@login_required
@require_POST
def unlink_wallet(request: HttpRequest, wallet_id: UUID) -> HttpResponse:
    """Forget an address."""
    user = _person(request)
    try:
        wallets.unlink(get_object_or_404(Wallet, user=user, public_id=wallet_id), by=user)
        messages.success(request, _("The wallet is unlinked."))
    except DomainError as refusal:
        messages.error(request, str(refusal))
    return redirect("account_home")


def _person(request: HttpRequest) -> User:
    return cast(User, request.user)
