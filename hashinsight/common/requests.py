"""Facts about an HTTP request that several apps need."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_ip(request: HttpRequest | None) -> str | None:
    """The caller's address; forwarded headers count only behind ``TRUSTED_PROXY_COUNT`` proxies of ours.

    With n proxies the n-th address from the right is the one the outermost proxy saw; anything further left
    was written by the caller and is not believed. Returns None when no valid address is known.
    """
    if request is None:
        return None
    address = request.META.get("REMOTE_ADDR", "")
    count = settings.TRUSTED_PROXY_COUNT
    if count:
        forwarded = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
        if len(forwarded) >= count:
            address = forwarded[-count]
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return None
