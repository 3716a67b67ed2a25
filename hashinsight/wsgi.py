"""WSGI entry point."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("HASHINSIGHT_ROLE", "web")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hashinsight.settings.production")

application = get_wsgi_application()
