"""A server: every value that matters comes from the environment, or the product refuses to start."""

from django.core.exceptions import ImproperlyConfigured

from hashinsight.env import email_from_url, env_bool, env_int, env_list, env_str
from hashinsight.settings.base import *
from hashinsight.settings.base import SECRET_KEY

if len(SECRET_KEY) < 50:
    raise ImproperlyConfigured("SECRET_KEY must have at least 50 characters.")
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS")
BASE_URL = env_str("BASE_URL")
if not BASE_URL.startswith("https://"):
    raise ImproperlyConfigured("BASE_URL must start with https:// in production.")
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS", [BASE_URL])
CELERY_BROKER_URL = env_str("CELERY_BROKER_URL")
env_str("CACHE_URL")
globals().update(email_from_url("EMAIL_URL", "") if env_str("EMAIL_URL") else {})
DEFAULT_FROM_EMAIL = env_str("DEFAULT_FROM_EMAIL")
SIGNUP_OPEN = env_bool("SIGNUP_OPEN", False)
MFA_REQUIRED_FOR_STAFF = env_bool("MFA_REQUIRED_FOR_STAFF", True)
if not MFA_REQUIRED_FOR_STAFF:
    raise ImproperlyConfigured("MFA_REQUIRED_FOR_STAFF cannot be switched off in production; see MFA_GRACE_HOURS.")

SECURE_SSL_REDIRECT = env_bool("SECURE_SSL_REDIRECT", True)
if env_bool("BEHIND_TLS_PROXY", False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = env_int("SECURE_HSTS_SECONDS", 365 * 24 * 3600)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
