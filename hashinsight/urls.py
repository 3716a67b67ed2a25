"""All routes."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path, re_path
from django.utils.functional import lazy
from django.views.generic import RedirectView

from accounts.views import admin_login, start
from hashinsight.common.api.views import NoSuchRoute
from hashinsight.health import views as health

# Asked for beside every PDF and JSON page, which cannot name an icon themselves; found out at the first request.
favicon = RedirectView.as_view(url=lazy(static, str)("hashinsight/icon.svg"))

handler400 = "hashinsight.common.api.outside.bad_request"
handler403 = "hashinsight.common.api.outside.permission_denied"
handler404 = "hashinsight.common.api.outside.page_not_found"
handler500 = "hashinsight.common.api.outside.server_error"

urlpatterns = [
    path("", start, name="start"),
    path("favicon.ico", favicon, name="favicon"),
    path("health/live", health.live, name="health-live"),
    path("health/serving", health.serving, name="health-serving"),
    path("health/ready", health.ready, name="health-ready"),
    path("metrics", health.figures, name="metrics"),
    path("accounts/invitations/", include("crm.urls")),
    path("accounts/", include("accounts.urls")),
    path("api/v1/", include("hashinsight.api_urls")),
    re_path(r"^api(/|$)", NoSuchRoute.as_view(), name="api-no-such-version"),
    path("admin/login/", admin_login),
    path("admin/", admin.site.urls),
]
