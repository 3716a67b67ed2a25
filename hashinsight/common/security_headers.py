"""What a browser may do with an answer of ours: content policy and the headers beside it.

A page may load scripts, styles, fonts and pictures from this server alone, and none of them may stand in the page
itself: text that slips through an escape stays text. The back office needs one exception, because its library (Alpine)
evaluates the expressions in its own templates; see docs/adr/0012-content-policy.md.
"""

from collections.abc import Callable, Mapping

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

Policy = Mapping[str, tuple[str, ...]]

SELF, NONE = "'self'", "'none'"

# What is not a page (JSON, CSV, a picture) loads nothing.
DATA: Policy = {"default-src": (NONE,), "base-uri": (NONE,), "form-action": (NONE,), "frame-ancestors": (NONE,)}
# A browser's own PDF viewer is a page with styles around the document.
PDF: Policy = {**DATA, "object-src": (SELF,), "style-src": ("'unsafe-inline'",), "img-src": ("data:",)}
PAGE: Policy = {
    "default-src": (NONE,),
    "script-src": (SELF,),
    "style-src": (SELF,),
    # data: pictures run nothing: a logo as it is stored, the code of a second factor.
    "img-src": (SELF, "data:"),
    "font-src": (SELF,),
    "connect-src": (SELF,),
    "form-action": (SELF,),
    "base-uri": (NONE,),
    "object-src": (NONE,),
    "frame-ancestors": (NONE,),
}
BACK_OFFICE: Policy = {
    **PAGE,
    # Alpine turns the expressions of unfold's templates into functions.
    "script-src": (SELF, "'unsafe-eval'"),
    # Attributes only, never a <style>: unfold sets the width of a list so.
    "style-src-attr": ("'unsafe-inline'",),
}
PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "browsing-topics",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "usb",
    )
)


def policy_for(path: str, content_type: str) -> Policy:
    """Which policy an answer gets."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/pdf":
        return PDF
    if kind not in ("text/html", "application/xhtml+xml", ""):
        return DATA
    return BACK_OFFICE if path.startswith("/admin/") else PAGE


def written(policy: Policy, *, upgrade: bool = False) -> str:
    """The policy as a header; ``upgrade``: also what a page asks for by plain HTTP is asked for by TLS."""
    parts = [f"{name} {' '.join(sources)}" for name, sources in policy.items()]
    return "; ".join([*parts, "upgrade-insecure-requests"] if upgrade else parts)


class SecurityHeadersMiddleware:
    """Write the headers on every answer, files and errors included; none can be left out by a view."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Serve, then say what a browser may do with it."""
        response = self.get_response(request)
        policy = policy_for(request.path, response.headers.get("Content-Type", ""))
        response.headers["Content-Security-Policy"] = written(policy, upgrade=settings.SECURE_SSL_REDIRECT)
        response.headers["Permissions-Policy"] = PERMISSIONS
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers.setdefault("X-Frame-Options", settings.X_FRAME_OPTIONS)  # static files have none otherwise
        return response
