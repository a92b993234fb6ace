"""阿里云短信 by its official SDK, over real HTTP: what is said is what is booked, and every end is told apart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from coordinator.channels import Handed, Outcome, aliyun_account, registered, sms
from coordinator.errors import Misconfigured, TryLater
from coordinator.simulator import aliyun
from coordinator.simulator.server import Simulator

from .carriers import NOWHERE, PHONE, carrier, envelope, rows

KEY = "0123456789abcdef01234567"
TEXT = "指挥部：示例建材，石家庄橙色预警，3日0时起。请执行：①停2号窑；②停运。通知7-1，签收码1234 #ABCD2345"
TEMPLATES = """
SMS_1 = "${issuer}：${name}，${place}橙色预警，${from}起。请执行：${measures}。通知${number}，签收码${code}"
SMS_2 = "${issuer}：${all}"
"""


def templates(home: Path, text: str = TEMPLATES) -> str:
    path = home / "templates.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@asynccontextmanager
async def domestic(home: Path, *, web_url: str = NOWHERE, **faults: float) -> AsyncIterator[tuple[Simulator, Any]]:
    """The local carrier and the program's way to it."""
    path = templates(home)
    simulator = Simulator(
        home, web=web_url, faults={"callback_ms": 0, **faults}, environ={f"{aliyun_account.PREFIX}TEMPLATES": path}
    )
    await simulator.start()
    try:
        [account] = aliyun_account.accounts(aliyun.settings(simulator.port, path))
        async with carrier(sms, account) as opened:
            yield simulator, opened
    finally:
        await simulator.stop()


async def sent(opened: Any, **wishes: Any) -> Handed:
    handed: Handed = await opened.send(envelope(**{"text": TEXT, "callback_key": KEY, **wishes}))
    return handed


def test_a_text_arrives_word_for_word_by_a_registered_template(tmp_path: Path) -> None:
    async def go() -> None:
        async with domestic(tmp_path) as (simulator, opened):
            handed = await sent(opened)

            [row] = rows(simulator)
            assert (handed.outcome, handed.reference) == (Outcome.ACCEPTED, "ABCD2345-7.1/13800000001"), handed
            assert row["body"] == "【联动示例】" + registered.plain(TEXT)
            assert "(1)停2号窑；(2)停运" in row["body"] and "ABCD2345" not in row["body"]
            assert (row["account"], row["to"], row["marker"], row["template"]) == ("aliyun", PHONE, "ABCD2345", "SMS_1")
            assert KEY not in handed.reference

    asyncio.run(go())


@pytest.mark.parametrize(
    ("number", "outcome", "code"),
    [
        ("19000000001", Outcome.BUSY, "isv.BUSINESS_LIMIT_CONTROL"),
        ("19000000002", Outcome.REFUSED, "isv.BUSINESS_LIMIT_CONTROL"),
        ("19000000003", Outcome.REFUSED, "isv.BLACK_KEY_CONTROL_LIMIT"),
        ("19000000004", Outcome.MISCONFIGURED, "isv.OUT_OF_SERVICE"),
        ("19000000005", Outcome.BUSY, "Throttling.User"),
        ("19000000006", Outcome.UNCERTAIN, "isp.SYSTEM_ERROR"),
        ("12345", Outcome.REFUSED, "isv.MOBILE_NUMBER_ILLEGAL"),
    ],
)
def test_a_refusal_is_laid_at_the_right_door(tmp_path: Path, number: str, outcome: Outcome, code: str) -> None:
    async def go() -> None:
        async with domestic(tmp_path) as (simulator, opened):
            handed = await sent(opened, address=f"+86{number}")

            assert (handed.outcome, handed.code) == (outcome, code)
            assert rows(simulator) == []

    asyncio.run(go())


def test_a_text_that_no_template_says_is_not_sent(tmp_path: Path) -> None:
    async def go() -> None:
        async with domestic(tmp_path) as (simulator, opened):
            for text in ("停产50% #ABCD2345", "指挥部：" + "长" * 36 + " #ABCD2345"):
                handed = await sent(opened, text=text)
                assert (handed.outcome, handed.code) == (Outcome.REFUSED, "no_template")
            assert rows(simulator) == []

    asyncio.run(go())


def test_a_long_blank_is_cut_where_the_template_allows_it_and_says_where_the_rest_is() -> None:
    template = registered._template("SMS_9", "请执行：${long_measures}。签收码${code}", "TEST")
    said = registered.find((template,), "请执行：" + "停" * 40 + "。签收码1234")

    assert said is not None and said.cut == ("long_measures",)
    assert said.blanks == {"long_measures": "停" * 27 + "...详情请来电", "code": "1234"}
    assert len(said.blanks["long_measures"]) == registered.LONGEST_BLANK


