"""May this number get one more SMS? Texts already sent and the one to come in, a verdict out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from coordinator.channels.terms import Limit, Terms


@dataclass(frozen=True, slots=True)
class Text:
    """One SMS to one number; ``words`` tells two texts apart, it need not be the text itself."""

    words: str
    at: datetime


class Fate(StrEnum):
    """What becomes of an SMS. RISKED: it passes a limit and is urgent, so it is sent all the same."""

    SENT = "sent"
    RISKED = "risked"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """``limit`` names the limit that is passed, ``country`` when no SMS may go to this number; "" when none."""

    fate: Fate
    limit: str = ""
    reason: str = ""


GOES = Verdict(Fate.SENT)


def judge(terms: Terms, address: str, sent: Sequence[Text], text: Text, *, urgency: str) -> Verdict:
    """One more text to ``address`` after those ``sent``. ``urgency`` is its lane, or correction.

    A text exactly as old as the window has left it. The gravest finding counts: no way there, then a limit that
    suppresses, then one that is risked.
    """
    if terms.country(address) is None:
        return Verdict(Fate.SUPPRESSED, "country", f"未向该国家或地区开通短信({address[:4]}…),须电话或邮件通知")
    if not sent:  # nearly always; every limit lets a first text through
        return GOES
    passed = [limit for limit in terms.limits_of(address) if _passes(limit, sent, text)]
    for limit in passed:
        if urgency not in limit.spares:
            return Verdict(Fate.SUPPRESSED, limit.name, f"{limit.says},短信不发,邮件照发,须电话通知")
    return Verdict(Fate.RISKED, passed[0].name, f"{passed[0].says};事急照发") if passed else GOES


def _passes(limit: Limit, sent: Sequence[Text], text: Text) -> bool:
    recent = [each.words for each in sent if text.at - each.at < limit.window]
    if limit.counts == "identical":
        return recent.count(text.words) + 1 > limit.most
    if limit.counts == "different":
        return text.words not in recent and len({*recent, text.words}) > limit.most
    return len(recent) + 1 > limit.most


@dataclass(slots=True)
class Budget:
    """What each number has had, going on as texts are let through; each question looks at one number's texts only."""

    terms: Terms
    sent: defaultdict[str, list[Text]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, terms: Terms, sent: Mapping[str, Iterable[Text]]) -> "Budget":
        return cls(terms, defaultdict(list, {address: list(texts) for address, texts in sent.items()}))

    def spend(self, address: str, text: Text, *, urgency: str) -> Verdict:
        """The verdict on one more text; one that goes out counts from now on."""
        had = self.sent[address]
        verdict = judge(self.terms, address, had, text, urgency=urgency)
        if verdict.fate is not Fate.SUPPRESSED:
            had.append(text)
        return verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a revision would meet: ``suppressed`` and ``risked`` count numbers, ``texts`` the SMS that would not go.

    ``barred`` are numbers to which no SMS may go at all; ``by_limit`` counts numbers under the limit they'd pass.
    """

    numbers: int = 0
    suppressed: int = 0
    risked: int = 0
    barred: tuple[str, ...] = ()
    texts: int = 0
    by_limit: Mapping[str, int] = field(default_factory=dict)
    says: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain values; ``proposal`` is the sentence for the signers, "" when nothing is passed."""
        return {
            "numbers": self.numbers,
            "suppressed": self.suppressed,
            "risked": self.risked,
            "barred": len(self.barred),
            "texts": self.texts,
            "by_limit": dict(self.by_limit),
            "proposal": self.proposal,
        }

    @property
    def proposal(self) -> str:
        if not self.suppressed:
            return ""
        return f"{self.suppressed}个号码会超过短信限额:并入邮件和打电话清单"


def forecast(budget: Budget, planned: Mapping[str, int], *, urgency: str, at: datetime) -> Forecast:
    """So many texts ``planned`` to each number at once, each with words of its own."""
    by_limit, texts, fates, barred = defaultdict[str, int](int), 0, defaultdict[Fate, int](int), []
    for address, count in planned.items():
        verdicts = [budget.spend(address, Text(f"planned {n}", at), urgency=urgency) for n in range(count)]
        texts += sum(each.fate is Fate.SUPPRESSED for each in verdicts)
        gravest = max(verdicts, key=lambda each: list(Fate).index(each.fate), default=GOES)
        if gravest.limit == "country":
            barred.append(address)
            continue
        fates[gravest.fate] += 1
        if gravest.limit:
            by_limit[gravest.limit] += 1
    return Forecast(
        numbers=len(planned),
        suppressed=fates[Fate.SUPPRESSED],
        risked=fates[Fate.RISKED],
        barred=tuple(barred),
        texts=texts,
        by_limit=dict(by_limit),
        says={limit.name: limit.says for limit in budget.terms.limits if limit.name in by_limit},
    )
