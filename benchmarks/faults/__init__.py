"""The kill-test ledger: goals of reliability tried on real processes, judged by the carriers' own ledger."""
