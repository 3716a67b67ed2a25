"""Memberships and guardian grants go together; a difference is found in both directions."""

import pytest
from guardian.shortcuts import assign_perm, remove_perm

from accounts.models import User
from crm.domain import memberships, queries
from crm.models import Customer, CustomerMembership, CustomerUserPermission
from hashinsight.events.models import OutboxEvent
from tests import factories

pytestmark = pytest.mark.django_db


def _grants(user: User) -> list[str]:
    rows = CustomerUserPermission.objects.filter(user=user)
    return sorted(rows.values_list("permission__codename", flat=True))


def test_roles_bring_their_grants_and_lose_them(root: User, customer_a: Customer) -> None:
    user = factories.UserFactory()
    member = memberships.grant_membership(user, customer_a, role="customer_admin", by=root)
    assert (_grants(user), queries.may_administer(user, customer_a)) == (
        ["access_customer", "administer_customer"],
        True,
    )
    memberships.grant_membership(user, customer_a, role="customer_viewer", by=root)
    assert (_grants(user), queries.may_administer(user, customer_a)) == (["access_customer"], False)
    memberships.revoke_membership(member, by=root)
    assert (_grants(user), queries.role_in(user, customer_a), queries.customer_ids_for_user(user)) == ([], None, [])
    kinds = list(OutboxEvent.objects.order_by("id").values_list("kind", "payload__role"))
    assert kinds == [
        ("customer.member_granted", "customer_admin"),
        ("customer.member_granted", "customer_viewer"),
        ("customer.member_revoked", "customer_viewer"),
    ]


def test_granting_twice_changes_nothing_more(alice: User, root: User, customer_a: Customer) -> None:
    memberships.grant_membership(alice, customer_a, role="customer_admin", by=root)
    assert (CustomerMembership.objects.count(), len(_grants(alice))) == (1, 2)


def test_staff_and_unknown_roles_are_refused(clerk: User, root: User, bob: User, customer_b: Customer) -> None:
    for user, role in ((clerk, "customer_viewer"), (root, "customer_admin"), (bob, "owner"), (bob, "")):
        with pytest.raises(memberships.MembershipRefused):
            memberships.grant_membership(user, customer_b, role=role, by=root)
    assert not CustomerMembership.objects.filter(customer=customer_b).exists()


def test_the_healthy_state_has_no_differences(alice: User, bob: User, charlie: User) -> None:
    assert memberships.differences() == []


def test_a_missing_or_surplus_grant_is_found_and_opens_nothing(
    alice: User, bob: User, customer_a: Customer, customer_b: Customer
) -> None:
    remove_perm("access_customer", alice, customer_a)
    assign_perm("access_customer", bob, customer_b)
    assign_perm("administer_customer", bob, customer_a)
    assert sorted(memberships.differences()) == sorted(
        [
            f"user {alice.pk} lacks access_customer on customer {customer_a.pk}",
            f"user {bob.pk} holds access_customer on customer {customer_b.pk} without a membership",
            f"user {bob.pk} holds administer_customer on customer {customer_a.pk} without a membership",
        ]
    )
    assert queries.customer_ids_for_user(alice) == [], "a membership without its grant"
    assert queries.customer_ids_for_user(bob) == [customer_a.pk], "a grant without its membership"
    assert not queries.may_administer(bob, customer_a)


def test_a_member_deleted_by_hand_sees_nothing_more(alice: User, customer_a: Customer) -> None:
    CustomerMembership.objects.filter(user=alice).delete()
    assert queries.customer_ids_for_user(alice) == []
    assert len(memberships.differences()) == 2


def test_one_person_may_belong_to_two_customers(
    alice: User, root: User, customer_a: Customer, customer_b: Customer
) -> None:
    memberships.grant_membership(alice, customer_b, role="customer_viewer", by=root)
    assert queries.customer_ids_for_user(alice) == [customer_a.pk, customer_b.pk]
    assert (queries.may_administer(alice, customer_a), queries.may_administer(alice, customer_b)) == (True, False)
