"""The list of snapshots three times: in Django's admin, by django-tables2 and django-filter, and kept in a cache."""

from collections.abc import Mapping
from typing import Any, cast

import django_filters
import django_tables2
from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.core.cache import caches
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.decorators import method_decorator
from django_filters.views import FilterView

from bench.cases import PAGE_SIZE
from snapshots.models import Environment, Snapshot

COLUMNS = ("name", "state", "interval_type", "volume", "environment", "taken_before")
FILTERS = ("state", "interval_type", "environment")
ORDER = ("-taken_key", "-pk")


def everything() -> Any:
    return Snapshot.objects.listed().select_related("environment").order_by(*ORDER)


class Site(admin.AdminSite):
    def has_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_authenticated)


class SnapshotAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # no subscript at run time
    list_display, list_filter, search_fields = COLUMNS, FILTERS, ("name", "volume")
    list_select_related, list_per_page, ordering = ("environment",), PAGE_SIZE, ORDER

    def allow(self, request: HttpRequest, obj: Any = None) -> bool:
        """As for a superuser: our users have none of Django's permissions."""
        return True

    has_module_permission = has_view_permission = has_add_permission = allow
    has_change_permission = has_delete_permission = allow


class SnapshotTable(django_tables2.Table):
    class Meta:
        model, fields, order_by = Snapshot, COLUMNS, ORDER


class SnapshotFilter(django_filters.FilterSet):
    class Meta:
        model = Snapshot
        fields = {name: ["exact"] for name in FILTERS} | {"name": ["icontains"]}


@method_decorator(login_required, name="dispatch")
class TableView(django_tables2.SingleTableMixin, FilterView):
    table_class, filterset_class, template_name = SnapshotTable, SnapshotFilter, "bench/table.html"
    paginate_by = PAGE_SIZE

    def get_queryset(self) -> Any:
        return everything()


@login_required
def cached(request: HttpRequest, alias: str) -> HttpResponse:
    """Show a page of the list that is kept in a cache as one value, filtered in Python."""
    kept = cast("list[Mapping[str, Any]] | None", caches[alias].get("rows"))
    if kept is None:
        names = {environment.pk: environment.path for environment in Environment.objects.all()}
        columns = everything().values("pk", *COLUMNS)
        kept = [row | {"environment": names[row["environment"]]} for row in columns]
        caches[alias].set("rows", kept, None)
    state = request.GET.get("state")
    rows = [row for row in kept if row["state"] == state] if state else kept
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "bench/cached.html", {"page": page, "states": sorted({row["state"] for row in kept})})


site = Site()
site.register(Snapshot, SnapshotAdmin)
urlpatterns = [
    path("admin/", site.urls),
    path("tables/", TableView.as_view()),
    path("cached/<slug:alias>/", cached),
]
