from importlib import import_module

from django.apps import AppConfig


class TeamsConfig(AppConfig):
    name = "dashboard.teams"
    label = "teams"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        import_module("dashboard.teams.account.audit_signals")
        import_module("dashboard.teams.checks")
        import_module("dashboard.teams.access.issue_tokens")
