"""Colours of states; red is kept for what a person must act on."""

from hosting.enums import MinerHealth, MinerIntent, PlaceStatus

PLACE = {PlaceStatus.ACTIVE: "success", PlaceStatus.INACTIVE: "default"}
INTENT = {
    MinerIntent.ACTIVE: "success",
    MinerIntent.CURTAILED: "info",
    MinerIntent.PAUSED: "default",
    MinerIntent.MAINTENANCE: "warning",
    MinerIntent.RETIRED: "default",
}
HEALTH = {
    MinerHealth.OK: "success",
    MinerHealth.DEGRADED: "warning",
    MinerHealth.OFFLINE: "danger",
    MinerHealth.STALE: "warning",
    MinerHealth.LOST: "danger",
    MinerHealth.UNKNOWN: "default",
}
