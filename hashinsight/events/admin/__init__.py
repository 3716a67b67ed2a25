"""Pages about events: the outbox, who had what, what waits, what was given up, and handing on again."""

from hashinsight.events.admin import dead_letter, inbox, outbox, relays, replay

__all__ = ["dead_letter", "inbox", "outbox", "relays", "replay"]
