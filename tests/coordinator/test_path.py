"""The one way down, with nothing faked but the far end of the wire."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy import select

from coordinator import db, progress, verify
from coordinator.lines import Dispatcher
from coordinator.models import Notice
from rules.levels import Level
from tests.coordinator.conftest import issued, state_of


def ledger(store: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (store / "carriers" / "ledger.jsonl").read_text().splitlines()]


def drained(seconds: float = 30) -> None:
    """Run the dispatcher until nothing is due."""
    import threading
    import time

    dispatcher = Dispatcher()
    thread = threading.Thread(target=dispatcher.run)
    thread.start()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with db.reading() as session:
            if not session.scalar(select(Notice.id).where(Notice.state.in_(("pending", "sending"))).limit(1)):
                break
        time.sleep(0.05)
    dispatcher.stopping.set()
    thread.join()


def test_an_issued_alert_reaches_every_plant_once_by_each_way(
    any_region: SimpleNamespace, carriers: Any, store: Path
) -> None:
    alert_id = issued()

    drained()

    sent = ledger(store)
    assert state_of(alert_id) == "active"
    assert len(sent) == len({(row["to"], row["channel"]) for row in sent}) == 2 * any_region.plants
    with db.reading() as session:
        assert progress.of(session, alert_id)["by_state"] == {"accepted": 2 * any_region.plants}
    assert verify.run()["ok"], verify.run()


def test_red_needs_a_leader(region: SimpleNamespace) -> None:
    from tests.coordinator.conftest import proposed, sign

    alert_id = proposed(Level.RED)
    sign(alert_id, "s1", "s2")
    assert state_of(alert_id) == "pending_approval"
    sign(alert_id, "l1")
    assert state_of(alert_id) == "active"
