"""What did the system or the database mean? Its troubles in plain Chinese, with what to do; unknown ones in its own words."""

import errno

WORDS = {
    errno.ENOENT: "没有这个文件或文件夹,请检查路径",
    errno.ENOTDIR: "路径中有一段不是文件夹,请检查路径",
    errno.EISDIR: "这是文件夹,不是文件",
    errno.EACCES: "没有权限,请检查所有者与权限",
    errno.EPERM: "没有权限,请检查所有者与权限",
    errno.EROFS: "所在的盘只读,请换一个可写的位置",
    errno.ENOSPC: "磁盘满了,请腾出空间后再试",
    errno.EDQUOT: "磁盘配额用完了,请腾出空间后再试",
    errno.EFBIG: "超过允许的文件大小,请检查 ulimit 与磁盘配额",
    errno.EIO: "磁盘读写出错,请检查磁盘",
    errno.EADDRINUSE: "已被占用",
    errno.EADDRNOTAVAIL: "不是本机的地址",
}
DATABASE = (
    ("disk is full", "磁盘满了,请腾出空间后再试"),
    ("disk I/O error", "磁盘读写出错,多半是满了:请腾出空间,或检查磁盘"),
    ("unable to open database file", "文件打不开:请检查路径、权限与磁盘空间"),
    ("readonly database", "文件只读:请检查所有者与权限"),
    ("not a database", "这个文件不是 SQLite 数据库"),
    ("malformed", "文件已损坏:请停机并从备份恢复"),
    ("database is locked", "被另一个程序长时间占用:请稍后再试"),
    ("Connection refused", "连接被拒绝:服务没有在运行,或端口不对"),
    ("failed to resolve", "找不到这个主机名"),
    ("not known", "找不到这个主机名"),
    ("password authentication failed", "账户或口令不对"),
    ("does not exist", "没有这个库或账户"),
    ("timeout", "连接超时"),
    ("No space left", "数据库服务器的磁盘满了,请腾出空间后再试"),
    ("server closed the connection", "数据库服务器断开了连接,请稍后再试"),
)


def of_system(error: OSError) -> str:
    """Why a file, folder or port can't be used, with the mend where there is one."""
    return WORDS.get(error.errno or 0, error.strerror or str(error))


def of_database(said: object) -> str:
    """Why the database does not work, from what its driver said; its first line when that is new to us."""
    text = str(said).strip()
    return next((words for sign, words in DATABASE if sign in text), (text or "没有说明原因").splitlines()[0])


def of_any(error: BaseException) -> str:
    """The sentence for an error that nobody on the way named; "" when it is a fault of the program, not of its surroundings."""
    if isinstance(error, OSError) and error.errno in WORDS:
        return f"{error.filename or '读写'}:{of_system(error)}"
    driver = getattr(error, "orig", None)
    if driver is not None and type(error).__name__ in ("OperationalError", "DatabaseError"):
        return f"数据库不能使用:{of_database(driver)};已写入的不会丢失"
    return ""
