"""Is this machine able to install? One sentence for what is missing, with its mend."""

import importlib.util
import sys

if not (3, 11) <= sys.version_info[:2] < (3, 14):
    sys.exit(
        f"需要 Python 3.11–3.13,这里是 {sys.version.split()[0]}:apt-get install python3 python3-venv,"
        "或用 make PYTHON=python3.12 … 指定。 Needs Python 3.11 to 3.13."
    )
if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
    sys.exit("缺少 venv:apt-get install python3-venv。 The venv module is missing.")
