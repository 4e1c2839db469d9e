"""Horizon with its page of volume snapshots for everyone: the calls of Keystone and Cinder answer at once.

Runs in .venv-horizon. Its own test data makes the person, the token and the catalog.
"""

import os
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

os.environ["DJANGO_SETTINGS_MODULE"] = "bench.horizon.settings"

from django.core.wsgi import get_wsgi_application

from bench.horizon.settings import OPENSTACK_KEYSTONE_URL as KEYSTONE_URL

application = get_wsgi_application()

# The applications are set up now, which these modules need.
from openstack_auth import user, utils  # noqa: E402
from openstack_dashboard import api  # noqa: E402
from openstack_dashboard.test.test_data.utils import load_test_data  # noqa: E402

# Panels of the menu that ask a service whether to show themselves, as Horizon's own tests list them.
ASKING = (
    "admin.aggregates.panel.Aggregates.can_access",
    "admin.rbac_policies.panel.RBACPolicies.can_access",
    "admin.trunks.panel.Trunks.can_access",
    "identity.application_credentials.panel.ApplicationCredentialsPanel.can_access",
    "identity.domains.panel.Domains.can_access",
    "project.network_qos.panel.NetworkQoS.can_access",
    "project.server_groups.panel.ServerGroups.can_access",
    "project.trunks.panel.Trunks.can_access",
    "project.vg_snapshots.panel.GroupSnapshots.allowed",
    "project.volume_groups.panel.VolumeGroups.allowed",
)
ROWS = 50
VOLUMES = 10


def snapshot(number: int) -> Any:
    row = SimpleNamespace(
        id=f"{number:08x}-5a27-42a5-aec4-37606e372bda",
        name=f"web-{number:02}_ROOT-35545_20261130220644",
        description="",
        size=40,
        status="available",
        created_at="2026-11-30T22:06:44.000000",
        volume_id=f"{number % VOLUMES:08x}-6966-41af-a7dc-23db4e41d4ee",
        group_snapshot_id=None,
        metadata={},
    )
    return api.cinder.VolumeSnapshot(row)


def volume(number: int) -> Any:
    return api.cinder.Volume(
        SimpleNamespace(id=f"{number:08x}-6966-41af-a7dc-23db4e41d4ee", name=f"ROOT-{number}", size=40)
    )


def person(_request: object) -> Any:
    found = user.User(
        id=data.user.id,
        token=data.token,
        user=data.user.name,
        user_domain_name=data.domain.name,
        user_domain_id=data.domain.id,
        domain_id=data.domain.id,
        tenant_id=data.tenant.id,
        tenant_name=data.tenant.name,
        service_catalog=data.service_catalog,
        authorized_tenants=data.tenants.list(),
        roles=[{"id": "2", "name": "member"}, {"id": "3", "name": "reader"}],
        enabled=True,
        endpoint=KEYSTONE_URL,
    )
    found._is_system_user = False
    return found


for panel in ASKING:
    patch(f"openstack_dashboard.dashboards.{panel}", return_value=True).start()
data: Any = SimpleNamespace()
load_test_data(data)
utils.get_user = person
snapshots, volumes = [snapshot(number) for number in range(ROWS)], [volume(number) for number in range(VOLUMES)]
api.cinder.volume_snapshot_list_paged = lambda *_args, **_kwargs: (snapshots, True, False)
api.cinder.volume_list = lambda *_args, **_kwargs: volumes
api.base.is_service_enabled = lambda *_args, **_kwargs: True
