"""Volumes with each verdict in a simulated provider, which the volumes page has to show."""

from datetime import datetime, timedelta

from snapshots.simulator.world import World

MADE, FAILED, MAKING = "BackedUp", "Error", "Creating"
HOSTILE = "<img src=x onerror=alert(1)>\u202e&amp;"


def tell(world: World, path: str, now: datetime) -> None:
    """Add volumes with their snapshots' hours of age. Targets and exclusions are the team's own to say."""
    days = [float(hours) for hours in range(24, 24 * 28, 24)]
    _disk(world, path, "billing-db-data", "db-01", now, failed=[50, 26, 2])
    _disk(world, path, "ROOT-35545", "web-01", now, DAILY=[hours + 72 for hours in days])
    _disk(world, path, "ci-cache", "ci-02", now, DAILY=[hours + 30 for hours in days])
    _disk(world, path, "mail-spool", "mail-01", now, HOURLY=[7.0, 8.0], DAILY=days)
    _disk(world, path, "stuck-data", "db-02", now, DAILY=[hours + 4 for hours in days], making=[8])
    _disk(world, path, "failing-data", "db-02", now, DAILY=[hours + 1 for hours in days], failed=[1])
    _disk(world, path, "legacy-share", "", now, MANUAL=[])
    world.add_snapshot(path, name="before the move", volume_id=_id(world, path, "legacy-share"), created=now)
    _disk(world, path, "web-01-root", "web-01", now, DAILY=[hours - 15 for hours in days])
    _disk(world, path, "web-02-root", "web-02", now, DAILY=[hours + 0.5 for hours in days], making=[0.3])
    _disk(world, path, "registry-data", "reg-01", now, WEEKLY=[50, 50 + 168, 50 + 336])
    _disk(world, path, HOSTILE, "web-02", now, DAILY=[hours - 12 for hours in days])
    _disk(world, path, "scratch", "ci-02", now)


def tell_outage(world: World, path: str, now: datetime) -> None:
    """Add volumes whose hourly runs stopped together, some hours ago."""
    for number in range(61):
        hours = [float(hour) for hour in range(5, 24)]
        _disk(world, path, f"DATA-{15000 + 137 * number}", f"app-{number % 7:02}", now, HOURLY=hours)
    for name in ("payments-data", "projects-02"):
        _disk(world, path, name, "pay-01", now, DAILY=[float(hours) for hours in range(25, 500, 24)], failed=[1])


def _disk(
    world: World,
    path: str,
    name: str,
    instance: str,
    now: datetime,
    *,
    failed: list[float] | None = None,
    making: list[float] | None = None,
    **made: list[float],
) -> None:
    # One that has no snapshot was made just now; it is new.
    made_on = now if not (made or failed) else now - timedelta(days=100)
    date = f"{made_on:%Y-%m-%dT%H:%M:%S}+0000"
    row = world.add_volume(path, name=name, instance_name=instance, creationDate=date)
    runs = [(age, kind, MADE) for kind, ages in made.items() for age in ages]
    runs += [(age, "DAILY", FAILED) for age in failed or []] + [(age, "DAILY", MAKING) for age in making or []]
    for age, kind, state in sorted(runs, reverse=True):
        created = now - timedelta(hours=age)
        world.add_snapshot(path, volume_id=str(row["id"]), interval_type=kind, state=state, created=created)


def _id(world: World, path: str, name: str) -> str:
    return next(str(row["id"]) for row in world.volumes(path) if row["name"] == name)
