"""Soon."""

from coordinator.web.door import desk


@desk.get("/feeds")
def feed_list() -> str:
    return ""


@desk.get("/system")
def system() -> str:
    return ""
