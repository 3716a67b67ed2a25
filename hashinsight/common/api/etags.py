"""Entity tags: ``"<state>-<digest>"``. The state names the row and its version, the digest the bytes of the answer.

``If-None-Match`` compares the whole tag (weakly, as RFC 9110 says): unchanged bytes give 304. ``If-Match`` looks at
the state only and compares strongly: a row changed by somebody else gives 412, however small the change shown.
"""

import hashlib
import re
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.request import Request

from hashinsight.common.api.problems import Problem

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


def state_of(instance: Any, extra: str = "") -> str:
    """Changes exactly when the row does; ``extra`` speaks for parts that live in rows of their own."""
    text = f"{instance.public_id}:{instance.version}:{extra}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def tag_of(content: bytes, state: str = "list") -> str:
    """The tag of an answer."""
    return f'"{state}-{hashlib.sha256(content).hexdigest()[:24]}"'


def not_modified(request: Request, tag: str) -> bool:
    """Whether the caller has these bytes already."""
    header = request.headers.get("If-None-Match")
    if header is None:
        return False
    if header.strip() == "*":
        return True
    return tag.strip('"') in {opaque for _weak, opaque in _TAG.findall(header)}


def check_match(request: Request, state: str) -> None:
    """Raises 412 when the caller speaks of another state of the row; without the header nothing is asked."""
    header = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return
    states = {opaque.rpartition("-")[0] for weak, opaque in _TAG.findall(header) if not weak}
    if state not in states:
        raise Problem(412, "stale", _("It has changed since you read it. Read it again, then decide."))
