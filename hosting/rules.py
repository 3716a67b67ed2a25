"""Who may do what in the hosting part: one predicate per power. Whether a state allows it is asked elsewhere."""

from typing import Any


def _may(user: Any, permission: str) -> bool:
    return bool(user.is_active and user.is_staff and user.has_perm(f"hosting.{permission}"))


def may_archive_site(user: Any) -> bool:
    """Archive sites and zones, and take them into use again."""
    return _may(user, "archive_site")


def may_publish_priceplan(user: Any) -> bool:
    """Draft and publish versions of price plans."""
    return _may(user, "publish_priceplan")


def may_agree_hostingterms(user: Any) -> bool:
    """Agree on terms, amend and end them."""
    return _may(user, "agree_hostingterms")


def may_place_miner(user: Any) -> bool:
    """Place, move and take out machines."""
    return _may(user, "place_miner")


def may_assign_miner(user: Any) -> bool:
    """Give machines to customers."""
    return _may(user, "assign_miner")


def may_switch_miner(user: Any) -> bool:
    """Say what machines should do."""
    return _may(user, "switch_miner")


def may_retire_miner(user: Any) -> bool:
    """Retire machines."""
    return _may(user, "retire_miner")


def may_import_miner(user: Any) -> bool:
    """Load machines from a file."""
    return _may(user, "import_miner")


def may_work_ticket(user: Any) -> bool:
    """Assign tickets, work on them, resolve, close and reopen them."""
    return _may(user, "work_ticket")


def may_work_repairorder(user: Any) -> bool:
    """Order, follow and finish repairs."""
    return _may(user, "work_repairorder")


def may_add_edgedevice(user: Any) -> bool:
    """Register edge devices."""
    return _may(user, "add_edgedevice")


def may_enrol_edgedevice(user: Any) -> bool:
    """Give edge devices new codes."""
    return _may(user, "enrol_edgedevice")


def may_revoke_edgedevice(user: Any) -> bool:
    """Refuse an edge device for good."""
    return _may(user, "revoke_edgedevice")


def may_rotate_leasekey(user: Any) -> bool:
    """Make new keys of leases and retire old ones."""
    return _may(user, "rotate_leasekey")


def may_see_quarantinedreading(user: Any) -> bool:
    """Mark readings that were put aside as seen."""
    return _may(user, "see_quarantinedreading")


def may_change_minersecret(user: Any) -> bool:
    """Set and forget logins of machines."""
    return _may(user, "change_minersecret")


def may_reveal_minersecret(user: Any) -> bool:
    """Read masked logins of machines."""
    return _may(user, "reveal_minersecret")


def may_record_meterchange(user: Any) -> bool:
    """Record roll-overs and exchanges of meters."""
    return _may(user, "record_meterchange")


def may_import_meterreading(user: Any) -> bool:
    """Load readings of meters from a file."""
    return _may(user, "import_meterreading")
