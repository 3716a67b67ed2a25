"""People who are told of an alert whatever the rules say."""

from datetime import timedelta
from typing import cast

import pytest
import time_machine
from django.core import mail

from accounts.models import User
from hashinsight.notify.domain import channels, raise_alert, recover_alert, routing
from hashinsight.notify.domain.occurrence import of_alert
from hashinsight.notify.engine.timing import GIVE_UP_AFTER
from hashinsight.notify.enums import Occasion
from hashinsight.notify.models import Alert, Channel, Delivery, Rule
from tests.factories import NOW, UserFactory
from tests.notify.conftest import rule, work

pytestmark = pytest.mark.django_db
OWNER = "Owner@hashinsight.example"


def trouble() -> Alert:
    """An alert that one person hears of for certain."""
    return raise_alert("job.late", "x", at=NOW, title="Fire", mailboxes=[OWNER])


def mailed() -> list[tuple[str, str]]:
    return sorted((message.to[0], str(message.subject)) for message in mail.outbox)


def test_without_any_rule_they_hear_of_the_beginning_and_the_end(clock: time_machine.Traveller) -> None:
    trouble()
    trouble()
    assert work(NOW) == ["done"]
    recover_alert("job.late", "x", at=NOW)
    assert work(NOW) == ["done"]
    assert mailed() == [(OWNER, "Error: Fire"), (OWNER, "Over: Fire")]
    assert set(Delivery.objects.values_list("state", "channel", "rule")) == {("delivered", None, None)}


def test_who_hears_of_it_by_a_rule_as_well_gets_one_message(
    root: User, mailbox: Channel, clock: time_machine.Traveller
) -> None:
    rule(mailbox).recipients.add(cast(User, UserFactory(email=OWNER.lower(), is_staff=True)))
    trouble()
    recover_alert("job.late", "x", at=NOW)
    work(NOW)
    ops = "ops@hashinsight.example"
    assert mailed() == [(OWNER, "Error: Fire"), (OWNER, "Over: Fire"), (ops, "Error: Fire"), (ops, "Over: Fire")]


def test_a_channel_that_is_switched_off_before_it_is_sent_does_not_stand_between(
    root: User, clock: time_machine.Traveller
) -> None:
    box = channels.create_channel(by=root, at=NOW, name="Owners", kind="email", address=OWNER)
    rule(box)
    trouble()
    channels.switch_off(box, by=root, at=NOW)
    work(NOW)
    assert mailed() == [(OWNER, "Error: Fire")]


def test_a_mail_server_that_is_down_is_asked_again_and_what_is_given_up_is_told(
    root: User, mailbox: Channel, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule(mailbox, "delivery.failed")
    trouble()
    monkeypatch.setattr("django.core.mail.EmailMessage.send", _refuse)
    assert work(NOW) == ["done"]
    row = Delivery.objects.get()
    assert (row.state, row.attempts, row.error) == ("pending", 1, "OSError: no server")
    Delivery.objects.update(attempts=20)
    clock.move_to(NOW + GIVE_UP_AFTER + timedelta(hours=1))
    work(NOW + GIVE_UP_AFTER + timedelta(hours=1))
    assert Alert.objects.get(kind="delivery.failed").key == OWNER
    monkeypatch.undo()
    row.refresh_from_db()
    assert row.state == "failed"


def test_who_would_be_told_is_known_beforehand(root: User, mailbox: Channel) -> None:
    empty = channels.create_channel(by=root, at=NOW, name="Nobody", kind="email")
    for box in (empty, mailbox):
        rule(box, "job.*", min_severity="error")
    alert = trouble()
    told = of_alert(alert, Occasion.RAISED, at=NOW)
    assert routing.channels_for(told, at=NOW) == [mailbox]
    Rule.objects.update(kinds=["other.*"])
    assert routing.channels_for(told, at=NOW) == []


def _refuse(*_args: object, **_more: object) -> None:
    raise OSError("no server")
