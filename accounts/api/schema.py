"""How the OpenAPI file describes the way in."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """``Authorization: Bearer hi_…``."""

    target_class = "accounts.api.authentication.ApiKeyAuthentication"
    name = "ApiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """A bearer token with a form of its own."""
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "hi_<prefix>_<secret>",
            "description": "An API key, made on your own page or through /api/v1/api-keys/.",
        }
