"""Who may do what in curtailment: one predicate per power. Whether a state allows it is asked elsewhere."""

from typing import Any


def _may(user: Any, permission: str) -> bool:
    return bool(user.is_active and user.is_staff and user.has_perm(f"curtailment.{permission}"))


def may_approve_curtailmentplan(user: Any) -> bool:
    """Approve plans."""
    return _may(user, "approve_curtailmentplan")


def may_end_curtailmentplan(user: Any) -> bool:
    """Cancel and end plans."""
    return _may(user, "end_curtailmentplan")


def may_emergency_curtailmentplan(user: Any) -> bool:
    """Curtail and restore in an emergency, and review what others did."""
    return _may(user, "emergency_curtailmentplan")


def may_freeze_sitecontrol(user: Any) -> bool:
    """Set and release the kill switch."""
    return _may(user, "freeze_sitecontrol")


def may_measure_curtailmentevent(user: Any) -> bool:
    """Have events reckoned again."""
    return _may(user, "measure_curtailmentevent")


def may_sign_standingapproval(user: Any) -> bool:
    """Sign standing approvals and revoke them."""
    return _may(user, "sign_standingapproval")


def may_rotate_programme(user: Any) -> bool:
    """Change the signing secrets of programmes."""
    return _may(user, "rotate_programme")


def may_authorise_dispatch(user: Any) -> bool:
    """Say that a dispatch which waits is to be followed."""
    return _may(user, "authorise_dispatch")


def may_cancel_dispatch(user: Any) -> bool:
    """Take a dispatch back for whoever called it."""
    return _may(user, "cancel_dispatch")


def may_poll_vtnconnection(user: Any) -> bool:
    """Ask OpenADR servers now."""
    return _may(user, "poll_vtnconnection")


def may_secret_vtnconnection(user: Any) -> bool:
    """Change the secrets of OpenADR servers."""
    return _may(user, "secret_vtnconnection")


def may_add_dispatch(user: Any) -> bool:
    """Type dispatches that were heard of by telephone or mail."""
    return _may(user, "add_dispatch")
