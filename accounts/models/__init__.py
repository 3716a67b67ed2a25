"""Models of people and their access."""

from accounts.models.access_grant import AccessGrant
from accounts.models.api_key import ApiKey
from accounts.models.login_record import LoginRecord
from accounts.models.role import GroupPermission, UserGroup
from accounts.models.user import User
from accounts.models.wallet import Wallet

__all__ = ["AccessGrant", "ApiKey", "GroupPermission", "LoginRecord", "User", "UserGroup", "Wallet"]
