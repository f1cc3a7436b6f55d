"""What can be wrong with a lexicon pack."""

from core.errors import Invalid


class PackInvalid(Invalid):
    """The lexicon pack is not acceptable."""

    code = "lexicon-pack-invalid"
    zh = "词库包不符合要求。"