@pytest.mark.parametrize("fault", ["rate_cut", "rate_broken", "rate_lost"])
def test_a_spoilt_answer_is_uncertain_and_the_look_up_tells_whether_it_was_taken(tmp_path: Path, fault: str) -> None:
    async def go() -> None:
        async with domestic(tmp_path, **{fault: 1.0}) as (simulator, opened):
            handed = await sent(opened)

            assert handed.outcome is Outcome.UNCERTAIN, handed
            found = await opened.look_up(PHONE, "ABCD2345")
            assert found == ("" if fault == "rate_lost" else "ABCD2345-7.1/13800000001")
            assert len(rows(simulator)) == (fault != "rate_lost")

    asyncio.run(go())


def test_what_became_of_it_can_be_asked(tmp_path: Path) -> None:
    async def go() -> None:
        async with domestic(tmp_path, callback_ms=200) as (_, opened):
            handed = await sent(opened)
            assert await opened.status(handed.reference) == "accepted"
            await asyncio.sleep(0.5)
            assert await opened.status(handed.reference) == "delivered"
            assert await opened.status("ZZZZ2345-9.1/13800000001") == ""

    asyncio.run(go())


def test_a_carrier_away_is_told_from_one_that_fell_silent(tmp_path: Path) -> None:
    async def go() -> None:
        [account] = aliyun_account.accounts(aliyun.settings(1, templates(tmp_path)))
        async with carrier(sms, account) as opened:
            assert (await sent(opened)).outcome is Outcome.NOT_SENT
            with pytest.raises(TryLater):
                await opened.look_up(PHONE, "ABCD2345")
        async with domestic(tmp_path, look_up_down=1.0) as (_, opened):
            with pytest.raises(TryLater):
                await opened.look_up(PHONE, "ABCD2345")

    asyncio.run(go())


def test_a_wrong_key_stops_the_account(tmp_path: Path) -> None:
    async def go() -> None:
        async with domestic(tmp_path) as (simulator, _):
            wrong = aliyun.settings(simulator.port, templates(tmp_path)) | {"ALIYUN_SMS_ACCESS_KEY_SECRET": "another"}
            async with carrier(sms, aliyun_account.accounts(wrong)[0]) as opened:
                handed = await sent(opened)
            assert (handed.outcome, handed.code) == (Outcome.MISCONFIGURED, "SignatureDoesNotMatch")

    asyncio.run(go())


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ('SMS_1 = "【联动】${a}好"', "不能含【】"),
        ('SMS_1 = "${a}${b}好"', "变量不能相邻"),
        ('SMS_1 = "${a}和${a}"', "只能出现一次"),
        ('SMS_1 = "${1a}好"', "变量名须以字母开头"),
        ("SMS_1 = 3", "应为一段文字"),
        ("", "没有模板"),
        ("SMS_1 = ", "读不了"),
    ],
)
def test_a_template_the_carrier_would_not_register_is_named_at_the_start(
    tmp_path: Path, wrong: str, named: str
) -> None:
    with pytest.raises(Misconfigured, match=f"ALIYUN_SMS_TEMPLATES.*{named}"):
        registered.read.__wrapped__(templates(tmp_path, wrong), "ALIYUN_SMS_TEMPLATES")


@pytest.mark.parametrize("missing", ["ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "SIGN_NAME", "TEMPLATES"])
def test_an_account_set_by_half_is_refused_by_what_is_missing(tmp_path: Path, missing: str) -> None:
    half = aliyun.settings(1, templates(tmp_path)) | {f"ALIYUN_SMS_{missing}": ""}

    with pytest.raises(Misconfigured, match=f"ALIYUN_SMS_{missing} 未设置"):
        sms.accounts(half)


@pytest.mark.parametrize(("number", "success"), [(PHONE, True), (f"+86{aliyun.UNDELIVERED}", False)])
def test_the_receipt_is_pushed_until_it_is_taken(tmp_path: Path, number: str, success: bool) -> None:
    pushed: list[dict[str, Any]] = []

    async def hook(request: web.Request) -> web.Response:
        pushed.extend(await request.json())
        return web.json_response({"code": 0 if len(pushed) > 1 else 1})

    async def go() -> None:
        app = web.Application()
        app.router.add_post("/hooks/aliyun/report", hook)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with domestic(tmp_path, web_url=f"http://127.0.0.1:{runner.addresses[0][1]}") as (simulator, opened):
            handed = await sent(opened, address=number)
            async with asyncio.timeout(10):
                while len(pushed) < 2:
                    await asyncio.sleep(0.02)
            [row] = rows(simulator)
        await runner.cleanup()
        form = {name: str(value).lower() if isinstance(value, bool) else value for name, value in pushed[1].items()}
        assert pushed[0]["biz_id"] == pushed[1]["biz_id"] == row["sid"]
        assert sms.receipt(form) == (handed.reference, "delivered" if success else "undelivered")
        assert sms.error_code(form) == ("" if success else "MK:0004")

    asyncio.run(go())
