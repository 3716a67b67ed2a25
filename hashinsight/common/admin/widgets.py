"""Making plain form fields look like the rest of the admin."""

from collections.abc import Collection

from django import forms
from unfold import widgets


def dress(form: forms.BaseForm, *, only: Collection[str] | None = None) -> None:
    """Give each visible field (or ``only`` those named) the admin's widget of its kind."""
    for name, bound in form.fields.items():
        if only is None or name in only:
            bound.widget = _dressed(bound)


def _dressed(bound: forms.Field) -> forms.Widget:
    old = bound.widget
    replacement: forms.Widget | None = None
    if isinstance(old, forms.HiddenInput) or type(old).__module__.startswith(("unfold", "django.contrib.admin")):
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
    elif isinstance(old, forms.DateInput):
        replacement = widgets.UnfoldAdminTextInputWidget(attrs={**old.attrs, "type": "date"})
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
