"""Models of curtailment."""

from curtailment.models.control import ControlledMachine, ControlSample, KillSwitch, MachineOrder, SiteControl
from curtailment.models.execution import RuleExecution
from curtailment.models.plan import CurtailmentPlan, CurtailmentPlanMiner, PlanApproval, StandingApproval

__all__ = [
    "ControlSample",
    "ControlledMachine",
    "CurtailmentPlan",
    "CurtailmentPlanMiner",
    "KillSwitch",
    "MachineOrder",
    "PlanApproval",
    "RuleExecution",
    "SiteControl",
    "StandingApproval",
]
