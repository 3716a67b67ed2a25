"""Who may do what in the commercial part: one predicate per power. Whether a state allows it is asked elsewhere."""

from typing import Any


def _may(user: Any, permission: str) -> bool:
    return bool(user.is_active and user.is_staff and user.has_perm(f"crm.{permission}"))


def may_move_lead(user: Any) -> bool:
    """Move a lead along, or lose it."""
    return _may(user, "move_lead")


def may_convert_lead(user: Any) -> bool:
    """Win a lead: customer and deal come of it."""
    return _may(user, "convert_lead")


def may_import_lead(user: Any) -> bool:
    """Load leads from a file."""
    return _may(user, "import_lead")


def may_move_deal(user: Any) -> bool:
    """Change the sales stage, submit a deal or take it back."""
    return _may(user, "move_deal")


def may_approve_deal(user: Any) -> bool:
    """Approve a submitted deal or return it."""
    return _may(user, "approve_deal")


def may_sign_deal(user: Any) -> bool:
    """Note that a deal was signed."""
    return _may(user, "sign_deal")


def may_complete_deal(user: Any) -> bool:
    """Complete a signed deal, which makes the invoice draft."""
    return _may(user, "complete_deal")


def may_cancel_deal(user: Any) -> bool:
    """Cancel or lose a deal."""
    return _may(user, "cancel_deal")


def may_change_customer_status(user: Any) -> bool:
    """Activate and deactivate customers."""
    return _may(user, "change_customer_status")


def may_import_customer(user: Any) -> bool:
    """Load customers from a file."""
    return _may(user, "import_customer")


def may_import_product(user: Any) -> bool:
    """Load products from a file."""
    return _may(user, "import_product")


def may_draft_invoice(user: Any) -> bool:
    """Make an invoice draft out of a deal."""
    return _may(user, "add_invoice")


def may_issue_invoice(user: Any) -> bool:
    """Number and freeze a draft."""
    return _may(user, "issue_invoice")


def may_credit_invoice(user: Any) -> bool:
    """Correct an issued invoice by a credit note."""
    return _may(user, "credit_invoice")


def may_cancel_invoice(user: Any) -> bool:
    """Withdraw a draft."""
    return _may(user, "cancel_invoice")


def may_send_invoice(user: Any) -> bool:
    """Send an issued document by e-mail again."""
    return _may(user, "send_invoice")


def may_record_payment(user: Any) -> bool:
    """Book money on an issued invoice."""
    return _may(user, "add_payment")


def may_send_reminder(user: Any) -> bool:
    """Send reminders by the ladder, or a stored one again."""
    return _may(user, "send_dunningletter")


def may_open_dispute(user: Any) -> bool:
    """Note that a customer denies owing an amount."""
    return _may(user, "add_dispute")


def may_close_dispute(user: Any) -> bool:
    """Settle a dispute."""
    return _may(user, "change_dispute")


def may_close_period(user: Any) -> bool:
    """Close a month of the books, or ask to reopen it."""
    return _may(user, "close_accountingperiod")


def may_grant_membership(user: Any) -> bool:
    """Let a client's user act for a customer, or change the role."""
    return _may(user, "add_customermembership")


def may_revoke_membership(user: Any) -> bool:
    """End a membership."""
    return _may(user, "delete_customermembership")


def may_read_journal(user: Any) -> bool:
    """Read the books, and what follows from them: statements of account, receivables by age."""
    return _may(user, "view_journalentry")


def may_export_journal(user: Any) -> bool:
    """Carry away what the books say about all customers."""
    return _may(user, "export_journalentry")


def may_record_deposit(user: Any) -> bool:
    """Book money that came without an invoice."""
    return _may(user, "add_customercredit")


def may_apply_credit(user: Any) -> bool:
    """Settle invoices with money of the customer that we hold."""
    return _may(user, "apply_customercredit")


def may_refund_credit(user: Any) -> bool:
    """Pay back money of a customer that we hold."""
    return _may(user, "refund_customercredit")


def may_refund_payment(user: Any) -> bool:
    """Pay back money that came for an invoice."""
    return _may(user, "refund_payment")


def may_write_off(user: Any) -> bool:
    """Give up a claim, in part or in full."""
    return _may(user, "add_writeoff")


def may_reverse_payment(user: Any) -> bool:
    """Take back a payment that should not have been recorded."""
    return _may(user, "reverse_payment")


def may_reverse_credit(user: Any) -> bool:
    """Take back a deposit that should not have been recorded."""
    return _may(user, "reverse_customercredit")


def may_reverse_application(user: Any) -> bool:
    """Take a credit off an invoice again."""
    return _may(user, "reverse_creditapplication")


def may_reverse_refund(user: Any) -> bool:
    """Take back a refund that was never paid."""
    return _may(user, "reverse_refund")


def may_reverse_write_off(user: Any) -> bool:
    """Claim again what was given up."""
    return _may(user, "reverse_writeoff")


def may_make_export(user: Any) -> bool:
    """Make files for accounting, and fetch them."""
    return _may(user, "make_accountingexport")


def may_activate_contract(user: Any) -> bool:
    """Put contracts in force."""
    return _may(user, "activate_contract")


def may_end_contract(user: Any) -> bool:
    """Note notices, end contracts, give up drafts."""
    return _may(user, "end_contract")
