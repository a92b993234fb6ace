"""Whose credentials do the local carriers know, and which settings point the program at them?"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

PREFIXES = {"twilio": "", "sms_b": "SMS_B_", "drill_twilio": "DRILL_"}
MAIL_PREFIXES = {"smtp": "", "drill_smtp": "DRILL_"}
NUMBERS = {"twilio": "+861012369001", "sms_b": "+861012369002", "drill_twilio": "+861012369099"}
CAPTIONS = {
    "twilio": "正式账户",
    "sms_b": "备用账户",
    "drill_twilio": "演练账户",
    "aliyun": "国内短信账户",
    "chat": "值班群",
    "webhook": "对接系统",
    "smtp": "正式邮箱",
    "drill_smtp": "演练邮箱",
    "anonymous": "未登录邮箱",
}


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One account at the local carriers."""

    name: str
    sid: str
    token: str
    number: str


def settings(port: int, smtp_port: int) -> dict[str, str]:
    """The environment that points the program at local carriers, with sample credentials that say so."""
    pointed: dict[str, str] = {}
    for name, prefix in PREFIXES.items():
        pointed[f"{prefix}TWILIO_ACCOUNT_SID"] = f"AC{'sample' + name.replace('_', ''):0<32}"
        pointed[f"{prefix}TWILIO_AUTH_TOKEN"] = f"sample-token-of-{name.replace('_', '-')}-not-a-secret"
        pointed[f"{prefix}TWILIO_FROM"] = NUMBERS[name]
        pointed[f"{prefix}TWILIO_API_BASE"] = f"http://127.0.0.1:{port}"
    for name, prefix in MAIL_PREFIXES.items():
        user = name.replace("_", "-")
        pointed[f"{prefix}SMTP_URL"] = f"smtp://{user}:sample-password@127.0.0.1:{smtp_port}"
        pointed[f"{prefix}MAIL_FROM"] = f"{'drill' if prefix else 'liandong'}@liandong.example"
    return pointed


def known(environ: Mapping[str, str]) -> dict[str, Subscriber]:
    """Subscribers by account SID: those of the environment where it names some, else the samples."""
    samples = settings(0, 0)
    found = (_subscriber(environ, samples, name, prefix) for name, prefix in PREFIXES.items())
    return {subscriber.sid: subscriber for subscriber in found}


def _subscriber(environ: Mapping[str, str], samples: Mapping[str, str], name: str, prefix: str) -> Subscriber:
    source = environ if environ.get(f"{prefix}TWILIO_ACCOUNT_SID") else samples
    sid, token = source[f"{prefix}TWILIO_ACCOUNT_SID"], source.get(f"{prefix}TWILIO_AUTH_TOKEN", "")
    return Subscriber(name, sid, token, source.get(f"{prefix}TWILIO_FROM", "") or NUMBERS[name])


def mail_account(user: str, environ: Mapping[str, str]) -> str:
    """The name of the mail account that signs in as ``user``; drill accounts are told apart by their user name."""
    for name, prefix in MAIL_PREFIXES.items():
        set_user = unquote(urlsplit(environ.get(f"{prefix}SMTP_URL", "")).username or "")
        if user == (set_user or name.replace("_", "-")):
            return name
    return user or "anonymous"
