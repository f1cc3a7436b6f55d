"""What policies refuse."""

from dataclasses import dataclass

from core.errors import Conflict, Invalid, NotFound


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a document: its JSON path (RFC 9535), a stable code, and what to do."""

    path: str
    code: str
    zh: str
    en: str


class DocumentInvalid(Invalid):
    """The policy document is not acceptable."""

    code = "policy-document-invalid"
    zh = "策略文档不符合要求。"

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        first = faults[0]
        super().__init__(
            f"{first.path}: {first.en}", detail_zh=f"{first.path}：{first.zh}", faults=len(faults)
        )


class PolicyUnknown(NotFound):
    """There is no such policy."""

    code = "policy-unknown"
    zh = "策略不存在。"


class VersionUnknown(NotFound):
    """This policy has no such version."""

    code = "policy-version-unknown"
    zh = "该策略没有此版本。"


class AssignmentUnknown(NotFound):
    """There is no such assignment, or it has ended."""

    code = "policy-assignment-unknown"
    zh = "该分配不存在，或已结束。"


class TargetUnknown(NotFound):
    """There is no such department, employee or device."""

    code = "policy-target-unknown"
    zh = "部门、员工或设备不存在。"


class RolloutUnknown(NotFound):
    """There is no such roll-out."""

    code = "rollout-unknown"
    zh = "该灰度发布不存在。"


class PolicyNameTaken(Conflict):
    """There is a policy of this name."""

    code = "policy-name-taken"
    zh = "已有同名策略。"


class DraftMoved(Conflict):
    """Somebody else has changed the draft; read it again."""

    code = "policy-draft-moved"
    zh = "草稿已被他人修改，请重新读取。"


class NothingToPublish(Conflict):
    """The draft says the same as the newest version."""

    code = "policy-nothing-to-publish"
    zh = "草稿与最新版本相同，没有可发布的内容。"


class AlreadyAssigned(Conflict):
    """This policy is already assigned there."""

    code = "policy-already-assigned"
    zh = "该策略已分配到此处。"


class RolloutOpen(Conflict):
    """A roll-out is open for this assignment; finish it or roll it back first."""

    code = "rollout-open"
    zh = "该分配有未结束的灰度发布，请先完成或回退。"


class RolloutStateRefused(Conflict):
    """The roll-out is not in a state in which this can be done."""

    code = "rollout-state"
    zh = "灰度发布当前状态不允许此操作。"


class LayerMismatch(Invalid):
    """This layer does not take that kind of target."""

    code = "policy-layer-mismatch"
    zh = "该层级不能分配给此类对象。"


class NarrowingRefused(Invalid):
    """A roll-out only widens; roll it back instead."""

    code = "rollout-narrowing"
    zh = "灰度比例只能扩大；如需缩小请回退。"
