"""Which kinds a rule speaks of: full names, a family (``invoice.*``), or everything (``*``)."""

import re
from collections.abc import Collection, Iterable

_PATTERN = re.compile(r"\*|[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*(?:\.\*)?")


def matches(patterns: Iterable[str], kind: str) -> bool:
    """Whether one of the patterns means this kind."""
    return any(_means(pattern, kind) for pattern in patterns)


def unknown(patterns: Iterable[str], kinds: Collection[str]) -> list[str]:
    """Patterns that mean nothing we know."""
    return [
        pattern
        for pattern in patterns
        if not _PATTERN.fullmatch(pattern) or not any(_means(pattern, kind) for kind in kinds)
    ]


def _means(pattern: str, kind: str) -> bool:
    if pattern == "*" or pattern == kind:
        return True
    return pattern.endswith(".*") and kind.startswith(pattern[:-1])
