"""Old steps of a control go, what was ordered stays, whoever asks."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.apps import apps

from curtailment.models import ControlSample
from curtailment.retention import KEPT, STEPS
from hashinsight.jobs import retention as registry
from hashinsight.jobs.domain import retention
from hashinsight.jobs.models import RetentionPolicy
from hosting.domain import places
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def test_steps_of_a_control_go_when_they_are_old() -> None:
    site = places.create_site(name="Old", capacity_kw=1, time_zone="UTC", at=NOW - timedelta(days=3000))
    ages = [0, STEPS.keep_days - 1, STEPS.keep_days, STEPS.keep_days + 1, 2000]
    for days in ages:
        ControlSample.objects.create(
            site=site, at=NOW - timedelta(days=days), target_kw=1, intended_kw=1, off_kw=1, drawn_kw=1, machines=1,
            silent=0,
        )  # fmt: skip
    retention.seed_policies()
    policy = RetentionPolicy.objects.get(kind=STEPS.name)
    report = retention.run_policy(policy, at=NOW, go_on=lambda: True)
    left = sorted((NOW - row.at).days for row in ControlSample.objects.all())
    assert (report.deleted_count, left) == (2, ages[:3])


@pytest.mark.parametrize("model", KEPT)
def test_what_was_ordered_and_decided_is_kept(model: str) -> None:
    assert apps.get_model("curtailment", model)
    with pytest.raises(registry.KeptByLaw, match=model):
        registry.register_kind(replace(STEPS, name="x.evil", table=f"curtailment.{model}"))
