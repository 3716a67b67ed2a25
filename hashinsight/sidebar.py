"""The navigation of the admin, as far as it has a file of its own."""

from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _


def item(title: object, icon: str, url_name: str, permission: str) -> dict[str, object]:
    """An entry for whoever has the permission."""
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(url_name),
        "permission": lambda request: request.user.has_perm(permission),
    }


MARKET = {
    "title": _("Market"),
    "separator": True,
    "items": [
        item(
            _("Market"),
            "monitoring",
            "admin:marketdata_networksnapshot_market",
            "marketdata.view_networksnapshot",
        ),
        item(
            _("Forecasts"),
            "query_stats",
            "admin:intelligence_forecastrun_pictures",
            "intelligence.view_forecastrun",
        ),
        item(_("Calculator"), "calculate", "admin:hosting_minermodel_calculator", "hosting.view_minermodel"),
        item(_("Portfolio"), "pie_chart", "admin:intelligence_userminer_portfolio", "intelligence.view_userminer"),
        item(
            _("Machines of users"), "devices", "admin:intelligence_userminer_changelist", "intelligence.view_userminer"
        ),
        item(_("Break-even"), "balance", "admin:hosting_miner_break-even", "hosting.view_miner"),
        item(
            _("Price series"),
            "electric_meter",
            "admin:marketdata_priceseries_changelist",
            "marketdata.view_priceseries",
        ),
        item(
            _("Market days"),
            "event",
            "admin:marketdata_marketday_changelist",
            "marketdata.view_marketday",
        ),
        item(
            _("Indicators"),
            "trending_up",
            "admin:marketdata_technicalindicator_changelist",
            "marketdata.view_technicalindicator",
        ),
        item(
            _("Difficulty periods"),
            "stairs",
            "admin:marketdata_difficultyperiod_changelist",
            "marketdata.view_difficultyperiod",
        ),
        item(_("Coins"), "currency_bitcoin", "admin:marketdata_coin_changelist", "marketdata.view_coin"),
        item(
            _("Coin profitability"),
            "table_view",
            "admin:marketdata_coinprofitability_changelist",
            "marketdata.view_coinprofitability",
        ),
        item(
            _("Snapshots"),
            "photo_camera",
            "admin:marketdata_networksnapshot_changelist",
            "marketdata.view_networksnapshot",
        ),
        item(_("Prices"), "sell", "admin:marketdata_pricepoint_changelist", "marketdata.view_pricepoint"),
        item(
            _("Forecast runs"),
            "history",
            "admin:intelligence_forecastrun_changelist",
            "intelligence.view_forecastrun",
        ),
        item(
            _("Scores of forecasts"),
            "scoreboard",
            "admin:intelligence_forecastscore_changelist",
            "intelligence.view_forecastscore",
        ),
        item(
            _("Answers of sources"),
            "forum",
            "admin:marketdata_sourceanswer_changelist",
            "marketdata.view_sourceanswer",
        ),
        item(
            _("Market sources"),
            "cloud",
            "admin:marketdata_sourcestate_changelist",
            "marketdata.view_sourcestate",
        ),
    ],
}

CURTAILMENT = {
    "title": _("Curtailment"),
    "separator": True,
    "items": [
        item(
            _("Curtailment plans"),
            "power_settings_new",
            "admin:curtailment_curtailmentplan_changelist",
            "curtailment.view_curtailmentplan",
        ),
        item(
            _("Curtailment events"),
            "summarize",
            "admin:curtailment_curtailmentevent_changelist",
            "curtailment.view_curtailmentevent",
        ),
        item(
            _("Schedules"),
            "calendar_clock",
            "admin:intelligence_schedulerun_changelist",
            "intelligence.view_schedulerun",
        ),
        item(
            _("Dispatches"),
            "campaign",
            "admin:curtailment_dispatch_changelist",
            "curtailment.view_dispatch",
        ),
        item(
            _("Standing approvals"),
            "verified",
            "admin:curtailment_standingapproval_changelist",
            "curtailment.view_standingapproval",
        ),
        item(
            _("Controls of sites"),
            "tune",
            "admin:curtailment_sitecontrol_changelist",
            "curtailment.view_sitecontrol",
        ),
        item(
            _("Programmes"),
            "handshake",
            "admin:curtailment_programme_changelist",
            "curtailment.view_programme",
        ),
        item(
            _("OpenADR servers"),
            "dns",
            "admin:curtailment_vtnconnection_changelist",
            "curtailment.view_vtnconnection",
        ),
        item(
            _("Strike prices"),
            "sell",
            "admin:curtailment_strikerule_changelist",
            "curtailment.view_strikerule",
        ),
        item(
            _("Peak rules"),
            "landscape",
            "admin:curtailment_peakrule_changelist",
            "curtailment.view_peakrule",
        ),
        item(
            _("Optimisers of sites"),
            "settings_suggest",
            "admin:intelligence_schedulesettings_changelist",
            "intelligence.view_schedulesettings",
        ),
        item(
            _("Power modes"),
            "speed",
            "admin:intelligence_powermode_changelist",
            "intelligence.view_powermode",
        ),
        item(
            _("Executions of rules"),
            "history",
            "admin:curtailment_ruleexecution_changelist",
            "curtailment.view_ruleexecution",
        ),
        item(
            _("Messages about dispatches"),
            "mail",
            "admin:curtailment_dispatchmessage_changelist",
            "curtailment.view_dispatchmessage",
        ),
        item(
            _("Kill switch"),
            "dangerous",
            "admin:curtailment_killswitch_changelist",
            "curtailment.view_killswitch",
        ),
        item(
            _("Emergency restores"),
            "restart_alt",
            "admin:curtailment_siterestore_changelist",
            "curtailment.view_siterestore",
        ),
        item(
            _("Orders to machines"),
            "terminal",
            "admin:curtailment_machineorder_changelist",
            "curtailment.view_machineorder",
        ),
        item(
            _("Machines of plans"),
            "checklist",
            "admin:curtailment_curtailmentplanminer_changelist",
            "curtailment.view_curtailmentplanminer",
        ),
        item(
            _("Steps of schedules"),
            "view_timeline",
            "admin:intelligence_scheduleentry_changelist",
            "intelligence.view_scheduleentry",
        ),
    ],
}
