"""Filling change forms the way a browser does: everything the page shows goes back, with a few changes."""

from typing import Any

from django.test import Client

from tests.admin.conftest import seen


def page_data(response: Any) -> dict[str, Any]:
    """What the form on a change page would send if nothing was typed."""
    form = response.context["adminform"].form
    data: dict[str, Any] = _values(form)
    if form.version_seen:
        data["version_seen"] = form.version_seen
    for inline in response.context["inline_admin_formsets"]:
        formset = inline.formset
        data |= _values(formset.management_form)
        for line in formset.initial_forms:
            data |= _values(line)
    return data


def save(client: Client, address: str, **changes: Any) -> Any:
    """Open the page, change some fields, save, follow."""
    shown = client.get(address)
    assert shown.status_code == 200, shown
    return client.post(address, {**page_data(shown), **changes}, follow=True)


def errors(response: Any) -> list[str]:
    """All complaints on a change page, those of its lines included."""
    found = [str(text) for texts in response.context["adminform"].form.errors.values() for text in texts]
    for inline in response.context["inline_admin_formsets"]:
        for line in inline.formset.forms:
            found += [str(text) for texts in line.errors.values() for text in texts]
    return found


def _values(form: Any) -> dict[str, Any]:
    values = {}
    for name, field in form.fields.items():
        value = form[name].value()
        prefixed = form.add_prefix(name)
        if hasattr(field.widget, "decompress") and hasattr(field.widget, "widgets"):
            parts = value if isinstance(value, list) else field.widget.decompress(value)
            values |= {f"{prefixed}_{place}": str(part or "") for place, part in enumerate(parts)}
        elif isinstance(value, list | tuple):
            values[prefixed] = [str(getattr(one, "pk", one)) for one in value]
        elif value is True:
            values[prefixed] = "on"
        elif value is not False and value is not None:
            values[prefixed] = str(getattr(value, "pk", value))
    return values


def url(model: str, pk: Any, page: str) -> str:
    return f"/admin/crm/{model}/{pk}/{page}/"


def confirm(client: Client, address: str, **fields: Any) -> Any:
    """Open the page, then press its button."""
    shown = client.get(address)
    assert shown.status_code == 200, shown.content.decode()[:2000]
    return client.post(address, {"seen": seen(shown), **fields}, follow=True)
