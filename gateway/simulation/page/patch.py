"""The difference between two JSON objects, as a merge patch (RFC 7396). Pure.

Objects differ member by member; a member that is gone is null. Anything else is replaced whole. So
the objects must not contain null, and lists only text. gateway/web/static/patch.js applies a patch.
"""

from typing import Any

Json = dict[str, Any]


def difference(before: Json, after: Json) -> Json:
    """Return the patch that makes `before` equal to `after`."""
    patch: Json = dict.fromkeys(before.keys() - after.keys())
    for name, value in after.items():
        old = before.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            if change := difference(old, value):
                patch[name] = change
        elif _differ(old, value):
            patch[name] = value
    return patch


def _differ(old: object, value: object) -> bool:
    """Return whether their JSON differs: 1 and true are equal in Python."""
    return old != value or type(old) is not type(value)
