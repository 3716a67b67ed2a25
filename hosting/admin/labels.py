"""Colours of states; red is kept for what a person must act on."""

from hosting.enums import ImportState, MinerHealth, MinerIntent, PlaceStatus, RepairStatus, TicketPriority, TicketStatus

PLACE = {PlaceStatus.ACTIVE: "success", PlaceStatus.INACTIVE: "default"}
INTENT = {
    MinerIntent.ACTIVE: "success",
    MinerIntent.CURTAILED: "info",
    MinerIntent.PAUSED: "default",
    MinerIntent.MAINTENANCE: "warning",
    MinerIntent.RETIRED: "default",
}
IMPORT = {
    ImportState.UPLOADED: "info",
    ImportState.CHECKED: "warning",
    ImportState.REFUSED: "danger",
    ImportState.CONFIRMED: "info",
    ImportState.DONE: "success",
    ImportState.FAILED: "danger",
}
HEALTH = {
    MinerHealth.OK: "success",
    MinerHealth.DEGRADED: "warning",
    MinerHealth.OFFLINE: "danger",
    MinerHealth.STALE: "warning",
    MinerHealth.LOST: "danger",
    MinerHealth.UNKNOWN: "default",
}
PRIORITY = {
    TicketPriority.LOW: "default",
    TicketPriority.MEDIUM: "info",
    TicketPriority.HIGH: "warning",
    TicketPriority.URGENT: "danger",
}
TICKET = {
    TicketStatus.OPEN: "warning",
    TicketStatus.ASSIGNED: "info",
    TicketStatus.IN_PROGRESS: "primary",
    TicketStatus.RESOLVED: "success",
    TicketStatus.CLOSED: "default",
}
CLOCK = {"late": "danger", "waiting": "default", "kept": "success"}
REPAIR = {
    RepairStatus.OPEN: "warning",
    RepairStatus.SENT: "info",
    RepairStatus.IN_REPAIR: "primary",
    RepairStatus.RETURNED: "success",
    RepairStatus.WRITTEN_OFF: "default",
    RepairStatus.CANCELLED: "default",
}
