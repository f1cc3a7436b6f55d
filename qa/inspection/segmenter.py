"""Key words by jieba, with the trade's words and a cache of its own.

jieba loads a marshal file from its temporary folder, so the folder must be private: in a shared one
anybody could plant code.
"""

import logging
import warnings
from functools import cache
from importlib import resources
from pathlib import Path
from threading import Lock
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from qa.inspection.rulebook import Words


class Topic(Words):
    """What a call may be about, and the words that show it."""

    words: tuple[str, ...]


class Topics(BaseModel):
    """The topic table of one version."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    topics: dict[str, Topic]
    extra_words: tuple[str, ...]
    stop_words: frozenset[str]

    def of(self, text: str) -> tuple[str, ...]:
        """Give the topics that `text` touches, the most mentioned first."""
        counts = {name: sum(text.count(word) for word in topic.words) for name, topic in self.topics.items()}
        return tuple(name for name in sorted(counts, key=lambda name: -counts[name]) if counts[name])


@cache
def own_topics() -> Topics:
    """The table that comes with the product."""
    document = (resources.files("qa.inspection") / "topics.yaml").read_text("utf-8")
    return Topics.model_validate(yaml.safe_load(document))


class JiebaSegmenter:
    """TF-IDF key words. The dictionary is loaded at first use and takes about a second."""

    def __init__(self, cache_dir: Path, topics: Topics | None = None) -> None:
        self._cache_dir = cache_dir
        self._topics = topics or own_topics()
        self._tfidf: Any = None
        self._lock = Lock()

    def keywords(self, text: str, count: int) -> tuple[str, ...]:
        """Give up to `count` words of two characters or more; digits are never among them."""
        found = self._ready().extract_tags(text, topK=count * 3)
        stop = self._topics.stop_words
        telling = (word for word in found if word not in stop and not any(map(str.isdigit, word)))
        return tuple(list(telling)[:count])

    def _ready(self) -> Any:
        with self._lock:
            if self._tfidf is None:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # jieba imports pkg_resources and leaves files open
                    self._tfidf = self._load()
            return self._tfidf

    def _load(self) -> Any:
        import jieba
        import jieba.analyse

        jieba.setLogLevel(logging.WARNING)
        self._cache_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._cache_dir.chmod(0o700)
        tokenizer = jieba.Tokenizer()
        tokenizer.tmp_dir = str(self._cache_dir)
        tokenizer.initialize()
        for word in (*self._topics.extra_words, *(w for t in self._topics.topics.values() for w in t.words)):
            tokenizer.add_word(word)
        tfidf = jieba.analyse.TFIDF()
        tfidf.tokenizer = tokenizer
        return tfidf
