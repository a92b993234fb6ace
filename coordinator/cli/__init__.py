"""liandong …: each command is imported only when it is called, so that `rules` and `aqi` start at once."""

import importlib
import sys
from typing import Any

import click

from coordinator import plainly
from coordinator.errors import CoordinatorError, Fault

COMMANDS = {
    "demo": ("demo", "一条命令看全过程:真实污染过程、签发、派发、签收、演练(示例数据)"),
    "up": ("roles", "启动全部角色(嵌入式存储,真实配置)"),
    "web": ("roles", "网页与接口"),
    "worker": ("roles", "派发与催办"),
    "clock": ("roles", "定时"),
    "simulator": ("simulator", "本机运营商:短信、语音、邮件,带收件箱与只追加台账"),
    "init": ("operate", "建立或升级数据库"),
    "check": ("operate", "检查配置与服务器"),
    "status": ("operate", "按预警与状态计数、积压与数据源时延"),
    "verify": ("operate", "核对不变量,有违反则退出码 1"),
    "adopt": ("operate", "认领:复制或从旧备份恢复的数据库,核实后才恢复发送"),
    "migrate-to-postgres": ("moving", "把站点从 SQLite 整个搬到 PostgreSQL"),
    "import": ("imports", "导入企业、联系人、值班员、班次、站点"),
    "token": ("people", "发放接口令牌"),
    "password": ("people", "发放登录口令"),
    "rules": ("rules", "预案:列出、查看、自检、研判、回放、比较"),
    "aqi": ("aqi", "逐行计算 IAQI、AQI、首要污染物、类别"),
    "feed": ("feed", "数据源:列出、立即拉取"),
    "incident": ("incident", "突发环境事件:定级、报告时限、下游到达"),
    "drill": ("drill", "演练:列出、启动、报告"),
    "templates": ("templates", "短信模板:体检、报备登记"),
    "audit": ("operate", "审计链核对"),
    "cap": ("cap", "CAP 1.2 文件校验"),
}


class Lazy(click.Group):
    """A group that knows its commands' names and captions without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"coordinator.cli.{COMMANDS[cmd_name][0]}")
        command = getattr(module, f"{cmd_name}_" if cmd_name == "import" else cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            raise Fault("已中断;已写入的都完整,重新运行即可") from stop

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, caption) for name, (_, caption) in COMMANDS.items()])


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="liandong", prog_name="liandong")
def liandong() -> None:
    """联动 Liandong:重污染天气区域应急联动与突发环境事件的研判、签发、派发与签收。"""


def main(arguments: list[str] | None = None) -> Any:
    """The console script: every fault that names itself ends in one line and its exit code."""
    try:
        return liandong.main(args=arguments, prog_name="liandong")
    except CoordinatorError as error:
        click.echo(f"liandong: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:
        sentence = plainly.of_any(error)
        if not sentence:
            raise
        click.echo(f"liandong: {sentence}", err=True)
        sys.exit(1)
