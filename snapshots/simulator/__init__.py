"""The provider's API as a separate program, with faults, for the demo and the tests. Standard library only."""
