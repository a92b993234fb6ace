"""What a check of the installation says, and with which exit a command ends."""

import pytest

from coordinator import checkup
from coordinator.cli import main


@pytest.fixture
def installed(store: object, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("TWILIO_ACCOUNT_SID", "SMTP_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_a_redis_address_that_is_none_is_a_line_and_no_traceback(installed: pytest.MonkeyPatch) -> None:
    installed.setenv("REDIS_URL", "localhost")
    faults = [line.fault for line in checkup.run() if line.fault]
    assert len(faults) == 1 and faults[0].startswith("REDIS_URL")


@pytest.mark.parametrize("words", [("drill", "run", "no-such"), ("drill", "report", "99"), ("feed", "pull", "no-such")])
def test_a_name_that_does_not_exist_is_a_mistake_of_usage(installed: object, words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert ended.value.code == 2
