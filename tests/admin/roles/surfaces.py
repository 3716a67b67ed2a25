"""Every surface of the back office as a cell: how to find out whether it is open, and what the table says.

Nothing here asks a page for its own rules: what is open follows from the permissions alone, the closed doors of
some pages are written down below.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.sessions.backends.db import SessionStore
from django.http import Http404
from django.test import RequestFactory
from django.urls import resolve

from accounts.models import User

Permissions = frozenset[str]

# What no permission opens: rows that are written by the domain alone, or looked at only.
CLOSED: Mapping[str, frozenset[str]] = {
    "crm.ledgeraccount": frozenset({"add", "delete"}),  # booking makes them
    "hosting.mineroperation": frozenset({"add", "change", "delete"}),
    **{
        f"marketdata.{name}": frozenset({"add", "change", "delete"})
        for name in (
            "networksnapshot",
            "sourceanswer",
            "sourcestate",
            "marketday",
            "technicalindicator",
            "difficultyperiod",
            "pricepoint",
            "coinprofitability",
        )
    },
    "intelligence.forecastrun": frozenset({"add", "change", "delete"}),
    "intelligence.forecastscore": frozenset({"add", "change", "delete"}),
    "intelligence.schedulerun": frozenset({"add", "change", "delete"}),
    "intelligence.scheduleentry": frozenset({"add", "change", "delete"}),
    **{
        f"curtailment.{name}": frozenset({"add", "change", "delete"})
        for name in (
            "curtailmentplanminer",
            "machineorder",
            "killswitch",
            "siterestore",
            "ruleexecution",
            "curtailmentevent",
            "dispatchmessage",
        )
    },
    "curtailment.dispatch": frozenset({"change", "delete"}),  # each change is a message
    "curtailment.programme": frozenset({"delete"}),  # it is switched off
    "curtailment.vtnconnection": frozenset({"delete"}),
    "curtailment.curtailmentplan": frozenset({"delete"}),  # it is cancelled
    "curtailment.sitecontrol": frozenset({"delete"}),
    "hosting.demand15min": frozenset({"add", "change", "delete"}),
    "hosting.usage15min": frozenset({"add", "change", "delete"}),
    "hosting.demandledgermonth": frozenset({"add", "change", "delete"}),
    "hosting.meterreading": frozenset({"add", "change", "delete"}),
    "hosting.minersecret": frozenset({"add", "change", "delete"}),  # set on the page of a machine
    "hosting.ticket": frozenset({"delete"}),  # what was said stays
    "hosting.repairorder": frozenset({"add", "delete"}),  # ordered on the page of a machine
    "hosting.minerimport": frozenset({"add", "change", "delete"}),
    "hosting.edgedevice": frozenset({"change", "delete"}),
    "hosting.edgebatch": frozenset({"add", "change", "delete"}),
    "hosting.leasekey": frozenset({"add", "change", "delete"}),
    "hosting.quarantinedreading": frozenset({"add", "change", "delete"}),
    "hosting.priceplanversion": frozenset({"add"}),  # made from the page of its plan
    "crm.payment": frozenset({"add", "change", "delete"}),
    "crm.customercredit": frozenset({"add", "change", "delete"}),  # recorded on the customer's page
    "crm.creditapplication": frozenset({"add", "change", "delete"}),
    "crm.refund": frozenset({"add", "change", "delete"}),
    "crm.writeoff": frozenset({"add", "change", "delete"}),
    "crm.reversal": frozenset({"add", "change", "delete"}),
    "crm.journalentry": frozenset({"add", "change", "delete"}),
    "crm.invoicedelivery": frozenset({"add", "change", "delete"}),
    "crm.invoice": frozenset({"change", "delete"}),  # the issued one; the draft has cells of its own
    "accounts.loginrecord": frozenset({"add", "change", "delete"}),
    "crm.invitation": frozenset({"change", "delete"}),
    "accounts.session": frozenset({"add", "change", "delete"}),
    "accounts.apikey": frozenset({"change", "delete"}),
    "accounts.wallet": frozenset({"add", "change", "delete"}),
    "account.emailaddress": frozenset({"add", "change", "delete"}),
    "axes.accessattempt": frozenset({"add", "change", "delete"}),
    "mfa.authenticator": frozenset({"add", "change", "delete"}),
    "jobs.jobrun": frozenset({"add", "change", "delete"}),
    "jobs.duework": frozenset({"add", "change", "delete"}),
    "jobs.retentionpolicy": frozenset({"add", "delete"}),
    "jobs.legalhold": frozenset({"change", "delete"}),
    "jobs.retentionreport": frozenset({"add", "change", "delete"}),
    "jobs.tablesize": frozenset({"add", "change", "delete"}),
    "jobs.jobswitch": frozenset({"add", "change", "delete"}),
    "notify.alert": frozenset({"add", "change", "delete"}),
    "notify.delivery": frozenset({"add", "change", "delete"}),
    "crm.dunningletter": frozenset({"add", "change", "delete"}),
    "crm.dispute": frozenset({"add", "change", "delete"}),
    "crm.accountingperiod": frozenset({"change", "delete"}),
    "crm.accountingexport": frozenset({"change", "delete"}),
    "approvals.approvalrequest": frozenset({"add", "change", "delete"}),
    "backup.backup": frozenset({"add", "change", "delete"}),
    "backup.restoredrill": frozenset({"add", "change", "delete"}),
    "common.incarnation": frozenset({"add", "change", "delete"}),
    "audit.auditbatch": frozenset({"add", "change", "delete"}),
    "events.outboxevent": frozenset({"add", "change", "delete"}),
    "events.inboxentry": frozenset({"add", "change", "delete"}),
    "events.helddelivery": frozenset({"add", "change", "delete"}),
    "events.deadletter": frozenset({"add", "change", "delete"}),
    "events.relayprocess": frozenset({"add", "change", "delete"}),
    "events.replay": frozenset({"change", "delete"}),
}
# Powers of pages and actions that are not named like their permission.
POWERS = {
    ("marketdata.marketday", "import_market"): "marketdata.import_priceseries",
    ("marketdata.priceseries", "import_market"): "marketdata.import_priceseries",
    ("hosting.site", "emergency_curtailmentplan"): "curtailment.emergency_curtailmentplan",
    ("crm.invoice", "record_payment"): "crm.add_payment",
    ("crm.customermembership", "revoke_membership"): "crm.delete_customermembership",
    ("accounts.user", "grant_access"): "accounts.add_accessgrant",
    ("accounts.user", "end_access"): "accounts.change_accessgrant",
    ("axes.accessattempt", "unlock"): "axes.delete_accessattempt",
    ("mfa.authenticator", "remove_factor"): "mfa.delete_authenticator",
    ("django_celery_beat.periodictask", "run_job"): "jobs.run_job",
    ("django_celery_beat.periodictask", "switch_job"): "jobs.switch_job",
    ("jobs.jobrun", "look_at_jobs"): "jobs.view_jobrun",
    ("jobs.tablesize", "look_at_database"): "jobs.view_tablesize",
}
# Pages everybody who looks may open, and what their button takes.
BUTTONS = {
    ("intelligence.forecastrun", "pictures"): "intelligence.run_forecast",
    ("hosting.site", "schedule"): "intelligence.run_schedulerun",
}
# Where adding is a page of its own, that page is the door; /add/ only shows the way to it.
ADDED_BY_A_PAGE = (
    "crm.invoice", "crm.accountingperiod", "crm.accountingexport", "accounts.apikey", "events.replay",
    "hosting.edgedevice", "curtailment.dispatch",
)  # fmt: skip
STOCK = ("view", "add", "change", "delete")


@dataclass(frozen=True)
class Cell:
    """One surface: ``opens`` tries it as a person, ``allowed`` says what a set of permissions should give."""

    label: str
    opens: Callable[[User], bool]
    allowed: Callable[[Permissions], bool]


def cells(scene: Mapping[str, Any]) -> list[Cell]:
    """All of them, from the registry of the site."""
    found: list[Cell] = []
    for model, page in admin.site._registry.items():
        label = model._meta.label_lower
        row = scene[label]
        found += _stock_cells(label, row)
        found += _page_cells(label, page, row)
        found += _action_cells(label, page)
        found += _autocomplete_cells(label, page)
        found += _inline_cells(label, page, row)
        if page.export_columns:
            found += [_export_cell(label, kind) for kind in ("csv", "xlsx")]
    draft = scene["draft"]
    found.append(Cell("draft: change", _post(f"/admin/crm/invoice/{draft.pk}/change/"), _holds("crm.change_invoice")))
    found.append(Cell("draft: delete", _get(f"/admin/crm/invoice/{draft.pk}/delete/"), _holds("crm.delete_invoice")))
    return found


def permission(label: str, power: str) -> str:
    """The permission behind a power of a page."""
    app, model = label.split(".")
    if power in STOCK:
        return f"{app}.{power}_{model}"
    return POWERS.get((label, power), f"{app}.{power}")


def _sees(label: str) -> Callable[[Permissions], bool]:
    either = {permission(label, "view"), permission(label, "change")}
    return lambda held: bool(either & held)


def _holds(*names: str) -> Callable[[Permissions], bool]:
    return lambda held: set(names) <= held


def _and(*rules: Callable[[Permissions], bool]) -> Callable[[Permissions], bool]:
    return lambda held: all(rule(held) for rule in rules)


def _verb(label: str, verb: str) -> Callable[[Permissions], bool]:
    closed = verb in CLOSED.get(label, ())
    return lambda held: not closed and permission(label, verb) in held


def _address(label: str, *parts: object) -> str:
    return "/".join(("/admin", label.replace(".", "/"), *map(str, parts), ""))


def _stock_cells(label: str, row: Any) -> Iterator[Cell]:
    yield Cell(f"{label}: list", _get(_address(label)), _sees(label))
    yield Cell(f"{label}: look", _get(_address(label, row.pk, "change")), _sees(label))
    yield Cell(f"{label}: history", _get(_address(label, row.pk, "history")), _sees(label))
    yield Cell(f"{label}: change", _post(_address(label, row.pk, "change")), _verb(label, "change"))
    yield Cell(f"{label}: delete", _get(_address(label, row.pk, "delete")), _verb(label, "delete"))
    yield Cell(f"{label}: delete by POST", _post(_address(label, row.pk, "delete")), _verb(label, "delete"))
    if label not in ADDED_BY_A_PAGE:
        yield Cell(f"{label}: add", _get(_address(label, "add")), _verb(label, "add"))
        yield Cell(f"{label}: add by POST", _post(_address(label, "add")), _verb(label, "add"))


def _page_cells(label: str, page: Any, row: Any) -> Iterator[Cell]:
    for name, view in page.pages.items():
        rule = _and(_sees(label), _holds(permission(label, view.power)))
        address = _address(label, row.pk, name) if view.for_one else _address(label, name)
        yield Cell(f"{label}: page {name}", _get(address), rule)
        if hasattr(view, "post"):
            button = _holds(BUTTONS[label, name]) if (label, name) in BUTTONS else rule
            yield Cell(f"{label}: page {name} by POST", _post(address), _and(rule, button))
        if view.for_many:
            many = f"{_address(label, name)}?ids={row.pk}"
            yield Cell(f"{label}: page {name} of many", _get(many), rule)
            yield Cell(f"{label}: page {name} of many by POST", _post(many), rule)


def _action_cells(label: str, page: Any) -> Iterator[Cell]:
    for name, power in _actions(label, page):
        rule = _and(_sees(label), _holds(permission(label, power)))
        yield Cell(f"{label}: action {name}", _offers_action(label, name), rule)


def _actions(label: str, page: Any) -> Iterator[tuple[str, str]]:
    for name in page.actions:
        (power,) = getattr(page, name).allowed_permissions
        yield name, power
    # Deleted one by one, or through a page or an action of another name.
    if label not in ("crm.customermembership", "accounts.user", "axes.accessattempt", "mfa.authenticator"):
        yield "delete_selected", "delete"


def _autocomplete_cells(label: str, page: Any) -> Iterator[Cell]:
    for name in page.get_autocomplete_fields(None):
        related = page.model._meta.get_field(name).related_model._meta.label_lower
        app, model = label.split(".")
        query = urlencode({"app_label": app, "model_name": model, "field_name": name, "term": ""})
        yield Cell(f"{label}: autocomplete {name}", _get(f"/admin/autocomplete/?{query}"), _sees(related))


def _inline_cells(label: str, page: Any, row: Any) -> Iterator[Cell]:
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    for inline in page.get_inlines(request, row):
        child = inline.model._meta.label_lower
        rule = _and(_sees(label), _sees(child))
        yield Cell(f"{label}: inline {child}", _shows_inline(_address(label, row.pk, "change"), inline.model), rule)


def _export_cell(label: str, kind: str) -> Cell:
    rule = _and(_sees(label), _holds(permission(label, f"export_{label.split('.')[1]}")))
    return Cell(f"{label}: export {kind}", _get(_address(label, "export", kind)), rule)


# --- trying -------------------------------------------------------------------------------------------------
def call(user: User, method: str, address: str) -> Any:
    """The view's answer, not rendered; None when it is forbidden."""
    request = getattr(RequestFactory(), method)(address)
    request.user = user
    request.session = SessionStore()
    request._messages = FallbackStorage(request)
    request._dont_enforce_csrf_checks = True
    match = resolve(request.path_info)
    request.resolver_match = match
    try:
        response = match.func(request, *match.args, **match.kwargs)
    except Http404 as error:
        raise AssertionError(f"{address} does not exist") from error
    return None if response.status_code == 403 else response


def _is_open(response: Any) -> bool:
    if response is None:
        return False
    # Django sends home who may not see the row of an object page; our own redirects stay inside the page.
    assert not (response.status_code == 302 and response.url in ("/admin/", "/admin/login/")), response
    return True


def _get(address: str) -> Callable[[User], bool]:
    return lambda user: _is_open(call(user, "get", address))


def _post(address: str) -> Callable[[User], bool]:
    return lambda user: _is_open(call(user, "post", address))


def _offers_action(label: str, name: str) -> Callable[[User], bool]:
    def opens(user: User) -> bool:
        response = call(user, "get", _address(label))
        form = response.context_data["action_form"] if response is not None else None
        return form is not None and name in dict(form.fields["action"].choices)

    return opens


def _shows_inline(address: str, model: Any) -> Callable[[User], bool]:
    def opens(user: User) -> bool:
        response = call(user, "get", address)
        if response is None:
            return False
        return any(inline.opts.model is model for inline in response.context_data["inline_admin_formsets"])

    return opens
