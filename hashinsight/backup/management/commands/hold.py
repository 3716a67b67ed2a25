"""What waits after a restore, and its release."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from hashinsight.backup.domain.releasing import NotHeld, release_hold, waiting
from hashinsight.common import hold
from hashinsight.common.audit import audit_context


class Command(BaseCommand):
    """``hold`` shows, ``hold --release --reason …`` ends it, ``hold --begin --reason …`` begins one by hand."""

    help = "Show what would be sent after a restore; release it, or hold the system by hand."

    def add_arguments(self, parser: CommandParser) -> None:
        """Show, begin, release."""
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--release", action="store_true", help="Let the system act again.")
        what.add_argument("--begin", action="store_true", help="Hold it: the files were brought back by other means.")
        parser.add_argument("--send-old", nargs="*", default=[], metavar="KIND", help="Old work to send after all.")
        parser.add_argument("--reason", default="")
        parser.add_argument("--by", default="command", help="Who releases it.")

    def handle(self, *args: Any, **options: Any) -> None:
        """One domain call."""
        if (options["release"] or options["begin"]) and not options["reason"].strip():
            raise CommandError("Say why: --reason …")
        if options["begin"]:
            with audit_context(actor=options["by"], reason=options["reason"], source="hold"):
                hold.begin_held(restored_to=None, reason=options["reason"])
        life = hold.current_life()
        if options["release"]:
            try:
                aside = release_hold(
                    life, by=options["by"], at=timezone.now(), reason=options["reason"], send_old=options["send_old"]
                )
            except NotHeld as refusal:
                raise CommandError(str(refusal)) from refusal
            self.stdout.write(f"released; set aside: {aside['work']} pieces of work, {aside['events']} events")
            return
        if not life.is_held:
            self.stdout.write(f"not held (this database since {life.began_at:%Y-%m-%d %H:%M})")
            return
        self.stdout.write(f"held since {life.held_at:%Y-%m-%d %H:%M}: {life.reason or 'the database is another one'}")
        for line in waiting(life):
            age = "from before the restore, set aside on release" if line.is_old else "new, sent on release"
            self.stdout.write(f"{line.count:>8} {line.what}: {age}")
