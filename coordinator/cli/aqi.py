"""liandong aqi FILE: IAQI, AQI, primary pollutant and category for every row."""

from typing import Any

import click


@click.command()
@click.argument("file")
@click.option("--standard", required=True, help="hj633-2012 或 hj633-2026")
@click.option(
    "--hourly", is_flag=True, help="列为小时均值(实时报);缺省按日报:日均值,O3 为日最大1小时,O3_8h 为日最大8小时"
)
@click.option(
    "--method",
    type=click.Choice(["auto", "text", "published"]),
    default="auto",
    help="小时报的算法:text 依标准文本(PM 用24小时滑动均值列,O3 计8小时);published 依国家发布的实际做法(六项小时均值);"
    "auto:文件自带 AQI 列的按 published,否则按 text",
)
@click.option("--json", "as_json", is_flag=True, help="每行一个 JSON 对象")
def aqi(file: str, standard: str, **options: Any) -> None:
    """给每一行加上 IAQI_*、AQI、primary(首要污染物)、category(类别),CSV 输出到标准输出。"""
    from coordinator.cli import indexing  # numpy is loaded only here

    for line in indexing.lines(file, standard, **options):
        click.echo(line)
