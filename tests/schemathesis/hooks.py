"""What schemathesis has to be told of this API."""

import gzip
import io
import json
import tarfile

import schemathesis
from hypothesis import strategies as st
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.openapi.checks import RejectedPositiveData

# What a request may be refused for although it is what the document describes: no schema says these. Each is a part of the error's
# `detail`.
REFUSALS = (
    # Only the registry makes cursors.
    "the cursor",
    "the parameter cursor",
    # Of a range there is a grammar, and no pattern that holds it.
    "is not a range",
    # One that leaves no room for names, or one of a few words among all.
    "cannot be the name of an organisation",
    # The operator's token is used, and a user's would be refused elsewhere.
    "the operator has no account",
    # What is already there is known to whoever read it.
    "since you read it",
    # A patch is of what people write; the rest of the same document is found by readers.
    "cannot be changed by a patch",
    # Two items of a list together.
    "is in it twice",
    # One of several values.
    "unlisted packages are in no search",
    # One of two parameters, and not both.
    "range and tag are both given",
    # One parameter asks for another.
    "private packages are searched in organisations",
    # What is past changes with the clock.
    "would expire at once",
    # A few words among all names.
    "is reserved",
    # Tags that nobody moves by hand.
    "follows from the published versions",
    # Two parameters together.
    "is longer than 200 characters",
    "days that one answer tells of",
    # One of two parameters.
    "neither org nor name is given",
    # Characters that move cursors, in texts that people read.
    "has control characters",
    # Bytes; a schema counts characters.
    " bytes, ",
    "longer than 255 bytes",
    "longer than 1,024 bytes",
    # Its pattern lets nothing else pass; for headers schemathesis makes up digits all the same.
    "If-None-Match of a change is *",
    # Bytes that are no archive, which only come with the name of a file.
    "the archive is damaged",
)


def archive(text: str) -> bytes:
    """A tar with a skill."""
    content = f"---\nname: made\ndescription: Made up\n---\n{text}".encode(errors="replace")
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        entry = tarfile.TarInfo("SKILL.md")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return made.getvalue()


archives = st.text(max_size=100).map(archive)
schemathesis.openapi.media_type("application/x-tar", archives)
schemathesis.openapi.media_type("application/gzip", archives.map(lambda tar: gzip.compress(tar, mtime=0)))


@schemathesis.deserializer("application/x-ndjson")
def last_line(context, response):
    """An answer of many documents is as good as its last one."""
    return json.loads(response.content.decode().strip().rsplit("\n", 1)[-1])


@schemathesis.deserializer("application/octet-stream")
def text(context, response):
    """Bytes, as the document has them."""
    return response.content.decode("latin-1")


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Whether the failure is one."""
    if isinstance(failure, AcceptedNegativeData):
        # A request without a body has an empty one, and a file may be empty.
        return not (case.operation.label == "POST /api/v1/import" and not response.request.body)
    if not isinstance(failure, RejectedPositiveData):
        return True
    detail = response.json().get("detail", "")
    return not any(refusal in detail for refusal in REFUSALS)
