"""Migrating an empty database quickly: the same tables, a fraction of the work.

While it migrates, Django keeps a model class for each table as of that step, and after each step makes the classes
anew of everything that hangs together with the changed one: some ten thousand classes for a few hundred steps. A new
field, index, constraint or trigger needs the one class it is about. Renames and changes of fields keep Django's way,
and code that migrates rows gets all classes made anew. ``tests/upgrade/test_template.py`` compares both ways.

For databases without rows only: the first start of an installation, and the template of the test suite.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db.migrations.state import ProjectState

_KEEP = ("alter_field", "remove_", "rename_")


@contextmanager
def one_class_at_a_time() -> Iterator[None]:
    """Inside, a step makes one class anew wherever one is enough. Not for several threads at once."""
    state: Any = ProjectState
    names = [name for name in dir(ProjectState) if name.startswith(_KEEP)]
    before = {name: getattr(ProjectState, name) for name in ["reload_model", *names]}
    whole = before["reload_model"]

    def alone(self: Any, app_label: str, model_name: str, delay: bool = False) -> None:
        if "apps" in self.__dict__:
            self.is_delayed = True  # so that code that migrates rows begins with fresh classes
            self._reload({(app_label, model_name)})

    state.reload_model = alone
    for name in names:
        setattr(state, name, _reloading(whole, alone, before[name]))
    try:
        yield
    finally:
        for name, method in before.items():
            setattr(state, name, method)


def _reloading(whole: Callable[..., None], alone: Callable[..., None], step: Callable[..., None]) -> Any:
    def taken(self: Any, *arguments: Any, **options: Any) -> None:
        state: Any = ProjectState
        state.reload_model = whole
        try:
            step(self, *arguments, **options)
        finally:
            state.reload_model = alone

    return taken
