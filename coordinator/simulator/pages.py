"""How do the local phones and mailboxes look in a browser? Plain HTML, Chinese, fit for a phone's screen."""

import re
from collections.abc import Iterable, Mapping
from html import escape
from urllib.parse import quote, urlencode

from coordinator.simulator.ledger import Row
from coordinator.simulator.subscribers import CAPTIONS

KINDS = {
    "sms": "短信",
    "voice": "语音",
    "email": "邮件",
    "reply": "回复",
    "keys": "按键",
    "chat": "群消息",
    "webhook": "对接",
}
STATES = {
    "queued": "排队中",
    "sent": "已发出",
    "delivered": "已送达",
    "undelivered": "未送达",
    "failed": "失败",
    "received": "已收下",
    "initiated": "拨号中",
    "ringing": "振铃中",
    "in-progress": "通话中",
    "completed": "已挂断",
    "busy": "占线",
    "no-answer": "无人接听",
}
LINK = re.compile(r"https?://[^\s<>\"'，。；）】]+")

STYLE = """
:root{--ink:#1c2430;--dim:#6b7685;--line:#dde3ea;--real:#0b5cad;--drill:#8a4b00}
*{box-sizing:border-box}body{margin:0;background:#eef1f5;color:var(--ink);font:16px/1.6 system-ui,sans-serif}
header,main{max-width:46rem;margin:auto;padding:.75rem 1rem}h1{font-size:1.25rem;margin:.2rem 0}
a{color:var(--real)}form.find{display:grid;grid-template-columns:1fr auto;gap:.5rem}
form.find div{grid-column:1/-1;display:flex;flex-wrap:wrap;gap:.5rem}
input,select,button{font:inherit;padding:.45rem .6rem;border:1px solid #b9c2cd;border-radius:.5rem;
min-width:0;background:#fff}
button{background:var(--real);border-color:var(--real);color:#fff}
article{background:#fff;border:1px solid var(--line);border-left:5px solid var(--real);border-radius:.75rem;
padding:.7rem .9rem;margin:.7rem 0;overflow-wrap:anywhere}
article.drill{border:2px dashed var(--drill);border-left:10px double var(--drill);background:#fff6e5}
article.drill .tag{background:var(--drill)}article.mine{margin-left:15%;background:#e3f3e6;border-left-color:#2c7a3f}
.tag{background:var(--real);color:#fff;border-radius:.4rem;padding:.05rem .45rem;font-size:.85rem}
.meta{display:flex;flex-wrap:wrap;gap:.2rem .7rem;color:var(--dim);font-size:.9rem;align-items:center}
.bad{color:#b3261e}h2{font-size:1.05rem;margin:.35rem 0 0}p.words{margin:.35rem 0 0;white-space:pre-wrap}
nav{display:flex;justify-content:space-between;padding:.5rem 0 2rem}
form.answer{display:flex;flex-wrap:wrap;gap:.5rem;margin:.6rem 0}
form.answer input{flex:1 1 10rem}footer{color:var(--dim);font-size:.85rem}
"""
REFRESH = """
setInterval(async()=>{const f=document.activeElement;
if(document.hidden||(f&&/INPUT|SELECT|BUTTON/.test(f.tagName)))return;
try{const t=await(await fetch(location.href)).text();const d=new DOMParser().parseFromString(t,'text/html');
document.getElementById('rows').replaceWith(d.getElementById('rows'))}catch(e){}},3000)
"""


def page(title: str, top: str, rows: str) -> str:
    return (
        '<!doctype html><html lang="zh-CN"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
        f'<noscript><meta http-equiv="refresh" content="5"></noscript><header><h1>{escape(title)}</h1>{top}</header>'
        f'<main><div id="rows">{rows}</div></main><script>{REFRESH}</script></html>'
    )


