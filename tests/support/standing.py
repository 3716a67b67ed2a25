"""Fixtures whose rows stand from one test of a file to the next, as long as the next one wants them too.

    @pytest.fixture
    @standing
    def invoice(root: User, customer_a: Customer) -> Invoice: ...

Making rows by way of the domain is a third of the suite's work, and most tests of a file begin with the same ones.
They are made outside of the test's own transaction, one savepoint each, and taken back as soon as a test comes that
did not ask for them: every test finds exactly the rows of its own fixtures, and gets copies of what they returned.

Such a fixture makes rows and nothing else: it needs no clock, no folder, no setting of the test, and only fixtures of
its kind. Tests that commit, or that share a world with others, are left as they are.
"""

import functools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, TypeVar

import pytest
from django.db import connection, transaction

F = TypeVar("F", bound=Callable[..., Any])
COMMITTING = {"transactional_db", "live_server", "django_db_reset_sequences"}


class Stage:
    """What stands, in the order it was made, each on a savepoint of its own."""

    def __init__(self) -> None:
        self.levels: list[tuple[Any, Any, Any]] = []  # fixture, what it gave, its transaction
        self.copies: dict[Any, Any] = {}  # of what the running test asked for
        self.path: Any = None
        self.wide: set[Any] = set()  # fixtures with rows for a whole file or folder that are in use
        self.asked: dict[Any, Counter[Any]] = {}  # in each file, how often for what

    def clear(self, down_to: int = 0) -> None:
        """Take back what was made later than that."""
        while len(self.levels) > down_to:
            block = self.levels.pop()[2]
            connection.needs_rollback = True
            block.__exit__(None, None, None)

    def set_for(self, item: Any) -> None:
        """Exactly the rows of this test's own standing fixtures."""
        self.copies = {}
        if item.path != self.path or self.wide or commits(item) or not self._is_whole():
            self.clear()
            self.path = item.path
        if self.wide or commits(item):
            return
        wanted = wanted_by(item)
        known = [fixture for fixture, _value, _block in self.levels]
        self.clear(next((place for place, one in enumerate(known) if one not in wanted.values()), len(known)))
        values = {fixture: value for fixture, value, _block in self.levels}
        asked = self._asked_in_file(item)
        for fixture in sorted(wanted.values(), key=lambda one: -asked[one]):
            if fixture not in values:
                values[fixture] = self._make(fixture, wanted, values)
        self.copies = deepcopy(values)

    def _asked_in_file(self, item: Any) -> "Counter[Any]":
        """What most tests of the file want is made first and stands longest; whoever needs another comes after it."""
        if not self.asked:
            self.asked = defaultdict(Counter)
            for one in item.session.items:
                self.asked[one.path].update(wanted_by(one).values())
        return self.asked[item.path]

    def _make(self, fixture: Any, wanted: dict[str, Any], values: dict[Any, Any]) -> Any:
        needed = {one: None if one == "db" else values[wanted[one]] for one in fixture.stands}
        block = transaction.atomic()
        block._from_testcase = True  # as the test's own: what must be outermost may begin inside
        block.__enter__()
        try:
            value = fixture.__wrapped__(**needed)
            settle()
        except BaseException as error:
            block.__exit__(type(error), error, error.__traceback__)
            raise
        self.levels.append((fixture, value, block))
        return value

    def _is_whole(self) -> bool:
        """Not so after a test that closed the connection."""
        return not self.levels or (connection.connection is not None and not connection.closed_in_transaction)


STAGE = Stage()


def settle() -> None:
    """Check now what would be checked at the end of every test, and leave each constraint as strict as it is."""
    connection.check_constraints()
    with connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(conname) FROM pg_constraint WHERE condeferrable AND NOT condeferred")
        if names := ", ".join(name for (name,) in cursor.fetchall()):
            cursor.execute(f"SET CONSTRAINTS {names} IMMEDIATE")


def standing(function: F) -> F:
    """Mark a fixture function, below ``pytest.fixture``."""

    @functools.wraps(function)
    def fixture(**needed: Any) -> Any:
        return STAGE.copies[fixture] if fixture in STAGE.copies else function(**needed)

    made: Any = fixture
    made.stands = function.__code__.co_varnames[: function.__code__.co_argcount]
    return made  # type: ignore[no-any-return]


def wanted_by(item: Any) -> dict[str, Any]:
    """The standing fixtures of a test by name, those that others need first."""
    known = item._fixtureinfo.name2fixturedefs
    found: dict[str, Any] = {}

    def add(name: str) -> None:
        fixture = known[name][-1].func if name in known else None
        if name in found or not hasattr(fixture, "stands"):
            return
        for needed in fixture.stands:
            add(needed)
            if needed not in found and needed != "db":
                raise TypeError(f"the fixture {name} stands, {needed} does not")
        found[name] = fixture

    for name in item.fixturenames:
        add(name)
    return found


def commits(item: Any) -> bool:
    """Whether the test ends its transactions itself."""
    marks = [mark.kwargs.get("transaction", mark.args[:1] == (True,)) for mark in item.iter_markers("django_db")]
    return any(marks[:1]) or bool(COMMITTING & set(item.fixturenames))


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: Any, request: Any) -> Iterator[Any]:
    """Before pytest-django opens the transaction of a test; and nothing stands where a wider world begins."""
    if _is_wide(fixturedef):
        _unblocked(request, STAGE.clear)
        STAGE.wide.add(fixturedef)
    elif fixturedef.argname == "_django_db_helper":
        _unblocked(request, lambda: STAGE.set_for(request.node))
    return (yield)


def pytest_fixture_post_finalizer(fixturedef: Any) -> None:
    """A wider world has ended."""
    STAGE.wide.discard(fixturedef)


def _is_wide(fixturedef: Any) -> bool:
    ours = bool(fixturedef.baseid)  # no plugin's
    return ours and fixturedef.scope in ("class", "module", "package") and "django_db_blocker" in fixturedef.argnames


def _unblocked(request: Any, act: Callable[[], None]) -> None:
    with request.getfixturevalue("django_db_blocker").unblock():
        act()
