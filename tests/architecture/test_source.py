"""The house keeps its shape; each rule is shown a planted violation as well."""

from collections.abc import Callable

import pytest

from tests.architecture import source

Rule = Callable[[str, str], list[str]]

# Files that may assign a state-named attribute outside of domain, each with the reason.
STATE_ALLOWED: dict[str, str] = {}


def _findings(rule: Rule) -> list[str]:
    return [found for path in source.product_files() for found in rule(source.relative(path), path.read_text("utf-8"))]


def test_product_files_stay_under_400_lines() -> None:
    assert _findings(source.long_files) == []


def test_test_files_stay_under_400_lines() -> None:
    found = [f for p in source.test_files() for f in source.long_files(source.relative(p), p.read_text("utf-8"))]
    assert found == []


def test_functions_stay_under_40_lines() -> None:
    assert _findings(source.long_functions) == []


def test_signals_are_received_in_receivers_only() -> None:
    assert _findings(source.signal_uses) == []


def test_states_are_assigned_in_domain_only() -> None:
    assert [f for f in _findings(source.state_assignments) if f.split(":")[0] not in STATE_ALLOWED] == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (source.long_files, "x = 1\n" * 401),
        (source.long_functions, "def f():\n" + "    x = 1\n" * 40),
        (source.signal_uses, "from django.db.models.signals import post_save\n"),
        (source.signal_uses, "@receiver(post_save, sender=Invoice)\ndef f(**kwargs): ...\n"),
        (source.signal_uses, "@receiver(pre_save)\ndef f(**kwargs): ...\n"),
        (source.signal_uses, "from django.dispatch import receiver\n"),
        (source.signal_uses, "import m\nm.something.connect(print)\n"),
        (source.state_assignments, "invoice.status = 'paid'\n"),
        (source.state_assignments, "deal.stage, deal.value = 'x', 1\n"),
        (source.state_assignments, "Invoice.objects.filter(pk=1).update(status='paid')\n"),
        (source.state_assignments, "Invoice.objects.create(status='sent')\n"),
        (source.state_assignments, "setattr(invoice, 'status', 'paid')\n"),
    ],
)
def test_a_planted_violation_is_found(rule: Rule, text: str) -> None:
    assert rule("crm/admin/planted.py", text) != []
    assert rule("crm/admin/harmless.py", "x = 1\n\n\ndef f() -> int:\n    return x\n") == []
