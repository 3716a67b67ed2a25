"""Refusals: what a person asked for may not be done now, and why, in words fit for that person."""

from typing import Any


class DomainError(Exception):
    """A business refusal. Subclasses stand beside the function that raises them.

    ``message`` is shown to the person; ``code`` is stable for machines; ``params`` are facts for both.
    """

    code = "refused"

    def __init__(self, message: Any, *, code: str | None = None, **params: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.params = params

    def __str__(self) -> str:
        return str(self.message)
