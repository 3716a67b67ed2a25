"""What the public pages ask about the installation."""

from django import template
from django.conf import settings

register = template.Library()


@register.simple_tag
def signup_open() -> bool:
    """Whether strangers may create an account."""
    return bool(settings.SIGNUP_OPEN)
