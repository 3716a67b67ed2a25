"""The API and its document."""

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["hashinsight.common.api.parsers.StrictJSONParser"],
    "DEFAULT_FILTER_BACKENDS": [],
    "DEFAULT_PAGINATION_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "hashinsight.common.api.schema.HashInsightSchema",
    "EXCEPTION_HANDLER": "hashinsight.common.api.problems.exception_handler",
    "DEFAULT_THROTTLE_CLASSES": ["hashinsight.common.api.throttling.KeyThrottle"],
    "DEFAULT_THROTTLE_RATES": {"api": "600/min", "anonymous": "60/min", "edge": "60/min"},
    "DEFAULT_VERSIONING_CLASS": None,
    "COERCE_DECIMAL_TO_STRING": True,
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
IDEMPOTENCY_CLAIM_SECONDS = 60
IDEMPOTENCY_KEEP_HOURS = 24
SPECTACULAR_SETTINGS = {
    "TITLE": "HashInsight API",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": True,
    "ENUM_NAME_OVERRIDES": {
        "WebhookDeliveryStateEnum": "hashinsight.notify.enums.DeliveryState",
        **{
            f"{name}Enum": f"crm.enums.{name}"
            for name in (
                *("CustomerStatus", "LeadStatus", "DealStatus", "DealStage", "InvoiceStatus", "InvoiceKind"),
                *("ActivityKind", "CreditKind", "WriteOffKind", "EntryKind", "ExportKind", "ContractStatus"),
            )
        },
        **{
            f"{name}Enum": f"hosting.enums.{name}"
            for name in ("ComponentKind", "HostingKind", "CurtailmentPart", "MinerStatus", "TicketStatus", "TicketKind")
        },
        **{f"{name}Enum": f"hosting.enums.{name}" for name in ("RepairKind", "RepairStatus")},
        **{f"{name}Enum": f"hosting.enums.{name}" for name in ("EnergySource", "Quality", "MissingRule")},
        "CurtailmentGoalEnum": "curtailment.enums.Goal",
        "ReadingStateEnum": "hosting.api.edge.READING_STATES",
        **{
            f"{ours}Enum": f"intelligence.enums.{name}"
            for ours, name in (
                ("UserMinerStatus", "UserMinerStatus"),
                ("ScheduleStatus", "RunStatus"),
                ("ScheduleLabel", "AnswerLabel"),
                ("ScheduleAction", "ScheduleAction"),
                ("ScheduleStepStatus", "EntryStatus"),
            )
        },
        "SourceEnum": "crm.enums.LeadSource",
        "TermsCurtailmentEnum": "hosting.enums.TERMS_CURTAILMENT",
    },
    "SERVE_PUBLIC": True,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
}
