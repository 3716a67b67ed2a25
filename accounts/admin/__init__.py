"""The back office of people and access."""

from accounts.admin import access_grant, api_key, group, libraries, login_record, session, user, wallet  # noqa: F401
