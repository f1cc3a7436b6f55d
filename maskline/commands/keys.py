"""`keys rotate`: a new current key, and every customer's key moved under it; `rotate-orders`: the phones'."""

import asyncio

import typer

from core.errors import Conflict
from maskline.commands.console import clear_errors, out, settings
from maskline.texts import text

keys = typer.Typer(no_args_is_help=True, help="密钥 / keys")


class StillRunning(Conflict):
    """Maskline is running; stop it first, so that every process reads the new keyring."""

    code = "still-running"
    zh = "系统正在运行，请先停止，以便各进程读取新的密钥环。"


@keys.command("rotate")
def rotate() -> None:
    """更换当前密钥，并把全部客户密钥改用新密钥包裹；旧密钥保留 / make a new current key and rewrap."""
    from core.vault import Keyring
    from maskline.background import supervisor_pid
    from maskline.ground import open_ground

    chosen = settings()

    async def rewrap() -> int:
        moved = 0
        async with open_ground(chosen) as ground:
            while True:
                async with ground.database.begin() as session:
                    step = await ground.subject_keys.rewrap(session)
                if not step:
                    return moved
                moved += step

    with clear_errors():
        if supervisor_pid(chosen) is not None:
            raise StillRunning
        keyring = Keyring.load(chosen.keyring_path).rotate()
        keyring.save(chosen.keyring_path)
        moved = asyncio.run(rewrap())
    out.print(text("keys-rotated", current=keyring.current, count=moved), highlight=False)


@keys.command("rotate-orders")
def rotate_orders() -> None:
    """更换给手机的指令和策略签名的密钥；手机凭旧密钥的声明接受 / a new key that signs orders."""
    from core.vault import Keyring, Vault
    from devicepolicy.identity.signer import SECRET_NAME, DocumentSigner
    from maskline.background import supervisor_pid
    from maskline.ground import open_ground

    chosen = settings()

    async def note(key_id: str, number: int) -> None:
        async with open_ground(chosen) as ground, ground.database.begin() as session:
            await ground.ledger.append(session, "device.signing-key", {"key": key_id, "number": number})

    with clear_errors():
        if supervisor_pid(chosen) is not None:
            raise StillRunning
        keyring = Keyring.load(chosen.keyring_path).renew(SECRET_NAME)
        keyring.save(chosen.keyring_path)
        signer = DocumentSigner(Vault(keyring))
        asyncio.run(note(signer.key_id, len(signer.keys)))
    out.print(text("order-key-rotated", current=signer.key_id, count=len(signer.keys)), highlight=False)
