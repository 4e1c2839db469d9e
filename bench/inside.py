"""Run a part of the benchmark that needs Django: `python -m bench.inside fill|fill_home|plans|refresh SIZE [ROUNDS]`.

Called by the harness, with the settings' variables in the environment.
"""

import sys
from importlib import import_module

import django


def main(part: str, *numbers: str) -> None:
    """Set Django up first: the parts import models."""
    django.setup()
    import_module(f"bench.{part}").run(*map(int, numbers))


if __name__ == "__main__":
    main(*sys.argv[1:])
