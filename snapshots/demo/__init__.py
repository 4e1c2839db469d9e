"""The whole product on one machine, with the simulator as its provider: `python -m snapshots.demo`."""
