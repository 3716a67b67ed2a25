"""Admin pages of notifications."""

from hashinsight.notify.admin import alert, channel, delivery, rota, rule

__all__ = ["alert", "channel", "delivery", "rota", "rule"]
