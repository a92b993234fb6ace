"""SmsReport 短信状态报告 of the domestic carrier: one JSON list a push, unsigned.

Nothing in it is signed, so an entry counts only by its ``out_id``: that carries the key which we derived for the very
attempt and gave to nobody but the carrier. Entries without it (another system may share the account) are passed over.
The carrier pushes again until it reads ``{"code": 0}``.
"""

import logging
from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session

from coordinator import receipts, tokens
from coordinator.channels import aliyun_account
from coordinator.errors import Refusal
from coordinator.web import acting, auth

logger = logging.getLogger(__name__)
reports = Blueprint("reports", __name__, url_prefix="/hooks/aliyun")
TAKEN = {"code": 0, "msg": "接收成功"}


@reports.post("/report")
@auth.public
@acting.act
def report(session: Session) -> Any:
    """Every entry once, in any order, as with the other carriers."""
    entries = request.get_json(silent=True)
    if not isinstance(entries, list):
        raise Refusal("状态报告应为 JSON 数组")
    strange = 0
    for entry in entries:
        form = _form(entry)
        attempt = _attempt(form)
        if attempt:
            receipts.record(session, form, attempt=attempt)
        strange += not attempt
    if strange:
        logger.warning("%s of %s report entries are not about our notices", strange, len(entries))
    return TAKEN


def _form(entry: Any) -> dict[str, str]:
    """As text throughout, the way other carriers' callbacks come."""
    if not isinstance(entry, dict):
        return {}
    return {str(name): str(value).lower() if isinstance(value, bool) else str(value) for name, value in entry.items()}


def _attempt(form: dict[str, str]) -> str:
    """The attempt that the entry's out_id names and proves, or ""."""
    found = aliyun_account.OUT_ID.fullmatch(form.get("out_id", ""))
    if not found or not form.get("biz_id") or not form.get("phone_number"):
        return ""
    return found[2] if tokens.same(found[3], tokens.callback_key(found[2])) else ""
