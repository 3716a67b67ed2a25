"""Routes under ``/accounts/``: one's own page, and allauth for everything about getting in."""

from django.urls import include, path

from accounts import views, wallet_views

urlpatterns = [
    path("home/", views.home, name="account_home"),
    path("home/profile/", views.change_own_profile, name="account_profile"),
    path("home/sessions/end/", views.end_other_sessions, name="account_sessions_end"),
    path("home/sessions/<uuid:session_id>/end/", views.end_own_session, name="account_session_end"),
    path("home/wallets/start/", wallet_views.start_wallet, name="account_wallet_start"),
    path("home/wallets/finish/", wallet_views.finish_wallet, name="account_wallet_finish"),
    path("home/wallets/<uuid:wallet_id>/unlink/", wallet_views.unlink_wallet, name="account_wallet_unlink"),
    path("home/keys/", views.create_own_key, name="account_key_create"),
    path("home/keys/<uuid:key_id>/rotate/", views.rotate_own_key, name="account_key_rotate"),
    path("home/keys/<uuid:key_id>/addresses/", views.limit_own_key, name="account_key_limit"),
    path("home/keys/<uuid:key_id>/revoke/", views.revoke_own_key, name="account_key_revoke"),
    path("", include("allauth.urls")),
]
