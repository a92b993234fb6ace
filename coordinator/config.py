"""What this installation is set to, and what about it is unusable or unsafe."""

import math
import os
import secrets
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from coordinator import db, plainly, quiet
from coordinator.errors import Misconfigured

ENVIRONMENTS = ("production", "development", "test")
PLACEHOLDERS = ("change", "secret", "placeholder", "example", "password", "default", "xxxx", "0000", "1234")
CARRIER_KEYS = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
ALLOWANCES = {  # messages a second that an account may hand over, by channel and account
    ("sms", "twilio"): "TWILIO_RATE",
    ("sms", "sms_b"): "SMS_B_TWILIO_RATE",
    ("sms", "drill_twilio"): "DRILL_TWILIO_RATE",
    ("email", "smtp"): "SMTP_RATE",
    ("email", "drill_smtp"): "DRILL_SMTP_RATE",
}


@dataclass(frozen=True, slots=True)
class Config:
    """The settings every role shares. Carriers read their own in their own file."""

    environment: str
    public_base_url: str
    secret_key: str
    log: str
    issuer: str
    desk_phone: str

    @property
    def production(self) -> bool:
        return self.environment == "production"

    @property
    def address(self) -> SplitResult:
        return urlsplit(self.public_base_url)


def load() -> Config:
    """The configuration; raises Misconfigured with one line per fault and its mend."""
    faults = find_faults(os.environ)
    if faults:
        raise Misconfigured("\n".join(faults))
    return _read(os.environ)


def _read(environ: Mapping[str, str]) -> Config:
    environment = environ.get("LIANDONG_ENV", "development")
    return Config(
        environment=environment,
        public_base_url=environ.get("PUBLIC_BASE_URL", "http://127.0.0.1:8000").rstrip("/"),
        secret_key=environ.get("SECRET_KEY") or _own_secret(db.home()),
        log=environ.get("LIANDONG_LOG", "json" if environment == "production" else "console"),
        issuer=environ.get("LIANDONG_ISSUER", "重污染天气应急指挥部办公室"),
        desk_phone=environ.get("LIANDONG_DESK_PHONE", ""),
    )


@cache
def _own_secret(home: Path) -> str:
    """Outside production a key is made once and kept with the store, readable by its owner alone."""
    path = home / "secret_key"
    if not path.exists():
        _make_secret(path)
    if not (kept := path.read_text().strip()):
        raise Misconfigured(f"{path} 是空的,没有密钥可用:从未发过通知的,删去它再启动;否则请从备份恢复")
    return kept


def _make_secret(path: Path) -> None:
    """Whole or not at all: a full disk leaves no empty key behind, and of two that start at once one is first."""
    try:
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".secret_key-") as made:
            made.write(secrets.token_urlsafe(48))
            made.flush()
            os.fsync(made.fileno())
            with suppress(FileExistsError):
                os.link(made.name, path)
    except OSError as error:
        raise Misconfigured(f"{path} 写不下:{plainly.of_system(error)}") from error


def find_faults(environ: Mapping[str, str]) -> list[str]:
    """One line per fault: the setting, what is wrong, how to mend it."""
    faults = []
    environment = environ.get("LIANDONG_ENV", "development")
    if environment not in ENVIRONMENTS:
        faults.append(f"LIANDONG_ENV={environment}: 只能是 {'、'.join(ENVIRONMENTS)}")
    url = urlsplit(environ.get("PUBLIC_BASE_URL", "http://127.0.0.1:8000"))
    if url.scheme not in ("http", "https") or not url.hostname:
        faults.append("PUBLIC_BASE_URL: 不是网址;例如 https://yj.example.gov.cn")
    if environ.get("LIANDONG_LOG", "json") not in ("json", "console"):
        faults.append("LIANDONG_LOG: 只能是 json 或 console")
    if environ.get("REDIS_URL") and urlsplit(environ["REDIS_URL"]).scheme not in ("redis", "rediss", "unix"):
        faults.append("REDIS_URL: 不是 Redis 地址;例如 redis://:口令@主机:6379/0,不设则用嵌入式")
    faults += _carrier_faults(environ)
    faults += _watching_faults(environ)
    if environment == "production":
        faults += _production_faults(environ, url)
    return faults


