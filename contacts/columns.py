"""Which columns does each register have, and under which names do people write them?"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column: its English name, its Chinese title, and other names it goes by; earlier names win."""

    field: str
    title: str
    others: tuple[str, ...] = ()
    needed: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, the official ones first."""
        return (self.title, self.field, *self.others)


@dataclass(frozen=True)
class Form:
    """The columns of one register; of each group in ``either`` at least one column must be there."""

    register: str
    columns: tuple[Column, ...]
    either: tuple[tuple[str, ...], ...] = ()

    @property
    def anchor(self) -> str:
        """The column that makes a sheet part of this register."""
        return self.columns[0].field


def _column(field: str, title: str, others: str = "") -> Column:
    return Column(field, title, tuple(others.split()))


def _needed(field: str, title: str, others: str = "") -> Column:
    return Column(field, title, tuple(others.split()), needed=True)


CREDIT_CODE = _needed(
    "credit_code",
    "统一社会信用代码",
    "社会信用代码 信用代码 统一信用代码 企业信用代码 企业统一社会信用代码 统一社会信用代码证号 企业代码 uscc "
    "unified_social_credit_code social_credit_code enterprise_code",
)
PHONE = _column(
    "phone",
    "手机",
    "手机号 手机号码 移动电话 联系人手机 责任人手机 联系手机 联系电话 联系方式 电话 电话号码 责任人电话 "
    "mobile mobile_phone cell telephone tel phone_number",
)
EMAIL = _column("email", "邮箱", "电子邮箱 电子邮件 邮箱地址 邮件 邮件地址 电邮 e_mail mail email_address")
CITY = _needed(
    "city",
    "城市",
    "地市 市 所在城市 所属城市 所属地市 所在地市 所在市 设区市 地级市 城市名称 城市代码 城市编码 "
    "city_name city_code adcode area 行政区划代码 行政区划",
)
LON = _column("lon", "经度", "东经 中心经度 longitude lng long")
LAT = _column("lat", "纬度", "北纬 中心纬度 latitude")
OFFICER_ID = _needed("id", "工号", "人员编号 编号 officer officer_id staff_id 值班员工号 人员工号")

_COLOURS = {"yellow": ("黄", "Ⅲ"), "orange": ("橙", "Ⅱ"), "red": ("红", "Ⅰ")}
_MEASURES = ("减排措施", "措施", "管控措施", "应急减排措施", "停限产措施", "应急措施", "预案", "方案", "一厂一策")
_CUTS = ("停限产比例", "减排比例", "限产比例", "停产比例", "限停产比例", "削减比例", "压减比例", "比例")


def _at_level(colour: str, of: str, words: tuple[str, ...]) -> Column:
    """黄色预警减排措施 and the many other ways of writing it."""
    short, numeral = _COLOURS[colour]
    heads = [
        f"{short}色预警",
        f"{short}色",
        f"{short}色响应",
        f"{short}色预警期间",
        short,
        f"{numeral}级",
        f"{numeral}级响应",
    ]
    english = (f"{colour}_plan", f"{colour}_measures", colour) if of == "measure" else (f"{colour}_share",)
    spoken = [head + word for head in heads for word in words]
    bare = [f"{short}色预警", f"{short}色", f"{short}色响应"] if of == "measure" else []
    return Column(f"{colour}_{of}", spoken[0], (*spoken[1:], *english, *bare))


LINE = _column(
    "line",
    "生产线",
    "生产线名称 生产线或设备 生产线设备 产线 产线名称 设备名称 生产设施 主要生产设施 line_name production_line",
)
PLAN = (
    _column("process", "工序", "涉气工序 生产工序 主要工序 step"),
    _column("capacity", "产能", "设计产能 生产能力 设计生产能力 批复产能"),
    _column("unit", "产能单位", "计量单位 capacity_unit"),
    *(_at_level(colour, "measure", _MEASURES) for colour in _COLOURS),
    *(_at_level(colour, "cut", _CUTS) for colour in _COLOURS),
    _column("so2", "SO2日排放量", "二氧化硫日排放量 so2_tonnes_a_day"),
    _column("nox", "NOx日排放量", "氮氧化物日排放量 nox_tonnes_a_day"),
    _column("pm", "颗粒物日排放量", "PM日排放量 烟粉尘日排放量 pm_tonnes_a_day"),
    _column("vocs", "VOCs日排放量", "挥发性有机物日排放量 vocs_tonnes_a_day"),
)

ENTERPRISES = Form(
    "enterprises",
    (
        CREDIT_CODE,
        _needed(
            "name", "企业名称", "单位名称 企业全称 公司名称 企业 排污单位名称 名称 enterprise enterprise_name company"
        ),
        CITY,
        _needed("industry", "行业", "行业类别 所属行业 行业名称 行业类型 重点行业 管控行业 所属行业类别 sector"),
        _needed(
            "grade",
            "绩效等级",
            "绩效分级 绩效级别 绩效评级 绩效分级等级 环保绩效等级 企业绩效等级 评级结果 等级 级别 rating",
        ),
        _column("county", "区县", "县区 县市区 所属区县 所在区县 县 区 district"),
        _column("grade_system", "分级依据", "分级办法 绩效分级依据 评级依据"),
        _column("graded_on", "评级日期", "定级日期 公示日期 公布日期 评定日期 grade_date"),
        _column("permit_number", "排污许可证号", "排污许可证编号 许可证编号 许可证号 排污许可编号 permit permit_no"),
        LON,
        LAT,
        _column("main_lines", "主要产品", "主要生产线 主要产品及产能 主要产品产能 产品"),
        _column(
            "exemption_kind",
            "豁免类别",
            "豁免类型 保障类别 保障类型 特殊类别 是否保障类 保障类 是否保障类小微 exemption",
        ),
        _column("exemption_max_level", "豁免最高级别", "豁免最高等级 最高豁免级别 豁免级别"),
        _column("exemption_expires_on", "豁免到期", "豁免到期日 豁免到期日期 豁免有效期至 豁免截止 豁免截止日期"),
        _column("exemption_condition", "豁免条件"),
        _column("exemption_load_cap", "负荷上限", "最大负荷 核定最大负荷 核定负荷"),
        _column("exemption_approver", "豁免批准单位", "豁免批准人 批准单位"),
        _column("in_drill", "参演", "是否参演 参加演练 是否参加演练 参演企业 drill"),
        LINE,
        *PLAN,
    ),
)
LINES = Form("lines", (CREDIT_CODE, Column(LINE.field, LINE.title, LINE.others, needed=True), *PLAN))
CONTACTS = Form(
    "contacts",
    (
        CREDIT_CODE,
        _needed("name", "姓名", "联系人 联系人姓名 责任人 负责人 人员姓名 contact contact_name person"),
        PHONE,
        EMAIL,
        _column("order", "次序", "顺序 序位 通知次序 优先级 联系次序 priority rank"),
    ),
    either=(("phone", "email"),),
)
OFFICERS = Form(
    "officers",
    (
        OFFICER_ID,
        _needed("name", "姓名", "人员姓名 officer_name"),
        _needed("role", "角色", "岗位 职责 权限 duty_role"),
        _needed("cities", "城市", "辖区 管辖城市 负责城市 所辖城市 地区 区域 city"),
        PHONE,
        EMAIL,
    ),
    either=(("phone", "email"),),
)
SHIFTS = Form(
    "shifts",
    (
        OFFICER_ID,
        _needed("from", "开始", "开始时间 起始时间 上班时间 值班开始 值班开始时间 起 start start_at from_at begin"),
        _needed("to", "结束", "结束时间 终止时间 截止时间 下班时间 值班结束 值班结束时间 止 end end_at to_at until"),
    ),
)
STATIONS = Form(
    "stations",
    (
        _needed(
            "code",
            "编码",
            "站点编码 站点编号 监测点编码 监测点编号 点位编码 点位编号 station station_code station_id id",
        ),
        _needed("name", "名称", "站点名称 监测点名称 点位名称 站点 station_name stations_name"),
        CITY,
        _needed("lon", "经度", " ".join(LON.others)),
        _needed("lat", "纬度", " ".join(LAT.others)),
    ),
)
FORMS = {form.register: form for form in (ENTERPRISES, CONTACTS, OFFICERS, SHIFTS, STATIONS)}
