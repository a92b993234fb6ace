"""The whole way by the domestic account: orders go out, receipts come back, a doubt is asked where it belongs."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, update

from coordinator import checkup, db, dispatch, sweeps, tokens, verify
from coordinator.channels import aliyun_account, registered
from coordinator.models import Notice, State
from coordinator.simulator import aliyun, server
from coordinator.simulator.subscribers import settings
from coordinator.web import create_app
from tests.coordinator.conftest import issued
from tests.coordinator.conftest import said as words_of
from tests.coordinator.test_path import drained, ledger
from tests.coordinator.test_registered import SAMPLES


@pytest.fixture
def domestic(store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """Both carriers on loopback, the domestic one with our templates registered."""
    path = SAMPLES
    monkeypatch.setenv("LIANDONG_DESK_PHONE", "0311-86543210")
    monkeypatch.setenv("ALIYUN_SMS_TEMPLATES", str(path))
    ready, done, kept = threading.Event(), asyncio.Event(), SimpleNamespace()

    async def serve() -> None:
        kept.loop = asyncio.get_running_loop()
        kept.simulator = server.Simulator(
            home=store / "carriers", web="http://127.0.0.1:9", faults={"callbacks": False}
        )
        await kept.simulator.start()
        ready.set()
        await done.wait()
        await kept.simulator.stop()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(10)
    port = kept.simulator.port
    for name, value in (settings(port, kept.simulator.smtp_port) | aliyun.settings(port, str(path))).items():
        monkeypatch.setenv(name, value)
    yield kept
    kept.loop.call_soon_threadsafe(done.set)
    thread.join(10)


def notices() -> list[Notice]:
    with db.reading() as session:
        return list(session.scalars(select(Notice).where(Notice.channel == "sms", Notice.kind == "order")))


def test_orders_to_mainland_numbers_go_by_the_domestic_account_and_come_back_delivered(
    region: SimpleNamespace, domestic: SimpleNamespace, store: Path
) -> None:
    issued()
    drained()

    texts = [row for row in ledger(store) if row["channel"] == "sms" and row["marker"] in {n.marker for n in notices()}]
    assert {row["account"] for row in texts} == {"aliyun"}
    assert len(texts) == region.plants
    assert {(n.state, n.account) for n in notices()} == {("accepted", "aliyun")}

    for row, notice in ((row, notice) for row in texts for notice in notices() if notice.marker == row["marker"]):
        said = registered.plain(words_of(notice))
        assert row["body"] == f"【联动示例】{said}" or (
            notice.error.endswith("long_measures") and "...详见邮件。" in row["body"]
        )

    client = create_app().test_client(use_cookies=False)
    pushed = [
        {"phone_number": row["to"].removeprefix("+86"), "success": True, "err_code": "DELIVERED", "biz_id": row["sid"],
         "out_id": row["out_id"]} for row in texts
    ]  # fmt: skip
    forged = [
        entry | {"out_id": entry["out_id"][:-1] + "0f"[entry["out_id"][-1] == "0"], "success": False}
        for entry in pushed
    ]
    for body in (forged, pushed, pushed):
        answer = client.post("/hooks/aliyun/report", data=json.dumps(body), content_type="application/json")
        assert (answer.status_code, answer.get_json()["code"]) == (200, 0)
        assert {n.state for n in notices()} == {"accepted" if body is forged else "delivered"}
    assert client.post("/hooks/aliyun/report", data="{", content_type="application/json").status_code == 400
    assert verify.run()["ok"]


def test_the_check_knows_what_the_domestic_account_is_and_costs(
    domestic: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALIYUN_SMS_SEGMENT_PRICE", "0.10 CNY")

    said = [line.good for line in checkup.run() if line.good.startswith("aliyun")]
    assert said == ["aliyun(sms,aliyun、只发报备过的模板、不发演练、至多 500 字、0.10 CNY/条)"]
    for name in ("", "SMS_B_"):
        monkeypatch.delenv(f"{name}TWILIO_ACCOUNT_SID")
        monkeypatch.delenv(f"{name}TWILIO_AUTH_TOKEN")
    assert any("境外号码没有可用的短信账户" in line.warning for line in checkup.run())

    monkeypatch.setenv("ALIYUN_SMS_SEGMENT_PRICE", "dear")
    assert [line.fault for line in checkup.run() if line.fault and line.name == "channels"] == [
        "ALIYUN_SMS_SEGMENT_PRICE 应为“金额 币种”,例如 0.045 CNY,现为“dear”"
    ]


def test_a_killed_hand_over_is_looked_up_at_the_domestic_account(
    region: SimpleNamespace, domestic: SimpleNamespace, store: Path
) -> None:
    issued()
    drained()
    before = len(ledger(store))
    with db.connection() as connection:
        connection.exec_driver_sql("DROP TRIGGER notice_moves")
        connection.execute(
            update(Notice).where(Notice.channel == "sms", Notice.kind == "order")
            .values(state=State.SENDING, lease_s=1, reference=None)
        )  # fmt: skip
    sweeps.expire_leases()

    async def asked() -> None:
        way = next(way for way in dispatch.ways() if way.channel == "sms" and way.reach.mainland)
        for account in way.accounts:
            carrier: Any = way.module.Carrier(account, "http://127.0.0.1:9")
            await sweeps.resolve(way, carrier, sweeps.take_doubts(way, account))
            await carrier.close()

    asyncio.run(asked())
    assert {(n.state, n.account) for n in notices()} == {("accepted", "aliyun")}
    assert len(ledger(store)) == before
    attempt = notices()[0].reference.partition("/")[0].rpartition("-")[2]
    assert aliyun_account.OUT_ID.fullmatch(f"ABCD2345-{attempt}-{tokens.callback_key(attempt)}")