def inbox(rows: Iterable[tuple[Row, str]], asked: Mapping[str, str], *, number: int, more: bool, taken: int) -> str:
    """One page of everything taken, newest first."""
    cards = "".join(card(row, status) for row, status in rows) or "<p>没有符合条件的消息。</p>"
    turn = {key: asked[key] for key in ("q", "account", "channel") if asked.get(key)}
    newer = _turned(turn, number - 1, "← 较新") if number else "<span></span>"
    older = _turned(turn, number + 1, "较早 →") if more else "<span></span>"
    foot = f'<nav>{newer}{older}</nav><footer>共收下 {taken} 条;<a href="/ledger">下载台账</a></footer>'
    return page("本机运营商收件箱", _search(asked), cards + foot)


def _turned(turn: Mapping[str, str], number: int, caption: str) -> str:
    return f'<a href="/?{escape(urlencode({**turn, "page": number}))}">{caption}</a>'


def _search(asked: Mapping[str, str]) -> str:
    choices = _choice("account", CAPTIONS, asked) + _choice("channel", KINDS, asked)
    return (
        "<p>这里是模拟的手机与邮箱:系统发出的短信、语音、邮件都停在本机,不会送到真实号码。</p>"
        f'<form class="find" action="/"><input name="q" value="{escape(asked.get("q", ""))}" '
        f'placeholder="号码、邮箱或文字" aria-label="查找"><button>查找</button><div>{choices}</div></form>'
    )


def _choice(name: str, captions: Mapping[str, str], asked: Mapping[str, str]) -> str:
    label = {"account": "全部账户", "channel": "全部渠道"}[name]
    options = "".join(
        f'<option value="{key}"{" selected" if asked.get(name) == key else ""}>{caption}</option>'
        for key, caption in captions.items()
    )
    return f'<select name="{name}" aria-label="{label}"><option value="">{label}</option>{options}</select>'


def phone(number: str, rows: Iterable[tuple[Row, str]], *, said: str) -> str:
    """One phone or mailbox: its messages as a conversation, with a place to answer."""
    cards = "".join(card(row, status) for row, status in rows) or "<p>还没有消息。</p>"
    said_words = f'<p role="status"><strong>{escape(said)}</strong></p>' if said else ""
    top = f'<p><a href="/">← 收件箱</a></p>{said_words}'
    if "@" not in number:
        top += _answer(f"/phones/{quote(number)}/reply", "body", "回复短信,例如 1 1234", "回复")
        top += _answer(f"/phones/{quote(number)}/press", "digits", "通话中按键,例如 123", "按键")
    return page(f"{'邮箱' if '@' in number else '手机'} {number}", top, cards)


def _answer(action: str, name: str, hint: str, caption: str) -> str:
    return (
        f'<form class="answer" method="post" action="{escape(action)}"><input name="{name}" placeholder="{hint}" '
        f'aria-label="{caption}" autocomplete="off"><button>{caption}</button></form>'
    )


def card(row: Row, status: str) -> str:
    """One message as it lies in the phone or mailbox."""
    ours, theirs = ("to", "from") if row["channel"] in ("reply", "keys") else ("from", "to")
    dress = " ".join(
        word
        for word, holds in (("drill", row["account"].startswith("drill")), ("mine", ours == "to"))
        if holds
    )  # fmt: skip
    state = STATES.get(status, status) if row["channel"] in ("sms", "voice") else ""
    bad = ' class="bad"' if status in ("undelivered", "failed", "busy", "no-answer") else ""
    tag = f"{KINDS[row['channel']]} · {CAPTIONS.get(row['account']) or row['account']}"
    subject = f"<h2>{escape(row['subject'])}</h2>" if row.get("subject") else ""
    return (
        f'<article class="{dress}"><div class="meta"><span class="tag">{escape(tag)}</span>'
        f'<a href="/phones/{quote(row[theirs])}">{escape(row[theirs])}</a>'
        f"<time>{escape(row['at'][:19].replace('T', ' '))}</time><span{bad}>{state}</span></div>"
        f'{subject}<p class="words">{linked(row["body"])}</p></article>'
    )


def linked(text: str) -> str:
    """Escaped text whose addresses can be followed."""
    shown, end = [], 0
    for found in LINK.finditer(text):
        address = escape(found[0])
        shown.append(escape(text[end : found.start()]))
        shown.append(f'<a href="{address}" rel="noreferrer" target="_blank">{address}</a>')
        end = found.end()
    return "".join(shown) + escape(text[end:])
