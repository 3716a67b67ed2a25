"""Admin pages of notifications."""

from hashinsight.notify.admin import alert, channel, delivery, rule

__all__ = ["alert", "channel", "delivery", "rule"]
