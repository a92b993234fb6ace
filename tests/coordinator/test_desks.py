"""Desks paged as a whole: groups by their robots, other systems by signed webhooks; every end is told apart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from aiohttp import ClientSession
from sqlalchemy import select

from coordinator import checkup, db, dispatch, paging, render, verify
from coordinator.channels import Handed, Outcome, chat, desks, webhook
from coordinator.errors import Misconfigured
from coordinator.models import Mode, Notice
from coordinator.simulator import groups
from coordinator.simulator.server import Simulator
from tests.coordinator.conftest import proposed
from tests.coordinator.test_path import drained, ledger

from .carriers import carrier, envelope, local, rows, saying, talking


@asynccontextmanager
async def opened(module: ModuleType, simulator: Simulator, **wishes: str) -> AsyncIterator[Any]:
    [account] = module.accounts(groups.settings(simulator.port) | wishes)
    async with carrier(module, account) as way:
        yield way


def group(url: str, base: str) -> dict[str, str]:
    return {"DUTY_CHAT_URLS": f"群={url}", "CHAT_API_BASE": base}


@pytest.mark.parametrize("name", ["企业微信群", "钉钉群", "飞书群"])
def test_a_page_is_in_the_group(tmp_path: Path, name: str) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator, opened(chat, simulator) as way:
            handed = await way.send(envelope(address=name))

            [row] = rows(simulator)
            assert (handed.outcome, handed.reference) == (Outcome.ACCEPTED, "7.1@liandong.example"), handed
            assert (row["channel"], row["body"], row["to"].endswith(":duty")) == ("chat", envelope().text, True)
            async with ClientSession() as session, session.get(f"http://127.0.0.1:{simulator.port}/") as inbox:
                assert inbox.status == 200 and "群消息 · 值班群" in await inbox.text()

    asyncio.run(go())


WECOM, DINGTALK, FEISHU = (
    "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=",
    "https://oapi.dingtalk.com/robot/send?access_token=",
    "https://open.feishu.cn/open-apis/bot/v2/hook/",
)


@pytest.mark.parametrize(
    ("url", "outcome", "code"),
    [
        (WECOM + "gone", Outcome.REFUSED, "93000"),
        (WECOM + "busy", Outcome.BUSY, "45009"),
        (DINGTALK + "gone", Outcome.REFUSED, "300001"),
        (DINGTALK + "busy", Outcome.BUSY, "130101"),
        (DINGTALK + "duty#SECwrong", Outcome.REFUSED, "310000"),
        (FEISHU + "gone", Outcome.REFUSED, "19001"),
        (FEISHU + "busy", Outcome.BUSY, "11232"),
        (FEISHU + "duty#wrong", Outcome.REFUSED, "19021"),
    ],
)
def test_a_robots_refusal_with_http_200_is_no_success(tmp_path: Path, url: str, outcome: Outcome, code: str) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator:
            async with opened(chat, simulator, DUTY_CHAT_URLS=f"群={url}") as way:
                handed = await way.send(envelope(address="群"))
            assert (handed.outcome, handed.code) == (outcome, code)
            assert rows(simulator) == []

    asyncio.run(go())


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"", Outcome.UNCERTAIN),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", Outcome.UNCERTAIN),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{", Outcome.UNCERTAIN),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{"errcode": -1}', Outcome.UNCERTAIN),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", Outcome.UNCERTAIN),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", Outcome.REFUSED),
    ],
)
def test_a_spoilt_answer_of_a_robot_is_told_apart(answer: bytes, outcome: Outcome) -> None:
    async def go() -> None:
        async with talking(saying(answer)) as port:
            [account] = chat.accounts(group(WECOM + "duty", f"http://127.0.0.1:{port}"))
            async with carrier(chat, account) as way:
                assert (await way.send(envelope(address="群"))).outcome is outcome
        [account] = chat.accounts(group(WECOM + "duty", "http://127.0.0.1:1"))
        async with carrier(chat, account) as way:
            assert (await way.send(envelope(address="群"))).outcome is Outcome.NOT_SENT

    asyncio.run(go())


def posted(simulator: Simulator, path: str) -> str:
    return f"http://127.0.0.1:{simulator.port}/duty-desk/{path}"


def test_a_webhook_is_signed_and_taken_once_however_often_it_is_sent(tmp_path: Path) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator:
            async with opened(webhook, simulator) as way:
                for attempt in ("7.1", "7.2"):
                    handed = await way.send(envelope(address=posted(simulator, "platform"), attempt=attempt))
                    assert (handed.outcome, handed.reference) == (Outcome.ACCEPTED, "7.1@liandong.example"), handed
            [row] = rows(simulator)
            assert (row["channel"], row["to"], row["body"]) == ("webhook", "platform", envelope().text)

            async with opened(webhook, simulator, WEBHOOK_SECRET="x" * 32) as way:
                handed = await way.send(envelope(address=posted(simulator, "platform")))
            assert (handed.outcome, handed.code) == (Outcome.REFUSED, "401")

    asyncio.run(go())


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(204, Outcome.ACCEPTED), (302, Outcome.REFUSED), (307, Outcome.REFUSED), (400, Outcome.REFUSED),
     (410, Outcome.REFUSED), (408, Outcome.UNCERTAIN), (429, Outcome.BUSY), (503, Outcome.BUSY),
     (500, Outcome.UNCERTAIN)],
)  # fmt: skip
def test_a_receivers_answer_is_told_apart(tmp_path: Path, status: int, outcome: Outcome) -> None:
    async def go() -> None:
        async with local(tmp_path) as simulator, opened(webhook, simulator) as way:
            handed: Handed = await way.send(envelope(address=posted(simulator, str(status))))
            assert handed.outcome is outcome

    asyncio.run(go())


STRICT = {"WEBHOOK_SECRET": "s" * 32, "WEBHOOK_HOSTS": "localhost,example.org", "LIANDONG_ENV": "production"}


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("http://example.org/x", "not_allowed"),
        ("https://evil.example/x", "not_allowed"),
        ("https://user:word@example.org/x", "not_allowed"),
        ("https://169.254.169.254/latest/meta-data", "not_allowed"),
        ("https://example.org.evil.example/x", "not_allowed"),
        ("https://[::1]/x", "not_allowed"),
        ("https://localhost/x", "not_public"),
    ],
)
def test_nothing_is_posted_where_it_may_not_be(address: str, code: str) -> None:
    async def go() -> None:
        [account] = webhook.accounts(STRICT | {"DUTY_WEBHOOK_URLS": "平台=https://example.org/x"})
        async with carrier(webhook, account) as way:
            handed = await way.send(envelope(address=address))
            assert (handed.outcome, handed.code) == (Outcome.REFUSED, code), handed

    asyncio.run(go())


def test_an_inner_host_may_be_listed_as_one() -> None:
    async def go() -> None:
        given = STRICT | {"DUTY_WEBHOOK_URLS": "平台=https://localhost:1/x", "WEBHOOK_INNER_HOSTS": "localhost"}
        [account] = webhook.accounts(given)
        async with carrier(webhook, account) as way:
            assert (await way.send(envelope(address="https://localhost:1/x"))).outcome is Outcome.NOT_SENT

    asyncio.run(go())


@pytest.mark.parametrize(
    ("module", "given", "named"),
    [
        (webhook, {"DUTY_WEBHOOK_URLS": "a=https://h.cn/x"}, "WEBHOOK_SECRET: 缺失"),
        (webhook, {"DUTY_WEBHOOK_URLS": "a=https://h.cn/x", "WEBHOOK_SECRET": "s" * 32}, "WEBHOOK_HOSTS: 未设置"),
        (webhook, STRICT, "DUTY_WEBHOOK_URLS: 未设置"),
        (webhook, STRICT | {"DUTY_WEBHOOK_URLS": "a=http://example.org/x"}, "a:生产环境只用 https"),
        (webhook, STRICT | {"DUTY_WEBHOOK_URLS": "a=https://h.cn/x"}, "主机 h.cn 不在 WEBHOOK_HOSTS 里"),
        (chat, {"DUTY_CHAT_URLS": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k"}, "名称=网址"),
        (chat, {"DUTY_CHAT_URLS": f"a={WECOM}k,a={WECOM}l"}, "名称不重复"),
        (chat, {"DUTY_CHAT_URLS": "a=https://evil.example/hook"}, "“a”应为企业微信、钉钉或飞书"),
        (chat, {"DRILL_DUTY_CHAT_URLS": "a=http://qyapi.weixin.qq.com/x"}, "DRILL_DUTY_CHAT_URLS: “a”应为"),
    ],
)
def test_a_desk_set_by_half_is_refused_by_what_is_missing(
    module: ModuleType, given: dict[str, str], named: str
) -> None:
    with pytest.raises(Misconfigured, match=named):
        (module.drill_accounts if "DRILL_DUTY_CHAT_URLS" in given else module.accounts)(given)


def test_the_check_names_every_half_account_and_what_the_whole_ones_can_do(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUTY_CHAT_URLS", f"群={WECOM}k")
    monkeypatch.setenv("DUTY_WEBHOOK_URLS", "平台=https://h.cn/x")
    monkeypatch.setenv("ALIYUN_SMS_ACCESS_KEY_ID", "k")

    faults = [line.fault for line in checkup.run() if line.name == "channels" and line.fault]
    assert [fault.partition(" ")[0].partition(":")[0] for fault in sorted(faults)] == [
        "ALIYUN_SMS_ACCESS_KEY_SECRET", "WEBHOOK_SECRET",
    ]  # fmt: skip

    monkeypatch.delenv("ALIYUN_SMS_ACCESS_KEY_ID")
    monkeypatch.delenv("DUTY_WEBHOOK_URLS")
    good = [line.good for line in checkup.run() if line.name == "channels" and line.good]
    assert good == ["chat(chat,wecom、不能查询,断线后只重发一次、没有送达回执、至多 682 字)"]


def test_a_page_goes_to_the_desks_of_its_own_kind_and_is_booked_like_any_notice(
    region: SimpleNamespace, carriers: Any, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in groups.settings(carriers.simulator.port).items():
        monkeypatch.setenv(name, value)
        drilled = (
            value.replace("群=", "演练群=").replace("平台=", "演练平台=").replace("sample-web", "drill_sample-web")
        )
        monkeypatch.setenv(f"DRILL_{name}", drilled)
    proposed()
    proposed(mode=Mode.EXERCISE)
    paging.call_the_next()
    drained()

    with db.reading() as session:
        pages = session.scalars(select(Notice).where(Notice.channel.in_(("chat", "webhook")))).all()
    found = {(page.mode, page.receiver, page.state) for page in pages}
    names = {"chat:企业微信群", "chat:钉钉群", "chat:飞书群", "webhook:指挥平台"}
    drill = {name.replace("群", "演练群").replace("平台", "演练平台") for name in names}
    assert found == {("actual", f"desk:{name}", "accepted") for name in names} | {
        ("exercise", f"desk:{name}", "accepted") for name in drill
    }
    texts = [row["body"] for row in ledger(store) if row["channel"] in ("chat", "webhook")]
    assert len(texts) == len(pages)
    assert sum(text.startswith("【演练】") and text.endswith("【演练】") for text in texts) == len(texts) / 2
    assert verify.run()["ok"]
    assert all("key=" not in page.address and "SEC" not in page.address for page in pages)


def test_a_desk_without_words_for_its_channel_does_not_exist() -> None:
    assert set(dispatch.modules()) == {*render.CHANNELS, *render.DESK_CHANNELS}
    assert set(dispatch.modules()) == set(dispatch.BATCH)
    assert desks.read({}) == ()
