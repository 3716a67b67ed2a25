"""What can be asked for: filled by the apps in ``ready()``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol


class CarryOut(Protocol):
    """Does what was asked for; raises a DomainError when it cannot be done (any more)."""

    def __call__(self, obj: Any, *, approval: Any, by: Any, at: datetime) -> Any: ...


def _no_facts(obj: Any, request: Any) -> Sequence[tuple[Any, Any]]:
    return ()


@dataclass(frozen=True)
class ApprovalAction:
    """One kind of act that may need a second person.

    ``model`` is the label of what it acts on; ``permission`` is the power of the act itself, which whoever decides
    needs as well; ``state_of`` tells what of the object must not change between wish and decision; ``carry_out`` is
    the domain function, called in the transaction of the decision; ``facts`` are shown to whoever decides, pairs of
    label and value; ``effect`` makes the whole preview of a confirm page where there is more to show.
    """

    kind: str
    title: Any
    model: str
    permission: str
    carry_out: CarryOut
    state_of: Callable[[Any], str] = field(default=lambda obj: str(obj.version))
    facts: Callable[[Any, Any], Sequence[tuple[Any, Any]]] = _no_facts
    effect: Callable[[Any, Any, Any], Any] | None = None
    valid_for: timedelta = timedelta(days=14)


class UnknownAction(LookupError):
    """Nobody registered this kind of act: a mistake in code."""


_actions: dict[str, ApprovalAction] = {}


def register_action(action: ApprovalAction) -> None:
    """Make a kind of act known; called from ``ready()``."""
    _actions[action.kind] = action


def action_for(kind: str) -> ApprovalAction:
    """The act of this kind. Raises UnknownAction."""
    try:
        return _actions[kind]
    except KeyError:
        raise UnknownAction(kind) from None


def all_actions() -> list[ApprovalAction]:
    """Every kind of act, by name."""
    return [_actions[kind] for kind in sorted(_actions)]
