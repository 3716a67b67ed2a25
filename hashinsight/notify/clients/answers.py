"""What a sender brings back, and the common reading of an HTTP answer."""

from dataclasses import dataclass
from datetime import timedelta

from hashinsight.common.errors import DomainError
from hashinsight.common.outbound import OutboundFailed, Reply

EXCERPT = 1000


@dataclass(frozen=True)
class Answer:
    """``ok`` when the other side has taken the message; otherwise ``error`` says why not."""

    ok: bool
    status: int | None = None
    excerpt: str = ""
    error: str = ""
    asked: timedelta | None = None


def of_reply(reply: Reply) -> Answer:
    """Any 2xx is a yes; a redirect is a no, for nobody asked us to follow it."""
    ok = 200 <= reply.status < 300
    wait = reply.headers.get("retry-after", "")
    return Answer(
        ok,
        reply.status,
        reply.body[:EXCERPT].decode("utf-8", "replace"),
        "" if ok else f"HTTP {reply.status}",
        timedelta(seconds=int(wait)) if wait.isdecimal() and len(wait) < 7 else None,
    )


def of_error(error: OutboundFailed | DomainError) -> Answer:
    """No answer at all."""
    return Answer(False, error=str(error)[:500])
