"""Slack, Telegram and PagerDuty, in the forms that apprise knows.

Apprise speaks to more than a hundred services, among them files, local desktops and any web server: its addresses
are a way into the house. So none of its addresses is ever read here. Exactly three of its classes are used, made from
checked parts, and the only ``requests`` they find is ``GuardedRequests``: each call goes through our own outbound
layer, to the hosts of these three makers and to no other.
"""

import json as jsonlib
from collections.abc import Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from html import escape
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import requests
from apprise import NotifyType
from apprise.plugins import pagerduty as pagerduty_module
from apprise.plugins import slack as slack_module
from apprise.plugins import telegram as telegram_module

from hashinsight.common.errors import DomainError
from hashinsight.common.outbound import OutboundFailed, fetch, house_policy
from hashinsight.notify.clients.answers import Answer, of_error, of_reply

HOSTS = frozenset({"hooks.slack.com", "api.telegram.org", "events.pagerduty.com", "events.eu.pagerduty.com"})
SECONDS = 15.0
LONGEST_TEXT = 3000
_SEVERITIES = {
    "info": NotifyType.INFO,
    "warning": NotifyType.WARNING,
    "error": NotifyType.FAILURE,
    "critical": NotifyType.FAILURE,
}
_heard: ContextVar[list[Answer] | None] = ContextVar("heard", default=None)


class GuardedRequests:
    """The part of ``requests`` that the three classes use, by way of ``outbound.fetch``."""

    codes = requests.codes
    RequestException = requests.RequestException
    exceptions = requests.exceptions

    def get(self, url: str, **options: Any) -> Any:
        """As ``requests.get``."""
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> Any:
        """As ``requests.post``."""
        return self.request("POST", url, **options)

    def request(
        self,
        method: str,
        url: str,
        *,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        files: Any = None,
        **_ignored: Any,
    ) -> Any:
        """One call. Time limits, certificates and redirects are ours to decide, whatever is asked for."""
        if files:
            raise self.RequestException("attachments are not sent")
        if params:
            url = f"{url}?{urlencode(params)}"
        body = urlencode(data).encode() if isinstance(data, dict) else (data or b"")
        body = body.encode() if isinstance(body, str) else body
        policy = house_policy(hosts=HOSTS, networks=(), ports=frozenset({443}), seconds=SECONDS)
        try:
            reply = fetch(method.upper(), url, headers=_plain(headers), body=body, policy=policy)
        except (OutboundFailed, DomainError) as error:
            _hear(of_error(error))
            raise self.RequestException(str(error)) from error
        _hear(of_reply(reply))
        return SimpleNamespace(
            status_code=reply.status,
            content=reply.body,
            text=reply.body.decode("utf-8", "replace"),
            headers=reply.headers,
            json=lambda: jsonlib.loads(reply.body),
        )


for _module in (slack_module, telegram_module, pagerduty_module):
    vars(_module)["requests"] = GuardedRequests()


def slack(*, credential: str, subject: str, body: str, severity: str) -> Answer:
    """Through an incoming webhook (``https://hooks.slack.com/services/T…/B…/…``)."""
    team, bot, token = credential.rstrip("/").split("/")[-3:]
    service = slack_module.NotifySlack(
        token_a=team, token_b=bot, token_c=token, include_image=False, include_footer=False
    )
    return _send(service, _text(subject, body), severity, title=subject)  # apprise escapes the title, not the text


def telegram(*, credential: str, chat: str, subject: str, body: str, severity: str) -> Answer:
    """Through a bot, to one chat. What comes from elsewhere is text there, never markup."""
    service = telegram_module.NotifyTelegram(bot_token=credential, targets=[chat], detect_owner=False)
    return _send(service, f"<b>{escape(subject, quote=False)}</b>\n{_text(subject, body)}", severity)


def pagerduty(*, credential: str, region: str, subject: str, severity: str, incident: str, over: bool) -> Answer:
    """Triggers the incident ``incident``, or resolves it: the pager shows one incident per alert of ours."""
    service = pagerduty_module.NotifyPagerDuty(
        apikey="none",  # asked for by the class, sent nowhere
        integrationkey=credential,
        region_name=region,
        source="HashInsight",
        component="HashInsight",
        severity={"info": "info", "warning": "warning", "error": "error"}.get(severity, "critical"),
        action="resolve" if over else "trigger",
        dedup=incident,
        include_image=False,
    )
    return _send(service, subject, severity)  # the pager shows one line; the rest is behind its link


def _text(subject: str, body: str) -> str:
    """What follows the first line, with the three characters escaped that Slack and Telegram read as markup."""
    return escape(body.removeprefix(subject).strip()[:LONGEST_TEXT], quote=False)


def _send(service: Any, body: str, severity: str, *, title: str = "") -> Answer:
    with _listening() as heard:
        sent = service.send(body=body, title=title, notify_type=_SEVERITIES.get(severity, NotifyType.INFO))
    last = heard[-1] if heard else Answer(False, error="nothing was sent")
    if sent:
        return Answer(True, last.status, last.excerpt)
    return Answer(False, last.status, last.excerpt, last.error or "the service did not take it", last.asked)


@contextmanager
def _listening() -> Any:
    heard: list[Answer] = []
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


def _hear(answer: Answer) -> None:
    heard = _heard.get()
    if heard is not None:
        heard.append(answer)


def _plain(headers: Mapping[str, Any] | None) -> dict[str, str]:
    return {str(name): str(value) for name, value in (headers or {}).items()}
