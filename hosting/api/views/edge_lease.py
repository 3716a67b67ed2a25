"""``/api/v1/edge/lease/``: what a device may switch, and what it says of it."""

from typing import Any, ClassVar

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from hosting.api.edge_lease import LeaseInput, LeaseSerializer
from hosting.api.views.edge import EdgeView
from hosting.domain.edge_leases import Question, answer


class LeaseView(EdgeView):
    """``POST lease/``."""

    http_method_names = ["post"]
    takes = LeaseInput
    answers: ClassVar[dict[int, Any]] = {200: LeaseSerializer}
    errors = frozenset({400, 401, 409, 415, 429})

    def post(self, request: Request) -> Response:
        """Say what came of orders and what machines do, and fetch the lease, signed for this very question."""
        said = self.read_input(LeaseInput)
        question = Question(
            challenge=said["challenge"], keys=tuple(said["keys"]), roster=said.get("roster") or "",
            results=tuple(said.get("results", ())), seen=said.get("seen"), switched=said.get("switched", 0),
            alone=said.get("alone", False), trouble=said.get("trouble", ""),
            forms=tuple(said.get("forms", ())),
        )  # fmt: skip
        return Response(answer(self.caller.device, question, at=timezone.now()))
