"""What the documentation says is what the project does."""

import subprocess
import sys

from support import PROJECT


def test_the_kpi_catalogue_page_is_up_to_date() -> None:
    script = PROJECT / "scripts" / "write_kpi_docs.py"
    result = subprocess.run(
        [sys.executable, script, "--check"], check=False, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
