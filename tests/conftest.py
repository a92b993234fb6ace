"""What every test may lean on."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets; they have licences of their own, so they are not part of the project."""
    folder = Path(os.environ.get("LIANDONG_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data sets are not on this machine ({folder.name}; set LIANDONG_DATA)")
    return folder
