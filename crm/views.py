"""Pages outside of the back office: accepting an invitation."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.domain.queries import users_with_email
from crm.domain import invitations
from crm.forms.invitations import AcceptForm
from crm.models import Invitation
from hashinsight.common.errors import DomainError


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, invitation_id: UUID, token: str) -> HttpResponse:
    """Looking changes nothing (mail filters follow links); the button accepts, once."""
    try:
        found = invitations.find_invitation(invitation_id, token, at=timezone.now())
    except DomainError as refusal:
        return render(request, "account/invitation_over.html", {"reason": str(refusal)}, status=404)
    known = users_with_email(found.email).exists()
    if not known and request.user.is_authenticated:
        return _shown(request, found, state="somebody_else")
    if known and (not request.user.is_authenticated or request.user.email.lower() != found.email):
        return _shown(request, found, state="sign_in")
    form = None if known else AcceptForm(request.POST or None)
    if request.method == "POST" and (form is None or form.is_valid()):
        try:
            _accept(request, found, token, form)
        except (DomainError, ValidationError) as refusal:
            return _refused(request, found, form, refusal)
        messages.success(request, _("Welcome. Please sign in.") if form else _("You accepted the invitation."))
        return redirect("account_login" if form else "start")
    return _shown(request, found, state="new" if form else "known", form=form, status=400 if request.POST else 200)


def _accept(request: HttpRequest, found: Invitation, token: str, form: AcceptForm | None) -> None:
    user: Any = request.user if request.user.is_authenticated else None
    facts = {"name": form.cleaned_data["name"], "password": form.cleaned_data["password"]} if form else {}
    invitations.accept_invitation(found, token=token, at=timezone.now(), user=user, **facts)


def _refused(request: HttpRequest, found: Invitation, form: AcceptForm | None, refusal: Exception) -> HttpResponse:
    if form is not None and isinstance(refusal, ValidationError):
        form.add_error("password", refusal)
        return _shown(request, found, state="new", form=form, status=400)
    return render(request, "account/invitation_over.html", {"reason": str(refusal)}, status=409)


def _shown(
    request: HttpRequest, found: Invitation, *, state: str, form: AcceptForm | None = None, status: int = 200
) -> HttpResponse:
    sign_in = f"{reverse('account_login')}?{urlencode({'next': request.path})}"
    context = {"invitation": found, "state": state, "form": form, "sign_in_url": sign_in}
    return render(request, "account/invitation.html", context, status=status)
