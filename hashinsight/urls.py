"""All routes."""

from django.contrib import admin
from django.urls import include, path

from accounts.views import admin_login, start
from hashinsight import health

urlpatterns = [
    path("", start, name="start"),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("accounts/", include("accounts.urls")),
    path("api/v1/", include("hashinsight.api_urls")),
    path("admin/login/", admin_login),
    path("admin/", admin.site.urls),
]
