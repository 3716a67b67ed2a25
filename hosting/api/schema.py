"""How the OpenAPI file describes the way in of edge devices."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


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
