"""Soon."""

from coordinator.web.door import desk


@desk.get("/incidents")
def incident_list() -> str:
    return ""


@desk.get("/incidents/<row:incident_id>")
def incident(incident_id: int) -> str:
    return ""
