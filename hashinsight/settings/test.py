"""The suite: a cheap hasher, mail in memory, tasks run only when a test runs them."""

import os

os.environ.setdefault("SECRET_KEY", "test-secret-key-of-no-value-but-of-fifty-characters-length")
os.environ.setdefault("API_KEY_PEPPER", "test-pepper-of-no-value")
os.environ.setdefault("DATABASE_URL", "postgresql:///hashinsight")

from hashinsight.settings.base import *
from hashinsight.settings.base import INSTALLED_APPS, REST_FRAMEWORK, STORAGES

INSTALLED_APPS = [*INSTALLED_APPS, "tests.support", "django_migration_linter"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
DEFAULT_FROM_EMAIL = "billing@hashinsight.example"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
CLIENT_SCOPE_DURABLE = False
BACKUP_DATABASE_URL = ""  # tests of the backups have servers of their own
ALLOWED_HOSTS = ["*"]
WHITENOISE_AUTOREFRESH = True
E_INVOICE_RULES = "off"  # the tests of the official rules ask them themselves
AXES_ENABLED = True
REST_FRAMEWORK = {
    **REST_FRAMEWORK,
    "DEFAULT_THROTTLE_RATES": {"api": "100000/min", "anonymous": "100000/min", "edge": "60/min"},
}
MIGRATION_LINTER_OPTIONS = {
    "exclude_apps": ["django_celery_beat", "axes", "account", "mfa", "guardian"],
    "ignore_name": [
        # numeric(20, 2) to numeric: the one change of a type that touches the catalogue only.
        "0009_values_with_eight_digits",
        # SQL that makes new tables; the DROP it is blamed for stands in a function that drops old partitions.
        "0004_partitions",
    ],
}
