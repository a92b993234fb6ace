"""What happens in the demonstration: figures come in by the hour, sample officers sign, sample plants answer."""

import json
import re
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import click

from coordinator import clock
from coordinator.demo.stage import Actor, Episode
from coordinator.errors import TryLater
from coordinator.spoken import STATES
from rules.levels import Level

CODE = re.compile(r"签收码\s*(\d{4})")
LINK = re.compile(r"/a/([A-Za-z0-9_-]{16,})")
NUMBER = re.compile(r"\d{8}-\d+-\d+-\d{5}")
SILENT, REFUSING = 7, 11  # every seventh plant does not answer, every eleventh says it can't


class Api:
    """The same calls that a stranger's program would make."""

    def __init__(self, base: str) -> None:
        self.base = base

    def call(self, path: str, token: str = "", body: object = None, *, form: dict[str, str] | None = None) -> Any:
        """One request; the decoded JSON, or the text of a page. Raises TryLater while nothing answers."""
        payload = json.dumps(body).encode() if body is not None else None
        headers = {"Content-Type": "application/json"} if payload else {}
        if form is not None:
            payload = urllib.parse.urlencode(form).encode()
        if token:
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(self.base + path, data=payload, headers=headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            return {"status": error.code, "problem": error.read().decode(errors="replace")[:300]}
        except (urllib.error.URLError, OSError) as error:
            raise TryLater(str(error)) from error
        return json.loads(text) if text[:1] in "{[" else text


def say(sentence: str) -> None:
    """One line of the play, with the business time at its head."""
    click.echo(f"  {clock.now().astimezone(clock.BEIJING):%m-%d %H:%M}  {sentence}")


class Feed:
    """Real figures, an hour at a time; the forecast is what really came, blurred by a stated tenth."""

    def __init__(self, api: Api, chosen: Episode, actor: Actor) -> None:
        self.api, self.episode, self.actor = api, chosen, actor
        self.upto = chosen.begins_at - timedelta(hours=24)
        self.forecast_for: datetime | None = None

    def turn(self) -> None:
        now = clock.now().astimezone(clock.BEIJING)
        fresh = [hour for hour in self.episode.hours if self.upto < hour <= now]
        if fresh:
            self.api.call(
                "/api/v1/readings", self.actor.token, {"source": "demo", "replay": True, "rows": self._rows(fresh)}
            )
            self.upto = max(fresh)
        slot = now.replace(hour=now.hour // 6 * 6, minute=0, second=0, microsecond=0)
        if slot != self.forecast_for:
            ahead = [hour for hour in self.episode.hours if now < hour <= now + timedelta(hours=120)]
            body = {
                "source": "demo-forecast",
                "issued_at": slot.isoformat(),
                "replay": True,
                "rows": self._rows(ahead, 0.95),
            }
            self.api.call("/api/v1/forecasts", self.actor.token, body)
            self.forecast_for = slot

    def _rows(self, hours: Iterable[datetime], factor: float = 1.0) -> list[dict[str, Any]]:
        return [
            {"time": hour.isoformat(), "city": city, "PM2.5": round(value * factor, 1)}
            for hour in hours
            for city, value in self.episode.hours[hour].items()
            if value is not None
        ]


class Officers:
    """Sample officers who submit and sign through the API, as they say openly."""

    def __init__(self, api: Api, actors: Iterable[Actor]) -> None:
        self.api, self.actors = api, list(actors)
        self.seen: dict[int, tuple[str, str]] = {}
        self.busy = False  # somebody is reading and signing: the play slows down for them

    def turn(self) -> None:
        watcher = next(actor for actor in self.actors if actor.role == "duty")
        alerts = self._alerts(watcher)
        self.busy = any(alert["state"] == "proposed" or alert["waiting_for"] for alert in alerts)
        for alert in alerts:
            self._tell(alert)
            if alert["state"] == "proposed":
                self._act(alert, "submit", ("duty",), 1)
            elif alert["waiting_for"]:
                self._act(alert, "approve", ("leader", "signer"), 3)

    def _alerts(self, watcher: Actor) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for page in range(1, 10):
            batch = self.api.call(f"/api/v1/alerts?page={page}", watcher.token).get("alerts", [])
            found += batch
            if len(batch) < 50:
                break
        return found

    def _tell(self, alert: dict[str, Any]) -> None:
        now = (alert["state"], alert["level"])
        if self.seen.get(alert["id"]) != now:
            self.seen[alert["id"]] = now
            drill = "【演练】" if alert["mode"] == "exercise" else ""
            cities = "、".join(alert["city_names"][:6])
            say(
                f"{drill}预警 {alert['number']} {cities} {Level.parse(alert['level']).chinese} → {STATES[alert['state']]}"
            )

    def _act(self, alert: dict[str, Any], act: str, roles: tuple[str, ...], most: int) -> None:
        able = [
            actor for role in roles for actor in self.actors
            if actor.role == role and all(actor.covers(city) for city in alert["cities"])
        ]  # fmt: skip
        for actor in able[:most]:
            done = self.api.call(f"/api/v1/alerts/{alert['id']}/{act}", actor.token, {"rev": alert["rev"]})
            if done.get("state") in ("active", "lifted", "issuing"):
                say(f"{actor.name}(示例)签发了 {alert['number']}")
                return


class Plants:
    """Sample contacts: they read their texts and mails at the carriers' inbox and answer on the page."""

    def __init__(self, web: Api, carriers: Api) -> None:
        self.web, self.carriers = web, carriers
        self.since = 0
        self.codes: dict[str, str] = {}
        self.links: dict[str, str] = {}
        self.answered: set[str] = set()

    def turn(self) -> None:
        letters = self.carriers.call(f"/inbox.json?since={self.since}").get("rows", [])
        for letter in letters:
            self.since = max(self.since, int(letter["n"]))
            self._read(str(letter.get("subject") or "") + str(letter.get("body") or ""))
        for number in self.codes.keys() & self.links.keys() - self.answered:
            self.answered.add(number)
            self._answer(number)

    def _read(self, text: str) -> None:
        number = NUMBER.search(text)
        if number is None:
            return
        if code := CODE.search(text):
            self.codes[number[0]] = code[1]
        if link := LINK.search(text):
            self.links[number[0]] = link[1]

    def _answer(self, number: str) -> None:
        nth = int(number[-5:])
        if nth % SILENT == 0:
            return
        self.web.call(f"/a/{self.links[number]}", form={"code": self.codes[number]})
        if nth % REFUSING == 0:
            form = {"code": self.codes[number], "kind": "cannot", "words": "示例:焦炉保温,今晚不能停,申请延后6小时"}
            self.web.call(f"/a/{self.links[number]}/answer", form=form)


def keep(turn: Callable[[], None], stopping: threading.Event, every_s: float) -> threading.Thread:
    """Turn after turn until told to stop; a server that is still starting is waited for."""

    def run() -> None:
        while not stopping.wait(every_s):
            try:
                turn()
            except TryLater:
                continue

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread
