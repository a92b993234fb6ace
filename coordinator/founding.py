"""A new database has no past: what this machine remembers of an earlier one is not held against it."""

from coordinator import db, fingerprint, journal, schema


def prepare() -> str:
    """Create or migrate the schema; the version now in the database. Raises Misconfigured when it can't be reached."""
    new = not db.reachable() and not schema.version()
    version = schema.upgrade()
    if new:
        fingerprint.forget_outside()
        for _ in journal.left_behind():
            continue  # pages about the notices of another database: read by nobody, and removed
    return version
