"""Routes under ``/accounts/invitations/``."""

from django.urls import path

from crm import views

urlpatterns = [path("<uuid:invitation_id>/<str:token>/", views.invitation, name="invitation")]
