"""`ledger verify`, `evidence export`, `evidence verify`: what an auditor asks for."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from maskline.commands.console import clear_errors, err, out, settings
from maskline.texts import language, text

ledger = typer.Typer(no_args_is_help=True, help="账本 / the ledger")
evidence = typer.Typer(no_args_is_help=True, help="证据 / evidence")
NEEDS_LOOK = 1


@ledger.command("verify")
def verify_ledger() -> None:
    """从原始记录重新推导整个账本，并与每个检查点核对 / re-derive the whole ledger from its raw rows."""
    from core.ledger import Report
    from maskline.ground import open_ground

    async def run() -> Report:
        async with open_ground(settings()) as ground:
            return await ground.ledger_service.verify()

    with clear_errors():
        report = asyncio.run(run())
    if report.ok:
        out.print(text("ledger-holds", size=report.size))
        return
    for finding in report.findings:
        where = "" if finding.seq is None else f" #{finding.seq}"
        said = finding.zh if language() == "zh" else finding.en
        err.print(f"✗ {finding.code}{where}: {said}", style="red", highlight=False, markup=False)
    raise typer.Exit(NEEDS_LOOK)


@evidence.command("export")
def export(
    contacts: Annotated[list[str], typer.Argument(help="触达编号 / contact ids")],
    target: Annotated[Path, typer.Option("--out", help="证据包 / the bundle to write")] = Path(
        "evidence.zip"
    ),
) -> None:
    """导出触达的证据包（含录音与证明） / export a bundle with recordings and proofs."""
    from maskline.evidence import export_contacts
    from maskline.ground import open_ground

    async def run() -> int:
        async with open_ground(settings()) as ground:
            bundle = await export_contacts(ground, contacts, target)
            target.with_suffix(".vkey").write_text(ground.ledger_service.verifier.vkey + "\n")
            return len(bundle.seqs)

    with clear_errors():
        count = asyncio.run(run())
    out.print(text("evidence-written", path=target, count=count, key_path=target.with_suffix(".vkey")))


@evidence.command("verify")
def verify_bundle(
    bundle: Annotated[Path, typer.Argument(help="证据包 / the bundle")],
    public_key: Annotated[Path | None, typer.Option(help="您保存的公钥 / the key that you kept")] = None,
) -> None:
    """用独立的验证程序验证证据包 / verify a bundle with the stand-alone verifier."""
    from maskline.demo.evidence import VERIFIER

    command = [sys.executable, "-I", str(VERIFIER), "evidence", str(bundle), "--lang", language()]
    if public_key is not None:
        command += ["--public-key", str(public_key)]
    raise typer.Exit(subprocess.run(command, check=False).returncode)  # noqa: S603 - our own file
