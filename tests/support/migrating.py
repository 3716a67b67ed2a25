"""Migrating quickly, for the template of the suite's databases only: the same tables, a fraction of the work.

While it migrates, Django keeps a model class for each table as of that step, and after each step makes the classes
anew of everything that hangs together with the changed one: some ten thousand classes for a few hundred steps. A new
field, index, constraint or trigger needs the one class it is about. Renames and changes of fields keep Django's way,
and code that migrates rows gets all classes made anew. ``tests/upgrade/test_template.py`` compares both ways.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db.migrations.state import ProjectState


@contextmanager
def one_class_at_a_time() -> Iterator[None]:
    """Inside, a step makes one class anew wherever one is enough."""
    with pytest.MonkeyPatch.context() as patch:
        whole = ProjectState.reload_model

        def alone(self: ProjectState, app_label: str, model_name: str, delay: bool = False) -> None:
            if "apps" in self.__dict__:
                self.is_delayed = True  # so that code that migrates rows begins with fresh classes
                self._reload({(app_label, model_name)})

        patch.setattr(ProjectState, "reload_model", alone)
        for name in dir(ProjectState):
            if name.startswith(("alter_field", "remove_", "rename_")):
                patch.setattr(ProjectState, name, _reloading(whole, alone, getattr(ProjectState, name)))
        yield


def _reloading(whole: Callable[..., None], alone: Callable[..., None], step: Callable[..., None]) -> Any:
    def taken(self: ProjectState, *arguments: Any, **options: Any) -> None:
        ProjectState.reload_model = whole  # type: ignore[method-assign]
        try:
            step(self, *arguments, **options)
        finally:
            ProjectState.reload_model = alone  # type: ignore[method-assign]

    return taken
