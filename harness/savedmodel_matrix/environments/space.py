"""Whether the disks have room for what a run is about to install."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

#: The size of an installed environment per byte of its downloads: measured, 4.3 for TensorFlow 2.15 and 4.4
#: for 2.21 on Linux.
UNPACKED = 4.4


def lack_of_space(download_mb: int, environments: Path) -> str | None:
    """Return one line if environments of these downloads may not fit on a disk, else None.

    uv unpacks into its cache and links from there, or copies where the cache is on another disk. What it has
    cached already is not known, so this is the most that may be needed. Sizes are in MB (10**6 bytes).
    """
    needed_mb = round(download_mb * UNPACKED)
    folders = [folder for folder in (environments, _cache()) if folder is not None]
    disks = {existing.stat().st_dev: existing for existing in map(_existing, folders)}
    short = {
        folder: free_mb
        for folder in disks.values()
        if (free_mb := round(shutil.disk_usage(folder).free / 1e6)) < needed_mb
    }
    if not short:
        return None
    free = ", ".join(f"{free_mb} MB are free in {folder}" for folder, free_mb in short.items())
    return (
        f"low on disk: the environments may take {needed_mb} MB, and {free}; "
        "if there is a lack of space, free some and run again"
    )


def _cache() -> Path | None:
    """Return uv's cache, None if uv cannot say."""
    from uv import find_uv_bin  # noqa: PLC0415 - a run with nothing to install does without

    command = [find_uv_bin(), "cache", "dir", "--color=never"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return Path(done.stdout.strip()) if done.returncode == 0 and done.stdout.strip() else None


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest of its parents that exists."""
    return next(each for each in (folder, *folder.absolute().parents) if each.exists())
