"""Colours of states."""

from curtailment.enums import (
    DispatchState,
    EventStatus,
    MachineResult,
    MessageOutcome,
    OrderOutcome,
    PlanStatus,
    RuleDecision,
)

PLAN = {
    PlanStatus.PENDING: "warning",
    PlanStatus.APPROVED: "info",
    PlanStatus.EXECUTING: "info",
    PlanStatus.EXECUTED: "success",
    PlanStatus.RECOVERING: "warning",
    PlanStatus.RECOVERED: "success",
    PlanStatus.PARTIAL: "danger",
    PlanStatus.FAILED: "danger",
    PlanStatus.EXPIRED: "default",
    PlanStatus.CANCELLED: "default",
}
EVENT = {
    EventStatus.RUNNING: "warning",
    EventStatus.OVER: "info",
    EventStatus.MEASURED: "success",
}
MACHINE = {
    MachineResult.RESERVE: "default",
    MachineResult.ORDERED: "info",
    MachineResult.OFF: "info",
    MachineResult.LOWERED: "info",
    MachineResult.REFUSED: "danger",
    MachineResult.RESUMING: "warning",
    MachineResult.BACK: "success",
    MachineResult.KEPT: "default",
    MachineResult.LOCKED: "warning",
}
ORDER = {
    OrderOutcome.OPEN: "info",
    OrderOutcome.ACCEPTED: "success",
    OrderOutcome.REFUSED: "danger",
    OrderOutcome.UNSUPPORTED: "danger",
    OrderOutcome.UNKNOWN: "warning",
    OrderOutcome.LAPSED: "default",
}
DISPATCH = {
    DispatchState.RECEIVED: "warning",
    DispatchState.REFUSED: "danger",
    DispatchState.LOGGED: "default",
    DispatchState.ACCEPTED: "info",
    DispatchState.RUNNING: "success",
    DispatchState.ENDED: "default",
    DispatchState.CANCELLED: "default",
}
MESSAGE = {
    MessageOutcome.APPLIED: "success",
    MessageOutcome.LOGGED: "info",
    MessageOutcome.WAITS: "warning",
    MessageOutcome.REPEATED: "default",
    MessageOutcome.OLDER: "default",
    MessageOutcome.REFUSED: "danger",
}
DECISION = {
    RuleDecision.WANTED: "info",
    RuleDecision.APPROVED: "success",
    RuleDecision.ENDED: "success",
    RuleDecision.HELD: "warning",
    RuleDecision.REFUSED: "danger",
}
