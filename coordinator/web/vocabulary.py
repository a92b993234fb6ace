"""Which word stands for which code: states, acts, roles, channels, in Chinese; english.po has the rest."""

from coordinator import underway

PHASES, CAUSES, NEXTS, REMEDIES = underway.PHASES, underway.CAUSES, underway.NEXTS, underway.REMEDIES

CHANGES = {
    "start": "启动",
    "upgrade": "升级",
    "downgrade": "降级",
    "extend": "延长或调整",
    "lift": "解除",
    "retract": "撤回",
    "release": "恢复派发",
}
MODES = {"actual": "真实", "exercise": "演练", "test": "测试"}
TOPICS = {"air": "大气污染", "incident": "突发环境事件"}
SUBJECTS = {
    "alert": "预警",
    "incident": "突发事件",
    "drill": "演练",
    "notice": "通知",
    "officer": "人员",
    "receiver": "单位",
    "register": "名单",
    "file": "文件",
    "sign-in": "登录",
}
KINDS = {"order": "管控通知", "reminder": "催办", "correction": "更正", "manual": "人工补发"}
ENVIRONMENTS = {"production": "正式运行", "development": "试用", "test": "测试"}
CHANNELS = {
    "sms": "短信",
    "email": "邮件",
    "voice": "电话",
    "chat": "群消息",
    "webhook": "对接系统",
    "link": "链接",
    "key": "按键",
    "desk": "值班台",
}
LIMITS = {
    "identical": "相同短信过多，运营商拒收",
    "different": "一天里不同短信过多，转人工审核、晚到一天",
    "hourly": "一小时里短信过多",
}
ROLES = {
    "duty": "值班员",
    "signer": "签发人",
    "leader": "领导",
    "clerk": "名单员",
    "director": "导演",
    "auditor": "审计",
}
ANSWERS = {
    "acknowledge": "签收",
    "executing": "正在执行",
    "cannot": "不能执行",
    "already_down": "本已停产",
    "done": "已执行到位",
}
MEASURES = {
    "self": "自主减排",
    "exempt": "豁免",
    "manage": "加强管理",
    "limit": "限产",
    "extend": "延长工序时间",
    "stop": "停产",
}
FIELDS = {
    "level": "等级",
    "cities": "城市",
    "effective_from": "生效时间",
    "effective_to": "预计结束",
    "reason": "理由",
    "observed": "实况依据",
    "forecast": "预报依据",
    "change": "变更",
    "clause": "条款",
    "mode": "性质",
    "evidence": "依据",
    "rev": "版次",
    "kind": "种类",
    "purpose": "签的是",
    "body_hash": "文本校验",
    "title": "标题",
    "facts": "情况",
    "wanted": "申请内容",
    "caller": "来电人",
    "words": "原话",
    "file": "文件",
    "learned_at": "得知时间",
    "incident": "事件",
    "duty": "报告时限",
    "officer": "人员",
    "notice": "通知",
    "drill": "演练",
    "city": "城市",
    "count": "条数",
    "added": "新增",
    "changed": "变更",
    "removed": "删除",
    "unchanged": "不变",
}
ACTS = {
    "propose": "拟定",
    "submit": "提交会签",
    "sign approve": "签发",
    "sign reject": "退回",
    "reject": "退回",
    "hold": "暂停派发",
    "ask release": "申请恢复派发",
    "release": "恢复派发",
    "issue": "发布",
    "edit": "修改",
    "ask lift": "申请解除",
    "ask retract": "申请撤回",
    "ask upgrade": "申请升级",
    "ask downgrade": "申请降级",
    "ask extend": "申请延长或调整",
    "dismiss": "作废",
    "sign in": "登录",
    "sign out": "退出",
    "sign-in refused": "登录被拒",
    "import": "导入",
    "close": "归档",
    "confirm": "口令确认",
    "report incident": "报告事件",
    "update incident": "续报",
    "fulfil duty": "办结报告时限",
    "close incident": "结案",
    "adopt": "认领数据库",
    "start drill": "开始演练",
    "stop drill": "中止演练",
    "answer acknowledge": "代记签收",
    "answer executing": "代记：正在执行",
    "answer cannot": "代记：不能执行",
    "answer already_down": "代记：本已停产",
    "answer done": "代记：已执行到位",
}


GRADES = {"I": "特别重大（Ⅰ级）", "II": "重大（Ⅱ级）", "III": "较大（Ⅲ级）", "IV": "一般（Ⅳ级）", "None": "级别待定"}
LANES = {
    "duty": "值班呼叫",
    "red": "红色",
    "orange": "橙色",
    "yellow": "黄色及以下",
    "lift": "解除",
    "reminder": "催办",
    "drill": "演练",
}
FACTS = {
    "deaths": "死亡人数",
    "poisoned_or_injured": "中毒或重伤人数",
    "evacuated": "疏散转移人数",
    "direct_loss_yuan": "直接经济损失（元）",
    "ecology": "生态",
    "water_intake_stopped": "取水中断",
    "cross_boundary": "已确认跨界影响",
    "possible_cross_boundary": "可能跨界影响",
    "sensitive": "敏感情况",
    "river": "河流",
    "name": "名称",
    "km_to_boundary": "距下游边界",
    "boundary_river": "是否界河",
    "learned_at": "得知时间",
}
