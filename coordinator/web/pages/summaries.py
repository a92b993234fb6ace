"""The record of one alert 总结评估: for people as a page to read and print, for programs as CSV."""

import csv
import io
from typing import Any

from flask import Response, render_template
from sqlalchemy.orm import Session

from coordinator import reports
from coordinator.errors import NotFound
from coordinator.models import Alert
from coordinator.web import acting, auth
from coordinator.web.door import desk


@desk.get("/alerts/<row:alert_id>/report")
@auth.may("read")
@acting.look
def alert_report(session: Session, alert_id: int) -> str:
    return render_template("pages/summary.html", report=_report(session, alert_id))


@desk.get("/alerts/<row:alert_id>/report.csv")
@auth.may("read")
@acting.look
def alert_report_csv(session: Session, alert_id: int) -> Response:
    report = _report(session, alert_id)
    out = io.StringIO()
    sheet = csv.writer(out)
    sheet.writerow(["城市", "单位", "签收", "已执行", "不能执行"])
    for row in report["by_city"]:
        sheet.writerow([row["name"], row["receivers"], row["acknowledged"], row["executed"], row["cannot"]])
    headers = {"Content-Disposition": f"attachment; filename=report-{report['number']}.csv"}
    return Response("\ufeff" + out.getvalue(), mimetype="text/csv; charset=utf-8", headers=headers)


def _report(session: Session, alert_id: int) -> dict[str, Any]:
    if session.get(Alert, alert_id) is None:
        raise NotFound(f"没有编号为 {alert_id} 的预警")
    return reports.of(session, alert_id)
