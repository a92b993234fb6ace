"""Which word stands for which fact of an incident, in Chinese; english.po has the rest."""

COUNTS = {"deaths": "死亡人数", "poisoned_or_injured": "中毒或重伤人数", "evacuated": "疏散转移人数"}
CHOICES = {
    "ecology": (
        "生态",
        {
            "function_lost": "区域生态功能丧失",
            "species_wiped_out": "国家重点保护物种灭绝",
            "function_partly_lost": "区域生态功能部分丧失",
            "mass_death": "国家重点保护动植物大批死亡",
            "species_damaged": "国家重点保护物种受破坏",
            "none": "没有影响",
        },
    ),
    "water_intake_stopped": (
        "取水中断",
        {"prefecture": "设区的市级水源地", "county": "县级水源地", "township": "乡镇级水源地", "none": "没有中断"},
    ),
    "cross_boundary": (
        "已确认跨界影响",
        {"national": "跨国（境）", "province": "跨省", "prefecture": "跨市", "county": "跨县", "none": "没有跨界"},
    ),
    "possible_cross_boundary": (
        "可能跨界影响",
        {"national": "跨国（境）", "province": "跨省", "prefecture": "跨市", "county": "跨县", "none": "不会跨界"},
    ),
}
SENSITIVE = {
    "water_source": "饮用水水源",
    "residential": "居民区",
    "school": "学校",
    "hospital": "医院",
    "heavy_metal": "重金属",
    "mass_event": "可能引发群体性事件",
    "bureau_judges_necessary": "认为有必要速报",
}
REGIMES = {"environmental": "突发环境事件", "ship": "船舶污染事故", "radiation": "辐射事故"}
