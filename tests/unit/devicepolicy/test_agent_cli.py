"""What the agent's command says when it cannot do what was typed."""

from pathlib import Path

import pytest

from devicepolicy.agent.cli import FAILED, main


@pytest.mark.parametrize("more", [(), ("--once",)])
def test_a_phone_that_is_not_enrolled_says_so(
    more: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--folder", str(tmp_path), *more]) == FAILED
    assert capsys.readouterr().err.startswith("尚未登记")


def test_a_code_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "qr").write_text("not a code")
    assert main(["enrol", "--folder", str(tmp_path), "--qr", str(tmp_path / "qr")]) == FAILED
    assert capsys.readouterr().err == "这不是登记二维码的文本。\n"
