"""The peer: as many alerts posted to Debian's Prometheus Alertmanager, one mail each, to the same relay."""

import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.stand import Stand, services_await
from tests import services

CONFIG = """\
global:
  smtp_smarthost: 127.0.0.1:{port}
  smtp_from: alertmanager@liandong.example
  smtp_require_tls: false
  smtp_hello: localhost
  smtp_auth_username: smtp
  smtp_auth_password: sample-password
route:
  receiver: plants
  group_by: ['...']
  group_wait: 0s
  group_interval: 5m
  repeat_interval: 4h
receivers:
- name: plants
  email_configs:
  - to: '{{{{ .CommonLabels.mailbox }}}}'
    headers: {{ Subject: '重污染天气橙色预警 {{{{ .CommonLabels.plant }}}}' }}
    text: '{{{{ .CommonAnnotations.order }}}}'
    html: ''
"""
ORDER = "自 11月23日 08:00 起执行橙色预警减排措施:水泥熟料窑停产,禁止国四及以下重型柴油货车进出厂。"
POSTED_AT_ONCE = 500


def there() -> bool:
    return shutil.which("prometheus-alertmanager") is not None


@contextmanager
def running(smtp_port: int) -> Iterator[int]:
    """Its port."""
    folder, port = Path(tempfile.mkdtemp(prefix="alertmanager-")), services.free_port()
    (folder / "config.yml").write_text(CONFIG.format(port=smtp_port), encoding="utf-8")
    words = [f"--config.file={folder / 'config.yml'}", f"--storage.path={folder / 'store'}", "--log.level=error"]
    words += [f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
    child = subprocess.Popen(["prometheus-alertmanager", *words])
    try:
        services_await(port)
        yield port
    finally:
        child.terminate()
        child.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def post(port: int, count: int) -> None:
    ends = (datetime.now(UTC) + timedelta(hours=4)).isoformat()
    for first in range(0, count, POSTED_AT_ONCE):
        alerts = [
            {
                "labels": {"alertname": "order", "plant": f"示例第{n}水泥厂", "mailbox": f"p{n}@example.com"},
                "annotations": {"order": ORDER},
                "endsAt": ends,
            }
            for n in range(first, min(first + POSTED_AT_ONCE, count))
        ]
        asked = urllib.request.Request(f"http://127.0.0.1:{port}/api/v2/alerts", json.dumps(alerts).encode())
        asked.add_header("Content-Type", "application/json")
        urllib.request.urlopen(asked, timeout=60).close()


def once(ground: Stand, count: int) -> float:
    """Seconds from the first POST to the relay's last row."""
    before = ground.taken()
    with running(ground.carriers[1]) as port:
        begun = time.monotonic()
        post(port, count)
        while ground.taken() < before + count:
            if time.monotonic() - begun > 300:
                raise TimeoutError(f"the peer sent {ground.taken() - before} of {count}")
            time.sleep(0.01)
        return time.monotonic() - begun
