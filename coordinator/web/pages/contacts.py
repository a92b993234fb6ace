"""The register: plants, officers and their roster, bringing in new lists."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

from contacts.complaints import Report
from coordinator import audit, db, rulebook
from coordinator.cli import imports
from coordinator.errors import CoordinatorError, Refusal
from coordinator.web import acting, auth, security, wording
from coordinator.web.door import desk, page_number
from coordinator.web.looks import contacts, uploads

LARGEST = 32 * 2**20


@desk.get("/enterprises")
@auth.may("read")
@acting.look
def enterprise_list(session: Session) -> str:
    asked = {name: request.args.get(name, "").strip() for name in ("words", "city", "grade", "only")}
    rows, more, count = contacts.enterprises(session, asked, page_number())
    return render_template(
        "pages/enterprises.html", enterprises=rows, more=more, count=count, page=page_number(), asked=asked,
        places=rulebook.cities(), grades=contacts.grades(session),
    )  # fmt: skip


@desk.get("/enterprises/<credit_code>")
@auth.may("read")
@acting.look
def enterprise(session: Session, credit_code: str) -> str:
    look = contacts.enterprise(session, credit_code)
    return render_template("pages/enterprise.html", look=look, plant=look.enterprise)


@desk.get("/officers")
@auth.may("read")
@acting.look
def officer_list(session: Session) -> str:
    return render_template("pages/officers.html", look=contacts.officers(session))


@desk.get("/import")
@auth.may("read")
@acting.look
def import_form(session: Session) -> str:
    return render_template(
        "pages/import.html", registers=_captions(), done=contacts.imports(session), report=None, asked={}
    )


@desk.post("/import")
@security.roomy(LARGEST)
@auth.may("import")
def import_dry() -> ResponseReturnValue:
    """Read the file and show what it would change; nothing is written yet."""
    register, file = request.form.get("register", ""), request.files.get("file")
    if register not in imports.REGISTERS or not isinstance(file, FileStorage) or not file.filename:
        raise Refusal(wording.say("请选择名单种类和文件"))
    kept = uploads.keep(file.stream, file.filename)
    report = _settled(register, kept, dry=True)
    with db.reading() as session:
        page = render_template(
            "pages/import.html", registers=_captions(), done=contacts.imports(session), report=report,
            asked={"register": register, "file": kept.key, "name": kept.path.name},
        )  # fmt: skip
    return page, 422 if report.rejected else 200


@desk.post("/import/write")
@auth.may("import")
def import_write() -> ResponseReturnValue:
    """Write the file that was shown."""
    register = request.form.get("register", "")
    if register not in imports.REGISTERS:
        raise Refusal(wording.say("请选择名单种类和文件"))
    kept = uploads.found(request.form.get("file", ""))
    report = _settled(register, kept, dry=False)
    counts = {"added": report.added, "changed": report.changed, "removed": report.removed}
    with db.transaction() as session:
        audit.record(session, auth.officer().id, "import", f"register:{register}", file=kept.path.name, **counts)
    said = wording.say("已写入：新增 %(added)s，变更 %(changed)s，移除 %(removed)s", **counts)
    flash(said, "good")
    return redirect(url_for("desk.import_form"), 303)


def _settled(register: str, kept: uploads.Upload, *, dry: bool) -> Report:
    """The report; a refusal names the clerk's file, not where it was put."""
    try:
        return imports.settle(register, kept.path, dry=dry)
    except CoordinatorError as error:
        raise Refusal(str(error).replace(str(kept.path), kept.path.name)) from error


def _captions() -> dict[str, str]:
    return {name: caption for name, (caption, _) in imports.REGISTERS.items()}
