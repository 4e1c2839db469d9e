"""What `make judge` must have met, each at least once."""

HAPPENS = (
    *("hourly run", "daily run", "weekly run", "monthly run", "manual run", "run of a mixture of schedules"),
    *("types joined by a comma", "run longer than the grace", "run of one stopped schedule of several"),
    *("manual run between scheduled ones", "run of a removed policy, rows left", "Copying", "archived again"),
    *("run left in Allocated", "run that is stuck", "run that vanishes", "run of a week that fails"),
    *("look-alike name", "custom name", "outage of the provider", "hour that our service is off"),
    *("clock off by 10 min", "row omitted once", "empty list", "volumes list empty", "volumes list short"),
    *("volumes list 403", "environment refused", "volume deleted", "volume recreated under the same name"),
    *("scratch volume of 30 min", "run tried again without end", "state that is not known"),
)
