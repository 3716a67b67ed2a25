"""What devices ask for with their leases, and what they are told; ``docs/howto/edge-leases.md`` explains it."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from hashinsight.common.api.fields import InputSerializer
from hosting.api import examples
from hosting.engine.ingest.wire import MOST_MACHINES
from hosting.engine.leasing.document import FORMS

OUTCOMES = [(word, word) for word in ("accepted", "refused", "unsupported", "unknown", "lapsed")]
STATES = [(word, word) for word in ("mining", "starting", "paused", "idle", "fault")]
_MOST_W, _MOST_C, _MOST_ID = 10_000_000, 1000.0, 2**63 - 1
_DAY_S = 86_400.0


class OrderResultInput(InputSerializer):
    """What came of an order: `sent_ago_s` is left out where it was not sent."""

    order = serializers.IntegerField(min_value=0, max_value=_MOST_ID)
    outcome = serializers.ChoiceField(choices=OUTCOMES)
    sent_ago_s = serializers.FloatField(min_value=0, max_value=30 * _DAY_S, required=False, allow_null=True)
    before_w = serializers.IntegerField(min_value=0, max_value=_MOST_W, required=False, allow_null=True)
    after_w = serializers.IntegerField(min_value=0, max_value=_MOST_W, required=False, allow_null=True)
    detail = serializers.CharField(max_length=200, required=False, allow_blank=True)


def _column(child: Any, **more: Any) -> serializers.ListField:
    return serializers.ListField(child=child, max_length=MOST_MACHINES, **more)


def _limit() -> serializers.IntegerField:
    """What nobody says is null, never 0."""
    return serializers.IntegerField(min_value=1, max_value=_MOST_W, allow_null=True)


class SightsInput(InputSerializer):
    """The newest reading of each machine, in columns of equal length; `age_s` is how long ago it was read.

    `limit_w` is the limit of power a machine says it keeps to, `had_w` the one it had before a limit of ours; null
    where it says none, or was told none. Left out by devices that know nothing of limits.
    """

    machines = _column(serializers.UUIDField())
    age_s = _column(serializers.FloatField(min_value=0, max_value=_DAY_S))
    state = _column(serializers.ChoiceField(choices=STATES, allow_null=True))
    power_w = _column(serializers.FloatField(min_value=0, max_value=_MOST_W, allow_null=True))
    chip_c = _column(serializers.FloatField(min_value=-_MOST_C, max_value=_MOST_C, allow_null=True))
    inlet_c = _column(serializers.FloatField(min_value=-_MOST_C, max_value=_MOST_C, allow_null=True))
    limit_w = _column(_limit(), required=False)
    had_w = _column(_limit(), required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A row each."""
        if len({len(column) for column in attrs.values()}) > 1:
            raise serializers.ValidationError(_("The columns must be of equal length."), code="invalid")
        return {**attrs, "machines": [str(one) for one in attrs["machines"]]}


@extend_schema_serializer(
    examples=[
        examples.sent(
            challenge="6f1c0f7e5b8e4b1d9a3c2e7f8091a2b3", keys=["5d41402abc4b2a76"], switched=1, alone=False,
            results=[
                {"order": 4711, "outcome": "accepted", "sent_ago_s": 4.2, "before_w": 3480, "after_w": None}
            ],
            seen={
                "machines": [examples.MINER_ID], "age_s": [2.1], "state": ["paused"], "power_w": [15.0],
                "chip_c": [41.0], "inlet_c": [None], "limit_w": [3500], "had_w": [None],
            },
            forms=list(FORMS),
        )
    ]
)  # fmt: skip
class LeaseInput(InputSerializer):
    """The question of a device. `challenge` is made up anew for each; the lease repeats it.

    `forms` are the forms of leases that it reads; without it the first, which knows no limits of power.
    """

    challenge = serializers.RegexField(r"^[0-9a-f]{32,64}$")
    keys = serializers.ListField(child=serializers.RegexField(r"^[0-9a-f]{16}$"), max_length=8)
    roster = serializers.RegexField(r"^[0-9a-f]{64}$", required=False, allow_null=True)
    results = serializers.ListField(child=OrderResultInput(), max_length=MOST_MACHINES, required=False)
    seen = SightsInput(required=False, allow_null=True)
    switched = serializers.IntegerField(min_value=0, max_value=1_000_000, required=False)
    alone = serializers.BooleanField(required=False)
    trouble = serializers.CharField(max_length=300, required=False, allow_blank=True)
    forms = serializers.ListField(child=serializers.CharField(max_length=40), max_length=8, required=False)


@extend_schema_serializer(
    examples=[
        examples.shown(
            lease='{"counter":1763978403000000,"device":"…","form":"hashinsight lease 1",…}',
            signature="kQ0Q9mC1x2…==", roster="[]", poll_s=10.0, heard=[4711],
        )
    ]
)  # fmt: skip
class LeaseSerializer(serializers.Serializer[Any]):
    """The lease as it was signed; null as long as nobody ever wanted anything of the machines.

    `roster` is null where the device has that one already. `heard` names the results that need not be said again.
    """

    lease = serializers.CharField(read_only=True, allow_null=True)
    signature = serializers.CharField(read_only=True, allow_null=True)
    roster = serializers.CharField(read_only=True, allow_null=True)
    poll_s = serializers.FloatField(read_only=True)
    heard = serializers.ListField(child=serializers.IntegerField(), read_only=True)
