"""Soon."""

from coordinator.web.door import desk


@desk.get("/drills")
def drill_list() -> str:
    return ""