def _carrier_faults(environ: Mapping[str, str]) -> list[str]:
    """An account is set whole or not at all; drill and real never share one."""
    faults = []
    for prefix in ("", "DRILL_", "SMS_B_"):
        sid, token = environ.get(f"{prefix}TWILIO_ACCOUNT_SID", ""), environ.get(f"{prefix}TWILIO_AUTH_TOKEN", "")
        if sid and not token:
            faults.append(f"{prefix}TWILIO_AUTH_TOKEN: 为空,无法核对回执签名;请填入该账户的令牌")
        if token and not sid:
            faults.append(f"{prefix}TWILIO_ACCOUNT_SID: 为空;请填入账户编号,或去掉 {prefix}TWILIO_AUTH_TOKEN")
    for name, mend in (
        ("TWILIO_ACCOUNT_SID", "请为演练另开子账户"),
        ("SMTP_URL", "请为演练另设发信账户"),
        ("DUTY_CHAT_URLS", "请为演练另建群"),
        ("WEBHOOK_SECRET", "请为演练另设密钥"),
    ):
        if environ.get(name) and environ.get(name) == environ.get(f"DRILL_{name}"):
            faults.append(f"DRILL_{name}: 与 {name} 相同,演练会从真实账户发出;{mend}")
    return faults


def _watching_faults(environ: Mapping[str, str]) -> list[str]:
    """The settings by which the installation watches itself."""
    faults = [
        f"{name}={environ[name]}: 应为每秒条数(大于 0),例如 100"
        for name in ALLOWANCES.values()
        if environ.get(name) and _positive(environ[name]) is None
    ]
    faults += _quiet_faults(environ)
    if given := environ.get("DEADMAN_URL"):
        url = urlsplit(given)
        if not url.hostname or (url.scheme != "https" and not (url.scheme == "http" and is_loopback(given))):
            faults.append("DEADMAN_URL: 须为 https 网址;由外部守护服务给出")
    return faults


def _quiet_faults(environ: Mapping[str, str]) -> list[str]:
    try:
        quiet.hours(environ)
    except Misconfigured as error:
        return [str(error)]
    given = environ.get("BUNDLE_REMINDERS_FROM", "").strip()
    wrong = bool(given) and not (given.isdecimal() and int(given) != 1)
    return [f"BUNDLE_REMINDERS_FROM={given}: 应为企业数,例如 5;0 表示不合并"] if wrong else []


def is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in LOOPBACK


def allowances(environ: Mapping[str, str]) -> dict[tuple[str, str], float]:
    """Messages a second, by channel and account, where they are set."""
    found = {key: _positive(environ.get(name, "")) for key, name in ALLOWANCES.items()}
    return {key: rate for key, rate in found.items() if rate is not None}


def _positive(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 < number < math.inf else None


def _production_faults(environ: Mapping[str, str], url: SplitResult) -> list[str]:
    faults = []
    secret = environ.get("SECRET_KEY", "")
    if len(secret.encode()) < 32 or len(set(secret)) < 8 or any(word in secret.lower() for word in PLACEHOLDERS):
        faults.append(
            "SECRET_KEY: 缺失、过短或是占位符;用 python3 -c 'import secrets; print(secrets.token_urlsafe(48))' 生成"
        )
    if url.scheme != "https" and url.hostname not in LOOPBACK:
        faults.append("PUBLIC_BASE_URL: 生产环境须为 https")
    if environ.get("LIANDONG_CLOCK_FILE"):
        faults.append("LIANDONG_CLOCK_FILE: 生产环境不得移动时钟;请去掉")
    if environ.get("FLASK_DEBUG") not in (None, "", "0"):
        faults.append("FLASK_DEBUG: 生产环境不得打开调试;请去掉")
    redis = urlsplit(environ.get("REDIS_URL", ""))
    if redis.hostname and redis.hostname not in LOOPBACK and not redis.password:
        faults.append("REDIS_URL: 非本机的 Redis 须有口令;写作 redis://:口令@主机:6379/0")
    if not any(environ.get(name) for name in ("TWILIO_ACCOUNT_SID", "ALIYUN_SMS_ACCESS_KEY_ID", "SMTP_URL")):
        faults.append("TWILIO_ACCOUNT_SID、ALIYUN_SMS_ACCESS_KEY_ID、SMTP_URL: 都没有设置,发不出任何通知;至少设置一个")
    if environ.get("CHAT_API_BASE"):
        faults.append("CHAT_API_BASE: 只供测试,群机器人的密钥会发往别处;请去掉")
    return faults
