"""The page about event kinds and consumers, written from the registries."""

from hashinsight.events.consumers import EVERYTHING, all_consumers
from hashinsight.events.registry import all_kinds

_INTRODUCTION = """# Event kinds

Written by `./dev manage export_events --page docs/events.md` from the registries; a test compares it. Each event
carries, beside its payload: `event_id` (UUIDv7), `kind`, `schema_version`, `aggregate_type`, `aggregate_id`,
`customer_id`, `user_id`, `request_id`, `created_at`. Nothing else appears in a payload. A `?` means that the value
may be null. How to consume: [howto/consume-events.md](howto/consume-events.md).

## Kinds

| kind | version | what happened | payload |
|---|---|---|---|
"""


def kinds_page() -> str:
    """Markdown."""
    rows = [
        f"| `{one.kind}` | {one.version} | {one.description} | {_fields(dict(one.fields))} |" for one in all_kinds()
    ]
    groups = [
        f"| `{one.group}` | {one.lane.value} | {'all' if one.kinds == EVERYTHING else ', '.join(sorted(one.kinds))} "
        f"| {'yes' if one.repeatable else 'no'} | {one.description} |"
        for one in all_consumers()
    ]
    consumers = "\n## Consumers\n\n| group | lane | kinds | repeatable | what it does |\n|---|---|---|---|---|\n"
    return _INTRODUCTION + "\n".join(rows) + "\n" + consumers + "\n".join(groups) + "\n"


def _fields(fields: dict[str, str]) -> str:
    return ", ".join(f"`{name}`: {kind}" for name, kind in fields.items())
