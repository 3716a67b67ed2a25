"""Pages of curtailment."""

from typing import Any

from django.contrib import admin

from curtailment import rules
from curtailment.admin import acting, control, dispatch, emergency, event, executions, plan, programme, standing, vtn
from curtailment.admin.control import LivePage
from curtailment.admin.emergency import EmergencyPage, RestorePage
from curtailment.admin.handover import HandOverPage
from hashinsight.common.admin.actions import power
from hashinsight.common.admin.pages import add_page
from hosting.models import Site
from hosting.rules import may_switch_miner

__all__ = ["acting", "control", "dispatch", "emergency", "event", "executions", "plan", "programme", "standing", "vtn"]

of_sites: Any = type(admin.site.get_model_admin(Site))
of_sites.has_emergency_curtailmentplan_permission = power(rules.may_emergency_curtailmentplan)
of_sites.has_switch_miner_permission = power(may_switch_miner)

add_page(admin.site, Site, "curtailment", LivePage)
add_page(admin.site, Site, "emergency", EmergencyPage)
add_page(admin.site, Site, "restore", RestorePage)
add_page(admin.site, Site, "hand-over", HandOverPage)
