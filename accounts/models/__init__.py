"""Models of people and their access."""

from accounts.models.access_grant import AccessGrant
from accounts.models.api_key import ApiKey
from accounts.models.login_record import LoginRecord
from accounts.models.role import GroupPermission, UserGroup
from accounts.models.second_factor import SecondFactor
from accounts.models.session import Session
from accounts.models.user import User
from accounts.models.wallet import Wallet, WalletChallenge

__all__ = [
    "AccessGrant",
    "ApiKey",
    "GroupPermission",
    "LoginRecord",
    "SecondFactor",
    "Session",
    "User",
    "UserGroup",
    "Wallet",
    "WalletChallenge",
]
