"""All routes."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.utils.functional import lazy
from django.views.generic import RedirectView

from accounts.views import admin_login, start
from hashinsight import health

# Asked for beside every PDF and JSON page, which cannot name an icon themselves; found out at the first request.
favicon = RedirectView.as_view(url=lazy(static, str)("hashinsight/icon.svg"))

urlpatterns = [
    path("", start, name="start"),
    path("favicon.ico", favicon, name="favicon"),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("accounts/", include("accounts.urls")),
    path("api/v1/", include("hashinsight.api_urls")),
    path("admin/login/", admin_login),
    path("admin/", admin.site.urls),
]
