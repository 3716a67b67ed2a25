"""Examine this set-up: what is wrong, and what to do about it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from hashinsight.health.checks import run_checks
from hashinsight.health.doctor import RUNNING, SETUP, Question


class Command(BaseCommand):
    """``manage.py doctor``: exit code 0 when all is well, 1 when something is not."""

    help = "Examines settings, servers, clock, mail, files and, with --running, the processes; says what to do."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Before the first start nothing runs yet."""
        parser.add_argument("--running", action="store_true", help="also ask whether workers, beat and relay are up")

    def handle(self, *args: Any, **options: Any) -> None:
        """One line per question, and what to do below each that is not well."""
        questions = [*SETUP, *(RUNNING if options["running"] else [])]
        wrong = [question.name for question in questions if not self._ask(question)]
        if wrong:
            self.stdout.write(f"{len(wrong)} of {len(questions)} not well: {', '.join(wrong)}")
            raise SystemExit(1)
        self.stdout.write(f"All {len(questions)} are well.")

    def _ask(self, question: Question) -> bool:
        outcome = run_checks({question.name: question.look})[0]
        self.stdout.write(f"{'ok   ' if outcome.ok else 'WRONG'}  {question.name:12} {outcome.words}".rstrip())
        if not outcome.ok:
            self.stdout.write(f"       {'':12} → {question.advice}")
        return outcome.ok
