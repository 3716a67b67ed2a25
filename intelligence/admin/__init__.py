"""Pages of intelligence in the back office."""

from django.contrib import admin

from hashinsight.common.admin.pages import add_page
from hosting.models import Miner, MinerModel, Site
from intelligence.admin import forecast, schedule, user_miner
from intelligence.admin.break_even import BreakEvenPage
from intelligence.admin.calculator_pages import CalculatorPage
from intelligence.admin.schedule_pages import SchedulePage

__all__ = ["forecast", "schedule", "user_miner"]

add_page(admin.site, MinerModel, "calculator", CalculatorPage)
add_page(admin.site, Miner, "break-even", BreakEvenPage)
add_page(admin.site, Site, "schedule", SchedulePage)
