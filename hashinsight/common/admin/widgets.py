"""Making plain form fields look like the rest of the admin."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple
from django.core.exceptions import ValidationError
from unfold import widgets


def dress(form: forms.BaseForm, *, only: Collection[str] | None = None) -> None:
    """Give each visible field (or ``only`` those named) the admin's widget of its kind."""
    for name, bound in form.fields.items():
        if only is None or name in only:
            bound.widget = _dressed(bound)


def _dressed(bound: forms.Field) -> forms.Widget:
    old = bound.widget
    replacement: forms.Widget | None = None
    if getattr(old, "is_dressed", False) or isinstance(old, forms.HiddenInput):
        return old
    if type(old).__module__.startswith(("unfold", "django.contrib.admin")):
        return old
    if isinstance(old, forms.Textarea):
        replacement = widgets.UnfoldAdminTextareaWidget(attrs=old.attrs)
    elif isinstance(old, forms.CheckboxSelectMultiple):
        replacement = widgets.UnfoldAdminCheckboxSelectMultipleWidget(attrs=old.attrs, choices=old.choices)
    elif isinstance(old, forms.CheckboxInput):
        replacement = widgets.UnfoldBooleanWidget(attrs=old.attrs)
    elif isinstance(old, forms.Select):
        replacement = widgets.UnfoldAdminSelectWidget(attrs=old.attrs, choices=old.choices)
    elif isinstance(old, forms.ClearableFileInput):
        replacement = widgets.UnfoldAdminFileFieldWidget(attrs=old.attrs)
    elif isinstance(old, forms.SplitDateTimeWidget):
        replacement = widgets.UnfoldAdminSplitDateTimeWidget(attrs=old.attrs)
    elif isinstance(old, forms.DateInput):
        # Typed and shown in the one style of the page, which the browser's own date field does not know.
        replacement = widgets.UnfoldAdminSingleDateWidget(attrs=old.attrs)
    elif isinstance(old, forms.PasswordInput):
        replacement = widgets.UnfoldAdminPasswordWidget(attrs=old.attrs, render_value=old.render_value)
    elif isinstance(old, forms.EmailInput):
        replacement = widgets.UnfoldAdminEmailInputWidget(attrs=old.attrs)
    elif isinstance(old, forms.NumberInput | forms.TextInput):
        replacement = widgets.UnfoldAdminTextInputWidget(attrs={**old.attrs, **_input_attrs(bound)})
    if replacement is None:
        return old
    replacement.is_required = bound.required
    replacement.is_localized = bound.localize
    return replacement


def _input_attrs(bound: forms.Field) -> dict[str, str]:
    return {"inputmode": "decimal"} if isinstance(bound, forms.DecimalField) else {}


class _ForgivingMixin:
    """Shows a form again that was sent with a key that is none; Django's own widget fails on it."""

    field: Any

    def optgroups(self, name: str, value: Any, attrs: Any = None) -> Any:
        """Only keys that can be keys are looked up."""
        key = self.field.remote_field.get_related_field()
        return super().optgroups(name, [one for one in value if _is_key(key, one)], attrs)  # type: ignore[misc]


class HouseAutocomplete(_ForgivingMixin, AutocompleteSelect):
    """Search for one row."""


class HouseAutocompleteMultiple(_ForgivingMixin, AutocompleteSelectMultiple):
    """Search for several rows."""


def _is_key(key: Any, value: Any) -> bool:
    if value in (None, ""):
        return True
    try:
        key.clean(value, None)
    except (ValidationError, ValueError, TypeError, OverflowError):
        return False
    return True
