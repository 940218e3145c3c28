"""Figures. `make bench` runs them all, on loopback, with servers of its own."""
