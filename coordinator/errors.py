"""What can go wrong, and who must act."""


class CoordinatorError(Exception):
    """Base: something a person must know about; ``http_status`` and ``exit_code`` say it to web and shell."""

    http_status = 500
    exit_code = 1
    title = "内部故障 Internal fault"


class Refusal(CoordinatorError):
    """What was handed in can't be used: the sentence says what, where and how to mend it."""

    http_status = 400
    exit_code = 2
    title = "请求无法受理 Bad request"


class Fault(CoordinatorError):
    """A check found something wrong: the sentence names it."""

    exit_code = 1


class Misconfigured(CoordinatorError):
    """The configuration is unusable or unsafe: mend the named setting, then start again."""

    exit_code = 78


class NotFound(CoordinatorError):
    """There is no such thing: check the number or address."""

    http_status = 404
    exit_code = 2
    title = "没有找到 Not found"


class Unauthenticated(CoordinatorError):
    """Who is calling? Sign in, or send a bearer token."""

    http_status = 401
    title = "需要登录 Sign-in required"


class Forbidden(CoordinatorError):
    """This person may not do this: ask the one whose role it is."""

    http_status = 403
    title = "无此权限 Not allowed"


class Stale(CoordinatorError):
    """Somebody changed it in the meantime: look again, then decide.

    ``current`` holds the present revision so that the caller can show the difference.
    """

    http_status = 409
    title = "内容已变更 Out of date"

    def __init__(self, sentence: str, **current: object) -> None:
        super().__init__(sentence)
        self.current = current


class Unprocessable(CoordinatorError):
    """Understood, but it can't be done in this state."""

    http_status = 422
    title = "当前状态下不能办理 Not possible now"


class Undeliverable(CoordinatorError):
    """The address refuses mail for good: mend the contact, do not try again."""


class TryLater(CoordinatorError):
    """The carrier is busy or away: the notice goes back in the queue."""

    http_status = 503
    title = "暂时无法办理 Try later"
