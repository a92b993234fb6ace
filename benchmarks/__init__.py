"""Figures beside their peers: the same work, the same machine, one run. Never part of the tests."""
