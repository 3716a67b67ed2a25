"""How the OpenAPI file describes the doors of edge devices: another way in, and none of what people's calls share."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from hashinsight.common.api.schema import HashInsightSchema, headers


class DeviceTokenScheme(OpenApiAuthenticationExtension):
    """``Authorization: Bearer hie_…``."""

    target_class = "hosting.api.views.edge.DeviceAuthentication"
    name = "DeviceToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """A bearer token with a form of its own."""
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "hie_<prefix>_<secret>",
            "description": "The token of an edge device, from /api/v1/edge/enrol/. It opens these calls and no others.",
        }


class EdgeSchema(HashInsightSchema):
    """Says what the view says of itself: ``takes``, ``answers``, ``errors`` and ``parameters``."""

    is_conditional = False

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        """A body is needed where one is taken; the way in is said even where there is none."""
        operation = super().get_operation(*args, **kwargs)
        if "requestBody" in operation:
            operation["requestBody"]["required"] = True
        operation.setdefault("security", [])
        return operation

    def get_request_serializer(self) -> Any:
        """What the view takes."""
        view: Any = self.view
        return view.takes

    def get_response_serializers(self) -> Any:
        """What the view answers, by status."""
        view: Any = self.view
        return view.answers

    def get_override_parameters(self) -> Any:
        """Headers of the view."""
        view: Any = self.view
        return view.parameters

    def get_operation_id(self) -> str:
        """``edge_batches``."""
        return "_".join(self.path.strip("/").split("/")[-2:])

    def get_tags(self) -> list[str]:
        """One for all of them."""
        return ["edge"]

    def _header_parameters(self) -> list[dict[str, Any]]:
        return []

    def _success_headers(self, status: str) -> dict[str, Any]:
        return headers()

    def _error_statuses(self) -> list[int]:
        view: Any = self.view
        return sorted(view.errors)
