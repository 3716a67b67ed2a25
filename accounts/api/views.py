"""API keys of the caller: made, rotated, revoked."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.request import Request

from accounts.api.serializers import ApiKeyInput, ApiKeySerializer, NewApiKeySerializer, RotateInput
from accounts.domain import keys
from accounts.models import ApiKey
from hashinsight.common.api.fields import NoInput
from hashinsight.common.api.schema import described
from hashinsight.common.api.views import Answer, Effect, ResourceViewSet, verb


class ApiKeyViewSet(ResourceViewSet):
    """The caller's own keys, and nobody else's; for staff as well."""

    resource = route = "api-keys"
    serializer_class = ApiKeySerializer
    client_actions = frozenset({"list", "retrieve", "create", "rotate", "revoke"})
    staff_permissions = dict.fromkeys(("list", "retrieve", "create", "rotate", "revoke"))
    queryset = ApiKey.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[ApiKey]:
        """Own keys."""
        return ApiKey.objects.filter(user_id=user.pk).select_related("rotated_from")

    @described(request=ApiKeyInput, responses={201: NewApiKeySerializer})
    def create(self, request: Request) -> Effect:
        """Make a key for yourself; the answer tells its secret, once. No wider and no longer than the key in use."""
        data = {"expires_at": None, **self.read_input(ApiKeyInput)}
        user: Any = request.user
        parent: Any = request.auth
        return Effect(
            call=lambda: keys.create_key(user, by=user, at=timezone.now(), parent_key=parent, **data),
            answer=self._told,
            remember=_without_secret,
        )

    @described(request=RotateInput, responses={201: NewApiKeySerializer})
    @verb
    def rotate(self, request: Request, id: Any) -> Effect:
        """Give a key a successor; the old one lives on for the overlap. The answer tells the new secret, once."""
        key = self.get_row()
        overlap = timedelta(hours=self.read_input(RotateInput)["overlap_hours"])
        user: Any = request.user
        parent: Any = request.auth
        return Effect(
            call=lambda: keys.rotate_key(key, by=user, at=timezone.now(), overlap=overlap, parent_key=parent),
            answer=self._told,
            target=key,
            remember=_without_secret,
        )

    @described(request=NoInput, responses={200: ApiKeySerializer})
    @verb
    def revoke(self, request: Request, id: Any) -> Effect:
        """End a key at once; also the one in use."""
        key = self.get_row()
        self.read_input(NoInput)
        user: Any = request.user
        return Effect(
            call=lambda: keys.revoke_key(key, by=user, at=timezone.now()), answer=self.shown_again, target=key
        )

    def _told(self, made: tuple[ApiKey, str]) -> Answer:
        key, secret = made
        shown = self.shown_again(key, status=201)
        return Answer({**shown.body, "secret": secret, "secret_withheld": False}, 201, shown.location)


def _without_secret(body: dict[str, Any]) -> dict[str, Any]:
    """What a replay tells: the key, and that its secret was told before."""
    return {**body, "secret": None, "secret_withheld": True}
