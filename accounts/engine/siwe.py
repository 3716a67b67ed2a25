"""Sign-In with Ethereum (EIP-4361): the message a wallet signs, written and read back strictly.

One grammar, from the top to the last byte: fields in their order, one line each, ASCII only. What does not fit is
refused, so nothing can hide between the lines a wallet shows and the fields the server believes.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from accounts.engine.ethereum import is_checksummed

LONGEST = 2000
_TIME = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})"
# RFC 3986: authority without user information; URI with scheme and visible ASCII without quotes or brackets.
_AUTHORITY = r"[A-Za-z0-9.-]+(?::\d{1,5})?|\[[0-9A-Fa-f:.]+\](?::\d{1,5})?"
_URI = r"[A-Za-z][A-Za-z0-9+.-]*:[!#$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]+"
_MESSAGE = re.compile(
    rf"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?(?P<domain>{_AUTHORITY})"
    r" wants you to sign in with your Ethereum account:\n"
    r"(?P<address>0x[0-9A-Fa-f]{40})\n\n"
    r"(?:(?P<statement>[\x20\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]+)\n)?\n"
    rf"URI: (?P<uri>{_URI})\n"
    r"Version: (?P<version>1)\n"
    r"Chain ID: (?P<chain_id>[1-9][0-9]{0,17})\n"
    r"Nonce: (?P<nonce>[A-Za-z0-9]{8,64})\n"
    rf"Issued At: (?P<issued_at>{_TIME})"
    rf"(?:\nExpiration Time: (?P<expiration_time>{_TIME}))?"
    rf"(?:\nNot Before: (?P<not_before>{_TIME}))?"
    r"(?:\nRequest ID: (?P<request_id>[A-Za-z0-9._~!$&'()*+,;=:@%-]*))?"
    rf"(?P<resources>\nResources:(?:\n- {_URI})*)?"
)


class MessageInvalid(ValueError):
    """Not an EIP-4361 message, or one with an impossible address or time; ``args`` says which, in English."""


@dataclass(frozen=True)
class SignInMessage:
    """What a person agrees to by signing."""

    domain: str
    address: str
    uri: str
    chain_id: int
    nonce: str
    issued_at: datetime
    statement: str = ""
    scheme: str = ""
    expiration_time: datetime | None = None
    not_before: datetime | None = None
    request_id: str | None = None
    resources: tuple[str, ...] = ()

    def text(self) -> str:
        """The message as it is shown and signed; times in UTC, to the second."""
        head = f"{self.scheme}://{self.domain}" if self.scheme else self.domain
        lines = [f"{head} wants you to sign in with your Ethereum account:", self.address, ""]
        lines += [self.statement, ""] if self.statement else [""]
        lines += [f"URI: {self.uri}", "Version: 1", f"Chain ID: {self.chain_id}", f"Nonce: {self.nonce}"]
        lines.append(f"Issued At: {_stamp(self.issued_at)}")
        if self.expiration_time is not None:
            lines.append(f"Expiration Time: {_stamp(self.expiration_time)}")
        if self.not_before is not None:
            lines.append(f"Not Before: {_stamp(self.not_before)}")
        if self.request_id is not None:
            lines.append(f"Request ID: {self.request_id}")
        if self.resources:
            lines += ["Resources:", *(f"- {one}" for one in self.resources)]
        return "\n".join(lines)


def parse(text: str) -> SignInMessage:
    """The fields of a message. Raises MessageInvalid."""
    if len(text) > LONGEST:
        raise MessageInvalid("the message is too long")
    found = _MESSAGE.fullmatch(text) if text.isascii() else None
    if found is None:
        raise MessageInvalid("the message does not follow EIP-4361")
    part = found.groupdict()
    if not is_checksummed(part["address"]):
        raise MessageInvalid("the address is not in its EIP-55 spelling")
    listed = (part["resources"] or "").split("\n- ")[1:]
    return SignInMessage(
        domain=part["domain"],
        address=part["address"],
        uri=part["uri"],
        chain_id=int(part["chain_id"]),
        nonce=part["nonce"],
        issued_at=_moment(part["issued_at"]),
        statement=part["statement"] or "",
        scheme=part["scheme"] or "",
        expiration_time=_moment(part["expiration_time"]) if part["expiration_time"] else None,
        not_before=_moment(part["not_before"]) if part["not_before"] else None,
        request_id=part["request_id"],
        resources=tuple(listed),
    )


def _moment(text: str) -> datetime:
    whole, dot, rest = text.partition(".")
    if dot:  # Python reads six digits at most
        digits = re.match(r"\d+", rest)
        fraction = digits.group() if digits else ""
        text = f"{whole}.{fraction[:6].ljust(6, '0')}{rest[len(fraction) :]}"
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise MessageInvalid("a time in the message does not exist") from error


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
