"""The same store and carriers as the coordinator's own tests."""

from tests.coordinator.conftest import any_region, any_store, carriers, empty_sqlite, postgresql_server, region, store

__all__ = ["any_region", "any_store", "carriers", "empty_sqlite", "postgresql_server", "region", "store"]
