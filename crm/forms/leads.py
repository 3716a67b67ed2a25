"""Forms about leads."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from crm.enums import LEAD_MOVES, LeadStatus
from crm.models import Lead
from hashinsight.common.admin.confirm import ConfirmForm


class MoveLeadForm(ConfirmForm):
    """Where to; only what the table of moves allows, without winning and losing, which have pages of their own."""

    to = forms.ChoiceField(label=_("Move to"))
    reason = forms.CharField(label=_("Note"), required=False, max_length=200, widget=forms.Textarea(attrs={"rows": 2}))

    def build(self) -> None:
        """Only what is allowed from here."""
        choice: Any = self.fields["to"]
        choice.choices = [(status.value, status.label) for status in self.targets(self.obj)]

    @staticmethod
    def targets(lead: Lead) -> list[LeadStatus]:
        """States this page may move the lead to, in their order."""
        allowed = LEAD_MOVES[LeadStatus(lead.status)]
        return [status for status in LeadStatus if status in allowed and status not in ("won", "lost")]
