"""Records that are here already: equal ones are left alone, different ones too, but those are reported."""

from collections.abc import Mapping
from typing import Any

from crm.engine.findings import Finding, FindingKind


def compare(
    *, file: str, line: int, column: str, key: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]
) -> list[Finding]:
    """One finding when a record we hold differs from the file; none when it is the same."""
    different = [name for name, value in theirs.items() if ours[name] != value]
    if not different:
        return []
    facts = ", ".join(f"{name}: here {ours[name]}, in the file {theirs[name]}" for name in different)
    message = f"{key!r} is here already and differs ({facts}); left as it is"
    return [Finding(FindingKind.REPORTED, file, line, column, message, key)]
