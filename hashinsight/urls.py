"""All routes."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from hashinsight import health

urlpatterns = [
    path("", RedirectView.as_view(url="/admin/", permanent=False)),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("accounts/", include("accounts.urls")),
    path("api/v1/", include("hashinsight.api_urls")),
    path("admin/", admin.site.urls),
]
