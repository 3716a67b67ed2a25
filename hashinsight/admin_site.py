"""The admin site: one base for every page, no sign-in of its own, and no NUL character in any address."""

from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.admin.apps import AdminConfig
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import get_script_prefix
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite


def _navigation() -> list[dict[str, Any]]:
    """The groups of the sidebar as the settings have them."""
    look: Any = settings.UNFOLD
    groups: list[dict[str, Any]] = look["SIDEBAR"]["navigation"]
    return groups


@cache
def _sidebar_links(_script_prefix: str) -> tuple[tuple[str, ...], ...]:
    """Where the entries of each group lead: looked up once per place the site stands at, not for each page."""
    return tuple(tuple(str(item["link"]) for item in group["items"]) for group in _navigation())


class HashInsightAdminSite(UnfoldAdminSite):
    """Shows only what is built on the house's base class; signing in is left to the account pages."""

    index_title = _("Start")

    def register(
        self,
        model_or_iterable: type[models.Model] | Iterable[type[models.Model]],
        admin_class: Any = None,
        **options: Any,
    ) -> None:
        """Register a page; what libraries bring along without our base is left out.

        A page of a library would lack the history, the careful counting and the look. Where the product needs one,
        it is written in the fitting app.
        """
        if getattr(admin_class, "is_house_page", False):
            super().register(model_or_iterable, admin_class, **options)

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Any:
        """Refuse what PostgreSQL cannot hold before it reaches a filter, a search or a key."""

        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
                raise BadRequest("NUL characters are not allowed in an address.")
            try:
                return view(request, *args, **kwargs)
            except PermissionDenied:
                return self.forbidden(request)

        for name in ("csrf_exempt", "model_admin", "model_admin_view"):
            if hasattr(view, name):
                setattr(checked, name, getattr(view, name))
        return super().admin_view(checked, cacheable)

    def forbidden(self, request: HttpRequest) -> HttpResponse:
        """A page that says so, with the way back."""
        context = {**self.each_context(request), "title": _("Not allowed"), "subtitle": None}
        return TemplateResponse(request, "admin/house/forbidden.html", context, status=403)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Colours come from admin.css: a style inside the page is nothing the content policy allows."""
        return {**super().each_context(request), "colors": None, "border_radius": None}

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """Built when somebody looks: our pages show the sidebar instead, and sorting all models costs a page's half."""
        return SimpleLazyObject(partial(super().get_app_list, request, app_label))

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        """The entries this person may open. Unfold makes a class and reverses an address per entry for each page.

        One is marked, the nearest: pages such as that of the market hang on a list that is an entry too.
        """
        groups = []
        links = _sidebar_links(get_script_prefix())
        around = [link for addresses in links for link in addresses if urlsplit(link).path in request.path]
        nearest = max(around, key=len, default=None)
        for group, addresses in zip(_navigation(), links, strict=True):
            items = [
                {**item, "link": link, "active": link == nearest, "has_permission": True}
                for item, link in zip(group["items"], addresses, strict=True)
                if item["permission"](request)
            ]
            groups.append({**group, "items": items})
        return groups

    def autocomplete_view(self, request: HttpRequest) -> Any:
        """What somebody may mean while typing."""
        from hashinsight.common.admin.suggestions import Suggestions  # noqa: PLC0415  (models are not ready yet)

        return Suggestions.as_view(admin_site=self)(request)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Hand over to the account pages, which know lock-out and second factor."""
        from accounts.views import admin_login  # noqa: PLC0415  (models are not ready when the site is made)

        response: HttpResponse = admin_login(request)
        return response

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One's own password is changed where it is checked."""
        return redirect("account_change_password")


class HashInsightAdminConfig(AdminConfig):
    """``django.contrib.admin`` with our site as the default one."""

    default_site = "hashinsight.admin_site.HashInsightAdminSite"
