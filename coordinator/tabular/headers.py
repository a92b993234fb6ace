"""Which column is what: pollutants, times, places, in the many spellings files use."""

import re

POLLUTANTS = ("PM2.5", "PM10", "SO2", "NO2", "O3", "O3_8h", "CO")
COLUMNS = (*POLLUTANTS, *(f"{name}_24h" for name in POLLUTANTS), "AQI")

_BASES = {
    "PM2.5": ("pm25", "细颗粒物", "细颗粒物pm25", "fineparticulatematter"),
    "PM10": ("pm10", "可吸入颗粒物", "颗粒物", "颗粒物pm10", "可吸入颗粒物pm10"),
    "SO2": ("so2", "二氧化硫", "二氧化硫so2"),
    "NO2": ("no2", "二氧化氮", "二氧化氮no2"),
    "O3": ("o3", "臭氧", "臭氧o3", "ozone", "o31小时", "臭氧1小时"),
    "O3_8h": (
        "o38h",
        "臭氧8小时",
        "o38小时",
        "o38hmax",
        "mda8",
        "o3mda8",
        "mda8o3",
        "o3max8h",
        "臭氧最大8小时",
        "臭氧8h",
    ),
    "CO": ("co", "一氧化碳", "一氧化碳co"),
    "AQI": ("aqi", "空气质量指数", "空气质量指数aqi"),
}
_MEANS = ("24h", "24小时", "24小时平均", "24小时均值", "24hr", "24hour", "日均", "日均值", "daily", "24小时滑动平均")
_HOURS = ("1h", "1小时", "1小时平均", "1hr", "hourly", "小时值", "小时均值")
_PLACES = {
    "time": (
        "time",
        "timepoint",
        "datetime",
        "timestamp",
        "时间",
        "监测时间",
        "发布时间",
        "数据时间",
        "日期时间",
        "pubtime",
    ),
    "date": ("date", "日期", "监测日期", "数据日期", "datadate"),
    "hour": ("hour", "小时", "时", "hr", "hours", "钟点"),
    "year": ("year", "年"),
    "month": ("month", "月"),
    "day": ("day", "日"),
    "city": ("city", "城市", "area", "地区", "cityname", "城市名称", "城市名", "地市", "所属城市", "cityen"),
    "citycode": ("citycode", "adcode", "城市代码", "城市编码", "areacode", "行政区划代码"),
    "station": (
        "stationcode",
        "station",
        "stationid",
        "siteid",
        "sitecode",
        "站点编码",
        "站点编号",
        "监测点编码",
        "站点代码",
    ),
    "stationname": (
        "positionname",
        "stationname",
        "站点名称",
        "站点",
        "监测点",
        "监测点名称",
        "点位名称",
        "点位",
        "sitename",
    ),
    "kind": ("type", "类型", "指标", "pollutant", "污染物", "parameter", "param", "variable", "项目", "监测项目"),
    "value": ("value", "浓度", "值", "数值", "监测值", "concentration"),
    "issued": ("issuedat", "issuetime", "issued", "起报时间", "预报发布时间", "initialtime", "inittime"),
}
_ROLES = {word: role for role, words in _PLACES.items() for word in words}


def _folded(header: str) -> str:
    word = header.strip().lower().translate(str.maketrans("₀₁₂₃₅₈()[]【】", "012358()()()"))
    word = re.sub(r"\((?!pm|so2|no2|o3|co\b|aqi)[^)]*\)", "", word)
    word = re.sub(r"[\s._\-/()]", "", word)
    word = re.sub(r"(浓度|实况|实时|指数值)$", "", word)
    return re.sub(r"(ug|µg|μg|mg)/?m[3³]$", "", word)


def pollutant(header: str) -> str | None:
    """The standard column a header means, e.g. ``pm2_5_24h`` → ``PM2.5_24h``; None when it is no pollutant.

    >>> pollutant("PM2.5(µg/m³)"), pollutant("臭氧8小时"), pollutant("北京")
    ('PM2.5', 'O3_8h', None)
    """
    return _KNOWN.get(_folded(header))


def _known() -> dict[str, str]:
    known = {}
    for name, words in _BASES.items():
        for word in words:
            known[word] = name
            known |= {word + tail: name for tail in _HOURS if name not in ("AQI", "O3_8h")}
            known |= {word + tail: f"{name}_24h" for tail in _MEANS if name != "AQI"}
    return known


_KNOWN = _known()


def role(header: str) -> str | None:
    """What a header that is no pollutant stands for: time, date, hour, city, station, kind …; None when nothing."""
    word = _folded(header)
    return _ROLES.get(word) or ("city" if word.startswith("cityname") or word == "cityinferred" else None)


def micrograms(header: str) -> bool:
    """Does the header itself say µg/m³? (Of CO, mg/m³ is the custom.)"""
    return bool(re.search(r"(ug|µg|μg|微克)", header.lower()))


def split(header: str) -> tuple[str, str] | None:
    """(pollutant, place) of a wide column such as ``PM2.5_北京`` or ``北京_PM2.5``; None for any other."""
    for mark in ("|", "_", "-", "/", " ", ":"):
        first, _, rest = header.partition(mark)
        last, _, before = header[::-1].partition(mark)
        for name, place in ((first, rest), (last[::-1], before[::-1])):
            known = pollutant(name)
            if known and place and not pollutant(place) and not re.fullmatch(r"\d+\s*h", place):
                return known, place
    return None
