"""When which machines run: the plan of a day with the highest profit, with its proof, its prices and its reasons."""

from intelligence.engine.optimiser.answer import Answer, Money, Reason, Status
from intelligence.engine.optimiser.optimise import Settings, optimise
from intelligence.engine.optimiser.problem import (
    Commitment,
    DemandCharge,
    Infeasible,
    MachineClass,
    Mode,
    PriceMissing,
    Problem,
    ProblemRefused,
    SafeState,
    Zone,
    local_day,
)

__all__ = [
    "Answer",
    "Commitment",
    "DemandCharge",
    "Infeasible",
    "MachineClass",
    "Mode",
    "Money",
    "PriceMissing",
    "Problem",
    "ProblemRefused",
    "Reason",
    "SafeState",
    "Settings",
    "Status",
    "Zone",
    "local_day",
    "optimise",
]
