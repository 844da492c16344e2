"""What Schemathesis cannot know of the API by its document."""

import re
import uuid

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    # A key is for one command: the generator would use "0" for most of them, and be refused.
    key = (case.headers or {}).get("Idempotency-Key")
    if key is not None and re.fullmatch(r'"[ !#-\[\]-~]{1,200}"|[!#-\[\]-~]{1,200}', str(key)):
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
