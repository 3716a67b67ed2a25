"""A page of our own about one object, about many chosen in a list, or about none."""

from datetime import tzinfo
from typing import Any, ClassVar

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.utils import timezone
from django.views import View

from hashinsight.common.admin.actions import MOST_AT_ONCE


class ObjectPage(View):
    """Power first, then the objects, which must be visible to the person; then whatever the subclass does.

    ``power`` is the codename behind ``has_<power>_permission`` of the admin page, asked on every method. A page
    with a ``label`` gets a button on the change page.
    """

    model_admin: Any = None
    name: str = ""
    power: ClassVar[str]
    for_one: ClassVar[bool] = True
    for_many: ClassVar[bool] = False
    for_none: ClassVar[bool] = False
    label: ClassVar[Any] = ""
    list_label: ClassVar[Any] = ""  # a button above the list, for a page that needs no object
    icon: ClassVar[str] = ""
    danger: ClassVar[bool] = False
    new_tab: ClassVar[bool] = False
    clock_text: Any = ""  # names the clock, where it is not that of all pages

    objects: list[Any]

    @classmethod
    def permitted(cls, model_admin: Any, request: HttpRequest) -> bool:
        """Whether the person has the power, and may see the page of the model at all."""
        has_power = getattr(model_admin, f"has_{cls.power}_permission")
        return bool(model_admin.has_view_or_change_permission(request) and has_power(request))

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Power, objects, method."""
        if not self.permitted(self.model_admin, request):
            raise PermissionDenied
        self.objects = self.find(request, kwargs.get("object_id"))
        zone = self.clock()
        if zone is None:
            return super().dispatch(request, *args, **kwargs)
        with timezone.override(zone):
            response = super().dispatch(request, *args, **kwargs)
            if hasattr(response, "render"):
                response.render()  # as long as that clock is set
        return response

    def clock(self) -> tzinfo | None:
        """By which clock the page shows and reads times; None: by that of all pages."""
        return None

    def find(self, request: HttpRequest, object_id: str | None) -> list[Any]:
        """The objects the page is about, as this person may see them."""
        if object_id is not None:
            obj = self.model_admin.get_object(request, unquote(object_id))
            if obj is None:
                raise Http404
            return [obj]
        if self.for_none:
            return []
        keys = (request.GET.get("ids") or "").split("-")
        if not self.for_many or len(keys) > MOST_AT_ONCE or not all(key.isdecimal() and len(key) < 19 for key in keys):
            raise Http404
        found = {obj.pk: obj for obj in self.model_admin.get_queryset(request).filter(pk__in=keys)}
        if not found:
            raise Http404
        return [found[pk] for pk in dict.fromkeys(map(int, keys)) if pk in found]

    @property
    def is_single(self) -> bool:
        """Opened from the page of one object, not from the list."""
        return "object_id" in self.kwargs

    def back_url(self) -> str:
        """Where "no, take me back" leads."""
        if self.is_single:
            return str(self.model_admin.url_of("change", self.objects[0].pk))
        return str(self.model_admin.url_of("changelist"))
