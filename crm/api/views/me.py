"""Who am I: the user behind the key, the customers it may act for, and the key itself."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiKey
from crm.api import examples
from crm.enums import MembershipRole
from crm.models import CustomerMembership
from hashinsight.common.api.fields import public_id
from hashinsight.common.api.scope import is_client
from hashinsight.common.api.views import BaseView


class MyCustomerSerializer(serializers.Serializer[Any]):
    """A customer I belong to, and my role there."""

    id = public_id("customer.public_id")
    number = serializers.CharField(source="customer.code", read_only=True)
    company_name = serializers.CharField(source="customer.company_name", read_only=True)
    role = serializers.ChoiceField(choices=MembershipRole.choices, read_only=True)


class MyKeySerializer(serializers.ModelSerializer[ApiKey]):
    """The key of this call."""

    id = public_id()
    scopes = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = ApiKey
        fields = ("id", "name", "prefix", "scopes", "expires_at")
        read_only_fields = fields


@extend_schema_serializer(examples=[examples.ME])
class MeSerializer(serializers.Serializer[Any]):
    """The person a key acts for."""

    id = serializers.UUIDField(read_only=True)
    email = serializers.EmailField(read_only=True)
    name = serializers.CharField(read_only=True)
    role = serializers.CharField(read_only=True)
    customers = MyCustomerSerializer(many=True, read_only=True)
    key = MyKeySerializer(read_only=True)


class MeView(BaseView):
    """The caller."""

    staff_permissions = {"get": None}
    client_actions = frozenset({"get"})

    @extend_schema(responses={200: MeSerializer}, operation_id="me_retrieve")
    def get(self, request: Request) -> Response:
        """The user behind the key, its customers with the role in each, and what the key may do."""
        user: Any = request.user
        mine = CustomerMembership.objects.visible_to(user).filter(user_id=user.pk)
        body = {
            "id": user.pk,
            "email": user.email,
            "name": user.name,
            "role": "client" if is_client(user) else user.role(),
            "customers": mine.select_related("customer").order_by("customer__company_name", "id"),
            "key": request.auth,
        }
        return Response(MeSerializer(body).data)
