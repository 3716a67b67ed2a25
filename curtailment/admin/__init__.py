"""Pages of curtailment."""

from typing import Any

from django.contrib import admin

from curtailment import rules
from curtailment.admin import acting, control, dispatch, event, executions, plan, programme, standing, vtn
from curtailment.admin.control import EmergencyPage, LivePage, RestorePage
from hashinsight.common.admin.actions import power
from hashinsight.common.admin.pages import add_page
from hosting.models import Site

__all__ = ["acting", "control", "dispatch", "event", "executions", "plan", "programme", "standing", "vtn"]

of_sites: Any = type(admin.site.get_model_admin(Site))
of_sites.has_emergency_curtailmentplan_permission = power(rules.may_emergency_curtailmentplan)

add_page(admin.site, Site, "curtailment", LivePage)
add_page(admin.site, Site, "emergency", EmergencyPage)
add_page(admin.site, Site, "restore", RestorePage)
