"""What can go wrong when a phone comes in or goes. Agents and screens act on the codes."""

from core.errors import Conflict, Forbidden, Invalid, NotFound


class TokenUnknown(NotFound):
    """There is no such enrolment token."""

    code = "enrolment-token-unknown"
    zh = "登记令牌不存在。"


class TokenInvalid(Invalid):
    """This token cannot be made."""

    code = "enrolment-token-invalid"
    zh = "无法生成该登记令牌。"


class TokenRefused(Forbidden):
    """This enrolment token is unknown, used up, expired or revoked; ask for a new one."""

    code = "enrolment-token-refused"
    zh = "登记令牌不存在、已使用、已过期或已作废，请索取新的令牌。"


class ConsentRequired(Forbidden):
    """Show the current terms and let the employee agree first; nothing was collected."""

    code = "consent-required"
    zh = "请先展示现行告知书并取得员工同意；在此之前不收集任何信息。"


class ConsentStale(Conflict):
    """These are not the current terms; show the current ones."""

    code = "consent-stale"
    zh = "同意的不是现行版本，请展示现行版本。"


class KeyUsed(Conflict):
    """This key belongs to another enrolment; make a fresh one on the phone."""

    code = "device-key-used"
    zh = "该密钥已用于其他登记，请在手机上生成新密钥。"
