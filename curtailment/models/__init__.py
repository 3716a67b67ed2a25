"""Models of curtailment."""

from curtailment.models.control import ControlledMachine, KillSwitch, MachineOrder, SiteControl
from curtailment.models.plan import CurtailmentPlan, CurtailmentPlanMiner, PlanApproval, StandingApproval

__all__ = [
    "ControlledMachine",
    "CurtailmentPlan",
    "CurtailmentPlanMiner",
    "KillSwitch",
    "MachineOrder",
    "PlanApproval",
    "SiteControl",
    "StandingApproval",
]
