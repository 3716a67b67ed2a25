"""./dev run: the demo company on this machine, plain HTTP on loopback."""

from hashinsight.env import email_from_url, env_bool
from hashinsight.settings.base import *
from hashinsight.settings.base import STORAGES, VAR_DIR

globals().update(email_from_url("EMAIL_URL", f"file://{VAR_DIR / 'outbox'}"))
DEFAULT_FROM_EMAIL = "billing@hashinsight.example"
# Static files come straight from the packages: nothing to collect at a first start.
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
WHITENOISE_USE_FINDERS = True
# The demo asks for no second factor; MFA_REQUIRED_FOR_STAFF=true ./dev run shows how a server behaves.
MFA_REQUIRED_FOR_STAFF = env_bool("MFA_REQUIRED_FOR_STAFF", False)
