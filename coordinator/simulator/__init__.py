"""Local carriers for demonstration, drills and tests: they answer as the real ones do and write down what they took.

Nothing here is imported by the rest of the program: it stands outside, as a carrier does, and its ledger is the judge.
"""

from coordinator.simulator.subscribers import settings as settings
