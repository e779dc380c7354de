"""Writes spec/vectors/slugs.json: titles and the slugs they become, by a second implementation of spec/artifact.md, "Slug".

Needs the Python package `anyascii` of the same release as the crate `any_ascii` in Cargo.lock. From the project's top folder:

    python3 -m venv /tmp/slugs && /tmp/slugs/bin/pip install anyascii==0.3.3
    /tmp/slugs/bin/python tests/vectors/slugs.py > spec/vectors/slugs.json
"""

import hashlib
import json
import re

from anyascii import anyascii


def slug(title):
    text = re.sub("[^a-z0-9]+", "-", anyascii(title).lower()).lstrip("-")
    return text[:100].rstrip("-")


def slug_or_hash(title, kind):
    return slug(title) or f"{kind}-{hashlib.sha256(title.encode()).hexdigest()[:8]}"


titles = [
    "Code Review", "code-review", "  --C++ & Rust!  ", "Crème brûlée", "Straße", "Переводчик", "写作助手", "小红书文案专家", "مترجم",
    "日本語の先生", "한국어 도우미", "Ελληνικά", "snake_case_name", "CamelCaseName", "v1.2.3", "a/b\\c", "a..b__c", "100% sure?", "É", "ﬁne",
    "😀 happy", "🎉", "…", "!!!", "", " ", "\u0000\u0007", "٣ أرقام", "Ⅳ", "½ price", "a" * 150, "ab " * 80, "a" * 99 + " b", "a" * 99 + "写", "-" * 200 + "x", "ß" * 60,
]
vectors = [{"title": title, "kind": "persona", "slug": slug_or_hash(title, "persona")} for title in titles]
vectors.append({"title": "!!!", "kind": "skill", "slug": slug_or_hash("!!!", "skill")})
print(json.dumps(vectors, indent=1))
