"""The provider's API as a program of its own, with faults: it serves the demo and the tests. Standard library only."""
