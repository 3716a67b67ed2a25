"""Sales agents become users: staff in the group ``sales``, without a password that works.

Their addresses lie under a name reserved for examples, so nobody can take an account over by mail; whoever is a
real colleague gets the real address from an administrator, and sets a password by "forgotten password".
"""

import hashlib
import re

from django.contrib.auth.models import Group

from accounts.domain.roles import sync_roles
from accounts.domain.users import create_user, set_groups
from accounts.enums import StaffRole
from accounts.models import User
from crm.domain.pipeline_import.known import compare
from crm.domain.pipeline_import.report import ImportReport
from crm.domain.pipeline_import.wish import ImportWish
from crm.engine.findings import Finding
from crm.engine.pipeline_files import Agent, Pipeline

DOMAIN = "sales-team.example"
_PLAIN = re.compile(r"[a-z0-9]+([ -][a-z0-9]+)*")


def agent_email(name: str) -> str:
    """One address per name, the same at every import; names that do not fit get a mark of their own."""
    plain = name.casefold()
    if _PLAIN.fullmatch(plain) and len(plain) <= 50:
        return f"{plain.replace(' ', '.')}@{DOMAIN}"
    letters = re.sub(r"[^a-z0-9]+", ".", plain).strip(".")[:40]
    mark = hashlib.sha256(plain.encode()).hexdigest()[:8]
    return f"{letters}.{mark}@{DOMAIN}".lstrip(".")


def store_agents(pipeline: Pipeline, wish: ImportWish, report: ImportReport) -> dict[str, User]:
    """The users by the names of the agents."""
    if not Group.objects.filter(name=StaffRole.SALES).exists():
        sync_roles()
    wanted = {agent_email(agent.name): agent for agent in pipeline.agents}
    known = {user.email.lower(): user for user in User.objects.filter(email__in=wanted)}
    users: dict[str, User] = {}
    kept: list[Finding] = []
    created = 0
    for email, agent in wanted.items():
        user = known.get(email)
        if user is None:
            user = create_user(email, by=None, at=wish.at, name=agent.name, position=_position(agent))
            set_groups(user, groups=[StaffRole.SALES], by=None, at=wish.at)
            created += 1
        else:
            kept += _differences(agent, user, report.files["sales_teams"].file)
        users[agent.name] = user
    unchanged = len(wanted) - created - len(kept)
    report.outcome("sales_teams", created=created, unchanged=unchanged, kept=kept)
    report.made["users"] = created
    return users


def _position(agent: Agent) -> str:
    place = f", {agent.office}" if agent.office else ""
    boss = f" (reports to {agent.manager})" if agent.manager else ""
    return f"Sales{place}{boss}"


def _differences(agent: Agent, user: User, file: str) -> list[Finding]:
    return compare(
        file=file,
        line=agent.line,
        column="sales_agent",
        key=agent.name,
        ours={"name": user.name, "position": user.position},
        theirs={"name": agent.name, "position": _position(agent)},
    )
