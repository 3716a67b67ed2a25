"""Pages for balancers, monitors and scrapers: no sign-in, no secrets, nothing cached."""

import hmac
import ipaddress
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hashinsight.common.requests import client_ip
from hashinsight.health import metrics
from hashinsight.health.checks import BEHIND, SERVING, run_checks


@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def serving(request: HttpRequest) -> JsonResponse:
    """Requests can be answered: for a balancer, which should not stop sending because a job is late."""
    return _answer({**SERVING})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Everything that must be well, each with words; 503 names what is wrong."""
    return _answer({**SERVING, **BEHIND})


def _answer(checks: dict[str, Callable[[], None]]) -> JsonResponse:
    outcomes = run_checks(checks)
    wrong = [one for one in outcomes if not one.ok]
    body = {
        "status": "unavailable" if wrong else "ok",
        "wrong": [f"{one.name}: {one.words}" for one in wrong],
        "checks": {one.name: {"ok": one.ok, "words": one.words, "ms": one.ms} for one in outcomes},
    }
    return JsonResponse(body, status=503 if wrong else 200)


@never_cache
@require_safe
def figures(request: HttpRequest) -> HttpResponse:
    """Prometheus text, for whoever knows METRICS_TOKEN; without a token set, for this very machine only."""
    if not _may_read(request):
        return HttpResponseForbidden("Metrics are for the monitoring system: send its token.\n", "text/plain")
    return HttpResponse(metrics.text(), content_type=metrics.CONTENT_TYPE)


def _may_read(request: HttpRequest) -> bool:
    token = settings.METRICS_TOKEN
    if token:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
    # Whoever comes through a proxy also has the address of this machine; then only a token helps.
    forwarded = any(name in request.META for name in ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP"))
    address = client_ip(request)
    return not forwarded and address is not None and ipaddress.ip_address(address).is_loopback
