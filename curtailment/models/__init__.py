"""Models of curtailment."""

from curtailment.models.control import ControlledMachine, ControlSample, KillSwitch, MachineOrder, SiteControl
from curtailment.models.dispatch import Dispatch, DispatchMessage
from curtailment.models.event import CurtailmentEvent, EventInterval, EventMachine, EventShare
from curtailment.models.execution import RuleExecution
from curtailment.models.lease import LeaseReport
from curtailment.models.peak import PeakRule
from curtailment.models.plan import CurtailmentPlan, CurtailmentPlanMiner, PlanApproval, StandingApproval
from curtailment.models.programme import Programme, ProgrammeCommitment
from curtailment.models.restore import SiteRestore
from curtailment.models.strike import StrikeRule
from curtailment.models.vtn import VtnConnection, VtnResource

__all__ = [
    "ControlSample",
    "ControlledMachine",
    "CurtailmentEvent",
    "CurtailmentPlan",
    "CurtailmentPlanMiner",
    "Dispatch",
    "DispatchMessage",
    "EventInterval",
    "EventMachine",
    "EventShare",
    "KillSwitch",
    "LeaseReport",
    "MachineOrder",
    "PeakRule",
    "PlanApproval",
    "Programme",
    "ProgrammeCommitment",
    "RuleExecution",
    "SiteControl",
    "SiteRestore",
    "StandingApproval",
    "StrikeRule",
    "VtnConnection",
    "VtnResource",
]
