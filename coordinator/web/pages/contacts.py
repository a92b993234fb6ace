"""Soon."""

from coordinator.web.door import desk


@desk.get("/enterprises")
def enterprise_list() -> str:
    return ""


@desk.get("/officers")
def officer_list() -> str:
    return ""


@desk.get("/import")
def import_form() -> str:
    return ""
