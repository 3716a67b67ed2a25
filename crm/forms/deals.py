"""Forms about deals."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from crm.enums import DEAL_STAGE_MOVES, DealStage, DealStatus
from crm.models import Deal
from hashinsight.common.admin.confirm import ConfirmForm


class MoveStageForm(ConfirmForm):
    """Where to; losing has a page of its own, because it cancels the contract too."""

    to = forms.ChoiceField(label=_("Stage"))

    def build(self) -> None:
        """Only what is allowed from here."""
        choice: Any = self.fields["to"]
        choice.choices = [(stage.value, stage.label) for stage in self.targets(self.obj)]

    @staticmethod
    def targets(deal: Deal) -> list[DealStage]:
        """Stages this page may move the deal to."""
        if deal.status == DealStatus.CANCELLED:
            return []
        allowed = DEAL_STAGE_MOVES[DealStage(deal.stage)]
        return [stage for stage in DealStage if stage in allowed and stage != DealStage.CLOSED_LOST]
