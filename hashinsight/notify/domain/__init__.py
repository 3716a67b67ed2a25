"""Writes of notifications. ``raise_alert`` and ``recover_alert`` are what other apps call."""

from hashinsight.notify.domain.alerts import acknowledge, raise_alert, recover_alert

__all__ = ["acknowledge", "raise_alert", "recover_alert"]
