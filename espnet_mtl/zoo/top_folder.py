"""Archives of a folder that holds a model, as GitHub, the macOS Finder and `zip -r model.zip model/` make them."""

from __future__ import annotations

from collections.abc import Mapping

META = "meta.yaml"
BESIDE = ("__MACOSX/", ".DS_Store")
"""What the Finder adds."""


def without_top_folder[MemberT](members: Mapping[str, MemberT]) -> dict[str, MemberT]:
    """Names the members of an archive relative to the one folder that all are in, where that folder is the model.

    What the Finder adds is left out then.

    Args:
        members: Members by name; directories are not among them.
    """
    own = {name: member for name, member in members.items() if not name.startswith(BESIDE)}
    tops = {name.partition("/")[0] for name in own}
    if len(tops) != 1 or META in own:
        return dict(members)
    (top,) = tops
    if f"{top}/{META}" not in own:
        return dict(members)
    return {name.removeprefix(f"{top}/"): member for name, member in own.items()}
