"""Pages of intelligence in the back office."""

from django.contrib import admin

from hashinsight.common.admin.pages import add_page
from hosting.models import Miner, MinerModel
from intelligence.admin import forecast, user_miner
from intelligence.admin.break_even import BreakEvenPage
from intelligence.admin.calculator_pages import CalculatorPage

__all__ = ["forecast", "user_miner"]

add_page(admin.site, MinerModel, "calculator", CalculatorPage)
add_page(admin.site, Miner, "break-even", BreakEvenPage)
