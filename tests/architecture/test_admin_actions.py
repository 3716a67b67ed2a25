"""An admin action without permissions can be run by whoever may view the list; none of ours is like that."""

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib import admin

UNFOLD_LISTS = ("actions_list", "actions_row", "actions_detail", "actions_submit_line")


def _names(value: Any) -> Iterator[Any]:
    for item in value or ():
        if isinstance(item, dict):
            yield from _names(item.get("items"))
        else:
            yield item


def _callable(model_admin: Any, action: Any) -> Callable[..., Any]:
    return action if callable(action) else getattr(model_admin, action)


def unguarded(model_admin: Any) -> list[str]:
    """Names of actions of one ModelAdmin that declare no permission."""
    found = []
    listed = [(name, _callable(model_admin, name)) for name in _names(model_admin.actions)]
    for attribute in UNFOLD_LISTS:
        listed += [(name, _callable(model_admin, name)) for name in _names(getattr(model_admin, attribute, ()))]
    for name, function in listed:
        if not getattr(function, "allowed_permissions", None):
            found.append(f"{type(model_admin).__name__}.{name if isinstance(name, str) else name.__name__}")
    return found


def test_every_admin_action_is_guarded() -> None:
    assert [name for model_admin in admin.site._registry.values() for name in unguarded(model_admin)] == []


def test_site_wide_actions_are_guarded() -> None:
    assert [name for name, function in admin.site.actions if not getattr(function, "allowed_permissions", None)] == []


def test_a_planted_unguarded_action_is_found() -> None:
    class Planted(admin.ModelAdmin):  # type: ignore[type-arg]
        actions = ("bare", "guarded")
        actions_detail = ("bare",)

        def bare(self, request: Any, queryset: Any) -> None: ...

        @admin.action(permissions=["change"])
        def guarded(self, request: Any, queryset: Any) -> None: ...

    from crm.models import Lead

    assert unguarded(Planted(Lead, admin.site)) == ["Planted.bare", "Planted.bare"]
