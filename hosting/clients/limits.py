"""How long a machine may take and how much it may say; and how an exchange with it can fail."""

from dataclasses import dataclass
from enum import StrEnum

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one exchange. Nothing lasts longer than ``total_s``, whatever the other side does."""

    connect_s: float = 3.0
    silence_s: float = 5.0  # between two pieces of an answer
    total_s: float = 8.0
    most_bytes: int = MIB


DEFAULT = Limits()


class Trouble(StrEnum):
    """Why there is no answer."""

    REFUSED = "refused"  # nobody listens there
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    BROKEN = "broken"  # the connection ended in the middle
    TOO_LONG = "too long"
    LOGIN = "login"  # none was given, or it was not taken
    GARBAGE = "garbage"  # an answer, but none of a miner
    FAULT = "fault"  # of a library or of our own; never expected


class ExchangeFailed(Exception):
    """No usable answer; ``sent`` says whether the machine may have got the request."""

    def __init__(self, trouble: Trouble, detail: str = "", *, sent: bool) -> None:
        super().__init__(f"{trouble}: {detail}" if detail else str(trouble))
        self.trouble = trouble
        self.detail = detail
        self.sent = sent
