"""Routes under ``/accounts/``: one's own page, and allauth for everything about getting in."""

from django.urls import include, path

from accounts import views

urlpatterns = [
    path("home/", views.home, name="account_home"),
    path("home/profile/", views.change_own_profile, name="account_profile"),
    path("home/keys/", views.create_own_key, name="account_key_create"),
    path("home/keys/<uuid:key_id>/rotate/", views.rotate_own_key, name="account_key_rotate"),
    path("home/keys/<uuid:key_id>/revoke/", views.revoke_own_key, name="account_key_revoke"),
    path("", include("allauth.urls")),
]
