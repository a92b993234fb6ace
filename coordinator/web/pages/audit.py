"""Soon."""

from coordinator.web.door import desk


@desk.get("/audit")
def audit_log() -> str:
    return ""
