"""Run the demo: `python -m snapshots.demo --help`."""

import sys

from snapshots.demo.show import main

sys.exit(main(sys.argv[1:]))
