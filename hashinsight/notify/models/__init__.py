"""Models of notifications."""

from hashinsight.notify.models.alert import Alert
from hashinsight.notify.models.channel import Channel
from hashinsight.notify.models.delivery import Delivery
from hashinsight.notify.models.rota import Rota, RotaRow, RotaShift
from hashinsight.notify.models.rule import Rule, RuleWindow

__all__ = ["Alert", "Channel", "Delivery", "Rota", "RotaRow", "RotaShift", "Rule", "RuleWindow"]
