"""Where the buttons and confirm pages of an admin page get their addresses."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib.admin import AdminSite
from django.contrib.admin.utils import unquote
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from unfold.admin import ModelAdmin

from hashinsight.common.admin.actions import limited


def add_page(site: AdminSite, model: type[Model], name: str, page: Any) -> None:
    """Hang a page of an app above on the admin page of a model below, which knows nothing of it.

    Called from the ``admin`` package of the upper app, which is loaded after those below.
    """
    model_admin: Any = site.get_model_admin(model)
    model_admin.pages = {**model_admin.pages, name: page}


class PagesMixin(ModelAdmin):
    """``pages`` maps the last part of an address to a page class (see ``confirm.py``).

    A page for one object stands at ``<key>/<name>/``, a page for many at ``<name>/?ids=1-2-3``. A button on the
    change page belongs to each page that names a ``label``; it shows when the person has the power and ``offered``
    says that the state allows it.
    """

    pages: ClassVar[Mapping[str, Any]] = {}

    def get_urls(self) -> list[URLPattern]:
        """Our pages first: the stock patterns end in one that catches all."""
        prefix = f"{self.opts.app_label}_{self.opts.model_name}"
        own = []
        for name, page in self.pages.items():
            view = self.admin_site.admin_view(page.as_view(model_admin=self, name=name))
            if page.for_one:
                own.append(path(f"<path:object_id>/{name}/", view, name=f"{prefix}_{name}"))
            if page.for_many:
                own.append(path(f"{name}/", view, name=f"{prefix}_{name}_many"))
            if page.for_none:
                own.append(path(f"{name}/", view, name=f"{prefix}_{name}"))
        return [*own, *super().get_urls()]

    def offered(self, request: HttpRequest, obj: Any) -> set[str]:
        """Names of the pages that make sense for ``obj`` now; all of them unless a subclass knows better."""
        return set(self.pages)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Add the buttons."""
        context = {"house_buttons": self._buttons(request, object_id), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def _buttons(self, request: HttpRequest, object_id: str) -> list[dict[str, Any]]:
        pages = {name: page for name, page in self.pages.items() if page.for_one and page.label}
        allowed = {name: page for name, page in pages.items() if page.permitted(self, request)}
        obj = self.get_object(request, unquote(object_id)) if allowed and request.method == "GET" else None
        if obj is None:
            return []
        offered = self.offered(request, obj)
        return [
            {
                "title": page.label,
                "icon": page.icon,
                "danger": page.danger,
                "new_tab": page.new_tab,
                "url": self.url_of(name, obj.pk),
            }
            for name, page in allowed.items()
            if name in offered
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Add the way to the import, where there is one."""
        page = self.pages.get("import")
        may_import = page is not None and page.permitted(self, request)
        url = self.url_of("import") if may_import else ""
        tools = [
            {"title": page.list_label, "icon": page.icon, "url": self.url_of(name)}
            for name, page in self.pages.items()
            if page.for_none and page.list_label and page.permitted(self, request)
        ]
        return super().changelist_view(
            request, {"house_import_url": url, "house_list_tools": tools, **(extra_context or {})}
        )

    def to_page(self, name: str, queryset: Any) -> HttpResponse:
        """Send a list action on to the page that shows its effect on the chosen rows."""
        keys = "-".join(str(row.pk) for row in limited(queryset))
        return HttpResponseRedirect(f"{self.url_of(f'{name}_many')}?ids={keys}")
