"""Run the simulator: `python -m snapshots.simulator --help`."""

import sys

from snapshots.simulator.options import main

sys.exit(main())
