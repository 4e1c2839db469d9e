"""Volumes with leftovers of each kind in a simulated provider, which the leftovers page has to show."""

from datetime import datetime, timedelta

from snapshots.simulator.world import World

LONG = "a-volume-with-a-long-name-" + "that-goes-on-" * 12


def tell(world: World, path: str, now: datetime) -> None:
    """Add volumes with their snapshots' days of age."""
    _disk(world, path, "archive", "", now, MANUAL=[334])
    _disk(world, path, "legacy-share", "", now, by_hand={"before-move": 275}, DAILY=[274])
    _disk(
        world,
        path,
        "mail-spool-02",
        "mail-02",
        now,
        by_hand={"before-upgrade-17": 181},
        failed=[195],
        DAILY=range(1, 112, 3),
    )
    _disk(world, path, "DATA-12863", "cache-01", now, by_hand={"before-migration": 82}, DAILY=range(13))
    _disk(world, path, "billing-db-data", "db-01", now, WEEKLY=range(2, 330, 14), by_hand={"quarter-end": 240})
    _disk(world, path, LONG, "web-01", now, by_hand={"x" * 200: 400}, DAILY=[1])
    gone = next(str(row["id"]) for row in world.volumes(path) if row["name"] == "legacy-share")
    world.remove_volume(path, gone)


def _disk(
    world: World,
    path: str,
    name: str,
    instance: str,
    now: datetime,
    *,
    failed: list[int] | None = None,
    by_hand: dict[str, int] | None = None,
    **made: list[int] | range,
) -> None:
    row = world.add_volume(path, name=name, instance_name=instance)
    runs = [(age, kind, "BackedUp", "") for kind, ages in made.items() for age in ages]
    runs += [(age, "DAILY", "Error", "") for age in failed or []]
    runs += [(age, "MANUAL", "BackedUp", given) for given, age in (by_hand or {}).items()]
    for age, kind, state, given in sorted(runs, reverse=True):
        at = now - timedelta(days=age, minutes=7)
        date = {"creationDate": f"{at:%Y-%m-%dT%H:%M:%S}+0000"} if given else {}
        world.add_snapshot(
            path, volume_id=str(row["id"]), name=given, interval_type=kind, state=state, created=at, **date
        )
